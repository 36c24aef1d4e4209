/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/keys/sha256.h"

/*
 * The state as lines of words:
 *   counterfoil-audit 1
 *   vkey …           note <base64>      findings n      at ms      edge <hash> …
 *   party <id> · version <id> root count · offer <id> version revision money · payment <id> license buyer money
 *   license <id> from until count · past-offer <id> · past-payment <id> · past-license <id> · window <key> at
 *   sha256 <of all bytes before this line>
 * Ids are 32 hex digits, money is `-` or micro-units and currency joined by a comma; an offer's price per item has a
 * second one and its minimum.
 */
#define HEAD      "counterfoil-audit 1\n"
#define WORDS_MAX 5
#define KEY_HEX   32

/* ---- saving */

static void put_key(struct buf *b, struct key k)
{
    buf_printf(b, " %016" PRIx64 "%016" PRIx64, k.high, k.low);
}

static void put_hash(struct buf *b, const struct hash *h)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    hex_write(h->b, HASH_SIZE, hex);
    buf_char(b, ' ');
    buf_str(b, hex);
}

static void put_money(struct buf *b, const struct money_fact *m)
{
    if (m->known)
        buf_printf(b, " %" PRId64 ",%s", m->micro, m->currency);
    else
        buf_str(b, " -");
}

static void put_version(struct buf *b, const void *row)
{
    const struct version_row *v = row;

    put_hash(b, &v->root);
    buf_printf(b, " %" PRIu64, v->item_count);
}

static void put_offer(struct buf *b, const void *row)
{
    const struct offer_row *o = row;

    put_key(b, o->version);
    buf_printf(b, " %" PRIu64, o->revision);
    put_money(b, &o->price);
    if (o->price.known && o->per_item)
        buf_printf(b, ",%" PRId64, o->minimum);
}

static void put_payment(struct buf *b, const void *row)
{
    const struct payment_row *p = row;

    put_key(b, p->license);
    put_key(b, p->buyer);
    put_money(b, &p->paid);
}

static void put_license(struct buf *b, const void *row)
{
    const struct license_row *l = row;

    buf_printf(b, " %" PRId64 " %" PRId64 " %" PRIu64, l->from, l->until, l->item_count);
}

static void put_window(struct buf *b, const void *row)
{
    buf_printf(b, " %" PRId64, ((const struct window_row *)row)->at);
}

/* ---- loading */

struct word { const char *p; size_t len; };

static bool get_key(struct word w, struct key *out)
{
    uint8_t b[KEY_HEX / 2];

    if (!hex_read(w.p, w.len, b, sizeof b))
        return false;
    *out = (struct key){ be64_read(b), be64_read(b + 8) };
    return true;
}

static bool get_count(struct word w, uint64_t *out)
{
    return decimal_read(w.p, w.len, INT64_MAX, out);
}

static bool get_time(struct word w, int64_t *out)
{
    uint64_t v;

    if (!get_count(w, &v))
        return false;
    *out = (int64_t)v;
    return true;
}

static bool get_money(struct word w, struct money_fact *out)
{
    const char *comma = memchr(w.p, ',', w.len);

    *out = (struct money_fact){ 0 };
    if (w.len == 1 && *w.p == '-')
        return true;
    if (!comma || w.len - (size_t)(comma - w.p) != 4 || !get_time((struct word){ w.p, (size_t)(comma - w.p) },
                                                                  &out->micro))
        return false;
    memcpy(out->currency, comma + 1, 3);
    out->known = true;
    return true;
}

static bool get_version(const struct word *w, void *row)
{
    struct version_row *v = row;

    return hex_read(w[0].p, w[0].len, v->root.b, HASH_SIZE) && get_count(w[1], &v->item_count);
}

