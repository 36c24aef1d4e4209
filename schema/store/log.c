/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/log.h"

#include <stdio.h>

#include "schema/base/limits.h"

/* 4201: the log's lock; 4202: making partitions (0001_ground.sql); 4203: who signs. */
#define VIEW_FROM \
    "  FROM (SELECT size, root, at FROM tree_head ORDER BY size DESC LIMIT 1) h" \
    " CROSS JOIN (SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1) c" \
    "  JOIN tree_head r ON r.size = c.size"
#define VIEW_COLUMNS \
    "SELECT h.size, h.root, h.at, c.size AS signed_size, r.root AS signed_root, c.note," \
    "       coalesce((SELECT max(version) FROM rules), 0) AS rules, EXISTS (SELECT FROM log_frozen) AS frozen," \
    "       clock_timestamp() AS now"

enum {
    LOAD, CREATE, HEAD_ZERO, CHECKPOINT_ZERO, SETTINGS, SESSION, VIEW, BEGIN, LOCK_TIME, LOCK, VIEW_LOCKED,
    LEAVES, SUBTREES, HEADS, ENTRIES, DISCLOSURES, DOCUMENTS, SUBTREES_ADD, HEAD_ADD, CHECKPOINT_ADD, ANNOUNCE,
    SYNC_MARK, LEAF, ELECT, SAVEPOINT, RELEASE, CHECK_NOW, CHECK_LATER, PARTITIONS, RULES_ADD, ISSUERS, ISSUER_ADD,
    FROZEN, FREEZE, STATEMENTS
};
_Static_assert(STATEMENTS == LOG_STATEMENTS, "log_sql");

const struct sql log_sql[LOG_STATEMENTS] = {
    [LOAD]            = { "log_load", "SELECT origin, log_key,"
                          " coalesce((SELECT key FROM issuer_key ORDER BY index DESC LIMIT 1), issuer_key)"
                          " AS issuer_key, opened_at FROM log" },
    [CREATE]          = { "log_create",
                          "INSERT INTO log (origin, log_key, issuer_key, opened_at)"
                          " VALUES ($1, $2, $3, clock_timestamp())" },
    [HEAD_ZERO]       = { "log_head_zero", "INSERT INTO tree_head (size, root, at) VALUES (0, $1, clock_timestamp())" },
    [CHECKPOINT_ZERO] = { "log_checkpoint_zero", "INSERT INTO checkpoint (size, note) VALUES (0, $1)" },
    [SETTINGS]        = { "log_settings",
                          "SELECT current_setting('fsync') = 'on' AS fsync,"
                          "       current_setting('full_page_writes') = 'on' AS full_page_writes,"
                          "       current_setting('synchronous_commit') = 'on' AS synchronous_commit" },
    [SESSION]         = { "log_session",
                          "SELECT set_config('enable_seqscan', 'off', false),"
                          "       set_config('enable_memoize', 'off', false),"
                          "       set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),"
                          "       set_config('max_parallel_workers_per_gather', '0', false),"
                          "       set_config('plan_cache_mode', 'force_generic_plan', false)" },
    [VIEW]            = { "log_view", VIEW_COLUMNS VIEW_FROM },
    [BEGIN]           = { "log_begin", "BEGIN ISOLATION LEVEL READ COMMITTED" },
    [LOCK_TIME]       = { "log_lock_time", "SELECT set_config('lock_timeout', $1, true)" },
    [LOCK]            = { "log_lock", "SELECT pg_advisory_xact_lock(4201)" },
    [VIEW_LOCKED]     = { "log_view_locked",
                          VIEW_COLUMNS ", set_config('lock_timeout', $1, true) AS row_lock" VIEW_FROM },
    [LEAVES]          = { "log_leaves",
                          "SELECT index, leaf FROM entry WHERE index >= $1 AND index < $2 ORDER BY index" },
    [SUBTREES]        = { "log_subtrees",
                          "SELECT n, hash FROM subtree WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n" },
    [HEADS]           = { "log_heads", "SELECT size, root FROM tree_head WHERE size = ANY ($1::bigint[])" },
    [ENTRIES]         = { "log_entries",
                          "INSERT INTO entry (index, type, bytes)"
                          " SELECT $1::bigint + generate_series(0, cardinality($3::bytea[]) - 1), unnest($2::text[]),"
                          "        unnest($3::bytea[]) RETURNING index, leaf" },
    [DISCLOSURES]     = { "log_disclosures",
                          "INSERT INTO disclosure (index, disclosures)"
                          " SELECT unnest($1::bigint[]), unnest($2::bytea[])" },
    [DOCUMENTS]       = { "log_documents",
                          "INSERT INTO document (hash, index, bytes)"
                          " SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[])" },
    [SUBTREES_ADD]    = { "log_subtrees_add",
                          "INSERT INTO subtree (level, n, hash)"
                          " SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])" },
    [HEAD_ADD]        = { "log_head_add", "INSERT INTO tree_head (size, root, at) VALUES ($1, $2, $3)" },
    [CHECKPOINT_ADD]  = { "log_checkpoint_add",
                          "WITH stored AS (INSERT INTO checkpoint (size, note) VALUES ($1, $2)"
                          " ON CONFLICT DO NOTHING RETURNING size)"
                          " SELECT pg_notify('" LOG_CHANNEL_CHECKPOINT "', size::text) FROM stored" },
    [ANNOUNCE]        = { "log_announce",
                          "SELECT pg_notify('" LOG_CHANNEL_HEAD "', $1::bigint::text)"
                          "  FROM set_config('synchronous_commit', 'off', true)" },
    [SYNC_MARK]       = { "log_sync_mark", "INSERT INTO sync_mark (why) VALUES ($1)" },
    [LEAF]            = { "log_leaf", "SELECT index, leaf FROM entry WHERE index = $1" },
    [ELECT]           = { "log_elect", "SELECT pg_try_advisory_lock(4203) AS won" },
    [SAVEPOINT]       = { "log_savepoint", "SAVEPOINT op" },
    [RELEASE]         = { "log_release", "RELEASE SAVEPOINT op" },
    [CHECK_NOW]       = { "log_check_now", "SET CONSTRAINTS ALL IMMEDIATE" },
    [CHECK_LATER]     = { "log_check_later", "SET CONSTRAINTS ALL DEFERRED" },
    [RULES_ADD]       = { "log_rules_add", "INSERT INTO rules (version, index) VALUES ($1, $2)" },
    [ISSUERS]         = { "log_issuers",
                          "SELECT 0::bigint AS index, issuer_key AS key FROM log"
                          " UNION ALL SELECT index, key FROM issuer_key ORDER BY index" },
    [ISSUER_ADD]      = { "log_issuer_add", "INSERT INTO issuer_key (index, key) VALUES ($1, $2)" },
    [FROZEN]          = { "log_frozen_get", "SELECT index, successor AS key FROM log_frozen" },
    [FREEZE]          = { "log_freeze", "INSERT INTO log_frozen (index, successor) VALUES ($1, $2)" },
    [PARTITIONS]      = { "log_partitions", "SELECT entry_partitions_ahead(4) AS made" },
};

