/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/audit_source.h"
#include "ledger/tree/tile.h"
#include "schema/json/canon.h"

#define TILE_BYTES_MAX ((ENTRY_BYTES_MAX + 2) * TILE_WIDTH)

enum slot_state { SLOT_FREE, SLOT_WANTED, SLOT_LOADING, SLOT_READY };

struct slot {                      /* one full bundle fetched ahead */
    enum slot_state state;
    uint64_t n;
    unsigned char *bytes;          /* NULL: it could not be had; the reader asks itself and gets the reason */
    size_t len;
};

struct url_source {
    struct market market;          /* of the reader */
    struct market ahead[AHEAD_THREADS];
    pthread_t threads[AHEAD_THREADS];
    unsigned opened, started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    uint64_t size;                 /* of the checkpoint; full bundles below it may be fetched */
    struct slot slots[AHEAD_BUNDLES];
    json_t *page;                  /* entries from page_first on, with what is disclosed of them; or NULL */
    uint64_t page_first;
};

static err get_bytes(struct scope *s, struct market *m, const char *path, int64_t max, struct bytes *out)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = max, .unpack = true };
    struct fetch_answer a;

    TRY(market_run(s, m, path, &rq, true, &a));
    *out = a.body;
    return ERR_OK;
}

static char *bundle_path(struct scope *s, uint64_t n)
{
    struct tile t = { .entries = true, .n = n, .width = TILE_WIDTH };
    char text[TILE_PATH_SIZE];

    tile_path(&t, text);
    return scope_printf(s, "/log/%s", text);
}

static void load(struct market *m, struct slot *slot, uint64_t n)
{
    struct bytes got = { 0 };
    struct scope s;

    scope_init(&s, 0);
    slot->bytes = NULL;
    if (get_bytes(&s, m, bundle_path(&s, n), TILE_BYTES_MAX, &got) == ERR_OK) {
        slot->bytes = malloc(got.len + 1);
        if (!slot->bytes)
            abort();
        memcpy(slot->bytes, got.p, got.len);
        slot->len = got.len;
    }
    scope_free(&s);
}

struct loader { struct url_source *u; struct market *m; };

static void *loader_run(void *arg)
{
    struct loader l = *(struct loader *)arg;
    struct url_source *u = l.u;

    free(arg);
    pthread_mutex_lock(&u->lock);
    while (!u->stop) {
        struct slot *next = NULL, mine;
        for (size_t i = 0; i < AHEAD_BUNDLES; i++)
            if (u->slots[i].state == SLOT_WANTED && (!next || u->slots[i].n < next->n))
                next = &u->slots[i];
        if (!next) {
            pthread_cond_wait(&u->changed, &u->lock);
            continue;
        }
        next->state = SLOT_LOADING;
        mine = *next;
        pthread_mutex_unlock(&u->lock);
        load(l.m, &mine, mine.n);
        pthread_mutex_lock(&u->lock);
        next->bytes = mine.bytes;
        next->len = mine.len;
        next->state = SLOT_READY;
        pthread_cond_broadcast(&u->changed);
    }
    pthread_mutex_unlock(&u->lock);
    return NULL;
}

/* Wants the bundles after n, as far as there are free slots and full bundles. Called with the lock. */
static void want_from(struct url_source *u, uint64_t n)
{
    for (uint64_t k = n; k < n + AHEAD_BUNDLES && (k + 1) * TILE_WIDTH <= u->size; k++) {
        struct slot *slot = &u->slots[k % AHEAD_BUNDLES];
        if (slot->state != SLOT_FREE)
            continue;
        *slot = (struct slot){ .state = SLOT_WANTED, .n = k };
    }
    pthread_cond_broadcast(&u->changed);
}