/* Money; a price per item has its minimum behind a second comma. */
static bool get_price(struct word w, struct offer_row *o)
{
    const char *comma = memchr(w.p, ',', w.len);
    size_t money = comma ? (size_t)(comma - w.p) + 4 : w.len;

    o->per_item = comma && w.len > money;
    if (o->per_item && (w.p[money] != ',' ||
                        !get_time((struct word){ w.p + money + 1, w.len - money - 1 }, &o->minimum)))
        return false;
    return get_money((struct word){ w.p, o->per_item ? money : w.len }, &o->price);
}

static bool get_offer(const struct word *w, void *row)
{
    struct offer_row *o = row;

    return get_key(w[0], &o->version) && get_count(w[1], &o->revision) && get_price(w[2], o);
}

static bool get_payment(const struct word *w, void *row)
{
    struct payment_row *p = row;

    return get_key(w[0], &p->license) && get_key(w[1], &p->buyer) && get_money(w[2], &p->paid);
}

static bool get_license(const struct word *w, void *row)
{
    struct license_row *l = row;

    return get_time(w[0], &l->from) && get_time(w[1], &l->until) && get_count(w[2], &l->item_count);
}

static bool get_window(const struct word *w, void *row)
{
    return get_time(w[0], &((struct window_row *)row)->at);
}

/* ---- both, by table: the words behind a row's key */

static const struct {
    const char *word;
    size_t words;
    void (*put)(struct buf *b, const void *row);
    bool (*get)(const struct word *w, void *row);
} forms[TABLES] = {
    [PARTIES]       = { "party", 0, NULL, NULL },
    [VERSIONS]      = { "version", 2, put_version, get_version },
    [OFFERS]        = { "offer", 3, put_offer, get_offer },
    [PAYMENTS]      = { "payment", 3, put_payment, get_payment },
    [LICENSES]      = { "license", 3, put_license, get_license },
    [PAST_OFFERS]   = { "past-offer", 0, NULL, NULL },
    [PAST_PAYMENTS] = { "past-payment", 0, NULL, NULL },
    [PAST_LICENSES] = { "past-license", 0, NULL, NULL },
    [WINDOWS]       = { "window", 1, put_window, get_window },
};

static void put_rows(struct buf *b, const struct audit *a, int table)
{
    const void *row;
    struct key key;

    for (size_t at = 0; (row = table_next(&a->table[table], &at)) != NULL; buf_char(b, '\n')) {
        memcpy(&key, row, sizeof key);
        buf_str(b, forms[table].word);
        put_key(b, key);
        if (forms[table].put)
            forms[table].put(b, row);
    }
}

void audit_save(const struct audit *a, struct buf *out)
{
    struct hash sum;
    char *note;

    assert(a->note.p && a->tree.size == a->last.size);
    note = scope_alloc(out->s, BASE64_SIZE(a->note.len), 1);
    base64_write(a->note.p, a->note.len, note);
    buf_printf(out, HEAD "vkey %s\nnote %s\nfindings %" PRIu64 "\nat %" PRId64 "\n", a->vkey, note, a->findings,
               a->at_ms);
    for (size_t i = 0; i < frontier_edges(&a->tree); i++) {
        buf_str(out, "edge");
        put_hash(out, &a->tree.edge[i]);
        buf_char(out, '\n');
    }
    for (int i = 0; i < TABLES; i++)
        put_rows(out, a, i);
    sum = sha256_of(out->p, out->len);
    buf_str(out, "sha256");
    put_hash(out, &sum);
    buf_char(out, '\n');
}

struct reader { const char *p, *end; struct word word[1 + WORDS_MAX]; size_t n; };

/* The next line's words; false at the end, or if it is no line of words. */
static bool next_line(struct reader *r)
{
    const char *eol = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL;

    r->n = 0;
    if (!eol)
        return false;
    for (const char *p = r->p; p <= eol; p++) {
        const char *stop = memchr(p, ' ', (size_t)(eol - p));
        if (r->n == ARRAY_LEN(r->word))
            return false;
        stop = stop ? stop : eol;
        r->word[r->n++] = (struct word){ p, (size_t)(stop - p) };
        p = stop;
    }
    r->p = eol + 1;
    return true;
}