static const struct column log_columns[] = {
    COL(log_row, origin,     T_TEXT),
    COL(log_row, log_key,    T_TEXT),
    COL(log_row, issuer_key, T_TEXT),
    COL(log_row, opened_at,  T_TIME),
};
static const struct shape log_shape = SHAPE(log_row, log_columns);

static const struct column settings_columns[] = {
    COL(log_settings, fsync,              T_BOOL),
    COL(log_settings, full_page_writes,   T_BOOL),
    COL(log_settings, synchronous_commit, T_BOOL),
};
static const struct shape settings_shape = SHAPE(log_settings, settings_columns);

static const struct column view_columns[] = {
    COL(log_view, size,        T_INT8),
    COL(log_view, root,        T_HASH),
    COL(log_view, at,          T_TIME),
    COL(log_view, signed_size, T_INT8),
    COL(log_view, signed_root, T_HASH),
    COL(log_view, note,        T_TEXT),
    COL(log_view, rules,       T_INT4),
    COL(log_view, frozen,      T_BOOL),
    COL(log_view, now,         T_TIME),
};
static const struct shape view_shape = SHAPE(log_view, view_columns);

static const struct column leaf_columns[] = { COL(leaf_row, index, T_INT8), COL(leaf_row, leaf, T_HASH) };
const struct shape leaf_shape = SHAPE(leaf_row, leaf_columns);

static const struct column subtree_columns[] = { COL(subtree_row, n, T_INT8), COL(subtree_row, hash, T_HASH) };
static const struct shape subtree_shape = SHAPE(subtree_row, subtree_columns);

static const struct column head_columns[] = { COL(head_row, size, T_INT8), COL(head_row, root, T_HASH) };
static const struct shape head_shape = SHAPE(head_row, head_columns);

struct vote { bool won; };
static const struct column vote_columns[] = { COL(vote, won, T_BOOL) };
static const struct shape vote_shape = SHAPE(vote, vote_columns);

struct partitions { int32_t made; };
static const struct column partition_columns[] = { COL(partitions, made, T_INT4) };
static const struct shape partition_shape = SHAPE(partitions, partition_columns);

err log_load(struct scope *s, struct db *db, struct log_row *out)
{
    return db_one(s, db, &log_sql[LOAD], NO_PARAMS, &log_shape, out);
}

