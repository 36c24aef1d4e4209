/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/license.h"
#include "schema/store/db.h"

/* Licenses. Granting and ending belong to the transaction of their entries, under the ledger's lock. */
#define LICENSE_STATEMENTS 5
extern const struct sql license_sql[LICENSE_STATEMENTS];

/* Whatever party; the caller decides who may see it. */
err license_get(struct scope *s, struct db *db, const char *id, struct license *out);
/* The parties' own: `party` is its buyer or its publisher; else ERR_NOT_FOUND. */
err license_of(struct scope *s, struct db *db, const char *id, const char *party, struct license *out);
/* Active from now on. Reads what the table holds; handles, version, dataset names and `no` are not read. */
err license_add(struct scope *s, struct db *db, const struct license *l);
/* Active becomes ended; ERR_STALE if it is not active. */
err license_end(struct scope *s, struct db *db, const char *id, int64_t at_ms, uint64_t index, const char *reason);
/* As buyer or publisher, after id `after` (NULL: from the first). */
err license_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct license **out, size_t *n);