static bool word_is(struct word w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.p, text, w.len) == 0;
}

/* A line of one name and one word. */
static bool line_of(struct reader *r, const char *name, struct word *out)
{
    if (!next_line(r) || r->n != 2 || !word_is(r->word[0], name))
        return false;
    *out = r->word[1];
    return true;
}

static bool row_read(struct audit *a, const struct reader *r)
{
    struct key key;
    void *row;

    for (int i = 0; i < TABLES; i++) {
        if (!word_is(r->word[0], forms[i].word))
            continue;
        if (r->n != 2 + forms[i].words || !get_key(r->word[1], &key) || table_find(&a->table[i], key))
            return false;
        row = table_add(&a->table[i], key);
        return !forms[i].get || forms[i].get(&r->word[2], row);
    }
    return false;
}

/* The checkpoint is verified again, and the edges must fold to its root. */
static bool tree_read(struct audit *a, struct reader *r, struct word note)
{
    uint8_t *bytes = scope_alloc(&a->kept, note.len + 1, 1);
    struct hash root;
    struct word edge;
    size_t len;

    if (note.len > BASE64_SIZE(NOTE_BYTES_MAX) || !base64_read(note.p, note.len, bytes, note.len, &len) ||
        checkpoint_open(&a->kept, (const char *)bytes, len, &a->key, &a->last) != ERR_OK)
        return false;
    a->note = (struct bytes){ bytes, len };
    a->tree.size = a->last.size;
    for (size_t i = 0; i < frontier_edges(&a->tree); i++)
        if (!line_of(r, "edge", &edge) || !hex_read(edge.p, edge.len, a->tree.edge[i].b, HASH_SIZE))
            return false;
    root = frontier_root(&a->tree);
    return hash_equal(&root, &a->last.root);
}

static bool body_read(struct audit *a, struct reader *r)
{
    struct word note, findings, at;

    if (!line_of(r, "note", &note) || !line_of(r, "findings", &findings) || !get_count(findings, &a->findings) ||
        !line_of(r, "at", &at) || !get_time(at, &a->at_ms) || !tree_read(a, r, note))
        return false;
    while (next_line(r) && !word_is(r->word[0], "sha256"))
        if (!row_read(a, r))
            return false;
    return r->n == 2 && word_is(r->word[0], "sha256") && r->p == r->end;
}

/* The last line is over all before it. */
static bool sum_good(const char *text, size_t len)
{
    static const size_t tail = sizeof "sha256 \n" - 1 + 2 * HASH_SIZE;
    struct hash is, said;

    if (len < tail || !hex_read(text + len - 1 - 2 * HASH_SIZE, 2 * HASH_SIZE, said.b, HASH_SIZE))
        return false;
    is = sha256_of(text, len - tail);
    return hash_equal(&is, &said);
}

err audit_load(struct scope *s, const struct audit_config *config, const void *text, size_t len, struct audit **out)
{
    struct reader r = { .p = text, .end = (const char *)text + len };
    struct audit_config with = *config;
    struct word vkey;
    struct audit *a;

    if (len < sizeof HEAD - 1 || memcmp(text, HEAD, sizeof HEAD - 1) != 0)
        return fail(s, ERR_INVALID, "not a state of this version of the audit");
    r.p += sizeof HEAD - 1;
    if (!sum_good(text, len) || !line_of(&r, "vkey", &vkey))
        return fail(s, ERR_INVALID, "the audit's state is damaged");
    with.vkey = scope_strndup(s, vkey.p, vkey.len);
    if (config->vkey && strcmp(config->vkey, with.vkey) != 0)
        return fail(s, ERR_INVALID, "the audit's state is of the key %s", with.vkey);
    TRY(audit_new(s, &with, &a));
    if (!body_read(a, &r)) {
        audit_free(a);
        return fail(s, ERR_INVALID, "the audit's state contradicts itself");
    }
    *out = a;
    return ERR_OK;
}