/* The bundle n if it was fetched ahead; what lies before it is no longer needed. */
static bool take_ahead(struct scope *s, struct url_source *u, uint64_t n, struct bytes *out)
{
    struct slot *slot = &u->slots[n % AHEAD_BUNDLES];
    bool have = false;

    pthread_mutex_lock(&u->lock);
    while (slot->state == SLOT_LOADING || (slot->state == SLOT_WANTED && slot->n == n))
        pthread_cond_wait(&u->changed, &u->lock);
    if (slot->state == SLOT_READY && slot->n == n && slot->bytes) {
        *out = (struct bytes){ scope_memdup(s, slot->bytes, slot->len), slot->len };
        have = true;
    }
    if (slot->state == SLOT_READY) {
        free(slot->bytes);
        *slot = (struct slot){ 0 };
    }
    want_from(u, n + 1);
    pthread_mutex_unlock(&u->lock);
    return have;
}

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct url_source *u = arg;
    const char *line;

    TRY(get_bytes(s, &u->market, "/log/checkpoint", NOTE_BYTES_MAX, note));
    /* Only a hint how far to read ahead; the audit itself judges the note. */
    line = memchr(note->p, '\n', note->len);
    pthread_mutex_lock(&u->lock);
    u->size = line ? strtoull(line + 1, NULL, 10) : 0;
    if (u->size > TREE_SIZE_MAX)
        u->size = 0;
    pthread_mutex_unlock(&u->lock);
    return ERR_OK;
}

static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct url_source *u = arg;
    struct tile t;

    if (tile_parse(path, &t) && t.entries && t.width == TILE_WIDTH && take_ahead(s, u, t.n, out))
        return ERR_OK;
    return get_bytes(s, &u->market, scope_printf(s, "/log/%s", path), TILE_BYTES_MAX, out);
}

/* What the market shows of an entry's private fields, as the source hands it out. */
static err disclosed_of(struct scope *s, const json_t *shown, struct bytes *out)
{
    json_t *texts = json_array();
    const json_t *d;
    size_t i;
    err e;

    json_array_foreach(json_object_get(shown, "disclosures"), i, d)
        json_array_append(texts, json_object_get(d, "disclosure"));
    e = json_array_size(texts) ? canon(s, texts, out) : fail(s, ERR_NOT_FOUND, "nothing is disclosed to this reader");
    json_decref(texts);
    return e;
}

/* An audit asks for one entry after the other: a page of them costs what one would. */
static err turn_page(struct scope *s, struct url_source *u, uint64_t index)
{
    json_t *answer;

    json_decref(u->page);
    u->page = NULL;
    TRY(market_get(s, &u->market, scope_printf(s, "/v1/entries?from=%" PRIu64 "&limit=%d", index, TILE_WIDTH),
                   &answer));
    u->page = json_incref(json_object_get(answer, "data"));
    u->page_first = index;
    json_decref(answer);
    return ERR_OK;
}

static const json_t *on_page(const struct url_source *u, uint64_t index)
{
    const json_t *shown = index < u->page_first ? NULL : json_array_get(u->page, index - u->page_first);

    return shown && json_integer_value(json_object_get(shown, "index")) == (json_int_t)index ? shown : NULL;
}

/* "disclosures/N". */
static err disclosures(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    uint64_t index = strtoull(name, NULL, 10);
    json_t *answer = NULL;
    err e;

    if (!on_page(u, index))
        TRY(turn_page(s, u, index));
    if (on_page(u, index))
        return disclosed_of(s, on_page(u, index), out);
    TRY(market_get(s, &u->market, scope_printf(s, "/v1/entries/%s", name), &answer));
    e = disclosed_of(s, answer, out);
    json_decref(answer);
    return e;
}

/* A row as the list's leaf has it, which is its canonical form. */
static err add_line(struct scope *s, void *arg, json_t *row)
{
    struct buf *text = arg;
    struct bytes line;
    struct scope one;
    err e;

    scope_init(&one, 0);
    e = canon(&one, row, &line);
    if (e == ERR_OK) {
        buf_add(text, line.p, line.len);
        buf_char(text, '\n');
    } else {
        e = fail(s, e, "%s", one.why.detail);
    }
    scope_free(&one);
    return e;
}

