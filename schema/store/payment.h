/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/* Payments: received from outside into a prepaid balance, or from that balance for a license. */
#define PAYMENT_STATEMENTS 4
extern const struct sql payment_sql[PAYMENT_STATEMENTS];

/* ERR_CONFLICT: a payment of this reference is recorded already. */
err payment_add(struct scope *s, struct db *db, const struct payment *p);
/* Whose, in order of ids: a party's own; what anybody paid in from outside; all of them. */
enum payment_view { PAYMENTS_OWN, PAYMENTS_RECEIVED, PAYMENTS_ALL };
err payment_list(struct scope *s, struct db *db, enum payment_view view, const char *party, const char *after,
                 int64_t limit, struct payment **out, size_t *n);
