/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/*
 * Allocations: what becomes of a license's payment after its first clearance.
 *
 * The clearance says that an allocation is due when it is issued, and what it
 * excluded (the view unpaid_item); the rest is a worker's job, one at a
 * time, who holds the books (books.h) from the first step to the last:
 *
 *   allocation_next()                        what is prepared and waits for its entry, else what is due longest
 *   allocation_weights()                     who weighs what in the items that were cleared
 *   creator_accounts_open(), …_each()        whose accounts, and the next number of their lines
 *   allocation_lines_begin(), …_line(), …_end()
 *   allocation_prepare()                     postings, unseen
 *   allocation_hold(), allocation_activate() under the ledger's lock
 *   allocation_held(), allocation_release()  after the time of holding
 */
#define ALLOCATION_STATEMENTS 23
extern const struct sql allocation_sql[ALLOCATION_STATEMENTS];

/* ---- for clearances */

/*
 * In the operation that issues a clearance, under the ledger's lock: O(1). The first one of a license makes its
 * payment's allocation due, later ones change nothing. Workers find it; job_notify() after the commit hurries them.
 */
err allocation_due(struct scope *s, struct db *db, int64_t license_no, const char *clearance, int64_t at);

/*
 * In the operation that ends a license, under the ledger's lock: one that never had a clearance makes its payment due
 * to go back whole. Not one whose items were accessed before clearances there were (rules version 1).
 */
err allocation_due_ended(struct scope *s, struct db *db, int64_t license_no, int64_t at);

/* ---- for the worker */

struct allocation_task {
    struct allocation a;
    int64_t slice_no, paid;
    const char *currency;
    struct id buyer, payment;
    const char *kind;                   /* the tariff's, as the license was sold */
    int64_t price, minimum;
    const char *split, *fee_rule;       /* the offer's, canonical JSON */
    bool same_revision;                 /* false: the offer's rules are not the license's */
};
/* What is prepared, else the first that is due beyond number `after` (0: the first of all). ERR_NOT_FOUND: nothing. */
err allocation_next(struct scope *s, struct db *db, int64_t after, struct allocation_task *out);
/* Items of the license's slice that its first clearance excluded. */
err allocation_excluded(struct scope *s, struct db *db, const struct allocation_task *t, int64_t *n);
/* Of what was cleared, in order of the parties' bytes; rows are struct contributor_weight (slice.h). */
err allocation_weights(struct scope *s, struct db *db, const struct allocation_task *t, bool per_byte,
                       err (*each)(struct scope *s, void *arg, void *contributor_weight), void *arg);

/* Accounts for parties that have none in this currency, in log and books; `ids` are fresh ones, some stay unused. */
err creator_accounts_open(struct scope *s, struct db *db, const char *currency, const char *const *parties,
                          const char *const *ids, size_t n);
/* All of them, sorted by the bytes of their ids; `next` is the number of the account's next line. */
struct creator_account { const char *party, *id; int64_t next; };
err creator_accounts_each(struct scope *s, struct db *db, const char *currency, const char *const *parties, size_t n,
                          err (*each)(struct scope *s, void *arg, void *creator_account), void *arg);

err allocation_lines_begin(struct scope *s, struct db *db);
err allocation_line(struct scope *s, struct db *db, int64_t allocation, const struct allocation_line *l);
err allocation_lines_end(struct scope *s, struct db *db, bool keep);
/* Postings of fee and lines, not in force, and the state "prepared"; `a` has what was found. */
err allocation_prepare(struct scope *s, struct db *db, const struct allocation *a, const char *currency);

/* Its state, held until the caller's transaction ends. */
err allocation_hold(struct scope *s, struct db *db, int64_t no, const char **state);
/* `a` has entries (-1: none), refund_id, posted_at and available_at. */
err allocation_activate(struct scope *s, struct db *db, const struct allocation *a);

/*
 * The next whose time of holding is over at `now`; ERR_NOT_FOUND: none, or one is prepared, whose numbers come first.
 */
struct held_allocation { int64_t no, index; const char *currency; };
err allocation_held(struct scope *s, struct db *db, int64_t now, struct held_allocation *out);
/* From pending to available. */
err allocation_release(struct scope *s, struct db *db, const struct held_allocation *h);
