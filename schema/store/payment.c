/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/payment.h"

enum { ADD, LIST };

const struct sql payment_sql[PAYMENT_STATEMENTS] = {
    [ADD]  = { "payment_add",
               "INSERT INTO payment (id, party, license, amount, currency, reference, index, created_at)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" },
    [LIST] = { "payment_list",
               "SELECT y.id, y.party, p.handle, y.license, y.amount, y.currency, y.reference, y.index, y.created_at"
               "  FROM payment y JOIN party p ON p.id = y.party"
               " WHERE ($1::text IS NULL OR y.party = $1) AND y.id > $2 ORDER BY y.id LIMIT $3" },
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

err payment_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct payment **out, size_t *n)
{
    return db_many(s, db, &payment_sql[LIST], PARAMS(P_TEXT(party), P_TEXT(after), P_INT8(limit)), &payment_shape,
                   out, n);
}
