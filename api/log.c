/* SPDX-License-Identifier: Apache-2.0 */
#include "api/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/page.h"
#include "api/show.h"
#include "ledger/entry/entry.h"
#include "ledger/tree/tile.h"
#include "schema/store/entry.h"

#define IMMUTABLE "public, max-age=604800, immutable"
#define BRIEFLY   "public, max-age=60"
#define TEXT      "text/plain; charset=utf-8"

static struct append_signed newest(struct request *rq)
{
    struct app *app = rq->app;

    return append_signed(&rq->scope, app->append);
}

static err number_named(struct request *rq, const char *text, const char *at, uint64_t *out)
{
    if (!decimal_read(text, strlen(text), TREE_SIZE_MAX, out))
        return fail_at(&rq->scope, ERR_INVALID, at, "a number from 0, without sign or leading zeros");
    return ERR_OK;
}

/* ---- the published log: C2SP tlog-tiles */

err show_checkpoint(struct request *rq)
{
    struct append_signed latest = newest(rq);

    reply_header(rq, "Cache-Control", "no-store");
    reply_header(rq, "Access-Control-Allow-Origin", "*");
    reply_text(rq, 200, TEXT, latest.note);
    return ERR_OK;
}

static err hashes(struct request *rq, struct db *db, const struct tile *t)
{
    struct hash_source source = append_hash_source(db);
    struct hash *row = NEWS(&rq->scope, struct hash, TILE_WIDTH);

    TRY(source.read(&rq->scope, source.arg, t->level, t->n * TILE_WIDTH, t->width, row));
    reply_bytes(rq, 200, "application/octet-stream", row, t->width * sizeof *row);
    return ERR_OK;
}

static err entries(struct request *rq, struct db *db, const struct tile *t)
{
    struct scope *s = &rq->scope;
    uint64_t first = t->n * TILE_WIDTH;
    struct buf bundle = BUF(s);
    struct entry_row *rows;
    size_t n;

    TRY(entry_bundle(s, db, first, first + t->width, &rows, &n));
    if (n != t->width)
        return fail(s, ERR_CORRUPT, "entries from %" PRIu64 " are not all there", first);
    for (size_t i = 0; i < n; i++)
        bundle_add(&bundle, rows[i].bytes.p, rows[i].bytes.len);
    reply_bytes(rq, 200, "application/octet-stream", bundle.p, bundle.len);
    return ERR_OK;
}

static err tile_read(struct request *rq, struct db *db)
{
    const struct tile *t = rq->work;

    TRY(t->entries ? entries(rq, db, t) : hashes(rq, db, t));
    reply_header(rq, "Cache-Control", IMMUTABLE);
    return ERR_OK;
}

err show_tile(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct tile *t = NEW(s, struct tile);
    struct app *app = rq->app;
    const char *path = scope_printf(s, "tile/%s", match_path(&rq->match, "path"));

    reply_header(rq, "Access-Control-Allow-Origin", "*");
    if (!tile_parse(path, t) || !tile_within(t, append_signed_size(app->append)))
        return fail(s, ERR_NOT_FOUND, "the published tree has no such tile");
    rq->work = t;
    return app_with_db(rq, tile_read);
}

/* ---- entries */

/* Whether the caller may see an entry's private fields: design, the table's last column. */
static bool may_read(const struct request *rq, const struct entry *e, const struct entry_row *row)
{
    const struct caller *c = rq->caller;

    if (e->spec->type == ENTRY_OFFER_PUBLISHED)
        return true;                                /* a public offer's disclosure is everyone's */
    if (!c || !c->verified)
        return false;
    if (caller_is(c, "auditor"))
        return true;
    if (e->spec->type == ENTRY_PARTY_REGISTERED)
        return strcmp(entry_field(e, "party")->v.text, c->party.id.text) == 0;
    if (row->buyer && strcmp(row->buyer, c->party.id.text) == 0)
        return true;
    return e->spec->type != ENTRY_PAYMENT_RECEIVED && row->publisher &&
           strcmp(row->publisher, c->party.id.text) == 0;
}

/* One disclosure with what it says, decoded from [salt,name,value]. */
static json_t *disclosure_show(struct scope *s, const json_t *text)
{
    const char *coded = json_string_value(text);
    size_t cap = json_string_length(text), len = 0;
    uint8_t *plain = scope_alloc(s, cap + 1, 1);
    json_t *triple = NULL, *shown = NULL;

    if (base64url_read(coded, cap, plain, cap, &len))
        triple = json_loadb((const char *)plain, len, 0, NULL);
    if (json_array_size(triple) == 3)
        shown = json_pack("{s:s,s:O,s:O}", "disclosure", coded, "name", json_array_get(triple, 1), "value",
                          json_array_get(triple, 2));
    json_decref(triple);
    return shown;
}

static json_t *disclosures_show(struct scope *s, const struct entry_row *row)
{
    json_t *texts = row->disclosures.p ? json_loadb((const char *)row->disclosures.p, row->disclosures.len, 0, NULL)
                                       : NULL;
    json_t *list = json_array(), *shown;

    for (size_t i = 0; i < json_array_size(texts); i++)
        if ((shown = disclosure_show(s, json_array_get(texts, i))))
            json_array_append_new(list, shown);
    json_decref(texts);
    return list;
}

