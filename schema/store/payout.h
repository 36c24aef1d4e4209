/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/*
 * Payouts: a run takes what is available in one currency, and hands it to a
 * rail; each payout ends by the rail's answer, told by the operator. Whoever
 * writes holds the books (books.h).
 */
#define PAYOUT_STATEMENTS 17
extern const struct sql payout_sql[PAYOUT_STATEMENTS];

/* ---- runs */

/* ERR_CONFLICT: a run in this currency is under way. */
err payout_run_add(struct scope *s, struct db *db, const struct payout_run *run);
err payout_run_get(struct scope *s, struct db *db, const char *id, struct payout_run *out);
/* In order of their ids, which is that of time; those after `after`. */
err payout_run_list(struct scope *s, struct db *db, const char *after, int64_t limit, struct payout_run **out,
                    size_t *n);
/* ERR_NOT_FOUND: none yet. */
err payout_run_file(struct scope *s, struct db *db, const char *id, struct bytes *out);
err payout_run_left(struct scope *s, struct db *db, int64_t run, struct payout_left **out, size_t *n);

/* Accounts that have at least `least` available (micro-units, a minor unit at least) and no payout of this run yet. */
struct payable { const char *account, *party, *handle; int64_t available, pending, in_payout, lines; };
err payouts_due(struct scope *s, struct db *db, const struct payout_run *run, int64_t least,
                err (*each)(struct scope *s, void *arg, void *payable), void *arg);
/*
 * Payouts of one run with their entries, and their postings from available to in_payout, in few statements.
 * ERR_CONFLICT: an account has one already; ERR_STALE: one has less than its payout.
 */
err payouts_add(struct scope *s, struct db *db, const struct payout_run *run, const struct payout *p, size_t n);
/* All of a run in order of their accounts' bytes. */
err payouts_each(struct scope *s, struct db *db, int64_t run, err (*each)(struct scope *s, void *arg, void *payout),
                 void *arg);
/* What it leaves and why, and its file: once. ERR_STALE: that was done. */
err payout_run_done(struct scope *s, struct db *db, const struct payout_run *run, struct bytes file);

/* ---- payouts */

/* `party` NULL: anybody's. */
err payout_get(struct scope *s, struct db *db, const char *id, const char *party, struct payout *out);
/* The same, held until the caller's transaction ends. */
err payout_hold(struct scope *s, struct db *db, const char *id, struct payout *out);
/* In order of ids; `party` NULL: everybody's, `run` NULL: of all runs. */
err payout_list(struct scope *s, struct db *db, const char *party, const char *run, const char *after, int64_t limit,
                struct payout **out, size_t *n);
err payout_settle(struct scope *s, struct db *db, const char *id, uint64_t index, const char *reference, int64_t at);
err payout_fail(struct scope *s, struct db *db, const char *id, uint64_t index, const char *reference, int64_t at);
