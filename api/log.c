/* SPDX-License-Identifier: Apache-2.0 */
#include "api/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "api/cosigned.h"
#include "api/entry.h"
#include "api/http/range.h"
#include "api/page.h"
#include "ledger/cert/did.h"
#include "ledger/cert/gzip.h"
#include "ledger/note/note.h"
#include "ledger/tree/tile.h"
#include "schema/store/entry.h"
#include "schema/store/log.h"

#define FOREVER "public, max-age=31536000, immutable"
#define TEXT    "text/plain; charset=utf-8"
#define OCTETS  "application/octet-stream"

static void open_to_all(struct request *rq, const char *cache)
{
    reply_header(rq, "Access-Control-Allow-Origin", "*");
    reply_header(rq, "Cache-Control", cache);
}

/* ---- entries and their proofs */

/* `index` of the path; more digits than any log has entries are none. */
static err path_index(struct request *rq, uint64_t *index)
{
    const char *text = match_path(&rq->match, "index");

    if (!decimal_read(text, strlen(text), TREE_SIZE_MAX, index))
        return fail(&rq->scope, ERR_NOT_FOUND, "the log has no such entry");
    return ERR_OK;
}

struct wait { struct append_wait wait; struct request *rq; err (*then)(struct request *rq); };

static void covered(struct append_wait *w, err e)
{
    struct wait *x = w->arg;

    if (e == ERR_OK)
        request_continue(x->rq, x->then);
    else
        request_finish(x->rq, e);
}

static err committed(struct request *rq, struct db *db)
{
    struct entry_row row;
    uint64_t index;

    TRY(path_index(rq, &index));
    return entry_get(&rq->scope, db, index, &row);
}

/* Goes on with `then` when the entry of the path is signed for; one that doesn't exist is ERR_NOT_FOUND at once. */
static err when_signed(struct request *rq, err (*then)(struct request *rq))
{
    struct app *app = rq->app;
    struct wait *x;
    uint64_t index;
    err e;

    TRY(path_index(rq, &index));
    if (index < append_signed_size(app->append))
        return then(rq);
    e = app_with_db(rq, committed);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(&rq->scope);
        return fail(&rq->scope, ERR_NOT_FOUND, "the log has no entry %" PRIu64, index);
    }
    TRY(e);
    x = NEW(&rq->scope, struct wait);
    *x = (struct wait){ .rq = rq, .then = then };
    x->wait = (struct append_wait){ .index = index, .scope = &rq->scope, .done = covered, .arg = x };
    request_suspend(rq);
    append_wait(app->append, &x->wait);
    return ERR_OK;
}

static err entry_read(struct request *rq, struct db *db)
{
    struct entry_row row;
    uint64_t index;
    json_t *shown;

    TRY(path_index(rq, &index));
    TRY(entry_get(&rq->scope, db, index, &row));
    TRY(entry_show(&rq->scope, &row, rq->caller, &shown));
    reply_header(rq, "Cache-Control", rq->caller ? "private, no-cache" : "no-cache");
    reply_json(rq, 200, shown);
    return ERR_OK;
}

static err entry_signed(struct request *rq)
{
    return app_with_db(rq, entry_read);
}

err show_entry(struct request *rq)
{
    return when_signed(rq, entry_signed);
}

/* With a policy, the checkpoint that meets it once that covers the entry; until then the log's signature alone. */
static err covering_checkpoint(struct request *rq, struct db *db, uint64_t index, struct append_signed *out)
{
    struct app *app = rq->app;
    struct scope *s = &rq->scope;

    if (app->cosigned) {
        if (cosigned_due(app->cosigned))
            TRY(cosigned_look(s, app, db));
        *out = cosigned_newest(s, app->cosigned);
        if (out->size > index)
            return ERR_OK;
    }
    *out = append_signed(s, app->append);
    return ERR_OK;
}

static err proof_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct append_signed covering;
    const struct hash_source source = append_proof_source(s, app->append, db);
    struct proof proof;
    uint64_t index;

    TRY(path_index(rq, &index));
    TRY(covering_checkpoint(rq, db, index, &covering));
    TRY(proof_inclusion(s, &source, index, covering.size, &proof));
    open_to_all(rq, "no-cache");
    reply_text(rq, 200, TEXT, tlog_proof_text(s, index, &proof, covering.note));
    return ERR_OK;
}

static err proof_signed(struct request *rq)
{
    return app_with_db(rq, proof_make);
}

err show_proof(struct request *rq)
{
    return when_signed(rq, proof_signed);
}

