/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/license.h"

enum { GET, OF, ADD, END, LIST, STATEMENTS };
_Static_assert(STATEMENTS == LICENSE_STATEMENTS, "license_sql");

#define LICENSES "SELECT l.no, l.id, l.quote, l.offer, l.revision, l.version AS version_no, v.id AS version," \
                 "       v.number AS version_number, d.owner, d.name, l.publisher, l.buyer," \
                 "       pp.handle AS publisher_handle, pb.handle AS buyer_handle, l.purpose, l.territory," \
                 "       l.valid_from AS from, l.valid_until AS until, l.slice, l.slice_root, l.item_count, l.amount," \
                 "       l.currency, l.payment, l.document, l.state, l.index, l.reason, l.granted_at, l.ended_at" \
                 "  FROM license l JOIN version v ON v.no = l.version JOIN dataset d ON d.id = v.dataset" \
                 "  JOIN party pp ON pp.id = l.publisher JOIN party pb ON pb.id = l.buyer "
const struct sql license_sql[LICENSE_STATEMENTS] = {
    [GET]  = { "license_get", LICENSES "WHERE l.id = $1" },
    [OF]   = { "license_of", LICENSES "WHERE l.id = $1 AND (l.buyer = $2 OR l.publisher = $2)" },
    [ADD]  = { "license_add",
               "INSERT INTO license (id, quote, offer, revision, version, publisher, buyer, purpose, territory,"
               "                     valid_from, valid_until, slice, slice_root, item_count, amount, currency, payment,"
               "                     document, state, index, granted_at)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'active',"
               "         $19, $20)" },
    [END]  = { "license_end",
               "UPDATE license SET state = 'ended', ended_at = $2, ended_index = $3, reason = $4"
               " WHERE id = $1 AND state = 'active'" },
    [LIST] = { "license_list",
               LICENSES "WHERE (l.buyer = $1 OR l.publisher = $1) AND ($2::text IS NULL OR l.id > $2)"
               " ORDER BY l.id LIMIT $3" },
};

static const struct column columns[] = {
    COL(license, no, T_INT8),               COL(license, id, T_ID),                 COL(license, quote, T_ID),
    COL(license, offer, T_ID),              COL(license, revision, T_INT4),         COL(license, version_no, T_INT8),
    COL(license, version, T_ID),            COL(license, version_number, T_INT4),   COL(license, owner, T_TEXT),
    COL(license, name, T_TEXT),             COL(license, publisher, T_ID),          COL(license, buyer, T_ID),
    COL(license, publisher_handle, T_TEXT), COL(license, buyer_handle, T_TEXT),     COL(license, purpose, T_TEXT),
    COL(license, territory, T_TEXT),        COL(license, from, T_TIME),             COL(license, until, T_TIME),
    COL(license, slice, T_TEXT),            COL(license, slice_root, T_HASH),       COL(license, item_count, T_INT8),
    COL(license, amount, T_INT8),           COL(license, currency, T_TEXT),         COL(license, payment, T_ID),
    COL(license, document, T_HASH),         COL(license, state, T_TEXT),            COL(license, index, T_INT8),
    COL(license, reason, T_TEXT),           COL(license, granted_at, T_TIME),       COL(license, ended_at, T_TIME),
};
static const struct shape license_shape = SHAPE(license, columns);

err license_get(struct scope *s, struct db *db, const char *id, struct license *out)
{
    return db_one(s, db, &license_sql[GET], PARAMS(P_TEXT(id)), &license_shape, out);
}

err license_of(struct scope *s, struct db *db, const char *id, const char *party, struct license *out)
{
    return db_one(s, db, &license_sql[OF], PARAMS(P_TEXT(id), P_TEXT(party)), &license_shape, out);
}

err license_add(struct scope *s, struct db *db, const struct license *l)
{
    return db_do(s, db, &license_sql[ADD],
                 PARAMS(P_ID(l->id), P_ID(l->quote), P_ID(l->offer), P_INT4(l->revision), P_INT8(l->version_no),
                        P_ID(l->publisher), P_ID(l->buyer), P_TEXT(l->purpose), P_TEXT(l->territory), P_TIME(l->from),
                        P_TIME(l->until), P_TEXT(l->slice), P_HASH(&l->slice_root), P_INT8(l->item_count),
                        P_INT8(l->amount), P_TEXT(l->currency), P_ID(l->payment), P_HASH(&l->document),
                        P_INT8(l->index), P_TIME(l->granted_at)), NULL);
}

err license_end(struct scope *s, struct db *db, const char *id, int64_t at_ms, uint64_t index, const char *reason)
{
    int64_t touched;

    TRY(db_do(s, db, &license_sql[END],
              PARAMS(P_TEXT(id), P_TIME(at_ms), P_INT8((int64_t)index), P_TEXT(reason)), &touched));
    if (touched != 1)
        return fail(s, ERR_STALE, "the license is not active");
    return ERR_OK;
}

err license_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct license **out, size_t *n)
{
    return db_many(s, db, &license_sql[LIST], PARAMS(P_TEXT(party), P_TEXT(after), P_INT8(limit)), &license_shape,
                   out, n);
}
