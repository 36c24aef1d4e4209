/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/store/db.h"

/* What workers read and tidy for the good order of the house: the log as stored, and rows whose time is over. */
#define UPKEEP_STATEMENTS 9
extern const struct sql upkeep_sql[UPKEEP_STATEMENTS];

/* Entries [first, end) as stored, in order. */
struct stored_entry { int64_t index; struct bytes bytes; struct hash leaf; };
err upkeep_entries(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct stored_entry **out, size_t *n);
/* Tree heads with first < size <= end, by size. */
struct stored_head { int64_t size; struct hash root; };
err upkeep_heads(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct stored_head **out, size_t *n);
/* Subtrees that end within (first, end], by level and number. */
struct stored_subtree { int32_t level; int64_t n; struct hash hash; };
err upkeep_subtrees(struct scope *s, struct db *db, uint64_t first, uint64_t end, struct stored_subtree **out,
                    size_t *n);

/* The stored subtrees that a tree of `size`, a multiple of TILE_WIDTH, is made of, the largest first. */
err upkeep_edge(struct scope *s, struct db *db, uint64_t size, struct stored_subtree **out, size_t *n);
/* How far the pass under way has come, 0: none is; and the last one that came to its end. */
struct rehash { int64_t size; struct hash root; int64_t total, passed_size, passed_at; };
err upkeep_rehash_get(struct scope *s, struct db *db, struct rehash *out);
err upkeep_rehash_set(struct scope *s, struct db *db, uint64_t size, const struct hash *root, uint64_t total);
err upkeep_rehash_passed(struct scope *s, struct db *db, uint64_t size);

/*
 * Forgets stored answers, and closes quotes, whose time is over; at most `limit` each; *touched: how many there were.
 */
err upkeep_idempotency(struct scope *s, struct db *db, int64_t limit, int64_t *touched);
err upkeep_quotes(struct scope *s, struct db *db, int64_t limit, int64_t *touched);
