/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/snapshot.h"

#include "schema/store/creator_sql.h"

enum { GIVE_UP, BEGIN, UNHURRIED, ACCOUNTS, LEAVES_IN, TILES_IN, TREE, PASSED, ENTER, NEWEST, GET, LIST, TREES, LEAVES,
       LEAF, NEIGHBORS, TILES, STATEMENTS_USED };

#define SNAPSHOT "SELECT no, as_of, index, at FROM snapshot WHERE index IS NOT NULL AND "
#define LEAF_OF  "SELECT place, id, commitment, balance, account, coalesce(n, 0) AS n, salt FROM snapshot_leaf" \
                 " WHERE snapshot = $1 AND currency = $2 AND "
const struct sql snapshot_sql[SNAPSHOT_STATEMENTS] = {
    [GIVE_UP]   = { "snapshot_give_up", "DELETE FROM snapshot WHERE index IS NULL" },
    [BEGIN]     = { "snapshot_begin",
                    "INSERT INTO snapshot (as_of) SELECT size FROM tree_head WHERE size > 0 ORDER BY size DESC LIMIT 1"
                    " RETURNING no, as_of, -1::bigint AS index, NULL::timestamptz AS at" },
    [UNHURRIED] = { "snapshot_unhurried", "SELECT set_config('statement_timeout', '0', true)" },
    [ACCOUNTS]  = { "snapshot_accounts",
                    "SELECT c.id AS account, c.currency, z.n,"
                    "       greatest(coalesce(h.balance, 0) + coalesce(v.balance, 0), 0) AS balance"
                    "  FROM creator_account c JOIN party p ON p.id = c.party AND p.state <> 'closed'"
                    CREATOR_LAST("v", "available") CREATOR_PENDING
                    " CROSS JOIN LATERAL " CREATOR_LINES " z" },
    [LEAVES_IN] = { "snapshot_leaves_in",
                    "COPY snapshot_leaf (snapshot, currency, place, id, commitment, balance, account, n, salt)"
                    " FROM STDIN (FORMAT binary)" },
    [TILES_IN]  = { "snapshot_tiles_in",
                    "COPY snapshot_tile (snapshot, currency, level, n, nodes) FROM STDIN (FORMAT binary)" },
    [TREE]      = { "snapshot_tree_add",
                    "INSERT INTO snapshot_tree (snapshot, currency, accounts, root, total)"
                    " VALUES ($1, $2, $3, $4, $5)" },
    [PASSED]    = { "snapshot_passed",
                    "SELECT EXISTS (SELECT FROM allocation WHERE index >= $1)"
                    "    OR ($2 AND EXISTS (SELECT FROM payout WHERE index >= $1))"
                    "    OR EXISTS (SELECT FROM payout WHERE failed_index >= $1) AS passed" },
    [ENTER]     = { "snapshot_enter",
                    "UPDATE snapshot s SET index = $2, at = $3 WHERE s.no = $1 AND s.index IS NULL"
                    "   AND NOT EXISTS (SELECT FROM snapshot n WHERE n.index IS NOT NULL AND n.as_of >= s.as_of)" },
    [NEWEST]    = { "snapshot_newest", SNAPSHOT "index < $1 ORDER BY index DESC LIMIT 1" },
    [GET]       = { "snapshot_get", SNAPSHOT "index = $1 AND index < $2" },
    [LIST]      = { "snapshot_list", SNAPSHOT "index < $1 ORDER BY index DESC LIMIT $2" },
    [TREES]     = { "snapshot_trees",
                    "SELECT currency, accounts, root, total FROM snapshot_tree WHERE snapshot = $1"
                    " ORDER BY currency COLLATE \"C\"" },
    [LEAVES]    = { "snapshot_leaves", LEAF_OF "place >= $3 ORDER BY place LIMIT $4" },
    [LEAF]      = { "snapshot_leaf_of", LEAF_OF "id = $3" },
    [NEIGHBORS] = { "snapshot_neighbors",
                    "(" LEAF_OF "id < $3 ORDER BY id DESC LIMIT 1) UNION ALL"
                    " (" LEAF_OF "id > $3 ORDER BY id LIMIT 1)" },
    [TILES]     = { "snapshot_tiles",
                    "SELECT t.level, t.n, t.nodes FROM generate_series(0, 5) g (level) JOIN snapshot_tile t"
                    "    ON t.snapshot = $1 AND t.currency = $2 AND t.level = g.level"
                    "   AND t.n = $3::bigint >> 8 * (g.level + 1) ORDER BY t.level" },
};
_Static_assert(STATEMENTS_USED == SNAPSHOT_STATEMENTS, "each statement has its place");

