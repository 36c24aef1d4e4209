/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/client/audit_source.h"
#include "api/client/receipt.h"
#include "ledger/tree/tile.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

#define TILE_BYTES_MAX ((ENTRY_BYTES_MAX + 2) * TILE_WIDTH)
#define PATIENCE 50                /* tenths of a second, in all, for entries that aren't seen yet */

struct url_source {
    struct market market;          /* of the thread that audits */
    struct market readers[AHEAD_THREADS_MAX + 1];        /* of whoever reads a tile; idle[0] to idle[n_idle - 1] are */
    struct market *idle[AHEAD_THREADS_MAX + 1];
    unsigned opened, n_idle;
    pthread_mutex_t lock;
    json_t *page;                  /* entries from page_first on, with what is disclosed of them; or NULL */
    uint64_t page_first;
    unsigned waited;               /* tenths of a second */
    char *next, *cursor;           /* name of the page of a coverage that follows the one given last, and where it is */
};

static err get_bytes(struct scope *s, struct market *m, const char *path, int64_t max, struct bytes *out)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = max, .unpack = true };
    struct fetch_answer a;

    TRY(market_run(s, m, path, &rq, true, &a));
    *out = a.body;
    return ERR_OK;
}

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct url_source *u = arg;

    return get_bytes(s, &u->market, "/log/checkpoint", NOTE_BYTES_MAX, note);
}

/* A connection for each thread that reads: those ahead, and the one that audits. */
static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct url_source *u = arg;
    struct market *m;
    err e;

    pthread_mutex_lock(&u->lock);
    assert(u->n_idle > 0);
    m = u->idle[--u->n_idle];
    pthread_mutex_unlock(&u->lock);
    e = get_bytes(s, m, scope_printf(s, "/log/%s", path), TILE_BYTES_MAX, out);
    pthread_mutex_lock(&u->lock);
    u->idle[u->n_idle++] = m;
    pthread_mutex_unlock(&u->lock);
    return e;
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

static void page_drop(struct url_source *u)
{
    json_decref(u->page);
    u->page = NULL;
}