/* What a list's leaf has of a row that the market shows: the members of these names. */
struct leaves { struct buf text; const char *const *names; };

/* A line of which only the hash is left is given as that. */
static bool is_erased(const json_t *row)
{
    return json_object_size(row) == 1 && json_object_get(row, "leaf");
}

static err add_leaf(struct scope *s, void *arg, json_t *row)
{
    struct leaves *l = arg;
    json_t *leaf = json_object(), *value;
    err e = ERR_OK;

    if (is_erased(row)) {
        json_decref(leaf);
        return add_line(s, &l->text, row);
    }
    for (size_t i = 0; e == ERR_OK && l->names[i]; i++)
        if ((value = json_object_get(row, l->names[i])) == NULL)
            e = fail(s, ERR_CORRUPT, "a row without %s", l->names[i]);
        else
            json_object_set(leaf, l->names[i], value);
    if (e == ERR_OK)
        e = add_line(s, &l->text, leaf);
    json_decref(leaf);
    return e;
}

/* All rows of the market's pages. */
static err list(struct scope *s, struct url_source *u, const char *path, const char *const *names, struct bytes *out)
{
    struct leaves l = { BUF(s), names };
    err e = market_each(s, &u->market, path, add_leaf, &l);

    if (e == ERR_FORBIDDEN || e == ERR_GONE)
        return fail(s, ERR_NOT_FOUND, "%s is not for this reader", path);
    *out = (struct bytes){ (const uint8_t *)l.text.p, l.text.len };
    return e;
}

static err cleared_rows(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const names[] = { "consents", "item", "salt", NULL };

    return list(s, u, scope_printf(s, "/v1/%s?which=cleared&limit=1000", name), names, out);
}

/* "<id>/lines", and "<id>/parties": whose accounts they are. */
static err allocation(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const lines[] = { "account", "amount", "n", "salt", NULL };
    static const char *const parties[] = { "account", "party", NULL };
    size_t len = strcspn(name, "/");

    return list(s, u, scope_printf(s, "/v1/allocations/%.*s/lines?limit=1000", (int)len, name),
                strcmp(name + len, "/parties") == 0 ? parties : lines, out);
}

/* "<index>": what an erasure lists. */
static err erasure(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const names[] = { "fields", "index", "rows", "salt", NULL };

    return list(s, u, scope_printf(s, "/v1/entries/%s/erased?limit=1000", name), names, out);
}

/* "<index>": by which erasure the entry lost what is missing. */
static err erased_by(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    json_t *answer = NULL;
    const json_t *at;
    const char *text;

    TRY(market_get(s, &u->market, scope_printf(s, "/v1/entries/%s", name), &answer));
    at = json_object_get(json_object_get(answer, "erased"), "index");
    text = json_is_integer(at) ? scope_printf(s, "%lld", (long long)json_integer_value(at)) : NULL;
    json_decref(answer);
    if (!text)
        return fail(s, ERR_NOT_FOUND, "no erasure took anything of entry %s", name);
    *out = (struct bytes){ (const uint8_t *)text, strlen(text) };
    return ERR_OK;
}

/* "<index>/<currency>/<page>": one page of a snapshot's leaves. */
static err held(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const names[] = { "account", "balance", "n", "salt", NULL };
    struct leaves l = { BUF(s), names };
    const char *currency = strchr(name, '/'), *page = currency ? strchr(currency + 1, '/') : NULL;
    json_t *answer = NULL, *row;
    err e;
    size_t i;

    if (!page)
        return fail(s, ERR_NOT_FOUND, "no such document");
    e = market_get(s, &u->market,
                   scope_printf(s, "/v1/snapshots/%.*s/leaves?currency=%.*s&from=%llu&limit=%d", (int)(currency - name),
                                name, (int)(page - currency - 1), currency + 1,
                                strtoull(page + 1, NULL, 10) * SNAPSHOT_LEAVES, SNAPSHOT_LEAVES), &answer);
    if (e == ERR_FORBIDDEN)
        return fail(s, ERR_NOT_FOUND, "a snapshot's leaves are not for this reader");
    TRY(e);
    json_array_foreach(json_object_get(answer, "data"), i, row)
        if (e == ERR_OK)
            e = add_leaf(s, &l, row);
    json_decref(answer);
    *out = (struct bytes){ (const uint8_t *)l.text.p, l.text.len };
    return e;
}

