/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"
#include "schema/store/db.h"

/*
 * The log's rows: the log itself, entries, subtrees, heads, checkpoints.
 *
 * Who appends holds the log's lock, a transaction-level advisory lock. Functions
 * named _send only put their statements into the connection's pipeline and
 * describe what comes back in `results`; the caller runs the pipeline.
 */
#define LOG_CHANNEL_HEAD       "counterfoil_head"         /* a head was committed by a process without a signer */
#define LOG_CHANNEL_CHECKPOINT "counterfoil_checkpoint"   /* a checkpoint was stored */

#define LOG_STATEMENTS 34
extern const struct sql log_sql[LOG_STATEMENTS];

struct log_row { const char *origin, *log_key, *issuer_key; int64_t opened_at; };      /* issuer_key: in force */

err log_load(struct scope *s, struct db *db, struct log_row *out);      /* ERR_NOT_FOUND: no log was opened */
/* The log's row, head 0 and checkpoint 0; in the caller's transaction. ERR_CONFLICT: there is a log. */
err log_create(struct scope *s, struct db *db, const struct log_row *row, const struct hash *empty, const char *note);

struct log_settings { bool fsync, full_page_writes, synchronous_commit; };
err log_settings(struct scope *s, struct db *db, struct log_settings *out);
/* For a committer's connection: plans by index always, no parallel or compiled plans for statements of microseconds. */
err log_session(struct scope *s, struct db *db);

/* The newest head and checkpoint. */
struct log_view {
    int64_t size;
    struct hash root;
    int64_t at;
    int64_t signed_size;
    struct hash signed_root;      /* of the head of that size */
    const char *note;
    int32_t rules;                /* version in force; 0: the log has no entry yet */
    bool frozen;                  /* its last entry is log.frozen */
    int64_t now;                  /* clock_timestamp() */
};
err log_view(struct scope *s, struct db *db, struct log_view *out);
/* A rules version that its entry brings into force; owner only, under the log's lock. ERR_CONFLICT: it is. */
err log_rules_add(struct scope *s, struct db *db, int32_t version, uint64_t index);

/* What an entry turned to: the issuer's keys, the first from index 0, and the successor of a log that is frozen. */
struct log_turn { int64_t index; const char *key; };
err log_issuers(struct scope *s, struct db *db, struct log_turn **rows, size_t *n);       /* oldest first */
err log_issuer_add(struct scope *s, struct db *db, uint64_t index, const char *key);      /* owner only, as rules */
err log_end(struct scope *s, struct db *db, struct log_turn *out);                     /* ERR_NOT_FOUND: it isn't */
err log_freeze(struct scope *s, struct db *db, uint64_t index, const char *successor);    /* owner only */

err log_view_send(struct scope *s, struct db *db, struct pipe_result *result);

/*
 * BEGIN, the log's lock within lock_ms, then row locks bounded by BATCH_ROW_LOCK_MS, then the view: the last
 * of the results. Each is a statement of its own, so the view's snapshot is younger than the lock.
 */
#define LOG_ENTER_RESULTS 4
err log_enter_send(struct scope *s, struct db *db, int64_t lock_ms, struct pipe_result results[LOG_ENTER_RESULTS]);

struct leaf_row { int64_t index; struct hash leaf; };
extern const struct shape leaf_shape;

err log_leaves(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct leaf_row **rows, size_t *n);
err log_leaves_send(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct pipe_result *result);
/* Hashes of tile level >= 1. */
struct subtree_row { int64_t n; struct hash hash; };
err log_subtrees(struct scope *s, struct db *db, unsigned level, uint64_t first, uint64_t end,
                 struct subtree_row **rows, size_t *n);

struct head_row { int64_t size; struct hash root; };
err log_heads(struct scope *s, struct db *db, const int64_t *sizes, size_t n_sizes, struct head_row **rows, size_t *n);

/* What a batch writes; arrays of n. The entries' rows come back as leaf_row, with the database's own leaf hashes. */
err log_entries_send(struct scope *s, struct db *db, uint64_t first, const char *const *types,
                     const struct bytes *bytes,
                     size_t n, struct pipe_result *result);
err log_disclosures_send(struct scope *s, struct db *db, const int64_t *indexes, const struct bytes *disclosures,
                         size_t n);
err log_documents_send(struct scope *s, struct db *db, const struct bytes *hashes, const int64_t *indexes,
                       const struct bytes *bytes, size_t n);
err log_subtrees_send(struct scope *s, struct db *db, const int32_t *levels, const int64_t *ns,
                      const struct bytes *hashes,
                      size_t n);
err log_head_send(struct scope *s, struct db *db, uint64_t size, const struct hash *root, int64_t at);

/* Stores a checkpoint (a repeat changes nothing) and wakes who listens: one commit. */
err log_checkpoint_add(struct scope *s, struct db *db, uint64_t size, const char *note);
/* Says that a head was committed, without a sync of its own. */
err log_head_announce(struct scope *s, struct db *db, uint64_t size);

/* A synchronous write of its own: when it is durable, so is all that was committed before it. */
err log_sync_mark(struct scope *s, struct db *db, const char *why);
/*
 * After an ambiguous commit, on a new session: waits for the log's lock, so that the old backend has ended, makes a
 * synchronous write, and gives the leaf at `index`, if there is one.
 */
err log_settle(struct scope *s, struct db *db, int64_t lock_ms, uint64_t index, bool *found, struct hash *leaf);

/* The session-level lock that picks who signs; true: this session holds it now. */
err log_elect_send(struct scope *s, struct db *db, struct pipe_result *result);
bool log_elected(const struct pipe_result *result);

/* Savepoints as statements, so that they ride in a pipeline with others. */
err log_savepoint_send(struct scope *s, struct db *db);
err log_savepoint_release_send(struct scope *s, struct db *db);
/* Deferred constraints are checked now, inside the savepoint, where they harm no neighbor. Two statements. */
#define LOG_CONSTRAINTS_RESULTS 2
err log_constraints_send(struct scope *s, struct db *db);

/* Partitions of `entry` ahead of its newest; returns how many were made. */
err log_partitions(struct scope *s, struct db *db, int *made);
