/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clear_license: whether the items of a license may be used for its purpose now. All of the work is done in one
 * transaction beside the ledger, whose rows nobody sees; under its lock only is looked whether something has moved
 * since: then it is done again. The verdict is an entry, with a document that the market's issuer signs.
 */
#include <string.h>

#include "ledger/append/judge.h"
#include "ledger/cert/clearance.h"
#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"
#include "schema/store/allocation.h"
#include "schema/store/job.h"
#include "schema/store/license.h"
#include "schema/store/log.h"
#include "schema/store/version.h"
#include "worker/jobs/work.h"

#define DECIDE_MS 15000

struct clearing {
    struct work *w;
    struct clearance_row row;         /* becomes what is decided */
    struct license license;
    struct judge judge;
    enum verdict whole;               /* of every item alike; VERDICT_CLEARED: each has its own */
    struct verdict_counts counts;
    struct frontier slice, cleared, rows;            /* trees over all items, those cleared, what these rest on */
    uint8_t seed[CLEARANCE_SEED];
    struct bytes document;
};

static err left(struct scope *s, void *arg)
{
    const struct clearing *c = arg;

    return work_left(s, c->w);
}

/* ---- the roots */

static err consents_read(struct scope *s, const char *list, struct cleared_row *row)
{
    while (list && *list) {
        size_t len = strcspn(list, ",");

        if (row->n_consents == ITEM_CONTRIBUTORS_MAX ||
            !id_parse(scope_strndup(s, list, len), "cns", &row->consents[row->n_consents++]))
            return fail(s, ERR_CORRUPT, "what item %llu rests on cannot be read", (unsigned long long)row->item);
        list += len + (list[len] == ',');
    }
    return ERR_OK;
}

static err item_add(struct scope *s, struct clearing *c, const struct clearance_item *i, struct buf *leaf)
{
    struct cleared_row row = { .item = (uint64_t)i->n };
    size_t len = strlen(i->path);

    list_add_item(&c->slice, leaf, i->path, len, &i->sha256, (uint64_t)i->size);
    if (i->reason)
        return ERR_OK;
    list_add_item(&c->cleared, leaf, i->path, len, &i->sha256, (uint64_t)i->size);
    TRY(consents_read(s, i->consents, &row));
    cleared_salt(c->seed, (uint64_t)i->n, row.salt);
    list_add_cleared(&c->rows, leaf, &row);
    return ERR_OK;
}

static err page_add(struct scope *s, void *arg, const struct clearance_item *items, size_t n)
{
    struct clearing *c = arg;
    struct buf leaf = BUF(s);

    for (size_t i = 0; i < n; i++)
        TRY(item_add(s, c, &items[i], &leaf));
    return ERR_OK;
}

/* ---- a pass */

static err counts_read(struct scope *s, struct clearing *c)
{
    struct clearance_count *counts;
    enum verdict v;
    size_t n;

    TRY(clearance_counts(s, c->w->db, c->row.no, &counts, &n));
    for (size_t i = 0; i < n; i++) {
        if (!verdict_parse(counts[i].reason, &v) || v == VERDICT_CLEARED)
            return fail(s, ERR_INTERNAL, "an item is excluded for '%s'", counts[i].reason);
        c->counts.by[v] = (uint64_t)counts[i].items;
    }
    c->counts.by[VERDICT_CLEARED] = c->rows.size;
    return ERR_OK;
}

/* What holds for every item alike needs no rows. */
static void whole_set(struct clearing *c, enum verdict v)
{
    c->whole = v;
    c->counts = (struct verdict_counts){ 0 };
    c->counts.by[v] = (uint64_t)c->license.item_count;
    c->cleared = c->rows = FRONTIER_EMPTY;
}

/* The list that is cleared is the one that was licensed, item by item: its root is computed anew. */
static err items_judge(struct scope *s, struct clearing *c)
{
    const struct judge_items items = { CLEARANCE_ITEMS, left, page_add, c };
    struct hash root;

    c->slice = c->cleared = c->rows = FRONTIER_EMPTY;
    TRY(judge_pass(s, c->w->db, &c->row, &c->judge, c->row.as_of, &items));
    TRY(counts_read(s, c));
    root = frontier_root(&c->slice);
    if (!hash_equal(&root, &c->license.slice_root) || verdict_total(&c->counts) != (uint64_t)c->license.item_count) {
        log_line(LOG_ERROR, "the stored items of license %s do not give the root that it names",
                 c->license.id.text);
        whole_set(c, VERDICT_NOT_IN_ROOT);
    }
    return ERR_OK;
}