/* An audit asks for one entry after the other: a page of them costs what one would. */
static err turn_page(struct scope *s, struct url_source *u, uint64_t index)
{
    json_t *answer;

    page_drop(u);
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

/* What a list's leaf has of a row that is shown: the members of these names. No list is longer than a version. */
struct leaves { struct buf text; const char *const *names; size_t n; };

/* A line of which only the hash is left, or a snapshot's leaf without its account, is given as that. */
static bool is_erased(const json_t *row)
{
    return (json_object_size(row) == 1 && json_object_get(row, "leaf")) || json_object_get(row, "commitment");
}

static err add_leaf(struct scope *s, void *arg, json_t *row)
{
    struct leaves *l = arg;
    json_t *leaf, *value;
    err e = ERR_OK;

    if (l->n++ == VERSION_ITEMS_MAX)
        return fail(s, ERR_CORRUPT, "a list of more than %d rows", VERSION_ITEMS_MAX);
    if (is_erased(row))
        return add_line(s, &l->text, row);
    leaf = json_object();
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
    struct leaves l = { .text = BUF(s), .names = names };
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

/*
 * "<id>/lines", and "<id>/parties": whose accounts they are. Where one was erased, what is on the page is of before
 * that, perhaps, and shows a payout out of an account whose lines are gone.
 */
static err allocation(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const lines[] = { "account", "amount", "n", "salt", NULL };
    static const char *const parties[] = { "account", "party", NULL };
    static const char erased[] = "{\"leaf\":";
    size_t len = strcspn(name, "/");

    TRY(list(s, u, scope_printf(s, "/v1/allocations/%.*s/lines?limit=1000", (int)len, name),
             strcmp(name + len, "/parties") == 0 ? parties : lines, out));
    if (out->len && memmem(out->p, out->len, erased, sizeof erased - 1))
        page_drop(u);
    return ERR_OK;
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

/* "<index>": of an entry that a process of the market has committed, and another one may not have seen yet. */
static err receipt(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const struct timespec pause = { 0, 100 * 1000000 };
    uint64_t index = strtoull(name, NULL, 10);
    err e;

    while ((e = receipt_text(s, &u->market, index, out)) == ERR_NOT_FOUND && u->waited++ < PATIENCE) {
        scope_forgive(s);
        nanosleep(&pause, NULL);
    }
    return e == ERR_INVALID ? fail(s, ERR_NOT_FOUND, "there is no entry %s", name) : e;
}

/* "<index>/<currency>/<page>": one page of a snapshot's leaves. */
static err held(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const names[] = { "account", "balance", "n", "salt", NULL };
    struct leaves l = { .text = BUF(s), .names = names };
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

/* A member of the market's answer about one thing. */
static err member(struct scope *s, struct url_source *u, const char *path, const char *name, struct bytes *out)
{
    const json_t *document;
    json_t *answer = NULL;
    err e;

    TRY(market_get(s, &u->market, path, &answer));
    document = json_object_get(answer, name);
    e = json_is_object(document) ? canon(s, document, out) : fail(s, ERR_NOT_FOUND, "%s has no %s", path, name);
    json_decref(answer);
    return e;
}

/* "<id>" or "<id>/withdrawal". */
static err certificate(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    size_t len = strcspn(name, "/");

    return member(s, u, scope_printf(s, "/v1/certificates/%.*s", (int)len, name),
                  name[len] ? name + len + 1 : "certificate", out);
}

static void next_keep(struct scope *s, struct url_source *u, const char *name, const json_t *answer)
{
    const json_t *data = json_object_get(answer, "data");
    const char *last = json_string_value(json_object_get(json_array_get(data, json_array_size(data) - 1), "sha256"));
    const char *cursor = json_string_value(json_object_get(answer, "next_cursor"));

    free(u->next);
    free(u->cursor);
    u->next = u->cursor = NULL;
    if (!last || !cursor)
        return;
    u->next = strdup(scope_printf(s, "%.*s/coverage/%s", (int)strcspn(name, "/"), name, last));
    u->cursor = strdup(cursor);
    if (!u->next || !u->cursor)
        abort();
}

/* "<id>/coverage", and "<id>/coverage/<hash>": the page after it, where the one before ended. */
static err covered(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    static const char *const names[] = { "sha256", NULL };
    struct leaves l = { .text = BUF(s), .names = names };
    const char *after = strchr(strchr(name, '/') + 1, '/'), *cursor = "";
    json_t *answer = NULL, *row;
    err e;
    size_t i;

    if (after && (!u->next || strcmp(u->next, name) != 0))
        return fail(s, ERR_NOT_FOUND, "there is no page %s", name);
    if (after)
        cursor = scope_printf(s, "&cursor=%s", fetch_escape(s, u->cursor));
    e = market_get(s, &u->market, scope_printf(s, "/v1/consents/%.*s/coverage?limit=1000%s", (int)strcspn(name, "/"),
                                               name, cursor), &answer);
    if (e == ERR_GONE)
        return fail(s, ERR_NOT_FOUND, "there is no %s", name);
    TRY(e);
    json_array_foreach(json_object_get(answer, "data"), i, row)
        if (e == ERR_OK)
            e = add_leaf(s, &l, row);
    next_keep(s, u, name, answer);
    json_decref(answer);
    *out = (struct bytes){ (const uint8_t *)l.text.p, l.text.len };
    return e;
}

/* "<id>": the certificate, which goes with its creator; "<id>/coverage…". */
static err consent(struct scope *s, struct url_source *u, const char *name, struct bytes *out)
{
    return strchr(name, '/') ? covered(s, u, name, out)
                             : member(s, u, scope_printf(s, "/v1/consents/%s", name), "certificate", out);
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
    if (strncmp(name, "receipts/", 9) == 0)
        return receipt(s, u, name + 9, out);
    if (strncmp(name, "snapshots/", 10) == 0)
        return held(s, u, name + 10, out);
    if (strncmp(name, "licenses/", 9) == 0)
        return licensed(s, u, name + 9, out);
    if (strncmp(name, "certificates/", 13) == 0)
        return certificate(s, u, name + 13, out);
    if (strncmp(name, "consents/", 9) == 0)
        return consent(s, u, name + 9, out);
    if (strncmp(name, "offers/", 7) == 0)
        return offer_rules(s, u, name + 7, out);
    if (strncmp(name, "documents/status-lists/", 23) == 0)
        return status_list(s, u, name + 23, out);
    if (strncmp(name, "documents/", 10) == 0)
        return credential(s, u, name + 10, out);
    return fail(s, ERR_NOT_FOUND, "no such document");
}

static err open_readers(struct scope *s, struct url_source *u, const struct market *m, unsigned n)
{
    for (; u->opened < n; u->opened++) {
        TRY(market_clone(s, m, &u->readers[u->opened]));
        u->idle[u->n_idle++] = &u->readers[u->opened];
    }
    return ERR_OK;
}

err url_source_open(struct scope *s, const struct market *m, unsigned threads, struct url_source **out)
{
    struct url_source *u = calloc(1, sizeof *u);
    err e;

    assert(threads <= AHEAD_THREADS_MAX);
    if (!u)
        abort();
    pthread_mutex_init(&u->lock, NULL);
    e = market_clone(s, m, &u->market);
    if (e == ERR_OK)
        e = open_readers(s, u, m, threads + 1);
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
    for (unsigned i = 0; i < u->opened; i++)
        market_close(&u->readers[i]);
    market_close(&u->market);
    json_decref(u->page);
    free(u->next);
    free(u->cursor);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

struct audit_source url_source_of(struct url_source *u)
{
    return (struct audit_source){ .checkpoint = checkpoint, .tile = tile,
                                  .document = u->market.authorization ? document : NULL, .arg = u };
}
