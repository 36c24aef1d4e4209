/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"
#include "schema/store/db.h"

/*
 * Snapshots of the creators' accounts: what was allocated less what was paid out, as of a size of the log, with the
 * leaves and the nodes of their sum trees (ledger/tree/sumtree.h). A worker who holds the books writes one unseen, and
 * it is in effect with its entry:
 *
 *   snapshot_give_up()                       what an earlier attempt left unseen
 *   snapshot_begin()                         as of the log's size now
 *   snapshot_accounts_each()
 *   snapshot_leaves_begin(), …_tiles_begin(), snapshot_tree_add()
 *   snapshot_passed(), snapshot_enter()      under the ledger's lock
 */
#define SNAPSHOT_STATEMENTS 17
extern const struct sql snapshot_sql[SNAPSHOT_STATEMENTS];

struct snapshot { int64_t no, as_of, index, at; };
struct snapshot_tree { const char *currency; int64_t accounts; struct hash root; const char *total; };

/* ---- for the worker */

err snapshot_give_up(struct scope *s, struct db *db);
/* ERR_NOT_FOUND: the log is empty. */
err snapshot_begin(struct scope *s, struct db *db, struct snapshot *out);
/* Every account that has a line, in no order; not those of closed parties, who have given up what they had. */
struct held_account { const char *account, *currency; int64_t n, balance; };
err snapshot_accounts_each(struct scope *s, struct db *db, err (*each)(struct scope *s, void *arg, void *held_account),
                           void *arg);

struct snapshot_leaf {
    int64_t place;
    struct hash id, commitment;
    int64_t balance;
    const char *account;          /* NULL with n 0 and no salt: erased */
    int64_t n;
    struct bytes salt;
};
err snapshot_leaves_begin(struct scope *s, struct db *db);
err snapshot_leaf_add(struct scope *s, struct db *db, int64_t snapshot, const char *currency,
                      const struct snapshot_leaf *l);
struct snapshot_tile { int32_t level; int64_t n; struct bytes nodes; };
err snapshot_tiles_begin(struct scope *s, struct db *db);
err snapshot_tile_add(struct scope *s, struct db *db, int64_t snapshot, const char *currency,
                      const struct snapshot_tile *t);
/* Ends either. */
err snapshot_rows_end(struct scope *s, struct db *db, bool keep);
err snapshot_tree_add(struct scope *s, struct db *db, int64_t snapshot, const struct snapshot_tree *t);

/* Whether an entry at `as_of` or later gave something to an account, or (`paid`) took something from one. */
err snapshot_passed(struct scope *s, struct db *db, int64_t as_of, bool paid, bool *passed);
/* In effect from now on. ERR_STALE: it is, or it was given up, or a later one is in effect. */
err snapshot_enter(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at);

/* ---- for readers: those in effect whose entry comes before `before` */

err snapshot_newest(struct scope *s, struct db *db, int64_t before, struct snapshot *out);        /* ERR_NOT_FOUND */
err snapshot_get(struct scope *s, struct db *db, int64_t index, int64_t before, struct snapshot *out);
/* The newest first. */
err snapshot_list(struct scope *s, struct db *db, int64_t before, int64_t limit, struct snapshot **out, size_t *n);
err snapshot_trees(struct scope *s, struct db *db, int64_t snapshot, struct snapshot_tree **out, size_t *n);

/* From that place on. */
err snapshot_leaves(struct scope *s, struct db *db, int64_t snapshot, const char *currency, int64_t from,
                    int64_t limit, struct snapshot_leaf **out, size_t *n);
/* ERR_NOT_FOUND: no account of this salted id; then its neighbors, in order, are one or two. */
err snapshot_leaf_of(struct scope *s, struct db *db, int64_t snapshot, const char *currency, const struct hash *id,
                     struct snapshot_leaf *out);
err snapshot_neighbors(struct scope *s, struct db *db, int64_t snapshot, const char *currency, const struct hash *id,
                       struct snapshot_leaf **out, size_t *n);
/* Those on the way from a place to the root, the lowest first. */
err snapshot_tiles(struct scope *s, struct db *db, int64_t snapshot, const char *currency, int64_t place,
                   struct snapshot_tile **out, size_t *n);
