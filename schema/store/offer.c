/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/offer.h"

enum { GET, ADD, WITHDRAW, LIST, STATEMENTS };
_Static_assert(STATEMENTS == OFFER_STATEMENTS, "offer_sql");

#define OFFERS "SELECT o.id, o.revision, o.version AS version_no, v.id AS version, v.number AS version_number," \
               "       d.owner, d.name, d.id AS dataset, o.publisher, p.handle, o.terms, o.split, o.fee, o.amount," \
               "       o.currency, o.state, o.index, o.created_at, o.withdrawn_at" \
               "  FROM offer o JOIN version v ON v.no = o.version JOIN dataset d ON d.id = v.dataset" \
               "  JOIN party p ON p.id = o.publisher "
const struct sql offer_sql[OFFER_STATEMENTS] = {
    [GET]      = { "offer_get", OFFERS "WHERE o.id = $1" },
    [ADD]      = { "offer_add",
                   "INSERT INTO offer (id, revision, version, publisher, terms, split, fee, amount, currency, index,"
                   "                   created_at)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)" },
    [WITHDRAW] = { "offer_withdraw",
                   "UPDATE offer SET state = 'withdrawn', withdrawn_at = $2"
                   " WHERE id = $1 AND state IN ('open', 'paused')" },
    [LIST]     = { "offer_list",
                   OFFERS "WHERE o.state = 'open' AND ($1::text IS NULL OR o.id > $1)"
                   "   AND ($2::text IS NULL OR (d.owner = $2 AND d.name = $3::text))"
                   " ORDER BY o.id LIMIT $4" },
};

static const struct column columns[] = {
    COL(offer, id, T_ID),              COL(offer, revision, T_INT4),       COL(offer, version_no, T_INT8),
    COL(offer, version, T_ID),         COL(offer, version_number, T_INT4), COL(offer, owner, T_TEXT),
    COL(offer, name, T_TEXT),          COL(offer, dataset, T_ID),          COL(offer, publisher, T_ID),
    COL(offer, handle, T_TEXT),        COL(offer, terms, T_TEXT),          COL(offer, split, T_TEXT),
    COL(offer, fee, T_TEXT),           COL(offer, amount, T_INT8),         COL(offer, currency, T_TEXT),
    COL(offer, state, T_TEXT),         COL(offer, index, T_INT8),          COL(offer, created_at, T_TIME),
    COL(offer, withdrawn_at, T_TIME),
};
static const struct shape offer_shape = SHAPE(offer, columns);

err offer_get(struct scope *s, struct db *db, const char *id, struct offer *out)
{
    return db_one(s, db, &offer_sql[GET], PARAMS(P_TEXT(id)), &offer_shape, out);
}

err offer_add(struct scope *s, struct db *db, const struct offer *o)
{
    return db_do(s, db, &offer_sql[ADD],
                 PARAMS(P_ID(o->id), P_INT4(o->revision), P_INT8(o->version_no), P_ID(o->publisher), P_TEXT(o->terms),
                        P_TEXT(o->split), P_TEXT(o->fee), P_INT8(o->amount), P_TEXT(o->currency), P_INT8(o->index),
                        P_TIME(o->created_at)), NULL);
}

err offer_withdraw(struct scope *s, struct db *db, const char *id, int64_t at_ms)
{
    int64_t touched;

    TRY(db_do(s, db, &offer_sql[WITHDRAW], PARAMS(P_TEXT(id), P_TIME(at_ms)), &touched));
    if (touched != 1)
        return fail(s, ERR_STALE, "the offer is withdrawn already");
    return ERR_OK;
}

err offer_list(struct scope *s, struct db *db, const char *owner, const char *name, const char *after, int64_t limit,
               struct offer **out, size_t *n)
{
    return db_many(s, db, &offer_sql[LIST], PARAMS(P_TEXT(after), P_TEXT(owner), P_TEXT(name), P_INT8(limit)),
                   &offer_shape, out, n);
}
