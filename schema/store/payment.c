/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/payment.h"

enum { ADD, OWN, RECEIVED, ALL };

#define PAYMENTS \
    "SELECT y.id, y.party, p.handle, y.license, y.amount, y.currency, y.reference, y.index, y.created_at" \
    "  FROM payment y JOIN party p ON p.id = y.party WHERE "
#define PAGE " y.id > $1 ORDER BY y.id LIMIT $2"

const struct sql payment_sql[PAYMENT_STATEMENTS] = {
    [ADD]      = { "payment_add",
                   "INSERT INTO payment (id, party, license, amount, currency, reference, index, created_at)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" },
    [OWN]      = { "payment_list_own", PAYMENTS "y.party = $3 AND" PAGE },
    [RECEIVED] = { "payment_list_received", PAYMENTS "y.license IS NULL AND" PAGE },
    [ALL]      = { "payment_list_all", PAYMENTS PAGE },
};

static const struct column columns[] = {
    COL(payment, id, T_ID),         COL(payment, party, T_ID),       COL(payment, handle, T_TEXT),
    COL(payment, license, T_TEXT),  COL(payment, amount, T_INT8),    COL(payment, currency, T_TEXT),
    COL(payment, reference, T_TEXT), COL(payment, index, T_INT8),    COL(payment, created_at, T_TIME),
};
static const struct shape payment_shape = SHAPE(payment, columns);

err payment_add(struct scope *s, struct db *db, const struct payment *p)
{
    err e = db_do(s, db, &payment_sql[ADD],
                  PARAMS(P_ID(p->id), P_ID(p->party), P_TEXT(p->license), P_INT8(p->amount), P_TEXT(p->currency),
                         P_TEXT(p->reference), P_INT8(p->index), P_TIME(p->created_at)), NULL);

    if (e != ERR_CONFLICT)
        return e;
    scope_forgive(s);
    return fail_at(s, ERR_CONFLICT, "/reference", "a payment of this reference is recorded already");
}

err payment_list(struct scope *s, struct db *db, enum payment_view view, const char *party, const char *after,
                 int64_t limit, struct payment **out, size_t *n)
{
    if (view == PAYMENTS_OWN)
        return db_many(s, db, &payment_sql[OWN], PARAMS(P_TEXT(after), P_INT8(limit), P_TEXT(party)), &payment_shape,
                       out, n);
    return db_many(s, db, &payment_sql[view == PAYMENTS_ALL ? ALL : RECEIVED], PARAMS(P_TEXT(after), P_INT8(limit)),
                   &payment_shape, out, n);
}
