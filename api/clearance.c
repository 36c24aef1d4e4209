/* SPDX-License-Identifier: Apache-2.0 */
#include "api/clearance.h"

#include <inttypes.h>
#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "ledger/entry/lists.h"
#include "ledger/rules/verdict.h"
#include "schema/base/clock.h"
#include "schema/json/shape.h"
#include "schema/store/clearance.h"
#include "schema/store/job.h"
#include "schema/store/license.h"

/* ---- showing */

static json_t *excluded_json(const char *counts)
{
    json_t *read = counts ? json_loads(counts, 0, NULL) : NULL, *list = show_excluded(read);

    json_decref(read);
    return list;
}

/* What it is by now: a withdrawal, then time, undo what was cleared. */
static const char *state_now(const struct clearance_row *c, int64_t withdrawn)
{
    if (c->index < 0 || c->cleared == 0)
        return c->state;
    return withdrawn >= c->cleared ? "withdrawn" : c->valid_until <= clock_wall_ms() ? "over" : c->state;
}

/* What a worker could not decide, and whose turn it is. */
static json_t *failure_json(const struct clearance_row *c)
{
    if (!c->job)
        return json_null();
    return json_pack("{s:s,s:s,s:s,s:s}", "reason", "worker_gave_up", "sentence",
                     "a worker has tried in vain, as often as it may", "remedy",
                     "ask for a new one; or tell the operator, who sees why (counterfoil-worker dead) and can have it "
                     "tried again (counterfoil-worker retry)", "job", c->job);
}

static json_t *number_or_null(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

static json_t *clearance_json(const struct clearance_row *c, int64_t withdrawn)
{
    bool decided = c->index >= 0;

    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:I,s:o,s:o,s:n,s:o,s:o}",
                     "id", c->id.text, "license", c->license.text, "state", state_now(c, withdrawn), "purpose",
                     c->purpose, "territory", c->territory, "model_class", c->model_class, "project",
                     show_text(c->project), "requested_at", show_time(c->requested_at), "as_of",
                     number_or_null(c->as_of), "evaluated_at", show_time(c->evaluated_at), "until", show_time(decided
                     ? c->valid_until : c->wanted_until), "item_count", (json_int_t)c->item_count, "cleared",
                     number_or_null(c->cleared), "excluded", excluded_json(c->counts), "withdrawn_since",
                     (json_int_t)withdrawn, "rows_root", decided ? show_hash(&c->rows_root) : json_null(),
                     "document_sha256", decided ? show_hash(&c->document) : json_null(), "credential", "entry",
                     decided ? entry_link((uint64_t)c->index) : json_null(), "failure", failure_json(c));
}

/* The buyer's own; auditors see all. */
static err clearance_named(struct request *rq, struct db *db, struct clearance_row *out)
{
    const struct caller *c = auth_caller(rq);
    const char *id = match_path(&rq->match, "clearance");
    err e = clearance_get(&rq->scope, db, id, caller_audits(c) ? NULL : c->party.id.text, out);

    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(&rq->scope);
    return fail(&rq->scope, e, "there is no clearance %s of yours", id);
}

static err clearance_shown(struct request *rq, struct db *db)
{
    struct clearance_row c;
    int64_t withdrawn = 0;
    json_t *answer;
    err e = ERR_OK;

    TRY(clearance_named(rq, db, &c));
    if (c.index >= 0 && c.cleared > 0)
        TRY(clearance_taken_out(&rq->scope, db, &c, &withdrawn));
    answer = clearance_json(&c, withdrawn);
    if (c.index >= 0)
        e = credential_add(rq, db, &c.document, (uint64_t)c.index, answer);
    if (e != ERR_OK) {
        json_decref(answer);
        return e;
    }
    reply_covered(rq, answer);
    return ERR_OK;
}

err show_clearance(struct request *rq)
{
    return covered_read(rq, clearance_shown);
}

/* ---- rows */

static json_t *row_json(const struct clearance_row *c, const struct clearance_item *i)
{
    char salt[BASE64_SIZE(SALT_SIZE)];
    uint8_t bytes[SALT_SIZE];

    if (i->reason)
        return json_pack("{s:i,s:s,s:o,s:s,s:[],s:n}", "item", (int)i->n, "path", i->path, "sha256",
                         show_hash(&i->sha256), "reason", i->reason, "consents", "salt");
    cleared_salt(c->seed.p, (uint64_t)i->n, bytes);
    base64url_write(bytes, sizeof bytes, salt);
    return json_pack("{s:i,s:s,s:o,s:n,s:o,s:s}", "item", (int)i->n, "path", i->path, "sha256", show_hash(&i->sha256),
                     "reason", "consents", i->consents ? show_words(i->consents) : json_array(), "salt", salt);
}

