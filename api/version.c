/* SPDX-License-Identifier: Apache-2.0 */
#include "api/version.h"

#include <inttypes.h>
#include <string.h>

#include "api/auth.h"
#include "api/certificate.h"
#include "api/covered.h"
#include "api/dataset.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "ledger/append/seal.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/store/job.h"
#include "schema/store/license.h"
#include "schema/store/version.h"

static json_t *maybe(int64_t v)
{
    return v > 0 ? json_integer(v) : json_null();
}

static json_t *version_show(struct scope *s, const struct version *v)
{
    bool sealed = v->commit_id != NULL;
    json_t *shown;

    shown = json_pack("{s:s,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", v->id.text, "dataset",
                     scope_printf(s, "%s/%s", v->owner, v->name), "number", maybe(v->number), "state", v->state, "root",
                     sealed ? show_hash(&v->root) : json_null(), "details_root",
                     sealed ? show_hash(&v->details_root) : json_null(), "commit_id", show_text(v->commit_id),
                     "item_count", v->item_count >= 0 ? json_integer(v->item_count) : json_null(), "bytes",
                     v->bytes >= 0 ? json_integer(v->bytes) : json_null(), "published_at", show_time(v->published_at),
                     "entry", v->index >= 0 ? entry_link((uint64_t)v->index) : json_null());
    if (v->sealed_items >= 0)
        json_object_set_new(shown, "sealed_items", json_integer(v->sealed_items));
    return shown;
}

err version_named(struct request *rq, struct db *db, struct version *out)
{
    struct scope *s = &rq->scope;
    struct dataset d;
    err e;

    TRY(dataset_named(rq, db, &d));
    e = version_get(s, db, d.owner, d.name, match_path(&rq->match, "version"), out);
    if (e == ERR_OK && (out->number > 0 || caller_owns(rq->caller, &out->publisher)))
        return ERR_OK;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "%s/%s has no version %s", d.owner, d.name, match_path(&rq->match, "version"));
}

/* ---- reading */

static err versions_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq), before;
    struct dataset d;
    struct version *rows;
    char last[24];
    json_t *data;
    size_t n;

    TRY(dataset_named(rq, db, &d));
    TRY(page_after_number(rq, INT32_MAX, &before));
    TRY(version_list(s, db, d.id.text, before, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, version_show(s, &rows[i]));
    if (n > (size_t)limit)
        snprintf(last, sizeof last, "%" PRId64, rows[limit - 1].number);
    reply_covered_page(rq, data, n > (size_t)limit ? last : NULL);
    return ERR_OK;
}

err list_versions(struct request *rq)
{
    return app_with_db(rq, versions_read);
}

static err version_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct version v;
    int64_t waiting;
    json_t *shown, *certificates;

    TRY(version_named(rq, db, &v));
    shown = version_show(s, &v);
    waiting = v.item_count - v.verified - v.corrupt - v.missing;
    json_object_set_new(shown, "verification",
                        json_pack("{s:I,s:I,s:I,s:I}", "verified", (json_int_t)v.verified, "unverified",
                                  (json_int_t)(waiting > 0 ? waiting : 0), "corrupt", (json_int_t)v.corrupt, "missing",
                                  (json_int_t)v.missing));
    if (v.number > 0) {
        err e = certificates_of_version(s, db, scope_printf(s, "%s/%s", v.owner, v.name), v.number, &certificates);
        if (e != ERR_OK) {
            json_decref(shown);
            return e;
        }
        json_object_set_new(shown, "certificates", certificates);
    }
    reply_covered(rq, shown);
    return ERR_OK;
}

err show_version(struct request *rq)
{
    return covered_read(rq, version_read);
}

static json_t *item_show(const struct item *i)
{
    char salt[BASE64_SIZE(SALT_SIZE)] = "";

    if (i->salt.len == SALT_SIZE)
        base64url_write(i->salt.p, SALT_SIZE, salt);
    return json_pack("{s:i,s:s,s:o,s:I,s:s,s:s,s:o,s:o,s:s}", "n", (int)i->n, "path", i->path, "sha256",
                     show_hash(&i->sha256), "size", (json_int_t)i->size, "media_type", i->media_type, "state", i->state,
                     "attributes", show_json(i->attributes), "contributors", show_json(i->contributors), "salt", salt);
}

/*
 * Hashes of items would let anybody test guesses of their contents: they are for who may read the items. Who bought
 * them once goes on seeing what he bought, as under the license itself: it is what he has to delete.
 */
static err may_list(struct request *rq, struct db *db, const struct version *v)
{
    struct scope *s = &rq->scope;
    bool bought;

    if (caller_owns(rq->caller, &v->publisher) || caller_audits(rq->caller))
        return ERR_OK;
    TRY(license_covers(s, db, v->no, auth_caller(rq)->party.id.text, &bought));
    return bought ? ERR_OK
                  : fail(s, ERR_FORBIDDEN, "the items of a version are shown to its publisher, to who licensed all of "
                                           "it and to auditors; the ones of your slice by its license");
}

err reply_items(struct request *rq, struct db *db, const struct kept_slice *k)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq), after;
    struct item *rows;
    char last[24];
    json_t *data;
    size_t n;

    TRY(page_after_number(rq, -1, &after));
    TRY(slice_items(s, db, k, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, item_show(&rows[i]));
    if (n > (size_t)limit)
        snprintf(last, sizeof last, "%d", rows[limit - 1].n);
    reply_page(rq, data, n > (size_t)limit ? last : NULL);
    return ERR_OK;
}

