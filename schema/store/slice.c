/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/slice.h"

#include <string.h>

#define OUT_OF_RANGE "22003"      /* SQLSTATE numeric_value_out_of_range */

enum { HOLD, NUMBER, FIND, GET, FILL_EACH, KEEP, ITEMS_WHOLE, ITEMS_PART, HAS, STATES, CONTRIBUTORS, WEIGH_BY_ITEM,
       WEIGH_BY_BYTE, WEIGHED, IDLE, DROP, DROP_ITEMS, STATEMENTS };
_Static_assert(STATEMENTS == SLICE_STATEMENTS, "slice_sql");

#define ITEM "i.n, i.path, i.sha256, i.size"
#define KEPT "no, version, request, digest, whole, root, item_count, bytes, created_at"
#define SHOWN "SELECT " ITEM ", i.media_type, i.attributes, i.contributors, i.salt, " STATE " AS state"
/* What lies beyond what was verified for this version is unverified, whatever is known of it (verification.h). */
#define STATE "CASE WHEN i.n >= v.checked THEN 'unverified' ELSE coalesce(c.state, 'missing') END"
/* Once: its holder sees whether it was done before. */
#define WEIGH(rule, of) "INSERT INTO slice_weight (slice, rule, party, weight)" \
                        " SELECT $1, '" rule "', c.party, sum(" of ")::bigint FROM slice_member m" \
                        "  JOIN item i ON i.version = m.version AND i.n = m.n" \
                        "  JOIN item_contributor c ON c.version = m.version AND c.n = m.n" \
                        " WHERE m.slice = $1" \
                        "   AND NOT EXISTS (SELECT FROM slice_weight x WHERE x.slice = $1 AND x.rule = '" rule "')" \
                        " GROUP BY c.party"
/* Nobody has it, and nobody is about to. */
#define UNUSED      " NOT s.whole AND NOT EXISTS (SELECT FROM license l WHERE l.slice_no = s.no)" \
                    " AND NOT EXISTS (SELECT FROM quote q WHERE q.slice_no = s.no AND q.state = 'open')"
