/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/tree/proof.h"
#include "schema/base/money.h"

/*
 * Sum tree: a Merkle tree of the shape of RFC 9162 in which every node carries the sum of the leaves below it, so that
 * whoever follows a path sees that nothing was taken from the sum. Pure.
 *
 *   leaf  SHA-256(0x00 || sum || id || commitment)
 *   node  SHA-256(0x01 || left sum || left hash || right sum || right hash)
 *
 * Sums are unsigned, 16 bytes big endian; one that does not fit is false, never wrapped. Leaves are sorted by their id
 * without repeats, which is the caller's promise: then two neighbors show that nothing stands between them.
 *
 * The hashes of every eighth level, from the leaves up, are kept in tiles of at most 256 nodes: what lies between is
 * made of them, and a path takes one tile a level.
 */
#define SUM_SIZE      16
#define SUM_NODE_SIZE (SUM_SIZE + HASH_SIZE)

struct sum_node { money_sum sum; struct hash hash; };
struct sum_path { size_t n; struct sum_node node[PROOF_HASHES_MAX]; };

struct sum_node sum_leaf(money_sum sum, const struct hash *id, const struct hash *commitment);
bool sum_join(const struct sum_node *left, const struct sum_node *right, struct sum_node *out);
bool sum_node_equal(const struct sum_node *a, const struct sum_node *b);

/* The rightmost complete subtrees, as in frontier.h. */
struct sum_frontier { uint64_t size; struct sum_node edge[FRONTIER_EDGES]; };
#define SUM_FRONTIER_EMPTY ((struct sum_frontier){ .size = 0 })
bool sum_append(struct sum_frontier *f, struct sum_node leaf);
/* Precondition: size > 0. */
bool sum_root(const struct sum_frontier *f, struct sum_node *out);

/* Whether the path leads from that place to the root. Total: any path gives true or false. */
bool sum_path_check(uint64_t place, uint64_t size, const struct sum_node *leaf, const struct sum_path *path,
                    const struct sum_node *root);

/*
 * Folds a tile, which is changed: the node above it, which is in the tile above at the tile's number. What lies beside
 * `place` on the way is added to `path` (NULL: not wanted). Precondition: 0 < n <= TILE_WIDTH, place < n.
 */
bool sum_fold(struct sum_node *nodes, size_t n, size_t place, struct sum_path *path, struct sum_node *out);

void sum_node_write(const struct sum_node *node, uint8_t out[SUM_NODE_SIZE]);
void sum_node_read(const uint8_t in[SUM_NODE_SIZE], struct sum_node *out);