err log_create(struct scope *s, struct db *db, const struct log_row *row, const struct hash *empty, const char *note)
{
    TRY(db_do(s, db, &log_sql[CREATE], PARAMS(P_TEXT(row->origin), P_TEXT(row->log_key), P_TEXT(row->issuer_key)),
              NULL));
    TRY(db_do(s, db, &log_sql[HEAD_ZERO], PARAMS(P_HASH(empty)), NULL));
    return db_do(s, db, &log_sql[CHECKPOINT_ZERO], PARAMS(P_TEXT(note)), NULL);
}

err log_settings(struct scope *s, struct db *db, struct log_settings *out)
{
    return db_one(s, db, &log_sql[SETTINGS], NO_PARAMS, &settings_shape, out);
}

err log_session(struct scope *s, struct db *db)
{
    return db_do(s, db, &log_sql[SESSION], NO_PARAMS, NULL);
}

err log_view(struct scope *s, struct db *db, struct log_view *out)
{
    return db_one(s, db, &log_sql[VIEW], NO_PARAMS, &view_shape, out);
}

err log_rules_add(struct scope *s, struct db *db, int32_t version, uint64_t index)
{
    return db_do(s, db, &log_sql[RULES_ADD], PARAMS(P_INT4(version), P_INT8((int64_t)index)), NULL);
}

static const struct column turn_columns[] = { COL(log_turn, index, T_INT8), COL(log_turn, key, T_TEXT) };
static const struct shape turn_shape = SHAPE(log_turn, turn_columns);

err log_issuers(struct scope *s, struct db *db, struct log_turn **rows, size_t *n)
{
    return db_many(s, db, &log_sql[ISSUERS], NO_PARAMS, &turn_shape, rows, n);
}

err log_issuer_add(struct scope *s, struct db *db, uint64_t index, const char *key)
{
    return db_do(s, db, &log_sql[ISSUER_ADD], PARAMS(P_INT8((int64_t)index), P_TEXT(key)), NULL);
}

err log_end(struct scope *s, struct db *db, struct log_turn *out)
{
    return db_one(s, db, &log_sql[FROZEN], NO_PARAMS, &turn_shape, out);
}

err log_freeze(struct scope *s, struct db *db, uint64_t index, const char *successor)
{
    return db_do(s, db, &log_sql[FREEZE], PARAMS(P_INT8((int64_t)index), P_TEXT(successor)), NULL);
}

err log_view_send(struct scope *s, struct db *db, struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &view_shape };
    return db_pipe(s, db, &log_sql[VIEW], NO_PARAMS);
}

static const char *milliseconds(struct scope *s, int64_t ms)
{
    return scope_printf(s, "%lldms", (long long)ms);
}

err log_enter_send(struct scope *s, struct db *db, int64_t lock_ms, struct pipe_result results[LOG_ENTER_RESULTS])
{
    for (int i = 0; i < LOG_ENTER_RESULTS; i++)
        results[i] = (struct pipe_result){ 0 };
    results[LOG_ENTER_RESULTS - 1].shape = &view_shape;
    TRY(db_pipe(s, db, &log_sql[BEGIN], NO_PARAMS));
    TRY(db_pipe(s, db, &log_sql[LOCK_TIME], PARAMS(P_TEXT(milliseconds(s, lock_ms)))));
    TRY(db_pipe(s, db, &log_sql[LOCK], NO_PARAMS));
    return db_pipe(s, db, &log_sql[VIEW_LOCKED], PARAMS(P_TEXT(milliseconds(s, BATCH_ROW_LOCK_MS))));
}

err log_leaves(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct leaf_row **rows, size_t *n)
{
    return db_many(s, db, &log_sql[LEAVES], PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)), &leaf_shape, rows, n);
}

err log_leaves_send(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &leaf_shape };
    return db_pipe(s, db, &log_sql[LEAVES], PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)));
}

err log_subtrees(struct scope *s, struct db *db, unsigned level, uint64_t first, uint64_t end,
                 struct subtree_row **rows, size_t *n)
{
    return db_many(s, db, &log_sql[SUBTREES],
                   PARAMS(P_INT4((int32_t)level), P_INT8((int64_t)first), P_INT8((int64_t)end)), &subtree_shape,
                   rows, n);
}

err log_heads(struct scope *s, struct db *db, const int64_t *sizes, size_t n_sizes, struct head_row **rows, size_t *n)
{
    return db_many(s, db, &log_sql[HEADS], PARAMS(P_INT8S(sizes, n_sizes)), &head_shape, rows, n);
}

