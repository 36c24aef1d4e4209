/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/*
 * The double-entry books. Prepaid and platform accounts are written under the
 * ledger's lock only, so that a balance that was read is still the balance when
 * its debit is posted. Creators' accounts are written by whoever holds the
 * books, a second lock that is always taken before the ledger's, so that what a
 * worker has numbered ahead stays good; postings that it prepared are not in
 * force before their row in book_activation.
 */
#define BOOKS_STATEMENTS 8
extern const struct sql books_sql[BOOKS_STATEMENTS];

/* Positive: the owner is owed more. Platform accounts have no owner: party NULL, kind bank or clearing. */
struct book_line { const char *party, *kind; int64_t amount; };

/* One transaction; its lines must sum to zero (asserted here, checked again by the database at commit). */
err books_post(struct scope *s, struct db *db, const char *kind, uint64_t index, const char *currency,
               const struct book_line *lines, size_t n);
/* Prepaid balance of a party in a currency; 0 without an account. */
err books_balance(struct scope *s, struct db *db, const char *party, const char *currency, int64_t *amount);
err books_balances(struct scope *s, struct db *db, const char *party, struct balance **out, size_t *n);

/*
 * Holds the books until the caller's transaction ends; ERR_BUSY if somebody else does. Never waits: so it may be
 * asked under the ledger's lock too, where waiting would close a circle.
 */
err books_hold(struct scope *s, struct db *db);
/*
 * The same from one transaction of this connection to the next, until they are let go or the connection ends; what it
 * holds itself it may hold again.
 */
err books_keep(struct scope *s, struct db *db);
err books_let_go(struct scope *s, struct db *db);
