/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/license.h"
#include "schema/store/db.h"

/* Offers: a version, terms and a tariff. */
#define OFFER_STATEMENTS 5
extern const struct sql offer_sql[OFFER_STATEMENTS];

err offer_add(struct scope *s, struct db *db, const struct offer *o);
err offer_get(struct scope *s, struct db *db, const char *id, struct offer *out);
/* Not before the caller's transaction ends does anybody withdraw or pause it. */
err offer_hold(struct scope *s, struct db *db, const char *id, struct offer *out);
/* Open and paused ones in order of ids; NULL owner and name: of all datasets. */
err offer_list(struct scope *s, struct db *db, const char *owner, const char *name, const char *after, int64_t limit,
               struct offer **out, size_t *n);
/* ERR_STALE: it is withdrawn already. */
err offer_withdraw(struct scope *s, struct db *db, const char *id, int64_t at);