const struct sql slice_sql[SLICE_STATEMENTS] = {
    /* Two that make the same slice would both fill it. */
    [HOLD]            = { "slice_hold", "SELECT pg_advisory_xact_lock(hashint8($1), $2)" },
    [NUMBER]          = { "slice_number", "SELECT nextval('slice_no') AS no" },
    [FIND]            = { "slice_find",
                          "SELECT " KEPT " FROM slice WHERE version = $1 AND digest = $2" },
    [GET]             = { "slice_get", "SELECT " KEPT " FROM slice WHERE no = $1" },
    [FILL_EACH]       = { "slice_fill_each",
                          "SELECT " ITEM " FROM slice_item x JOIN item i ON i.version = $2 AND i.n = x.n"
                          " WHERE x.slice = $1 ORDER BY i.n" },
    [KEEP]            = { "slice_keep",
                          "INSERT INTO slice (no, version, request, digest, whole, root, item_count, bytes)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" },
    [ITEMS_WHOLE]     = { "slice_items_whole",
                          SHOWN " FROM item i JOIN version v ON v.no = i.version"
                          "  LEFT JOIN content c ON c.sha256 = i.sha256"
                          " WHERE i.version = $1 AND i.n > $2::bigint ORDER BY i.n LIMIT $3" },
    [ITEMS_PART]      = { "slice_items_part",
                          SHOWN " FROM slice_item x JOIN item i ON i.version = $1 AND i.n = x.n"
                          "  JOIN version v ON v.no = i.version"
                          "  LEFT JOIN content c ON c.sha256 = i.sha256"
                          " WHERE x.slice = $4 AND x.n > $2::bigint ORDER BY x.n LIMIT $3" },
    [HAS]             = { "slice_has",
                          "SELECT s.whole OR EXISTS (SELECT FROM slice_item x WHERE x.slice = s.no AND x.n = $2) AS yes"
                          "  FROM slice s WHERE s.no = $1" },
    [STATES]          = { "slice_verification",
                          "SELECT count(*) FILTER (WHERE f.state = 'verified') AS verified,"
                          "       count(*) FILTER (WHERE f.state = 'unverified') AS unverified,"
                          "       count(*) FILTER (WHERE f.state = 'corrupt') AS corrupt,"
                          "       count(*) FILTER (WHERE f.state = 'missing') AS missing"
                          "  FROM (SELECT " STATE " AS state FROM slice_member m JOIN version v ON v.no = m.version"
                          "          JOIN item i ON i.version = m.version AND i.n = m.n"
                          "          LEFT JOIN content c ON c.sha256 = i.sha256 WHERE m.slice = $1) f" },
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
    [WEIGH_BY_ITEM]   = { "slice_weigh_by_item", WEIGH("per_item", "c.weight") },
    [WEIGH_BY_BYTE]   = { "slice_weigh_by_byte", WEIGH("per_byte", "c.weight * i.size") },
    [WEIGHED]         = { "slice_weighed",
                          "SELECT party, weight FROM slice_weight WHERE slice = $1 AND rule = $2"
                          " ORDER BY party COLLATE \"C\"" },
    [IDLE]            = { "slice_idle",
                          "SELECT " KEPT " FROM slice s WHERE s.created_at < $1 AND" UNUSED " LIMIT 1" },
    [DROP]            = { "slice_drop", "DELETE FROM slice s WHERE s.no = $1 AND" UNUSED },
    [DROP_ITEMS]      = { "slice_drop_items", "DELETE FROM slice_item WHERE slice = $1" },
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

static const struct column shown_columns[] = {
    COL(item, n, T_INT4),             COL(item, path, T_TEXT),       COL(item, sha256, T_HASH), COL(item, size, T_INT8),
    COL(item, media_type, T_TEXT),    COL(item, attributes, T_TEXT), COL(item, contributors, T_TEXT),
    COL(item, salt, T_BYTES),         COL(item, state, T_TEXT),
};
static const struct shape shown_shape = SHAPE(item, shown_columns);

static const struct column state_columns[] = {
    COL(verification, verified, T_INT8), COL(verification, unverified, T_INT8), COL(verification, corrupt, T_INT8),
    COL(verification, missing, T_INT8),
};
static const struct shape state_shape = SHAPE(verification, state_columns);

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

err slice_get(struct scope *s, struct db *db, int64_t no, struct kept_slice *out)
{
    return db_one(s, db, &slice_sql[GET], PARAMS(P_INT8(no)), &kept_shape, out);
}

err slice_items(struct scope *s, struct db *db, const struct kept_slice *k, int64_t after, int64_t limit,
                struct item **out, size_t *n)
{
    if (k->whole)
        return db_many(s, db, &slice_sql[ITEMS_WHOLE], PARAMS(P_INT8(k->version), P_INT8(after), P_INT8(limit)),
                       &shown_shape, out, n);
    return db_many(s, db, &slice_sql[ITEMS_PART],
                   PARAMS(P_INT8(k->version), P_INT8(after), P_INT8(limit), P_INT8(k->no)), &shown_shape, out, n);
}

err slice_has(struct scope *s, struct db *db, int64_t no, int32_t n, bool *yes)
{
    static const struct column column[] = { { "yes", T_BOOL, 0 } };
    static const struct shape shape = { sizeof(bool), 1, column };

    return db_one(s, db, &slice_sql[HAS], PARAMS(P_INT8(no), P_INT4(n)), &shape, yes);
}

err slice_verification(struct scope *s, struct db *db, int64_t no, struct verification *out)
{
    return db_one(s, db, &slice_sql[STATES], PARAMS(P_INT8(no)), &state_shape, out);
}

err slice_forget(struct scope *s, struct db *db, int64_t before, bool *gone)
{
    struct kept_slice *idle;
    int64_t unused, touched;
    size_t n;

    *gone = false;
    TRY(db_many(s, db, &slice_sql[IDLE], PARAMS(P_TIME(before)), &kept_shape, &idle, &n));
    if (n == 0)
        return ERR_OK;
    /* Whoever is quoting it has it, and then it is used; after that nobody finds it. */
    TRY(slice_hold(s, db, idle->version, &idle->digest, &unused));
    TRY(db_do(s, db, &slice_sql[DROP], PARAMS(P_INT8(idle->no)), &touched));
    *gone = touched == 1;
    return *gone ? db_do(s, db, &slice_sql[DROP_ITEMS], PARAMS(P_INT8(idle->no)), NULL) : ERR_OK;
}

err contributors_fill(struct scope *s, struct db *db, int64_t version, int32_t from, int32_t to, int64_t *rows)
{
    return db_do(s, db, &slice_sql[CONTRIBUTORS], PARAMS(P_INT8(version), P_INT4(from), P_INT4(to)), rows);
}

err slice_weigh(struct scope *s, struct db *db, int64_t no, bool per_byte)
{
    err e = db_do(s, db, &slice_sql[per_byte ? WEIGH_BY_BYTE : WEIGH_BY_ITEM], PARAMS(P_INT8(no)), NULL);

    if (e != ERR_INTERNAL || strcmp(db_sqlstate(db), OUT_OF_RANGE) != 0)
        return e;
    scope_forgive(s);
    return fail(s, ERR_INVALID, "the contributors' weights, times their items' bytes, pass what can be counted");
}

err slice_weighed(struct scope *s, struct db *db, int64_t no, bool per_byte,
                  err (*each)(struct scope *s, void *arg, void *contributor_weight), void *arg)
{
    struct contributor_weight row;

    return db_each(s, db, &slice_sql[WEIGHED], PARAMS(P_INT8(no), P_TEXT(per_byte ? "per_byte" : "per_item")),
                   &weight_shape, &row, each, arg);
}
