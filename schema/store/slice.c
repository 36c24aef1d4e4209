/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/slice.h"

enum { HOLD, NUMBER, FIND, FILL_EACH, KEEP, ITEMS, CONTRIBUTORS, WEIGHTS_BY_ITEM, WEIGHTS_BY_BYTE };

#define ITEM "i.n, i.path, i.sha256, i.size"
#define WEIGHTS(of) "SELECT c.party, sum(" of ")::bigint AS weight FROM slice_member m" \
                    "  JOIN item i ON i.version = m.version AND i.n = m.n" \
                    "  JOIN item_contributor c ON c.version = m.version AND c.n = m.n" \
                    " WHERE m.slice = $1 GROUP BY c.party ORDER BY c.party COLLATE \"C\""
const struct sql slice_sql[SLICE_STATEMENTS] = {
    /* Two that make the same slice would both fill it. */
    [HOLD]            = { "slice_hold", "SELECT pg_advisory_xact_lock(hashint8($1), $2)" },
    [NUMBER]          = { "slice_number", "SELECT nextval('slice_no') AS no" },
    [FIND]            = { "slice_find",
                          "SELECT no, version, request, digest, whole, root, item_count, bytes, created_at FROM slice"
                          " WHERE version = $1 AND digest = $2" },
    [FILL_EACH]       = { "slice_fill_each",
                          "SELECT " ITEM " FROM slice_item x JOIN item i ON i.version = $2 AND i.n = x.n"
                          " WHERE x.slice = $1 ORDER BY i.n" },
    [KEEP]            = { "slice_keep",
                          "INSERT INTO slice (no, version, request, digest, whole, root, item_count, bytes)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" },
    [ITEMS]           = { "slice_items",
                          "SELECT " ITEM " FROM slice_member m JOIN item i ON i.version = m.version AND i.n = m.n"
                          " WHERE m.slice = $1 AND m.n > $2::bigint ORDER BY m.n LIMIT $3" },
    [CONTRIBUTORS]    = { "contributors_fill",
                          "INSERT INTO item_contributor (version, n, place, party, role, weight)"
                          " SELECT i.version, i.n, (c.place - 1)::integer, c.value ->> 'party', c.value ->> 'role',"
                          "        (c.value ->> 'weight')::integer"
                          "   FROM item i CROSS JOIN LATERAL jsonb_array_elements(i.contributors::jsonb)"
                          "        WITH ORDINALITY AS c (value, place)"
                          "  WHERE i.version = $1 AND i.n >= $2 AND i.n < $3"
                          " UNION ALL"
                          " SELECT i.version, i.n, 0, v.publisher, 'publisher', 1"
                          "   FROM item i JOIN version v ON v.no = i.version"
                          "  WHERE i.version = $1 AND i.n >= $2 AND i.n < $3 AND i.contributors = '[]'" },
    [WEIGHTS_BY_ITEM] = { "slice_weights_by_item", WEIGHTS("c.weight") },
    [WEIGHTS_BY_BYTE] = { "slice_weights_by_byte", WEIGHTS("c.weight * i.size") },
};

static const struct column columns[] = {
    COL(kept_slice, no, T_INT8),      COL(kept_slice, version, T_INT8), COL(kept_slice, request, T_TEXT),
    COL(kept_slice, digest, T_HASH),  COL(kept_slice, whole, T_BOOL),   COL(kept_slice, root, T_HASH),
    COL(kept_slice, item_count, T_INT8), COL(kept_slice, bytes, T_INT8), COL(kept_slice, created_at, T_TIME),
};
static const struct shape kept_shape = SHAPE(kept_slice, columns);

static const struct column item_columns[] = {
    COL(item, n, T_INT4), COL(item, path, T_TEXT), COL(item, sha256, T_HASH), COL(item, size, T_INT8),
};
static const struct shape item_shape = SHAPE(item, item_columns);

static const struct column weight_columns[] = {
    COL(contributor_weight, party, T_TEXT), COL(contributor_weight, weight, T_INT8),
};
static const struct shape weight_shape = SHAPE(contributor_weight, weight_columns);

err slice_hold(struct scope *s, struct db *db, int64_t version, const struct hash *digest, int64_t *no)
{
    static const struct column column[] = { { "no", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    TRY(db_do(s, db, &slice_sql[HOLD], PARAMS(P_INT8(version), P_INT4((int32_t)be32_read(digest->b))), NULL));
    return db_one(s, db, &slice_sql[NUMBER], NO_PARAMS, &shape, no);
}

err slice_find(struct scope *s, struct db *db, int64_t version, const struct hash *digest, struct kept_slice *out)
{
    return db_one(s, db, &slice_sql[FIND], PARAMS(P_INT8(version), P_HASH(digest)), &kept_shape, out);
}

err slice_fill(struct scope *s, struct db *db, int64_t no, int64_t version, const struct slice *slice, int64_t *items)
{
    struct slice_query q;
    struct sql insert = { DB_UNNAMED, NULL };
    struct sql_param params[ARRAY_LEN(q.params) + 1];

    slice_compile(s, version, slice, &q);
    insert.text = scope_printf(s, "INSERT INTO slice_item (slice, n) SELECT $%zu, q.n FROM (%s) AS q", q.n + 1, q.text);
    for (size_t i = 0; i < q.n; i++)
        params[i] = q.params[i];
    params[q.n] = P_INT8(no);
    return db_do(s, db, &insert, params, q.n + 1, items);
}

err slice_fill_each(struct scope *s, struct db *db, int64_t no, int64_t version,
                    err (*each)(struct scope *s, void *arg, void *item), void *arg)
{
    struct item row = { 0 };

    return db_each(s, db, &slice_sql[FILL_EACH], PARAMS(P_INT8(no), P_INT8(version)), &item_shape, &row, each, arg);
}

err slice_keep(struct scope *s, struct db *db, const struct kept_slice *k)
{
    return db_do(s, db, &slice_sql[KEEP],
                 PARAMS(P_INT8(k->no), P_INT8(k->version), P_TEXT(k->request), P_HASH(&k->digest), P_BOOL(k->whole),
                        P_HASH(&k->root), P_INT8(k->item_count), P_INT8(k->bytes)), NULL);
}

err slice_items(struct scope *s, struct db *db, int64_t no, int64_t after, int64_t limit, struct item **out, size_t *n)
{
    return db_many(s, db, &slice_sql[ITEMS], PARAMS(P_INT8(no), P_INT8(after), P_INT8(limit)), &item_shape, out, n);
}

err contributors_fill(struct scope *s, struct db *db, int64_t version, int32_t from, int32_t to, int64_t *rows)
{
    return db_do(s, db, &slice_sql[CONTRIBUTORS], PARAMS(P_INT8(version), P_INT4(from), P_INT4(to)), rows);
}

err slice_weights(struct scope *s, struct db *db, int64_t no, bool per_byte,
                  err (*each)(struct scope *s, void *arg, void *contributor_weight), void *arg)
{
    struct contributor_weight row;

    return db_each(s, db, &slice_sql[per_byte ? WEIGHTS_BY_BYTE : WEIGHTS_BY_ITEM], PARAMS(P_INT8(no)), &weight_shape,
                   &row, each, arg);
}