static const struct column snapshot_columns[] = {
    COL(snapshot, no, T_INT8), COL(snapshot, as_of, T_INT8), COL(snapshot, index, T_INT8), COL(snapshot, at, T_TIME),
};
static const struct shape snapshot_shape = SHAPE(snapshot, snapshot_columns);

static const struct column account_columns[] = {
    COL(held_account, account, T_TEXT), COL(held_account, currency, T_TEXT), COL(held_account, n, T_INT8),
    COL(held_account, balance, T_INT8),
};
static const struct shape account_shape = SHAPE(held_account, account_columns);

static const struct column tree_columns[] = {
    COL(snapshot_tree, currency, T_TEXT), COL(snapshot_tree, accounts, T_INT8), COL(snapshot_tree, root, T_HASH),
    COL(snapshot_tree, total, T_TEXT),
};
static const struct shape tree_shape = SHAPE(snapshot_tree, tree_columns);

static const struct column leaf_columns[] = {
    COL(snapshot_leaf, place, T_INT8),   COL(snapshot_leaf, id, T_HASH),      COL(snapshot_leaf, commitment, T_HASH),
    COL(snapshot_leaf, balance, T_INT8), COL(snapshot_leaf, account, T_TEXT), COL(snapshot_leaf, n, T_INT8),
    COL(snapshot_leaf, salt, T_BYTES),
};
static const struct shape leaf_shape = SHAPE(snapshot_leaf, leaf_columns);

static const struct column tile_columns[] = {
    COL(snapshot_tile, level, T_INT4), COL(snapshot_tile, n, T_INT8), COL(snapshot_tile, nodes, T_BYTES),
};
static const struct shape tile_shape = SHAPE(snapshot_tile, tile_columns);

err snapshot_give_up(struct scope *s, struct db *db)
{
    return db_do(s, db, &snapshot_sql[GIVE_UP], NO_PARAMS, NULL);
}

err snapshot_begin(struct scope *s, struct db *db, struct snapshot *out)
{
    TRY(db_do(s, db, &snapshot_sql[UNHURRIED], NO_PARAMS, NULL));
    return db_one(s, db, &snapshot_sql[BEGIN], NO_PARAMS, &snapshot_shape, out);
}

err snapshot_accounts_each(struct scope *s, struct db *db, err (*each)(struct scope *s, void *arg, void *held_account),
                           void *arg)
{
    struct held_account row;

    return db_each(s, db, &snapshot_sql[ACCOUNTS], NO_PARAMS, &account_shape, &row, each, arg);
}

err snapshot_leaves_begin(struct scope *s, struct db *db)
{
    return db_copy_begin(s, db, &snapshot_sql[LEAVES_IN]);
}

err snapshot_leaf_add(struct scope *s, struct db *db, int64_t snapshot, const char *currency,
                      const struct snapshot_leaf *l)
{
    return db_copy_row(s, db, PARAMS(P_INT8(snapshot), P_TEXT(currency), P_INT8(l->place), P_HASH(&l->id),
                                     P_HASH(&l->commitment), P_INT8(l->balance), P_TEXT(l->account), P_INT8(l->n),
                                     P_BYTES(l->salt.p, l->salt.len)));
}

err snapshot_tiles_begin(struct scope *s, struct db *db)
{
    return db_copy_begin(s, db, &snapshot_sql[TILES_IN]);
}

