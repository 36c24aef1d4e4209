/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * Frontier: the rightmost complete subtrees of the Merkle tree of RFC 9162, section 2.1.
 *
 * One subtree root per set bit of `size`, largest first: enough to append a
 * leaf and to name the root, in O(log n), touching no storage.
 *
 * Pure: no I/O, clock, lock or allocation, so the committer, the auditor and
 * the fuzzer run the very same code. Functions here cannot fail; breaking a
 * precondition is a bug and aborts.
 *
 *   struct frontier f = FRONTIER_EMPTY;
 *   frontier_append(&f, leaf_hash(entry, len));
 *   struct hash root = frontier_root(&f);
 */
#define TREE_SIZE_MAX (UINT64_C(1) << 40)   /* precondition of frontier_append() */
#define FRONTIER_EDGES 41
#define FRONTIER_EMPTY ((struct frontier){ .size = 0 })

struct frontier { uint64_t size; struct hash edge[FRONTIER_EDGES]; };

struct hash leaf_hash(const void *entry, size_t len);                        /* H(0x00 || entry) */
struct hash node_hash(const struct hash *left, const struct hash *right);    /* H(0x01 || left || right) */
struct hash empty_root(void);                                                /* H("") */
void        frontier_append(struct frontier *f, struct hash leaf);           /* size grows by one */
struct hash frontier_root(const struct frontier *f);
size_t      frontier_edges(const struct frontier *f);                        /* set bits of size */

/*
 * Appends a complete subtree of 2^level leaves; precondition: size is a multiple of 2^level.
 * How a frontier is rebuilt from stored tiles.
 */
void frontier_append_subtree(struct frontier *f, unsigned level, struct hash root);

/* Root of the tree over `n` leaf hashes; n = 0 gives empty_root(). For list roots. */
struct hash tree_root(const struct hash *leaves, size_t n);
