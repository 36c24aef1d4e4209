/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/books.h"
#include "schema/store/db.h"

/*
 * The double-entry books, in micro-units; credits are positive. Everything that
 * writes runs in the transaction of its entry, under the ledger's lock, so that
 * what it read still holds when it posts.
 */
#define BOOKS_STATEMENTS 8
extern const struct sql books_sql[BOOKS_STATEMENTS];

/* The account's last line; ERR_NOT_FOUND if there is no such account. */
err books_balance(struct scope *s, struct db *db, const char *party, const char *kind, const char *currency,
                  struct balance *out);
err books_balances(struct scope *s, struct db *db, const char *party, struct balance **out, size_t *n);
/*
 * One transaction. The legs sum to zero (ERR_INTERNAL otherwise), none is zero; accounts that don't exist yet are
 * opened. ERR_BALANCE if a prepaid balance would go below zero.
 */
err books_post(struct scope *s, struct db *db, const char *kind, uint64_t index, const char *currency,
               const struct leg *legs, size_t n);

/* ERR_CONFLICT: a top-up with this reference was recorded before. `handle` is not read. */
err payment_add(struct scope *s, struct db *db, const struct payment *p);
/* After id `after`; party NULL: everybody's. */
err payment_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct payment **out, size_t *n);
