/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/offer.h"
#include "schema/store/db.h"

/* Offers. Adding and withdrawing belong to the transaction of their entries, under the ledger's lock. */
#define OFFER_STATEMENTS 4
extern const struct sql offer_sql[OFFER_STATEMENTS];

err offer_get(struct scope *s, struct db *db, const char *id, struct offer *out);     /* ERR_NOT_FOUND */
/* Reads what the table holds; names and numbers that come by joins are not read. */
err offer_add(struct scope *s, struct db *db, const struct offer *o);
/* Open or paused becomes withdrawn; ERR_STALE if it is already. */
err offer_withdraw(struct scope *s, struct db *db, const char *id, int64_t at_ms);
/* Open offers after id `after` (NULL: from the first), of one dataset (owner and name NULL: of all). */
err offer_list(struct scope *s, struct db *db, const char *owner, const char *name, const char *after, int64_t limit,
               struct offer **out, size_t *n);
