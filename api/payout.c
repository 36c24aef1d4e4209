/* SPDX-License-Identifier: Apache-2.0 */
#include "api/payout.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/price.h"
#include "api/show.h"
#include "schema/base/money.h"
#include "schema/json/shape.h"
#include "schema/store/books.h"
#include "schema/store/erasure.h"
#include "schema/store/job.h"
#include "schema/store/payout.h"

/* `entry` is the newest: what a reader is told rests on it. */
static json_t *payout_json(const struct payout *p)
{
    int64_t answered = p->settled_index > p->failed_index ? p->settled_index : p->failed_index;

    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "id", p->id.text, "run", p->run.text,
                     "account", p->account, "party", p->handle, "amount", show_money(p->amount, p->currency), "state",
                     p->state, "reference", show_text(p->reference), "created_at", show_time(p->created_at),
                     "settled_at", show_time(p->settled_at), "failed_at", show_time(p->failed_at),
                     "instructed_index", (json_int_t)p->index, "answered_index",
                     answered < 0 ? json_null() : json_integer(answered), "entry",
                     entry_link((uint64_t)(answered < 0 ? p->index : answered)), "statement",
                     show_json(p->statement));
}

/* A run that has been handed over is shown as such once the checkpoint seen here covers it: all that reads will. */
static const char *run_state(const struct request *rq, const struct payout_run *r)
{
    const struct app *app = rq->app;
    bool seen = r->last_index < 0 || append_signed_size(app->append) > (uint64_t)r->last_index;

    return seen ? r->state : "running";
}

static json_t *run_json(const struct payout_run *r, const char *state)
{
    return json_pack("{s:s,s:s,s:o,s:s,s:s,s:I,s:o,s:o,s:o}", "id", r->id.text, "currency", r->currency, "minimum",
                     show_money(r->minimum, r->currency), "rail", r->rail, "state", state, "payouts",
                     (json_int_t)r->payouts, "total", show_money(r->total, r->currency), "created_at",
                     show_time(r->created_at), "done_at", show_time(r->done_at));
}

static err found(struct scope *s, err e, const char *what)
{
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "you have no such %s", what);
}

/* ---- runs */

struct new_run { const char *rail; json_t *minimum; };
struct starting { const struct caller *caller; const char *rail; struct price minimum; };

static const struct json_member new_run_members[] = {
    JSON_MEMBER(new_run, rail, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_run, minimum, JSON_INNER_OBJECT, REQUIRED),
};

/* The worker goes on by itself whatever becomes of this request: what is paid once isn't available a second time. */
static err run_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct starting *w = arg;
    struct payout_run run = { .id = id_new("run", t->at_ms), .operator = w->caller->party.id,
                              .currency = w->minimum.currency, .minimum = w->minimum.micro, .rail = w->rail };

    TRY(payout_run_add(s, t->db, &run));
    TRY(job_enqueue(s, t->db, JOB_PAYOUTS, run.id.text, scope_printf(s, "{\"run\":\"%s\"}", run.id.text), INT64_MIN,
                    NULL));
    TRY(payout_run_get(s, t->db, run.id.text, &run));
    return ledgered_plain(s, t, 202, run_json(&run, run.state));
}

err create_payout_run(struct request *rq)
{
    struct starting *w = NEW(&rq->scope, struct starting);
    struct scope *s = &rq->scope;
    struct new_run wish = { 0 };

    TRY(json_shape(s, rq->body, "", new_run_members, ARRAY_LEN(new_run_members), &wish));
    *w = (struct starting){ .caller = auth_caller(rq), .rail = wish.rail };
    TRY(price_read(s, wish.minimum, "/minimum", &w->minimum));
    return ledgered_then(rq, run_decide, w, job_notify);
}

static err runs_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    struct payout_run *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(payout_run_list(s, db, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, run_json(&rows[i], run_state(rq, &rows[i])));
    reply_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_payout_runs(struct request *rq)
{
    return app_with_db(rq, runs_read);
}

static err run_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct payout_left *left;
    struct payout_run run;
    json_t *answer, *data;
    size_t n;

    TRY(found(s, payout_run_get(s, db, match_path(&rq->match, "run"), &run), "run"));
    TRY(payout_run_left(s, db, run.no, &left, &n));
    answer = run_json(&run, run_state(rq, &run));
    data = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(data, json_pack("{s:s,s:s,s:s,s:o,s:o}", "account", left[i].account, "party",
                                              left[i].handle, "reason", left[i].reason, "amount",
                                              show_money(left[i].amount, run.currency), "until",
                                              show_time(left[i].until)));
    json_object_set_new(answer, "left", data);
    reply_json(rq, 200, answer);
    return ERR_OK;
}

