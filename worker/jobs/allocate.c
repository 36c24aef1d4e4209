/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocate: splits what was paid for a license over the contributors of what its first clearance cleared, refunds the
 * rest, and makes available what has been held long enough.
 *
 * Whoever works on it holds the books in a transaction of the job's connection. Lines, numbers and postings of one
 * allocation are prepared in one transaction, so they are there whole or not at all, and are never taken back: what is
 * found prepared is activated first, by this attempt or the next. The entries are written by the committer, which asks
 * under the ledger's lock whether that was done already.
 */
#include <string.h>

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/allocation.h"
#include "schema/store/books.h"
#include "worker/jobs/allot.h"
#include "worker/jobs/work.h"

#define ACTIVATE_MS 30000         /* for the entries of one allocation */

/* ---- activation, under the ledger's lock */

struct activation { const struct allocation_task *t; struct allocation done; int64_t hold_ms; };

static err refund(struct scope *s, struct append_txn *t, const struct allocation_task *k, struct allocation *a)
{
    struct id id = id_new("ref", t->at_ms);
    struct named_value values[] = {
        { "license", EV_TEXT(k->a.license.text) },
        { "payment", EV_TEXT(k->payment.text) },
        { "refund", EV_TEXT(id.text) },
        { "amount", EV_TEXT(amount_text(s, k->a.refund, k->currency)) },
        { "buyer", EV_TEXT(k->buyer.text) },
        { "currency", EV_TEXT(k->currency) },
    };
    struct book_line lines[] = { { NULL, "clearing", -k->a.refund }, { k->buyer.text, "prepaid", k->a.refund } };
    uint64_t index;

    TRY(append_entry(s, t, ENTRY_REFUND_POSTED, values, ARRAY_LEN(values), &index));
    a->refund_id = id;
    a->refund_index = (int64_t)index;
    return books_post(s, t->db, "refund", index, k->currency, lines, ARRAY_LEN(lines));
}

static err post(struct scope *s, struct append_txn *t, const struct allocation_task *k, struct allocation *a)
{
    struct hash split = sha256_of(k->split, strlen(k->split));
    struct named_value values[] = {
        { "allocation", EV_TEXT(k->a.id.text) },
        { "license", EV_TEXT(k->a.license.text) },
        { "line_count", EV_COUNT((uint64_t)k->a.line_count) },
        { "lines_root", EV_HASH(&k->a.lines_root) },
        { "payment", EV_TEXT(k->payment.text) },
        { "split_digest", EV_HASH(&split) },
        { "currency", EV_TEXT(k->currency) },
        { "total", EV_TEXT(amount_text(s, k->a.owed - k->a.fee, k->currency)) },
    };
    uint64_t index;

    TRY(append_entry(s, t, ENTRY_ALLOCATION_POSTED, values, ARRAY_LEN(values), &index));
    a->index = (int64_t)index;
    return ERR_OK;
}

static err activate_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct activation *w = arg;
    const char *state;

    TRY(allocation_hold(s, t->db, w->t->a.no, &state));
    if (strcmp(state, "prepared") != 0)
        return ERR_OK;                  /* an attempt that was believed lost has done it */
    w->done = w->t->a;
    w->done.index = w->done.refund_index = -1;
    w->done.refund_id = (struct id){ 0 };        /* what is prepared was read without one */
    if (w->t->a.refund > 0)
        TRY(refund(s, t, w->t, &w->done));
    if (w->t->a.owed > 0)
        TRY(post(s, t, w->t, &w->done));
    w->done.posted_at = t->at_ms;
    w->done.available_at = t->at_ms + w->hold_ms;
    return allocation_activate(s, t->db, &w->done);
}

/* The job's transaction, which holds the books, stands until the entries are signed for. */
static err activate(struct scope *s, struct work *w, const struct allocation_task *t)
{
    struct activation arg = { .t = t, .hold_ms = w->settings->hold_ms };

    TRY(work_append(s, w, ACTIVATE_MS, activate_decide, &arg));
    log_line(LOG_INFO, "allocated license=%s lines=%lld entry=%lld", t->a.license.text, (long long)t->a.line_count,
             (long long)arg.done.index);
    return ERR_OK;
}

/* ---- one step a transaction */

struct round { struct work *w; int64_t after; err failed; };     /* `after`: what is due up to there was looked at */

/*
 * One that can't be split waits for an operator, and must not keep everybody else from being paid: it is passed over,
 * and named by the job's failure in the end. What time may mend ends the round.
 */
static err pass_over(struct scope *s, struct round *r, const struct allocation_task *t, err e)
{
    if (err_fault(e) == FAULT_RETRY || err_fault(e) == FAULT_HALT || !db_healthy(r->w->db))
        return e;
    log_line(LOG_ERROR, "not allocated license=%s why=%s", t->a.license.text, s->why.detail);
    scope_forgive(s);
    db_rollback(r->w->db);
    r->after = t->a.no;
    r->failed = e;
    return ERR_OK;
}

/* *more false: nothing is due. */
static err allocate_one(struct scope *s, struct round *r, bool *more)
{
    struct allocation_task t;
    struct work *w = r->w;
    err e;

    TRY(db_begin(s, w->db));
    TRY(books_hold(s, w->db));
    e = allocation_next(s, w->db, r->after, &t);
    *more = e == ERR_OK;
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return db_commit(s, w->db);
    }
    TRY(e);
    if (strcmp(t.a.state, "prepared") == 0) {
        TRY(activate(s, w, &t));
        return db_commit(s, w->db);
    }
    e = allot(s, w->db, &t);
    return e == ERR_OK ? db_commit(s, w->db) : pass_over(s, r, &t, e);      /* the next step finds it prepared */
}

static err release_one(struct scope *s, struct round *r, bool *more)
{
    struct work *w = r->w;
    struct held_allocation h;
    err e;

    TRY(db_begin(s, w->db));
    TRY(books_hold(s, w->db));
    e = allocation_held(s, w->db, clock_wall_ms(), &h);
    *more = e == ERR_OK;
    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    else
        TRY(e);
    if (*more)
        TRY(allocation_release(s, w->db, &h));
    return db_commit(s, w->db);
}

static err all(struct scope *s, struct round *r, err (*step)(struct scope *s, struct round *r, bool *more))
{
    bool more = true;

    while (more) {
        struct scope one = scope_within(s);
        err e = work_left(&one, r->w);
        if (e == ERR_OK)
            e = step(&one, r, &more);
        if (e != ERR_OK)
            db_rollback(r->w->db);
        TRY(scope_end(s, &one, e));
    }
    return ERR_OK;
}

err allocate_run(struct scope *s, struct work *w)
{
    struct round r = { .w = w, .failed = ERR_OK };

    TRY(all(s, &r, allocate_one));
    TRY(all(s, &r, release_one));
    return r.failed == ERR_OK ? ERR_OK : fail(s, r.failed, "a payment could not be split: the log says whose");
}
