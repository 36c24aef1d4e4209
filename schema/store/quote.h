/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/quote.h"
#include "schema/store/db.h"

/* Quotes. Making one writes no entry; accepting one belongs to the transaction of its license. */
#define QUOTE_STATEMENTS 4
extern const struct sql quote_sql[QUOTE_STATEMENTS];

/* Reads what the table holds; names that come by joins and `state` are not read. */
err quote_add(struct scope *s, struct db *db, const struct quote *q);
/* The buyer's own only. */
err quote_get(struct scope *s, struct db *db, const char *id, const char *buyer, struct quote *out);
/* Open becomes accepted; ERR_STALE if it is not open. Whether its time is over is the caller's to check. */
err quote_accept(struct scope *s, struct db *db, const char *id);
/* Marks open quotes whose time is over, at most `limit`; how many. */
err quote_expire(struct scope *s, struct db *db, int64_t now_ms, int64_t limit, int64_t *expired);
