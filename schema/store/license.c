/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/license.h"

#include "schema/store/sold.h"

enum { ADD, GET, HOLD, LIST, END, COVERS };

#define SELECT "SELECT l.no, l.id, l.quote, l.offer, l.revision::bigint AS revision, l.publisher, l.buyer," \
               " s.handle AS publisher_handle, b.handle AS buyer_handle, l.purpose, l.territory, l.valid_from," \
               " l.valid_until, l.slice, l.slice_no, l.slice_root, l.item_count, l.amount, l.currency, l.payment," \
               " l.document, l.state, l.index, coalesce(l.ended_index, -1) AS ended_index, l.reason," \
               " l.granted_at, l.ended_at," \
               " " SOLD_COLUMNS \
               "  FROM license l JOIN party s ON s.id = l.publisher JOIN party b ON b.id = l.buyer" \
               "  JOIN version v ON v.no = l.version" SOLD_JOIN
#define OF_PARTY " WHERE l.id = $1 AND ($2::text IS NULL OR $2 IN (l.buyer, l.publisher))"
const struct sql license_sql[LICENSE_STATEMENTS] = {
    [ADD]    = { "license_add",
                 "INSERT INTO license (id, quote, offer, revision, version, publisher, buyer, purpose, territory,"
                 " valid_from,"
                 "                     valid_until, slice, slice_no, slice_root, item_count, amount, currency, payment,"
                 "                     document, state, index, granted_at)"
                 " VALUES ($1, $2, $3, $4::bigint, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
                 "         $19, $20, $21, $22)" },
    [GET]    = { "license_get", SELECT OF_PARTY },
    [HOLD]   = { "license_hold", SELECT OF_PARTY " FOR UPDATE OF l" },
    [LIST]   = { "license_list", SELECT " WHERE $1 IN (l.buyer, l.publisher) AND l.id > $2 ORDER BY l.id LIMIT $3" },
    [END]    = { "license_end",
                 "UPDATE license SET state = 'ended', ended_index = $2, reason = $3, ended_at = $4"
                 " WHERE id = $1 AND state <> 'ended'" },
    [COVERS] = { "license_covers",
                 "SELECT EXISTS (SELECT FROM license l JOIN slice c ON c.no = l.slice_no"
                 "                WHERE l.version = $1 AND l.buyer = $2 AND c.whole) AS covers" },
};

static const struct column columns[] = {
    COL(license, no, T_INT8),          COL(license, id, T_ID),            COL(license, quote, T_ID),
    COL(license, offer, T_ID),         COL(license, revision, T_INT8),    COL(license, publisher, T_ID),
    COL(license, buyer, T_ID),         COL(license, publisher_handle, T_TEXT), COL(license, buyer_handle, T_TEXT),
    COL(license, purpose, T_TEXT),     COL(license, territory, T_TEXT),   COL(license, valid_from, T_TIME),
    COL(license, valid_until, T_TIME), COL(license, slice, T_TEXT),       COL(license, slice_no, T_INT8),
    COL(license, slice_root, T_HASH),
    COL(license, item_count, T_INT8),  COL(license, amount, T_INT8),      COL(license, currency, T_TEXT),
    COL(license, payment, T_ID),       COL(license, document, T_HASH),    COL(license, state, T_TEXT),
    COL(license, index, T_INT8),       COL(license, ended_index, T_INT8), COL(license, reason, T_TEXT),
    COL(license, granted_at, T_TIME),  COL(license, ended_at, T_TIME),    SOLD_SHAPE(license),
};
static const struct shape license_shape = SHAPE(license, columns);

err license_add(struct scope *s, struct db *db, const struct license *l)
{
    return db_do(s, db, &license_sql[ADD],
                 PARAMS(P_ID(l->id), P_ID(l->quote), P_ID(l->offer), P_INT8(l->revision), P_INT8(l->version.no),
                        P_ID(l->publisher), P_ID(l->buyer), P_TEXT(l->purpose), P_TEXT(l->territory),
                        P_TIME(l->valid_from), P_TIME(l->valid_until), P_TEXT(l->slice), P_INT8(l->slice_no),
                        P_HASH(&l->slice_root), P_INT8(l->item_count), P_INT8(l->amount), P_TEXT(l->currency),
                        P_ID(l->payment), P_HASH(&l->document), P_TEXT(l->state), P_INT8(l->index),
                        P_TIME(l->granted_at)), NULL);
}

err license_get(struct scope *s, struct db *db, const char *id, const char *party, struct license *out)
{
    return db_one(s, db, &license_sql[GET], PARAMS(P_TEXT(id), P_TEXT(party)), &license_shape, out);
}

err license_hold(struct scope *s, struct db *db, const char *id, const char *party, struct license *out)
{
    return db_one(s, db, &license_sql[HOLD], PARAMS(P_TEXT(id), P_TEXT(party)), &license_shape, out);
}

err license_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct license **out, size_t *n)
{
    return db_many(s, db, &license_sql[LIST], PARAMS(P_TEXT(party), P_TEXT(after), P_INT8(limit)), &license_shape,
                   out, n);
}

err license_end(struct scope *s, struct db *db, const char *id, uint64_t index, const char *reason, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &license_sql[END], PARAMS(P_TEXT(id), P_INT8((int64_t)index), P_TEXT(reason), P_TIME(at)),
              &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the license has ended already");
}

err license_covers(struct scope *s, struct db *db, int64_t version_no, const char *party, bool *covers)
{
    static const struct column column[] = { { "covers", T_BOOL, 0 } };
    static const struct shape shape = { sizeof(bool), 1, column };

    return db_one(s, db, &license_sql[COVERS], PARAMS(P_INT8(version_no), P_TEXT(party)), &shape, covers);
}
