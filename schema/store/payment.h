/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/* Payments: received from outside into a prepaid balance, or from that balance for a license. */
#define PAYMENT_STATEMENTS 2
extern const struct sql payment_sql[PAYMENT_STATEMENTS];

/* ERR_CONFLICT: a payment of this reference is recorded already. */
err payment_add(struct scope *s, struct db *db, const struct payment *p);
/* A party's own, in order of ids; NULL: everybody's. */
err payment_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct payment **out, size_t *n);
