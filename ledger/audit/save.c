/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/save.h"
#include "ledger/keys/sha256.h"

/*
 * The state as lines of words:
 *   counterfoil-audit 4
 *   vkey …           note <base64>      findings n      at ms      rules n      partial bits      edge <hash> …
 *   <word> <key> <the row's words>, as save_forms says
 *   sha256 <of all bytes before this line>
 * Keys are 32 hex digits, money is `-` or micro-units, and currency joined by a comma, which `-` may lack. States of
 * older forms have shorter rows, and one of form 1, which knew rules version 1 only, neither rules nor partial: what
 * they lack is unknown.
 */
#define HEAD      "counterfoil-audit "
#define WORDS_MAX 13                   /* of a line, its first not counted */

/* ---- saving */

static void put_rows(struct buf *b, const struct audit *a, int table)
{
    const void *row;
    struct key key;

    for (size_t at = 0; (row = table_next(&a->table[table], &at)) != NULL; buf_char(b, '\n')) {
        memcpy(&key, row, sizeof key);
        buf_str(b, save_forms[table].word);
        put_key(b, key);
        if (save_forms[table].put)
            save_forms[table].put(b, row);
    }
}

void audit_save(const struct audit *a, struct buf *out)
{
    struct hash sum;
    char *note;

    assert(a->note.p && a->tree.size == a->last.size);
    note = scope_alloc(out->s, BASE64_SIZE(a->note.len), 1);
    base64_write(a->note.p, a->note.len, note);
    buf_printf(out, HEAD "%d\nvkey %s\nnote %s\nfindings %" PRIu64 "\nat %" PRId64 "\nrules %u\npartial %d\n",
               SAVE_FORM, a->vkey, note, a->findings, a->at_ms, a->rules, a->balances_partial | a->totals_partial << 1);
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

struct reader { const char *p, *end; int form; struct word word[1 + WORDS_MAX]; size_t n; };

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

/* Payments whose license was granted are past ones in a state of version 1, and not told from top-ups. */
static bool paid_before(struct audit *a, struct key key)
{
    struct payment_row *p;

    if (table_find(&a->table[PAYMENTS], key))
        return false;
    p = table_add(&a->table[PAYMENTS], key);
    p->granted = p->cleared = true;
    p->price = p->fee_ppm = p->owed = MONEY_UNKNOWN;
    return true;
}

static bool row_read(struct audit *a, const struct reader *r)
{
    struct key key;
    void *row;

    for (int i = 0; i < TABLES; i++) {
        int words = save_forms[i].words[r->form - 1];

        if (!word_is(r->word[0], save_forms[i].word))
            continue;
        if (words == SAVE_ABSENT || r->n != 2 + (size_t)words || !get_key(r->word[1], &key) ||
            table_find(&a->table[i], key))
            return false;
        if (r->form == 1 && i == PAST_PAYMENTS)
            return paid_before(a, key);
        row = table_add(&a->table[i], key);
        return !save_forms[i].get || save_forms[i].get(&r->word[2], (size_t)words, row);
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

static bool version_read(struct audit *a, struct reader *r)
{
    uint64_t rules = 1, partial = 0;
    struct word w;

    if (r->form > 1 && (!line_of(r, "rules", &w) || !get_bits(w, RULES_VERSION, &rules) ||
                           !line_of(r, "partial", &w) || !get_bits(w, 3, &partial)))
        return false;
    a->rules = (unsigned)rules;
    a->balances_partial = partial & 1;
    a->totals_partial = partial & 2;
    return true;
}

static bool body_read(struct audit *a, struct reader *r)
{
    struct word note, findings, at;
    const struct balance_row *b;

    if (!line_of(r, "note", &note) || !line_of(r, "findings", &findings) || !get_count(findings, &a->findings) ||
        !line_of(r, "at", &at) || !get_time(at, &a->at_ms) || !version_read(a, r) || !tree_read(a, r, note))
        return false;
    while (next_line(r) && !word_is(r->word[0], "sha256"))
        if (!row_read(a, r))
            return false;
    for (size_t row = 0; (b = table_next(&a->table[BALANCES], &row)) != NULL;)
        a->owners_partial |= b->n > 0 && key_zero(b->party);
    return r->n == 2 && word_is(r->word[0], "sha256") && r->p == r->end;
}

/* The first line: one digit after the name. */
static bool form_read(struct reader *r)
{
    static const size_t name = sizeof HEAD - 1;

    if (r->end - r->p < (ptrdiff_t)name + 2 || memcmp(r->p, HEAD, name) != 0 || r->p[name + 1] != '\n')
        return false;
    r->form = r->p[name] - '0';
    r->p += name + 2;
    return r->form >= 1 && r->form <= SAVE_FORM;
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

    if (!form_read(&r))
        return fail(s, ERR_INVALID, "not a state of this version of the audit");
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
