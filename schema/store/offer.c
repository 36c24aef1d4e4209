/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/offer.h"

#include "schema/store/sold.h"

enum { ADD, GET, HOLD, LIST, WITHDRAW };

#define SELECT "SELECT o.id, o.revision::bigint AS revision, o.publisher, p.handle AS publisher_handle, o.terms," \
               " o.split, o.fee, o.kind, o.amount, o.minimum, o.currency, o.state, o.index, o.created_at," \
               " o.withdrawn_at, " SOLD_COLUMNS \
               "  FROM offer o JOIN party p ON p.id = o.publisher JOIN version v ON v.no = o.version" SOLD_JOIN
const struct sql offer_sql[OFFER_STATEMENTS] = {
    [ADD]      = { "offer_add",
                   "INSERT INTO offer (id, revision, version, publisher, terms, split, fee, kind, amount, minimum,"
                   "                   currency, index, created_at)"
                   " VALUES ($1, $2::bigint, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)" },
    [GET]      = { "offer_get", SELECT " WHERE o.id = $1" },
    [HOLD]     = { "offer_hold", SELECT " WHERE o.id = $1 FOR SHARE OF o" },
    [LIST]     = { "offer_list",
                   SELECT " WHERE o.state <> 'withdrawn' AND o.id > $3"
                   "   AND ($1::text IS NULL OR (d.owner = $1 AND d.name = $2::text)) ORDER BY o.id LIMIT $4" },
    [WITHDRAW] = { "offer_withdraw",
                   "UPDATE offer SET state = 'withdrawn', withdrawn_at = $2 WHERE id = $1 AND state <> 'withdrawn'" },
};

static const struct column columns[] = {
    COL(offer, id, T_ID),         COL(offer, revision, T_INT8),     COL(offer, publisher, T_ID),
    COL(offer, publisher_handle, T_TEXT),                           COL(offer, terms, T_TEXT),
    COL(offer, split, T_TEXT),    COL(offer, fee, T_TEXT),          COL(offer, kind, T_TEXT),
    COL(offer, amount, T_INT8),   COL(offer, minimum, T_INT8),
    COL(offer, currency, T_TEXT), COL(offer, state, T_TEXT),        COL(offer, index, T_INT8),
    COL(offer, created_at, T_TIME), COL(offer, withdrawn_at, T_TIME), SOLD_SHAPE(offer),
};
static const struct shape offer_shape = SHAPE(offer, columns);

err offer_add(struct scope *s, struct db *db, const struct offer *o)
{
    return db_do(s, db, &offer_sql[ADD],
                 PARAMS(P_ID(o->id), P_INT8(o->revision), P_INT8(o->version.no), P_ID(o->publisher), P_TEXT(o->terms),
                        P_TEXT(o->split), P_TEXT(o->fee), P_TEXT(o->kind), P_INT8(o->amount), P_INT8(o->minimum),
                        P_TEXT(o->currency), P_INT8(o->index), P_TIME(o->created_at)), NULL);
}

err offer_get(struct scope *s, struct db *db, const char *id, struct offer *out)
{
    return db_one(s, db, &offer_sql[GET], PARAMS(P_TEXT(id)), &offer_shape, out);
}

err offer_hold(struct scope *s, struct db *db, const char *id, struct offer *out)
{
    return db_one(s, db, &offer_sql[HOLD], PARAMS(P_TEXT(id)), &offer_shape, out);
}

err offer_list(struct scope *s, struct db *db, const char *owner, const char *name, const char *after, int64_t limit,
               struct offer **out, size_t *n)
{
    return db_many(s, db, &offer_sql[LIST], PARAMS(P_TEXT(owner), P_TEXT(name), P_TEXT(after), P_INT8(limit)),
                   &offer_shape, out, n);
}

err offer_withdraw(struct scope *s, struct db *db, const char *id, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &offer_sql[WITHDRAW], PARAMS(P_TEXT(id), P_TIME(at)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the offer is withdrawn already");
}
