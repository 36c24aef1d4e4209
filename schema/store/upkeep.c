/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/upkeep.h"

enum { ENTRIES, HEADS, SUBTREES, EDGE, REHASH_GET, REHASH_SET, REHASH_PASSED, IDEMPOTENCY, QUOTES, STATEMENTS };
_Static_assert(STATEMENTS == UPKEEP_STATEMENTS, "upkeep_sql");

const struct sql upkeep_sql[UPKEEP_STATEMENTS] = {
    [ENTRIES]     = { "upkeep_entries",
                      "SELECT index, bytes, leaf FROM entry WHERE index >= $1 AND index < $2 ORDER BY index" },
    [HEADS]       = { "upkeep_heads",
                      "SELECT size, root FROM tree_head WHERE size > $1 AND size <= $2 ORDER BY size" },
    [SUBTREES]    = { "upkeep_subtrees",
                      "SELECT t.level, t.n, t.hash FROM generate_series(1, 5) AS l (level)"
                      "  JOIN subtree t ON t.level = l.level AND t.n >= $1::bigint >> 8 * l.level"
                      "                AND t.n < $2::bigint >> 8 * l.level"
                      " ORDER BY t.level, t.n" },
    /* What a tree of $1 entries is made of: at each level the subtrees of the tile that is not full, all at the top. */
    [EDGE]        = { "upkeep_edge",
                      "SELECT t.level, t.n, t.hash FROM generate_series(1, 5) AS l (level)"
                      "  JOIN subtree t ON t.level = l.level AND t.n < $1::bigint >> 8 * l.level"
                      "                AND t.n >= CASE l.level WHEN 5 THEN 0"
                      "                                ELSE ($1::bigint >> 8 * (l.level + 1)) << 8 END"
                      " ORDER BY t.level DESC, t.n" },
    [REHASH_GET]  = { "upkeep_rehash_get",
                      "SELECT size, root, total, passed_size, passed_at FROM rehash" },
    [REHASH_SET]  = { "upkeep_rehash_set",
                      "UPDATE rehash SET size = $1, root = $2, total = $3" },
    [REHASH_PASSED] = { "upkeep_rehash_passed",
                      "UPDATE rehash SET size = 0, root = NULL, total = 0, passed_size = $1,"
                      " passed_at = clock_timestamp()" },
    [IDEMPOTENCY] = { "upkeep_idempotency",
                      "DELETE FROM idempotency WHERE (party, key) IN"
                      " (SELECT party, key FROM idempotency WHERE expires_at < now() ORDER BY expires_at LIMIT $1)" },
    [QUOTES]      = { "upkeep_quotes",
                      "UPDATE quote SET state = 'expired' WHERE id IN"
                      " (SELECT id FROM quote WHERE state = 'open' AND expires_at < now() LIMIT $1"
                      "    FOR UPDATE SKIP LOCKED)" },
};

static const struct column entry_columns[] = {
    COL(stored_entry, index, T_INT8), COL(stored_entry, bytes, T_BYTES), COL(stored_entry, leaf, T_HASH),
};
static const struct shape entry_shape = SHAPE(stored_entry, entry_columns);

static const struct column head_columns[] = {
    COL(stored_head, size, T_INT8), COL(stored_head, root, T_HASH),
};
static const struct shape head_shape = SHAPE(stored_head, head_columns);

static const struct column subtree_columns[] = {
    COL(stored_subtree, level, T_INT4), COL(stored_subtree, n, T_INT8), COL(stored_subtree, hash, T_HASH),
};
static const struct shape subtree_shape = SHAPE(stored_subtree, subtree_columns);

static const struct column rehash_columns[] = {
    COL(rehash, size, T_INT8), COL(rehash, root, T_HASH), COL(rehash, total, T_INT8), COL(rehash, passed_size, T_INT8),
    COL(rehash, passed_at, T_TIME),
};
static const struct shape rehash_shape = SHAPE(rehash, rehash_columns);

err upkeep_entries(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct stored_entry **out, size_t *n)
{
    return db_many(s, db, &upkeep_sql[ENTRIES], PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)), &entry_shape,
                   out, n);
}

err upkeep_heads(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct stored_head **out, size_t *n)
{
    return db_many(s, db, &upkeep_sql[HEADS], PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)), &head_shape, out,
                   n);
}

err upkeep_subtrees(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct stored_subtree **out,
                    size_t *n)
{
    return db_many(s, db, &upkeep_sql[SUBTREES], PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)), &subtree_shape,
                   out, n);
}

err upkeep_edge(struct scope *s, struct db *db, uint64_t size, struct stored_subtree **out, size_t *n)
{
    return db_many(s, db, &upkeep_sql[EDGE], PARAMS(P_INT8((int64_t)size)), &subtree_shape, out, n);
}

err upkeep_rehash_get(struct scope *s, struct db *db, struct rehash *out)
{
    return db_one(s, db, &upkeep_sql[REHASH_GET], NO_PARAMS, &rehash_shape, out);
}

err upkeep_rehash_set(struct scope *s, struct db *db, uint64_t size, const struct hash *root, uint64_t total)
{
    return db_do(s, db, &upkeep_sql[REHASH_SET], PARAMS(P_INT8((int64_t)size), P_HASH(root), P_INT8((int64_t)total)),
                 NULL);
}

err upkeep_rehash_passed(struct scope *s, struct db *db, uint64_t size)
{
    return db_do(s, db, &upkeep_sql[REHASH_PASSED], PARAMS(P_INT8((int64_t)size)), NULL);
}

err upkeep_idempotency(struct scope *s, struct db *db, int64_t limit, int64_t *touched)
{
    return db_do(s, db, &upkeep_sql[IDEMPOTENCY], PARAMS(P_INT8(limit)), touched);
}

err upkeep_quotes(struct scope *s, struct db *db, int64_t limit, int64_t *touched)
{
    return db_do(s, db, &upkeep_sql[QUOTES], PARAMS(P_INT8(limit)), touched);
}
