/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/quote.h"

enum { ADD, GET, ACCEPT, EXPIRE, STATEMENTS };
_Static_assert(STATEMENTS == QUOTE_STATEMENTS, "quote_sql");

const struct sql quote_sql[QUOTE_STATEMENTS] = {
    [ADD]    = { "quote_add",
                 "INSERT INTO quote (id, buyer, offer, revision, version, purpose, territory, valid_from, valid_until,"
                 "                   slice, slice_root, item_count, bytes, amount, currency, expires_at, created_at)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)" },
    [GET]    = { "quote_get",
                 "SELECT q.id, q.buyer, q.offer, q.revision, q.version AS version_no, v.number AS version_number,"
                 "       d.owner, d.name, q.purpose, q.territory, q.valid_from AS from, q.valid_until AS until,"
                 "       q.slice, q.slice_root, q.item_count, q.bytes, q.amount, q.currency, q.state, q.expires_at,"
                 "       q.created_at"
                 "  FROM quote q JOIN version v ON v.no = q.version JOIN dataset d ON d.id = v.dataset"
                 " WHERE q.id = $1 AND q.buyer = $2" },
    [ACCEPT] = { "quote_accept", "UPDATE quote SET state = 'accepted' WHERE id = $1 AND state = 'open'" },
    [EXPIRE] = { "quote_expire",
                 "UPDATE quote SET state = 'expired' WHERE id IN"
                 " (SELECT id FROM quote WHERE state = 'open' AND expires_at <= $1 LIMIT $2)" },
};

static const struct column columns[] = {
    COL(quote, id, T_ID),             COL(quote, buyer, T_ID),          COL(quote, offer, T_ID),
    COL(quote, revision, T_INT4),     COL(quote, version_no, T_INT8),   COL(quote, version_number, T_INT4),
    COL(quote, owner, T_TEXT),        COL(quote, name, T_TEXT),         COL(quote, purpose, T_TEXT),
    COL(quote, territory, T_TEXT),    COL(quote, from, T_TIME),         COL(quote, until, T_TIME),
    COL(quote, slice, T_TEXT),        COL(quote, slice_root, T_HASH),   COL(quote, item_count, T_INT8),
    COL(quote, bytes, T_INT8),        COL(quote, amount, T_INT8),       COL(quote, currency, T_TEXT),
    COL(quote, state, T_TEXT),        COL(quote, expires_at, T_TIME),   COL(quote, created_at, T_TIME),
};
static const struct shape quote_shape = SHAPE(quote, columns);

err quote_add(struct scope *s, struct db *db, const struct quote *q)
{
    return db_do(s, db, &quote_sql[ADD],
                 PARAMS(P_ID(q->id), P_ID(q->buyer), P_ID(q->offer), P_INT4(q->revision), P_INT8(q->version_no),
                        P_TEXT(q->purpose), P_TEXT(q->territory), P_TIME(q->from), P_TIME(q->until), P_TEXT(q->slice),
                        P_HASH(&q->slice_root), P_INT8(q->item_count), P_INT8(q->bytes), P_INT8(q->amount),
                        P_TEXT(q->currency), P_TIME(q->expires_at), P_TIME(q->created_at)), NULL);
}

err quote_get(struct scope *s, struct db *db, const char *id, const char *buyer, struct quote *out)
{
    return db_one(s, db, &quote_sql[GET], PARAMS(P_TEXT(id), P_TEXT(buyer)), &quote_shape, out);
}

err quote_accept(struct scope *s, struct db *db, const char *id)
{
    int64_t touched;

    TRY(db_do(s, db, &quote_sql[ACCEPT], PARAMS(P_TEXT(id)), &touched));
    if (touched != 1)
        return fail(s, ERR_STALE, "the quote is no longer open: ask for a new one");
    return ERR_OK;
}

err quote_expire(struct scope *s, struct db *db, int64_t now_ms, int64_t limit, int64_t *expired)
{
    return db_do(s, db, &quote_sql[EXPIRE], PARAMS(P_TIME(now_ms), P_INT8(limit)), expired);
}