err show_payout_run(struct request *rq)
{
    return app_with_db(rq, run_read);
}

/* The worker made it once every payout was signed for. */
static err file_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct payout_run run;
    struct bytes file;

    TRY(found(s, payout_run_get(s, db, match_path(&rq->match, "run"), &run), "run"));
    if (strcmp(run_state(rq, &run), "instructed") != 0)
        return fail(s, ERR_STALE, "its payouts are still being made: try again in a moment");
    TRY(payout_run_file(s, db, run.id.text, &file));
    reply_bytes(rq, 200, "text/csv; charset=utf-8", file.p, file.len);
    return ERR_OK;
}

err get_payout_file(struct request *rq)
{
    return app_with_db(rq, file_read);
}

/* ---- payouts */

static err payouts_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    struct payout *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(payout_list(s, db, caller_whose(auth_caller(rq)), match_query(&rq->match, "run"), after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, payout_json(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_payouts(struct request *rq)
{
    return app_with_db(rq, payouts_read);
}

static err payout_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct payout p;

    TRY(found(s, payout_get(s, db, match_path(&rq->match, "payout"), caller_whose(auth_caller(rq)), &p), "payout"));
    reply_covered(rq, payout_json(&p));
    return ERR_OK;
}

err show_payout(struct request *rq)
{
    return covered_read(rq, payout_read);
}

/* ---- the rail's answer */

struct answer { const char *id, *reference; bool settled; };

/*
 * Whose payee was erased: what a bank says of somebody is not written down when no erasure will come that takes it, the
 * same word is instead, as it is in the answers that the erasure found.
 */
#define ERASED_REFERENCE "erased"

static const struct json_member answer_members[] = { JSON_MEMBER(answer, reference, JSON_TEXT, REQUIRED) };

static err answer_post(struct scope *s, struct append_txn *t, const struct answer *w, const struct payout *p,
                       uint64_t index)
{
    bool paid = strcmp(p->state, "settled") == 0;
    struct book_line lines[] = { { paid ? NULL : p->party, paid ? "bank" : "in_payout", -p->amount },
                                 { w->settled ? NULL : p->party, w->settled ? "bank" : "available", p->amount } };

    if (w->settled)
        TRY(payout_settle(s, t->db, p->id.text, index, w->reference, t->at_ms));
    else
        TRY(payout_fail(s, t->db, p->id.text, index, w->reference, t->at_ms));
    return books_post(s, t->db, w->settled ? "payout_settled" : "payout_failed", index, p->currency, lines,
                      ARRAY_LEN(lines));
}

static err answer_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct answer *w = arg;
    struct erasure_of payee;
    struct payout p;
    uint64_t index;

    TRY(found(s, payout_hold(s, t->db, w->id, &p), "payout"));
    /* A rail may take back days later what it had paid. */
    if (strcmp(p.state, "instructed") != 0 && (w->settled || strcmp(p.state, "settled") != 0))
        return fail(s, ERR_STALE, "the payout is %s: the rail's answer was recorded before", p.state);
    TRY(books_hold(s, t->db));
    TRY(erasure_of(s, t->db, p.party, &payee));
    if (payee.under_way)
        return fail(s, ERR_BUSY, "the payee is being erased, and what is said of it now would stay: try again later");

    struct answer said = { w->id, payee.closed ? ERASED_REFERENCE : w->reference, w->settled };
    struct named_value values[] = {
        { "payout", EV_TEXT(p.id.text) },
        { "run", EV_TEXT(p.run.text) },
        { "reference", EV_TEXT(said.reference) },
    };
    TRY(append_entry(s, t, w->settled ? ENTRY_PAYOUT_SETTLED : ENTRY_PAYOUT_FAILED, values, ARRAY_LEN(values), &index));
    TRY(answer_post(s, t, &said, &p, index));
    TRY(payout_get(s, t->db, w->id, NULL, &p));
    return ledgered_answer(s, t, 200, index, payout_json(&p), NULL);
}

static err answered(struct request *rq, bool settled)
{
    struct answer *w = NEW(&rq->scope, struct answer);

    TRY(json_shape(&rq->scope, rq->body, "", answer_members, ARRAY_LEN(answer_members), w));
    w->id = match_path(&rq->match, "payout");
    w->settled = settled;
    return ledgered(rq, answer_decide, w);
}

err settle_payout(struct request *rq)
{
    return answered(rq, true);
}

err fail_payout(struct request *rq)
{
    return answered(rq, false);
}