static err entries_read(struct request *rq, struct db *db)
{
    struct app *app = rq->app;
    struct scope *s = &rq->scope;
    const char *type = match_query(&rq->match, "type");
    uint64_t end = append_signed_size(app->append), next;
    int64_t after;
    char last[24];
    struct entry_row *rows;
    json_t *data, *shown;
    size_t n;

    if (type && !entry_spec_named(type, strlen(type)))
        return fail_at(s, ERR_INVALID, "?type", "there are no entries of this type");
    TRY(page_after_number(rq, match_query_int(&rq->match, "from", 0) - 1, &after));
    TRY(entry_list(s, db, (uint64_t)(after + 1), end, type, page_limit(rq), &rows, &n, &next));
    data = json_array();
    for (size_t i = 0; i < n; i++) {
        err e = entry_show(s, &rows[i], rq->caller, &shown);

        if (e != ERR_OK) {
            json_decref(data);
            return e;
        }
        json_array_append_new(data, shown);
    }
    snprintf(last, sizeof last, "%" PRIu64, next - 1);
    reply_page(rq, data, next < end ? last : NULL);
    return ERR_OK;
}

err list_entries(struct request *rq)
{
    return app_with_db(rq, entries_read);
}

/* ---- the tree */

static err root_at(struct scope *s, const struct hash_source *source, uint64_t size, char out[BASE64_SIZE(HASH_SIZE)])
{
    struct frontier f;
    struct hash root;

    TRY(frontier_load(s, source, size, &f));
    root = frontier_root(&f);
    base64_write(root.b, HASH_SIZE, out);
    return ERR_OK;
}

static err consistency_make(struct request *rq, struct db *db)
{
    int64_t from = match_query_int(&rq->match, "from", 0), to = match_query_int(&rq->match, "to", 0);
    char from_root[BASE64_SIZE(HASH_SIZE)], to_root[BASE64_SIZE(HASH_SIZE)], node[BASE64_SIZE(HASH_SIZE)];
    const struct app *app = rq->app;
    struct scope *s = &rq->scope;
    const struct hash_source source = append_proof_source(s, app->append, db);
    struct proof proof = { 0 };
    json_t *hashes;

    if (from > to)
        return fail_at(s, ERR_INVALID, "?from", "is beyond the other size");
    if ((uint64_t)to > append_signed_size(app->append))
        return fail(s, ERR_NOT_FOUND, "no checkpoint of this log covers %" PRId64 " entries yet", to);
    TRY(root_at(s, &source, (uint64_t)from, from_root));
    TRY(root_at(s, &source, (uint64_t)to, to_root));
    if (from > 0 && from < to)
        TRY(proof_consistency(s, &source, (uint64_t)from, (uint64_t)to, &proof));
    hashes = json_array();
    for (size_t i = 0; i < proof.n; i++) {
        base64_write(proof.hash[i].b, HASH_SIZE, node);
        json_array_append_new(hashes, json_string(node));
    }
    open_to_all(rq, FOREVER);
    reply_json(rq, 200, json_pack("{s:I, s:I, s:s, s:s, s:o}", "from", (json_int_t)from, "to", (json_int_t)to,
                                  "from_root", from_root, "to_root", to_root, "proof", hashes));
    return ERR_OK;
}

err show_consistency(struct request *rq)
{
    return app_with_db(rq, consistency_make);
}

/* The issuer's keys whose entries are signed for, oldest first; NULL: one cannot be read. */
static json_t *issuers_show(const struct log_turn *rows, size_t n, uint64_t signed_size, const char **now)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n && (i == 0 || (uint64_t)rows[i].index < signed_size); i++) {
        char did[DID_KEY_SIZE];
        struct note_key key;

        if (!note_key_parse(rows[i].key, &key)) {
            json_decref(all);
            return NULL;
        }
        did_key(&key.key, did);
        json_array_append_new(all, json_pack("{s:s, s:s, s:I}", "key", rows[i].key, "did", did, "since",
                                             (json_int_t)rows[i].index));
        *now = rows[i].key;
    }
    return all;
}

static err keys_read(struct request *rq, struct db *db)
{
    const struct app *app = rq->app;
    struct log_turn *rows;
    const char *now = NULL;
    json_t *issuers;
    size_t n;

    TRY(log_issuers(&rq->scope, db, &rows, &n));
    issuers = issuers_show(rows, n, append_signed_size(app->append), &now);
    if (!issuers || !now) {
        json_decref(issuers);
        return fail(&rq->scope, ERR_CORRUPT, "the issuer's key is no verifier key");
    }
    open_to_all(rq, "no-cache");
    reply_json(rq, 200, json_pack("{s:s, s:s, s:s, s:o}", "origin", app->origin, "log_key", app->log_key, "issuer_key",
                                  now, "issuer_keys", issuers));
    return ERR_OK;
}