/* The agreement, of which the entry has the digest without its proof. */
static err agreement(struct scope *s, json_t *license, struct bytes *out)
{
    json_t *document = json_copy(json_object_get(license, "document"));
    err e;

    json_object_del(document, "proof");
    e = json_is_object(document) ? canon(s, document, out)
                                 : fail(s, ERR_NOT_FOUND, "the license's document is not for this reader, or erased");
    json_decref(document);
    return e;
}

/* "<id>/document"; "<id>/details" and "<id>/items": lists of the version that it is of. */
static err licensed(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const details[] = { "attributes", "contributors", "media_type", "path", "salt", NULL };
    static const char *const items[] = { "path", "sha256", "size", NULL };
    size_t len = strcspn(name, "/");
    const char *dataset, *version;
    json_t *license = NULL;
    err e;

    TRY(market_get(s, &u->market, scope_printf(s, "/v1/licenses/%.*s", (int)len, name), &license));
    dataset = json_string_value(json_object_get(license, "dataset"));
    version = json_string_value(json_object_get(license, "version_id"));
    if (strcmp(name + len, "/document") == 0)
        e = agreement(s, license, out);
    else if (!dataset || !version)
        e = fail(s, ERR_CORRUPT, "a license of no version");
    else
        e = list(s, u, scope_printf(s, "/v1/datasets/%s/versions/%s/items?limit=1000", dataset, version),
                 strcmp(name + len, "/items") == 0 ? items : details, out);
    json_decref(license);
    return e;
}

/* "<id>" or "<id>/withdrawal": a member of the market's answer. */
static err certificate(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    size_t len = strcspn(name, "/");
    const char *member = name[len] ? name + len + 1 : "certificate";
    const json_t *document;
    json_t *answer = NULL;
    err e;

    TRY(market_get(s, &u->market, scope_printf(s, "/v1/certificates/%.*s", (int)len, name), &answer));
    document = json_object_get(answer, member);
    e = json_is_object(document) ? canon(s, document, out) : fail(s, ERR_NOT_FOUND, "there is no %s", name);
    json_decref(answer);
    return e;
}

/* "<id>/<revision>": split and fee, each in canonical form. A market shows an offer in its last revision. */
static err offer_rules(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    size_t len = strcspn(name, "/");
    struct bytes split = { 0 }, fee = { 0 };
    struct buf text = BUF(s);
    json_t *answer = NULL;
    err e;

    TRY(market_get(s, &u->market, scope_printf(s, "/v1/offers/%.*s", (int)len, name), &answer));
    e = name[len] && json_integer_value(json_object_get(answer, "revision")) == strtoll(name + len + 1, NULL, 10)
      ? ERR_OK : fail(s, ERR_NOT_FOUND, "there is no %s", name);
    if (e == ERR_OK)
        e = canon(s, json_object_get(answer, "split"), &split);
    if (e == ERR_OK)
        e = canon(s, json_object_get(answer, "fee"), &fee);
    json_decref(answer);
    TRY(e);
    buf_add(&text, split.p, split.len);
    buf_char(&text, '\n');
    buf_add(&text, fee.p, fee.len);
    buf_char(&text, '\n');
    *out = (struct bytes){ (const uint8_t *)text.p, text.len };
    return ERR_OK;
}