static err items_pass(struct scope *s, struct clearing *c)
{
    struct db *db = c->w->db;

    TRY(db_begin(s, db));
    TRY(version_unhurried(s, db));
    TRY(clearance_begin(s, db, c->row.no, &c->row.pass));
    if (c->whole == VERDICT_CLEARED)
        TRY(items_judge(s, c));
    return db_commit(s, db);
}

/* The state that is judged is that of the log's size read first: what comes later is no part of it. */
static err pass(struct scope *s, struct clearing *c)
{
    struct log_view view;

    TRY(log_view(s, c->w->db, &view));
    TRY(license_get(s, c->w->db, c->row.license.text, NULL, &c->license));
    c->row.as_of = view.size;
    c->row.evaluated_at = view.now;
    judge_set(&c->row, &c->license, view.now, judge_content_window(c->w->settings->reverify_ms), &c->judge);
    whole_set(c, verdict_license(&c->judge.request, &c->judge.license));
    random_bytes(c->seed, sizeof c->seed);
    c->row.valid_until = c->judge.request.until > view.now ? c->judge.request.until : view.now + CLEARANCE_MS;
    return items_pass(s, c);
}

/* ---- the document */

static err counts_json(struct scope *s, const struct clearing *c, const char **out)
{
    json_t *counts = json_object();
    struct bytes text;
    err e;

    for (enum verdict v = 0; v < VERDICT_CLEARED; v++)
        if (c->counts.by[v])
            json_object_set_new(counts, verdict_code(v), json_integer((json_int_t)c->counts.by[v]));
    e = canon(s, counts, &text);
    json_decref(counts);
    TRY(e);
    *out = scope_strndup(s, (const char *)text.p, text.len);
    return ERR_OK;
}

static err lists_add(struct scope *s, const struct clearing *c, struct clearance *doc)
{
    struct clearance_status *lists;
    size_t n;

    TRY(clearance_lists(s, c->w->db, c->row.no, CREDENTIAL_LISTS_MAX + 1, &lists, &n));
    if (n > CREDENTIAL_LISTS_MAX)              /* a credential that leaves some out would say less than was judged */
        return fail(s, ERR_TOO_LARGE, "the consents of %s are on more than %d status lists", c->license.id.text,
                    CREDENTIAL_LISTS_MAX);
    doc->n_lists = n;
    for (size_t i = 0; i < doc->n_lists; i++)
        doc->list[i] = (struct clearance_list){ lists[i].url, lists[i].document, lists[i].at };
    return ERR_OK;
}

static void document_fill(const struct clearing *c, struct clearance *doc)
{
    const struct license *l = &c->license;

    doc->c.valid_from = c->row.evaluated_at;
    doc->c.valid_until = c->row.valid_until;
    doc->clearance = c->row.id.text;
    doc->license = l->id.text;
    doc->as_of = (uint64_t)c->row.as_of;
    doc->evaluated_at = c->row.evaluated_at;
    doc->policy_version = VERDICT_POLICY_VERSION;
    doc->dataset = l->version.dataset;
    doc->version_id = l->version.id.text;
    doc->version = (uint64_t)l->version.number;
    doc->slice_root = l->slice_root;
    doc->item_count = (uint64_t)l->item_count;
    doc->purpose = c->judge.request.purpose;
    doc->territory = c->row.territory;
    doc->model = c->judge.request.model_class;
    doc->project = c->row.project;
    doc->cleared = c->rows.size;
    doc->cleared_root = frontier_root(&c->cleared);
    doc->rows_root = frontier_root(&c->rows);
    for (enum verdict v = 0; v < VERDICT_CLEARED; v++)
        if (c->counts.by[v])
            doc->excluded[code_find(&exclusion_codes, verdict_code(v), strlen(verdict_code(v)))] = c->counts.by[v];
    random_bytes(doc->salt, sizeof doc->salt);
}

static err document_make(struct scope *s, struct clearing *c)
{
    struct clearance *doc = NEW(s, struct clearance);
    char did[DID_KEY_SIZE];
    struct log_row log;
    json_t *document;
    err e;

    TRY(work_log(s, c->w, &log, did));
    doc->log = log.origin;
    TRY(lists_add(s, c, doc));
    document_fill(c, doc);
    TRY(clearance_json(s, doc, did, &document));
    e = canon(s, document, &c->document);
    json_decref(document);
    TRY(e);
    c->row.document = sha256_of(c->document.p, c->document.len);
    c->row.rows_root = doc->rows_root;
    c->row.cleared = (int64_t)doc->cleared;
    c->row.seed = (struct bytes){ c->seed, sizeof c->seed };
    c->row.state = verdict_outcome_name(verdict_outcome(&c->counts));
    c->row.reason = c->whole == VERDICT_CLEARED ? NULL : verdict_code(c->whole);
    return counts_json(s, c, &c->row.counts);
}

