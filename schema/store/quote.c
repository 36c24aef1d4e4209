/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/quote.h"

#include "schema/store/sold.h"

enum { ADD, GET, HOLD, ACCEPT, CUT };

#define COLUMNS "q.id, q.buyer, q.offer, q.revision::bigint AS revision, q.purpose, q.territory, q.valid_from," \
                " q.valid_until, q.slice, coalesce(q.slice_no, -1) AS slice_no, q.slice_root, q.item_count, q.bytes," \
                " q.exclusions, q.forecast, q.amount, q.currency, q.expires_at, q.created_at, " SOLD_COLUMNS
#define FROM    "  FROM quote q JOIN version v ON v.no = q.version" SOLD_JOIN " WHERE q.buyer = $1 AND q.id = $2"
const struct sql quote_sql[QUOTE_STATEMENTS] = {
    [ADD]    = { "quote_add",
                 "INSERT INTO quote (id, buyer, offer, revision, version, purpose, territory, valid_from, valid_until,"
                 " slice,"
                 "                   slice_no, slice_root, item_count, bytes, exclusions, amount, currency, expires_at,"
                 "                   created_at, forecast)"
                 " VALUES ($1, $2, $3, $4::bigint, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
                 "         $19, $20)" },
    [GET]    = { "quote_get",
                 "SELECT " COLUMNS ", CASE WHEN q.state = 'open' AND q.expires_at <= clock_timestamp() THEN 'expired'"
                 " ELSE q.state END AS state" FROM },
    [HOLD]   = { "quote_hold", "SELECT " COLUMNS ", q.state" FROM " FOR UPDATE OF q" },
    [CUT]    = { "quote_cut",
                 "SELECT coalesce(sum(item_count), 0)::bigint AS items"
                 "  FROM (SELECT DISTINCT slice_no, item_count FROM quote WHERE buyer = $1 AND state = 'open'"
                 "           AND expires_at > clock_timestamp() AND slice <> '{}') q" },
    [ACCEPT] = { "quote_accept", "UPDATE quote SET state = 'accepted' WHERE id = $1 AND state = 'open'" },
};

static const struct column columns[] = {
    COL(quote, id, T_ID),            COL(quote, buyer, T_ID),       COL(quote, offer, T_ID),
    COL(quote, revision, T_INT8),
    COL(quote, purpose, T_TEXT),     COL(quote, territory, T_TEXT), COL(quote, valid_from, T_TIME),
    COL(quote, valid_until, T_TIME), COL(quote, slice, T_TEXT),     COL(quote, slice_no, T_INT8),
    COL(quote, slice_root, T_HASH),  COL(quote, item_count, T_INT8), COL(quote, bytes, T_INT8),
    COL(quote, exclusions, T_TEXT),  COL(quote, forecast, T_TEXT),
    COL(quote, amount, T_INT8),    COL(quote, currency, T_TEXT),
    COL(quote, state, T_TEXT),       COL(quote, expires_at, T_TIME), COL(quote, created_at, T_TIME), SOLD_SHAPE(quote),
};
static const struct shape quote_shape = SHAPE(quote, columns);

err quote_add(struct scope *s, struct db *db, const struct quote *q)
{
    return db_do(s, db, &quote_sql[ADD],
                 PARAMS(P_ID(q->id), P_ID(q->buyer), P_ID(q->offer), P_INT8(q->revision), P_INT8(q->version.no),
                        P_TEXT(q->purpose), P_TEXT(q->territory), P_TIME(q->valid_from), P_TIME(q->valid_until),
                        P_TEXT(q->slice), P_INT8(q->slice_no), P_HASH(&q->slice_root), P_INT8(q->item_count),
                        P_INT8(q->bytes), P_TEXT(q->exclusions), P_INT8(q->amount), P_TEXT(q->currency),
                        P_TIME(q->expires_at), P_TIME(q->created_at), P_TEXT(q->forecast)), NULL);
}

err quote_get(struct scope *s, struct db *db, const char *buyer, const char *id, struct quote *out)
{
    return db_one(s, db, &quote_sql[GET], PARAMS(P_TEXT(buyer), P_TEXT(id)), &quote_shape, out);
}

err quote_hold(struct scope *s, struct db *db, const char *buyer, const char *id, struct quote *out)
{
    return db_one(s, db, &quote_sql[HOLD], PARAMS(P_TEXT(buyer), P_TEXT(id)), &quote_shape, out);
}

err quote_accept(struct scope *s, struct db *db, const char *id)
{
    int64_t touched;

    TRY(db_do(s, db, &quote_sql[ACCEPT], PARAMS(P_TEXT(id)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the quote was accepted already");
}

err quote_cut_items(struct scope *s, struct db *db, const char *buyer, int64_t *items)
{
    static const struct column column[] = { { "items", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &quote_sql[CUT], PARAMS(P_TEXT(buyer)), &shape, items);
}