/* "<noun>/<id>": the market's document, signed; one that its signer has not signed yet is none. */
static err credential(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    json_t *answer = NULL, *document;
    err e = market_get(s, &u->market, scope_printf(s, "/v1/%s", name), &answer);

    if (e == ERR_FORBIDDEN || e == ERR_UNAUTHENTICATED)
        return fail(s, ERR_NOT_FOUND, "%s is not for this reader", name);
    TRY(e);
    document = json_object_get(answer, "credential");
    e = json_is_object(document) ? canon(s, document, out) : fail(s, ERR_NOT_FOUND, "%s is not signed yet", name);
    json_decref(answer);
    return e;
}

/* "<id>/<instant>": the list as it was published then. */
static err status_list(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    size_t len = strcspn(name, "/");

    return get_bytes(s, &u->market, scope_printf(s, "/v1/status-lists/%.*s?timestamp=%s", (int)len, name,
                                                 name[len] ? name + len + 1 : ""), MARKET_ANSWER_MAX, out);
}

static err document(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct url_source *u = arg;

    if (strncmp(name, "disclosures/", 12) == 0)
        return disclosures(s, u, name + 12, out);
    if (strncmp(name, "clearances/", 11) == 0)
        return cleared_rows(s, u, name, out);
    if (strncmp(name, "allocations/", 12) == 0)
        return allocation(s, u, name + 12, out);
    if (strncmp(name, "erasures/", 9) == 0)
        return erasure(s, u, name + 9, out);
    if (strncmp(name, "erased/", 7) == 0)
        return erased_by(s, u, name + 7, out);
    if (strncmp(name, "snapshots/", 10) == 0)
        return held(s, u, name + 10, out);
    if (strncmp(name, "licenses/", 9) == 0)
        return licensed(s, u, name + 9, out);
    if (strncmp(name, "certificates/", 13) == 0)
        return certificate(s, u, name + 13, out);
    if (strncmp(name, "offers/", 7) == 0)
        return offer_rules(s, u, name + 7, out);
    if (strncmp(name, "documents/status-lists/", 23) == 0)
        return status_list(s, u, name + 23, out);
    if (strncmp(name, "documents/", 10) == 0)
        return credential(s, u, name + 10, out);
    return fail(s, ERR_NOT_FOUND, "no such document");
}

static err start_loaders(struct scope *s, struct url_source *u, const struct market *m)
{
    for (; u->opened < AHEAD_THREADS; u->opened++)
        TRY(market_clone(s, m, &u->ahead[u->opened]));
    for (; u->started < AHEAD_THREADS; u->started++) {
        struct loader *l = malloc(sizeof *l);
        if (!l)
            abort();
        *l = (struct loader){ u, &u->ahead[u->started] };
        if (pthread_create(&u->threads[u->started], NULL, loader_run, l) != 0) {
            free(l);
            return fail(s, ERR_INTERNAL, "no thread could be started");
        }
    }
    return ERR_OK;
}

err url_source_open(struct scope *s, const struct market *m, struct url_source **out)
{
    struct url_source *u = calloc(1, sizeof *u);
    err e;

    if (!u)
        abort();
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->changed, NULL);
    e = market_clone(s, m, &u->market);
    if (e == ERR_OK)
        e = start_loaders(s, u, m);
    if (e != ERR_OK) {
        url_source_close(u);
        return e;
    }
    *out = u;
    return ERR_OK;
}

void url_source_close(struct url_source *u)
{
    if (!u)
        return;
    pthread_mutex_lock(&u->lock);
    u->stop = true;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->lock);
    for (unsigned i = 0; i < u->started; i++)
        pthread_join(u->threads[i], NULL);
    for (unsigned i = 0; i < u->opened; i++)
        market_close(&u->ahead[i]);
    for (size_t i = 0; i < AHEAD_BUNDLES; i++)
        free(u->slots[i].bytes);
    market_close(&u->market);
    json_decref(u->page);
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

struct audit_source url_source_of(struct url_source *u)
{
    return (struct audit_source){ .checkpoint = checkpoint, .tile = tile,
                                  .document = u->market.authorization ? document : NULL, .arg = u };
}