static err rows_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const char *which = match_query(&rq->match, "which");
    int64_t limit = page_limit(rq), after;
    struct clearance_item *items;
    struct clearance_row c;
    json_t *data;
    size_t n;

    TRY(page_after_number(rq, -1, &after));
    TRY(db_begin_snapshot(s, db));      /* an erasure may begin between its statements */
    TRY(clearance_named(rq, db, &c));
    if (c.index < 0)
        return fail(s, ERR_STALE, "the clearance is %s: %s", c.state,
                    c.job ? "ask for a new one" : "ask again when it is decided");
    if (c.erased)
        return fail(s, ERR_GONE, "the list went with the erasure of the licensee");
    TRY(clearance_items(s, db, &c, !which || strcmp(which, "all") == 0 ? CLEARANCE_ALL
                        : strcmp(which, "cleared") == 0 ? CLEARANCE_KEPT : CLEARANCE_LEFT_OUT, after, limit + 1,
                        &items, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, row_json(&c, &items[i]));
    reply_page(rq, data, n > (size_t)limit ? scope_printf(s, "%" PRId32, items[limit - 1].n) : NULL);
    return ERR_OK;
}

err list_clearance_rows(struct request *rq)
{
    return app_with_db(rq, rows_read);
}

/* ---- asking */

struct asking {
    const char *territory, *project;
    int model;
    int64_t until;
    const char *license;
    const struct caller *caller;
};

static const char *const model_words[] = { "discriminative", "embedding", "generative", NULL };

static const struct json_member members[] = {
    JSON_MEMBER(asking, territory, JSON_TEXT, REQUIRED),
    { "model_class", JSON_WORD, REQUIRED, JSON_PLACE(asking, model), model_words },
    JSON_MEMBER(asking, project, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(asking, until, JSON_INSTANT, OPTIONAL),
};

static err license_live(struct scope *s, struct append_txn *t, const struct asking *w, struct license *l)
{
    err e = license_get(s, t->db, w->license, w->caller->party.id.text, l);

    if (e == ERR_NOT_FOUND || (e == ERR_OK && !caller_owns(w->caller, &l->buyer))) {
        scope_forgive(s);
        return fail(s, ERR_NOT_FOUND, "you have no license %s", w->license);
    }
    TRY(e);
    if (strcmp(l->state, "active") != 0 || t->at_ms < l->valid_from || t->at_ms >= l->valid_until)
        return fail_for(s, ERR_LICENSE_ENDED, verdict_code(VERDICT_LICENSE_NOT_LIVE), "", "%s; %s",
                        verdict_sentence(VERDICT_LICENSE_NOT_LIVE), verdict_remedy(VERDICT_LICENSE_NOT_LIVE));
    return ERR_OK;
}

/* Each is a pass over all items of the license. */
static err pending_few(struct scope *s, struct append_txn *t, int64_t license_no)
{
    int64_t n;

    TRY(clearance_pending(s, t->db, license_no, &n));
    if (n >= CLEARANCES_PENDING_MAX)
        return fail_for(s, ERR_CONFLICT, "clearances_pending", "", "%lld other clearances of the license are pending, "
                        "the most there may be: wait until one is decided", (long long)n);
    return ERR_OK;
}

static err ask_add(struct scope *s, struct append_txn *t, struct clearance_row *c)
{
    char *args;

    TRY(pending_few(s, t, c->license_no));
    c->id = id_new("clr", t->at_ms);
    TRY(clearance_add(s, t->db, c));
    args = scope_printf(s, "{\"clearance\":\"%s\"}", c->id.text);
    TRY(job_enqueue(s, t->db, JOB_CLEAR_LICENSE, c->id.text, args, INT64_MIN, NULL));
    return clearance_get(s, t->db, c->id.text, NULL, c);
}

static err ask_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct asking *w = state;
    struct clearance_row c = { .territory = w->territory, .model_class = model_words[w->model], .project = w->project,
                               .wanted_until = w->until, .requested_at = t->at_ms };
    struct license l;
    err e;

    if (append_rules_version(t) < 2)
        return fail(s, ERR_STALE, "clearances are given since rules version 2, which is not in force yet");
    TRY(license_live(s, t, w, &l));
    c.license_no = l.no;
    e = clearance_same(s, t->db, &c, &c);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        e = ask_add(s, t, &c);
    }
    TRY(e);
    return ledgered_plain(s, t, 202, clearance_json(&c, 0));
}

err create_clearance(struct request *rq)
{
    struct asking *w = NEW(&rq->scope, struct asking);
    struct scope *s = &rq->scope;
    struct territory place;

    *w = (struct asking){ .until = INT64_MIN, .license = match_path(&rq->match, "license"),
                          .caller = auth_caller(rq) };
    TRY(json_shape(s, rq->body, "", members, ARRAY_LEN(members), w));
    if (!territory_parse(w->territory, &place))
        return fail_at(s, ERR_INVALID, "/territory", "must be WORLD, EU or a country of ISO 3166-1");
    if (w->project && (!*w->project || strlen(w->project) > CLEARANCE_PROJECT_MAX))
        return fail_at(s, ERR_INVALID, "/project", "has 1 to %d bytes", CLEARANCE_PROJECT_MAX);
    if (w->until != INT64_MIN && w->until <= clock_wall_ms())
        return fail_at(s, ERR_INVALID, "/until", "lies in the past; leave it out for as long as clearances are given");
    return ledgered_then(rq, ask_decide, w, job_notify);
}