static err entry_show(struct request *rq, const struct entry_row *row, json_t **out)
{
    struct scope *s = &rq->scope;
    struct entry *e = NEW(s, struct entry);
    bool open;

    TRY(entry_decode(s, row->bytes.p, row->bytes.len, e));
    open = may_read(rq, e, row);
    *out = json_pack("{s:I,s:o,s:o,s:o}", "index", (json_int_t)row->index, "leaf", show_hash(&row->leaf), "entry",
                     json_loadb((const char *)row->bytes.p, row->bytes.len, 0, NULL), "disclosures",
                     open ? disclosures_show(s, row) : json_array());
    return *out ? ERR_OK : fail(s, ERR_CORRUPT, "entry %" PRId64 " is no JSON", row->index);
}

static err entry_named(struct request *rq, uint64_t *index)
{
    struct app *app = rq->app;

    TRY(number_named(rq, match_path(&rq->match, "index"), "{index}", index));
    if (*index >= append_signed_size(app->append))
        return fail(&rq->scope, ERR_NOT_FOUND, "the published log has no entry %" PRIu64, *index);
    return ERR_OK;
}

static err entry_read(struct request *rq, struct db *db)
{
    struct entry_row row;
    uint64_t index = 0;
    json_t *shown;

    TRY(entry_named(rq, &index));
    TRY(entry_get(&rq->scope, db, index, &row));
    TRY(entry_show(rq, &row, &shown));
    reply_json(rq, 200, shown);
    return ERR_OK;
}

err show_entry(struct request *rq)
{
    return app_with_db(rq, entry_read);
}

static err entries_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    int64_t limit = page_limit(rq), after;
    struct entry_row *rows;
    char last[24];
    json_t *data, *shown;
    size_t n;

    TRY(page_after_number(rq, -1, &after));
    TRY(entry_list(s, db, (uint64_t)(after + 1), append_signed_size(app->append), match_query(&rq->match, "type"),
                   limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++) {
        err e = entry_show(rq, &rows[i], &shown);

        if (e != ERR_OK) {
            json_decref(data);
            return e;
        }
        json_array_append_new(data, shown);
    }
    if (n > (size_t)limit)
        snprintf(last, sizeof last, "%" PRId64, rows[limit - 1].index);
    reply_page(rq, data, n > (size_t)limit ? last : NULL);
    return ERR_OK;
}

err list_entries(struct request *rq)
{
    return app_with_db(rq, entries_read);
}

/* ---- proofs */

static err proof_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct hash_source source = append_hash_source(db);
    struct proof *p = NEW(s, struct proof);
    struct append_signed latest;
    uint64_t index = 0;

    TRY(entry_named(rq, &index));
    latest = append_signed(s, app->append);
    TRY(proof_inclusion(s, &source, index, latest.size, p));
    reply_header(rq, "Cache-Control", BRIEFLY);
    reply_text(rq, 200, TEXT, tlog_proof_text(s, index, p, latest.note));
    return ERR_OK;
}

err show_proof(struct request *rq)
{
    return app_with_db(rq, proof_read);
}

static json_t *hash_base64(const struct hash *h)
{
    char text[BASE64_SIZE(HASH_SIZE)];

    base64_write(h->b, HASH_SIZE, text);
    return json_string(text);
}

static err root_of(struct scope *s, const struct hash_source *source, uint64_t size, struct hash *out)
{
    struct frontier f;

    TRY(frontier_load(s, source, size, &f));
    *out = frontier_root(&f);
    return ERR_OK;
}

static err consistency_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct hash_source source = append_hash_source(db);
    struct proof *p = NEW(s, struct proof);
    struct hash old_root, new_root;
    uint64_t from = 0, to = 0;
    json_t *list;

    TRY(number_named(rq, match_query(&rq->match, "from"), "?from", &from));
    TRY(number_named(rq, match_query(&rq->match, "to"), "?to", &to));
    if (to > append_signed_size(app->append))
        return fail_at(s, ERR_NOT_FOUND, "?to", "no tree of that size was published yet");
    if (from > to)
        return fail_at(s, ERR_INVALID, "?from", "the older size comes first");
    TRY(root_of(s, &source, from, &old_root));
    TRY(root_of(s, &source, to, &new_root));
    if (from > 0)
        TRY(proof_consistency(s, &source, from, to, p));
    list = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, hash_base64(&p->hash[i]));
    reply_header(rq, "Cache-Control", IMMUTABLE);
    reply_json(rq, 200, json_pack("{s:I,s:I,s:o,s:o,s:o}", "from", (json_int_t)from, "to", (json_int_t)to, "from_root",
                                  hash_base64(&old_root), "to_root", hash_base64(&new_root), "proof", list));
    return ERR_OK;
}

err show_consistency(struct request *rq)
{
    return app_with_db(rq, consistency_read);
}

err show_log_key(struct request *rq)
{
    struct app *app = rq->app;

    reply_header(rq, "Access-Control-Allow-Origin", "*");
    reply_json(rq, 200, json_pack("{s:s,s:s,s:s}", "origin", app->origin, "log_key", app->log_key, "issuer_key",
                                  app->issuer_key));
    return ERR_OK;
}