err show_log_key(struct request *rq)
{
    return app_with_db(rq, keys_read);
}

static err cosigned_reply(struct request *rq)
{
    struct app *app = rq->app;
    const char *note = cosigned_newest(&rq->scope, app->cosigned).note;

    if (!*note)
        return fail(&rq->scope, ERR_BUSY, "no checkpoint has the cosignatures yet that this log's policy wants");
    open_to_all(rq, "no-store");
    reply_text(rq, 200, TEXT, note);
    return ERR_OK;
}

static err cosigned_read(struct request *rq, struct db *db)
{
    return cosigned_look(&rq->scope, rq->app, db);
}

static err show_cosigned(struct request *rq)
{
    struct app *app = rq->app;

    if (!cosigned_due(app->cosigned))
        return cosigned_reply(rq);
    if (!request_may_wait(rq)) {
        request_defer(rq);
        return ERR_OK;
    }
    if (app_with_db(rq, cosigned_read) != ERR_OK)
        scope_forgive(&rq->scope);    /* what was good before is good now */
    return cosigned_reply(rq);
}

err show_checkpoint(struct request *rq)
{
    struct app *app = rq->app;
    const char *note;

    if (app->cosigned)
        return show_cosigned(rq);
    open_to_all(rq, "no-store");
    note = append_signed(&rq->scope, app->append).note;
    if (!*note)                         /* halted at start, before any checkpoint could be believed */
        return fail(&rq->scope, ERR_HALTED, "no checkpoint that fits the rows was found");
    reply_text(rq, 200, TEXT, note);
    return ERR_OK;
}

static err bundle_make(struct request *rq, struct db *db, const struct tile *t, struct buf *out)
{
    uint64_t first = t->n * TILE_WIDTH;
    struct entry_row *rows;
    size_t n;

    TRY(entry_bundle(&rq->scope, db, first, first + t->width, &rows, &n));
    if (n != t->width)
        return fail(&rq->scope, ERR_CORRUPT, "%zu of %u entries from %" PRIu64, n, t->width, first);
    for (size_t i = 0; i < n; i++)
        bundle_add(out, rows[i].bytes.p, rows[i].bytes.len);
    return ERR_OK;
}

static err hashes_make(struct request *rq, struct db *db, const struct tile *t, struct buf *out)
{
    const struct hash_source source = append_hash_source(db);
    struct hash *hashes = NEWS(&rq->scope, struct hash, TILE_WIDTH);

    TRY(source.read(&rq->scope, source.arg, t->level, t->n * TILE_WIDTH, t->width, hashes));
    for (unsigned i = 0; i < t->width; i++)
        buf_add(out, hashes[i].b, HASH_SIZE);
    return ERR_OK;
}

/* Entries are text and shrink to a third or less; hashes don't. */
static void bundle_reply(struct request *rq, struct bytes bundle)
{
    reply_header(rq, "Vary", "Accept-Encoding");
    if (coding_taken(request_header(rq, "Accept-Encoding"), "gzip")) {
        bundle = gzip_pack(&rq->scope, bundle.p, bundle.len, GZIP_FAST);
        reply_header(rq, "Content-Encoding", "gzip");
    }
    reply_bytes(rq, 200, OCTETS, bundle.p, bundle.len);
}

/* What a path names never changes, a part of a tile neither; but a fuller part soon takes its place. */
static err tile_make(struct request *rq, struct db *db)
{
    const struct tile *t = rq->work;
    struct buf out = BUF(&rq->scope);

    TRY(t->entries ? bundle_make(rq, db, t, &out) : hashes_make(rq, db, t, &out));
    open_to_all(rq, t->width == TILE_WIDTH ? FOREVER : "public, max-age=60");
    if (t->entries)
        bundle_reply(rq, (struct bytes){ (const uint8_t *)out.p, out.len });
    else
        reply_bytes(rq, 200, OCTETS, out.p, out.len);
    return ERR_OK;
}

err show_tile(struct request *rq)
{
    struct tile *t = NEW(&rq->scope, struct tile);
    struct app *app = rq->app;
    const char *at = strstr(rq->target, "/log/");      /* as sent: an encoded path would be a second one */

    if (!at || !tile_parse(at + 5, t) || !tile_within(t, append_signed_size(app->append)))
        return fail(&rq->scope, ERR_NOT_FOUND, "the log has no such tile");
    rq->work = t;
    return app_with_db(rq, tile_make);
}