/* ---- under the ledger's lock */

static err entry_add(struct scope *s, struct append_txn *t, const struct clearing *c, uint64_t *index)
{
    const struct clearance_row *r = &c->row;
    char until[TIME_TEXT_SIZE];
    struct named_value project = { "project", r->project ? EV_TEXT(r->project)
                                                         : (struct entry_value){ .kind = V_ABSENT } };
    struct named_value values[] = {
        { "as_of", EV_COUNT((uint64_t)r->as_of) },
        { "clearance", EV_TEXT(r->id.text) },
        { "counts", EV_JSON(((struct bytes){ (const uint8_t *)r->counts, strlen(r->counts) })) },
        { "document", EV_HASH(&r->document) },
        { "license", EV_TEXT(r->license.text) },
        { "policy_version", EV_COUNT(VERDICT_POLICY_VERSION) },
        { "purpose", EV_TEXT(r->purpose) },
        project,
        { "rows_root", EV_HASH(&r->rows_root) },
        { "until", EV_TEXT(until) },
    };
    size_t n = ARRAY_LEN(values);

    time_format(r->valid_until, until);
    if (r->cleared > 0)
        return append_entry(s, t, ENTRY_CLEARANCE_ISSUED, values, n, index);
    return append_entry(s, t, ENTRY_CLEARANCE_DENIED, values, n - 2, index);
}

/* Whether the world is the one that was judged; ERR_STALE: judge again. */
static err unmoved(struct scope *s, struct append_txn *t, const struct clearing *c)
{
    struct judge now;
    struct license l;
    enum verdict v;
    bool moved;

    TRY(license_hold(s, t->db, c->row.license.text, NULL, &l));
    judge_set(&c->row, &l, t->at_ms, c->judge.request.content_window, &now);
    now.request.until = c->judge.request.until;
    v = verdict_license(&now.request, &now.license);
    if (v != (c->whole == VERDICT_NOT_IN_ROOT ? VERDICT_CLEARED : c->whole))
        return fail(s, ERR_STALE, "the license is another by now");
    TRY(clearance_moved(s, t->db, c->row.no, c->row.as_of, &moved));
    return moved ? fail(s, ERR_STALE, "a consent was withdrawn meanwhile, or another clearance was the first") : ERR_OK;
}

static err decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct clearing *c = arg;
    struct clearance_row row = c->row;
    uint64_t index;

    if (append_rules_version(t) < 2)
        return fail(s, ERR_CONFLICT, "rules version 2 is not in force");
    TRY(unmoved(s, t, c));
    TRY(entry_add(s, t, c, &index));
    row.index = (int64_t)index;
    TRY(append_document(s, t, index, &row.document, c->document));
    TRY(clearance_decide(s, t->db, &row));
    if (row.cleared > 0)
        TRY(allocation_due(s, t->db, row.license_no, row.id.text, t->at_ms));
    c->row.index = row.index;
    return ERR_OK;
}

/* One that is decided, by whoever it was, is signed, and its payment's allocation hurried. */
static err sign(struct scope *s, struct work *w, const char *id)
{
    struct clearance_row row;

    TRY(job_notify(s, w->db));
    TRY(clearance_get(s, w->db, id, NULL, &row));
    if (row.index >= 0)
        work_sign(s, w, &row.document, (uint64_t)row.index);
    return ERR_OK;
}

/* ---- the job */

static err attempt(struct scope *s, struct work *w, const char *id, struct clearing *c)
{
    err e;

    *c = (struct clearing){ .w = w };
    TRY(clearance_get(s, w->db, id, NULL, &c->row));
    if (c->row.index >= 0)
        return ERR_OK;
    e = pass(s, c);
    if (e != ERR_OK) {
        db_rollback(w->db);
        return e;
    }
    TRY(document_make(s, c));
    return work_append(s, w, DECIDE_MS, decide, c);
}

static err clear(struct scope *s, struct work *w, const char *id)
{
    struct clearing *c = NEW(s, struct clearing);
    err e = ERR_STALE;

    for (int i = 0; e == ERR_STALE && i < CLEARANCE_PASSES_MAX; i++) {
        struct scope own = scope_within(s);

        TRY(work_left(s, w));
        e = scope_end(s, &own, attempt(&own, w, id, c));
    }
    TRY(e);
    scope_forgive(s);
    return sign(s, w, id);
}

err clear_license_run(struct scope *s, struct work *w)
{
    const char *id;

    TRY(work_named(s, w, "clearance", &id));
    return clear(s, w, id);
}
