/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/*
 * Statements of creators' accounts, read from what the log has signed. `as_of` is a size of the log: what has a
 * later entry isn't there. A period is [from, to) by the entries' `at`, so what is closed once stays as it is, and
 * one period's closing balance is the next one's opening.
 */
#define STATEMENT_STATEMENTS 7
extern const struct sql statement_sql[STATEMENT_STATEMENTS];

/* A party's accounts: until when the first of what is pending is held, and the least that the last run paid out. */
struct creator_state { const char *account, *currency; int64_t until, minimum; };
err creator_states(struct scope *s, struct db *db, const char *party, struct creator_state **out, size_t *n);

struct statement_period { const char *account; int64_t from, to, as_of; };
/* What the account held, paid out less, before `from`. */
err statement_opening(struct scope *s, struct db *db, const struct statement_period *p, int64_t *amount);

struct statement_line {
    int64_t n, at, index;
    const char *allocation, *license, *dataset, *split;
    int64_t version;
    struct id version_id;
    int64_t weight, amount, fee;
    int64_t place, line_count;
    struct hash lines_root;
    struct bytes salt, path;
};
/* At most `limit`, in order of their numbers. */
err statement_lines(struct scope *s, struct db *db, const struct statement_period *p, int64_t limit,
                    struct statement_line **out, size_t *n);

struct statement_payout {
    const char *payout;
    const char *event;            /* instructed, settled, failed */
    int64_t at, index, amount;
    bool settled;                 /* it is, or was before it failed */
    const char *statement;        /* the account before it, whose digest the instruction's entry has; canonical JSON */
};
err statement_payouts(struct scope *s, struct db *db, const struct statement_period *p, int64_t limit,
                      struct statement_payout **out, size_t *n);
/* `at` of the newest entries of a log of this size: a period that ended by then gets nothing new any more. */
err statement_head(struct scope *s, struct db *db, int64_t as_of, int64_t *at);

/* Whether it was posted before the log's size was `as_of`, for this publisher (NULL: anybody): ERR_NOT_FOUND. */
err allocation_seen(struct scope *s, struct db *db, const char *id, const char *publisher, int64_t as_of);
/* Its list, from after that place on (-1: from the first). */
struct allocation_leaf {
    int64_t place;
    const char *account, *party, *currency;
    int64_t amount, n;
    struct bytes salt;
    bool erased;                  /* only the leaf's hash is left */
    struct hash leaf;
};
err allocation_leaves(struct scope *s, struct db *db, const char *id, int64_t after, int64_t limit,
                      struct allocation_leaf **out, size_t *n);