static err items_read(struct request *rq, struct db *db)
{
    struct version v;

    TRY(version_named(rq, db, &v));
    TRY(may_list(rq, db, &v));
    return reply_items(rq, db, &(struct kept_slice){ .version = v.no, .whole = true });
}

err list_items(struct request *rq)
{
    return app_with_db(rq, items_read);
}

/* ---- drafting */

static err version_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct id id = id_new("ver", clock_wall_ms());
    struct dataset d;
    struct version v;

    TRY(dataset_owned(rq, db, &d));
    TRY(version_add(s, db, &id, d.id.text, d.publisher.text));
    TRY(version_get(s, db, d.owner, d.name, id.text, &v));
    reply_header(rq, "Location", scope_printf(s, "/v1/datasets/%s/%s/versions/%s", d.owner, d.name, id.text));
    reply_json(rq, 201, version_show(s, &v));
    return ERR_OK;
}

err create_version(struct request *rq)
{
    return app_with_db(rq, version_make);
}

/* ---- publishing: sealed first, here or by a worker; under the ledger's lock only activated */

static err seal_here(struct scope *s, struct db *db, int64_t no)
{
    bool done = false;

    TRY(seal_check(s, db, no));
    TRY(version_sealing(s, db, no));
    while (!done)
        TRY(seal_items(s, db, no, &done));
    TRY(seal_roots(s, db, no, NULL));
    return draft_clear(s, db, no);
}

static err queue_sealing(struct scope *s, struct db *db, const struct version *v)
{
    return job_enqueue(s, db, JOB_SEAL_VERSION, v->id.text, scope_printf(s, "{\"no\":%" PRId64 "}", v->no), INT64_MIN,
                       NULL);
}

/* In one transaction: a small draft is sealed when it ends, a large one is a worker's. */
static err seal_begin(struct scope *s, struct db *db, const struct version *v)
{
    const char *state;
    int64_t items;

    TRY(db_begin(s, db));
    TRY(version_hold(s, db, v->no, true, &state));
    if (strcmp(state, "draft") == 0) {
        TRY(draft_size(s, db, v->no, SEAL_AT_ONCE_ITEMS + 1, &items));
        if (items <= SEAL_AT_ONCE_ITEMS) {
            TRY(seal_here(s, db, v->no));
        } else {
            TRY(version_sealing(s, db, v->no));
            TRY(queue_sealing(s, db, v));
        }
    }
    return db_commit(s, db);
}

/* A job that has died is replaced by whoever still wants the version. */
static err seal_again(struct scope *s, struct db *db, const struct version *v)
{
    bool pending;

    TRY(job_pending(s, db, JOB_SEAL_VERSION, v->id.text, &pending));
    return pending ? ERR_OK : queue_sealing(s, db, v);
}

static err seal_draft(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct version *v = rq->work;
    struct dataset d;

    TRY(dataset_owned(rq, db, &d));
    TRY(version_named(rq, db, v));
    if (v->fault) {
        TRY(version_forget_fault(s, db, v->no));
        return fail(s, ERR_INVALID, "%s", v->fault);
    }
    if (strcmp(v->state, "draft") == 0) {
        TRY(seal_begin(s, db, v));
        TRY(version_get(s, db, d.owner, d.name, v->id.text, v));
    } else if (strcmp(v->state, "sealing") == 0) {
        TRY(seal_again(s, db, v));
    }
    return strcmp(v->state, "sealing") == 0 ? job_notify(s, db) : ERR_OK;
}

static err publish_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct version *sealed = state;
    struct version v;
    uint64_t index;
    int64_t number;

    TRY(version_get(s, t->db, sealed->owner, sealed->name, sealed->id.text, &v));
    if (strcmp(v.state, "sealed") != 0)
        return fail(s, ERR_STALE, "this version is %s already", v.state);
    struct named_value values[] = {
        { "dataset", EV_TEXT(v.dataset.text) },      { "version", EV_TEXT(v.id.text) },
        { "root", EV_HASH(&v.root) },                { "details_root", EV_HASH(&v.details_root) },
        { "item_count", EV_COUNT((uint64_t)v.item_count) }, { "bytes", EV_COUNT((uint64_t)v.bytes) },
    };
    TRY(append_entry(s, t, ENTRY_DATASET_PUBLISHED, values, ARRAY_LEN(values), &index));
    TRY(version_publish(s, t->db, v.no, index, t->at_ms, &number));
    TRY(dataset_listed(s, t->db, v.dataset.text));
    TRY(job_enqueue(s, t->db, JOB_VERIFY_CONTENT, v.id.text, scope_printf(s, "{\"version\":\"%s\"}", v.id.text),
                    INT64_MIN, NULL));
    TRY(version_get(s, t->db, v.owner, v.name, v.id.text, &v));
    return ledgered_answer(s, t, 200, index, json_pack("{s:o}", "version", version_show(s, &v)), NULL);
}

err publish_version(struct request *rq)
{
    struct version *v = NEW(&rq->scope, struct version);
    const struct app *app = rq->app;

    rq->work = v;
    app_more_time(rq, SEAL_MS);
    TRY(app_with_db(rq, seal_draft));
    app_more_time(rq, app->config.request_ms);
    if (strcmp(v->state, "sealing") != 0)
        return ledgered_then(rq, publish_decide, v, job_notify);
    reply_header(rq, "Retry-After", "1");
    reply_json(rq, 202, json_pack("{s:o}", "version", version_show(&rq->scope, v)));
    return ERR_OK;
}