err log_entries_send(struct scope *s, struct db *db, uint64_t first, const char *const *types,
                     const struct bytes *bytes,
                     size_t n, struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &leaf_shape };
    return db_pipe(s, db, &log_sql[ENTRIES], PARAMS(P_INT8((int64_t)first), P_TEXTS(types, n), P_BYTESS(bytes, n)));
}

err log_disclosures_send(struct scope *s, struct db *db, const int64_t *indexes, const struct bytes *disclosures,
                         size_t n)
{
    return db_pipe(s, db, &log_sql[DISCLOSURES], PARAMS(P_INT8S(indexes, n), P_BYTESS(disclosures, n)));
}

err log_documents_send(struct scope *s, struct db *db, const struct bytes *hashes, const int64_t *indexes,
                       const struct bytes *bytes, size_t n)
{
    return db_pipe(s, db, &log_sql[DOCUMENTS], PARAMS(P_BYTESS(hashes, n), P_INT8S(indexes, n), P_BYTESS(bytes, n)));
}

err log_subtrees_send(struct scope *s, struct db *db, const int32_t *levels, const int64_t *ns,
                      const struct bytes *hashes,
                      size_t n)
{
    return db_pipe(s, db, &log_sql[SUBTREES_ADD], PARAMS(P_INT4S(levels, n), P_INT8S(ns, n), P_BYTESS(hashes, n)));
}

err log_head_send(struct scope *s, struct db *db, uint64_t size, const struct hash *root, int64_t at)
{
    return db_pipe(s, db, &log_sql[HEAD_ADD], PARAMS(P_INT8((int64_t)size), P_HASH(root), P_TIME(at)));
}

err log_checkpoint_add(struct scope *s, struct db *db, uint64_t size, const char *note)
{
    return db_do(s, db, &log_sql[CHECKPOINT_ADD], PARAMS(P_INT8((int64_t)size), P_TEXT(note)), NULL);
}

err log_head_announce(struct scope *s, struct db *db, uint64_t size)
{
    return db_do(s, db, &log_sql[ANNOUNCE], PARAMS(P_INT8((int64_t)size)), NULL);
}

err log_sync_mark(struct scope *s, struct db *db, const char *why)
{
    return db_do(s, db, &log_sql[SYNC_MARK], PARAMS(P_TEXT(why)), NULL);
}

static err settle_work(struct scope *s, struct db *db, int64_t lock_ms, uint64_t index, bool *found, struct hash *leaf)
{
    struct pipe_result results[5] = { [4] = { .shape = &leaf_shape } };

    TRY(db_pipe(s, db, &log_sql[BEGIN], NO_PARAMS));
    TRY(db_pipe(s, db, &log_sql[LOCK_TIME], PARAMS(P_TEXT(milliseconds(s, lock_ms)))));
    TRY(db_pipe(s, db, &log_sql[LOCK], NO_PARAMS));
    TRY(db_pipe(s, db, &log_sql[SYNC_MARK], PARAMS(P_TEXT("ambiguous commit of a batch"))));
    TRY(db_pipe(s, db, &log_sql[LEAF], PARAMS(P_INT8((int64_t)index))));
    TRY(db_pipe_run(s, db, results, ARRAY_LEN(results)));
    *found = results[4].n == 1;
    if (*found)
        *leaf = ((struct leaf_row *)results[4].rows)->leaf;
    return db_commit(s, db);
}

err log_settle(struct scope *s, struct db *db, int64_t lock_ms, uint64_t index, bool *found, struct hash *leaf)
{
    err e = settle_work(s, db, lock_ms, index, found, leaf);

    if (e != ERR_OK)
        db_rollback(db);
    return e;
}

err log_elect_send(struct scope *s, struct db *db, struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &vote_shape };
    return db_pipe(s, db, &log_sql[ELECT], NO_PARAMS);
}

bool log_elected(const struct pipe_result *result)
{
    return result->n == 1 && ((const struct vote *)result->rows)->won;
}

err log_savepoint_send(struct scope *s, struct db *db)
{
    return db_pipe(s, db, &log_sql[SAVEPOINT], NO_PARAMS);
}

err log_savepoint_release_send(struct scope *s, struct db *db)
{
    return db_pipe(s, db, &log_sql[RELEASE], NO_PARAMS);
}

err log_constraints_send(struct scope *s, struct db *db)
{
    TRY(db_pipe(s, db, &log_sql[CHECK_NOW], NO_PARAMS));
    return db_pipe(s, db, &log_sql[CHECK_LATER], NO_PARAMS);
}

err log_partitions(struct scope *s, struct db *db, int *made)
{
    struct partitions row;

    TRY(db_one(s, db, &log_sql[PARTITIONS], NO_PARAMS, &partition_shape, &row));
    *made = row.made;
    return ERR_OK;
}