err snapshot_tile_add(struct scope *s, struct db *db, int64_t snapshot, const char *currency,
                      const struct snapshot_tile *t)
{
    return db_copy_row(s, db, PARAMS(P_INT8(snapshot), P_TEXT(currency), P_INT4(t->level), P_INT8(t->n),
                                     P_BYTES(t->nodes.p, t->nodes.len)));
}

err snapshot_rows_end(struct scope *s, struct db *db, bool keep)
{
    return db_copy_end(s, db, keep, NULL);
}

err snapshot_tree_add(struct scope *s, struct db *db, int64_t snapshot, const struct snapshot_tree *t)
{
    return db_do(s, db, &snapshot_sql[TREE],
                 PARAMS(P_INT8(snapshot), P_TEXT(t->currency), P_INT8(t->accounts), P_HASH(&t->root),
                        P_TEXT(t->total)), NULL);
}

err snapshot_passed(struct scope *s, struct db *db, int64_t as_of, bool paid, bool *passed)
{
    static const struct column column[] = { { "passed", T_BOOL, 0 } };
    static const struct shape shape = { sizeof(bool), 1, column };

    return db_one(s, db, &snapshot_sql[PASSED], PARAMS(P_INT8(as_of), P_BOOL(paid)), &shape, passed);
}

err snapshot_enter(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &snapshot_sql[ENTER], PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the snapshot is in effect, or another took its place");
}

err snapshot_newest(struct scope *s, struct db *db, int64_t before, struct snapshot *out)
{
    return db_one(s, db, &snapshot_sql[NEWEST], PARAMS(P_INT8(before)), &snapshot_shape, out);
}

err snapshot_get(struct scope *s, struct db *db, int64_t index, int64_t before, struct snapshot *out)
{
    return db_one(s, db, &snapshot_sql[GET], PARAMS(P_INT8(index), P_INT8(before)), &snapshot_shape, out);
}

err snapshot_list(struct scope *s, struct db *db, int64_t before, int64_t limit, struct snapshot **out, size_t *n)
{
    return db_many(s, db, &snapshot_sql[LIST], PARAMS(P_INT8(before), P_INT8(limit)), &snapshot_shape, out, n);
}

err snapshot_trees(struct scope *s, struct db *db, int64_t snapshot, struct snapshot_tree **out, size_t *n)
{
    return db_many(s, db, &snapshot_sql[TREES], PARAMS(P_INT8(snapshot)), &tree_shape, out, n);
}

err snapshot_leaves(struct scope *s, struct db *db, int64_t snapshot, const char *currency, int64_t from,
                    int64_t limit, struct snapshot_leaf **out, size_t *n)
{
    return db_many(s, db, &snapshot_sql[LEAVES],
                   PARAMS(P_INT8(snapshot), P_TEXT(currency), P_INT8(from), P_INT8(limit)), &leaf_shape, out, n);
}

err snapshot_leaf_of(struct scope *s, struct db *db, int64_t snapshot, const char *currency, const struct hash *id,
                     struct snapshot_leaf *out)
{
    return db_one(s, db, &snapshot_sql[LEAF], PARAMS(P_INT8(snapshot), P_TEXT(currency), P_HASH(id)), &leaf_shape,
                  out);
}

err snapshot_neighbors(struct scope *s, struct db *db, int64_t snapshot, const char *currency, const struct hash *id,
                       struct snapshot_leaf **out, size_t *n)
{
    return db_many(s, db, &snapshot_sql[NEIGHBORS], PARAMS(P_INT8(snapshot), P_TEXT(currency), P_HASH(id)),
                   &leaf_shape, out, n);
}

err snapshot_tiles(struct scope *s, struct db *db, int64_t snapshot, const char *currency, int64_t place,
                   struct snapshot_tile **out, size_t *n)
{
    return db_many(s, db, &snapshot_sql[TILES], PARAMS(P_INT8(snapshot), P_TEXT(currency), P_INT8(place)),
                   &tile_shape, out, n);
}
