/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ledger/tree/frontier.h"
#include "schema/base/limits.h"

/*
 * Inclusion and consistency proofs, RFC 9162 sections 2.1.3 and 2.1.4.
 *
 * Verifying is total: any bytes give true or false. Making a proof reads
 * hashes through `struct hash_source`, so that it works over rows, over
 * served tiles and over an array alike.
 */
struct proof { size_t n; struct hash hash[PROOF_HASHES_MAX]; };

bool proof_check_inclusion(uint64_t index, uint64_t size, const struct hash *leaf, const struct hash *root,
                           const struct proof *p);
/* old 0: proof must be empty, and old_root is empty_root(). old == size: empty proof, equal roots. */
bool proof_check_consistency(uint64_t old_size, const struct hash *old_root, uint64_t new_size,
                             const struct hash *new_root, const struct proof *p);

/*
 * Gives hashes of tile level `level` (0: leaves; 1: roots of 256 leaves; …), from index `first`, `n` of them,
 * n <= TILE_WIDTH, all inside one tile. All lie in complete subtrees of the tree in question.
 * `known`, if it isn't NULL, is asked first: the root of the complete subtree `node` of 2^height leaves, if it is at
 * hand without reading.
 */
struct hash_source {
    err (*read)(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out);
    void *arg;
    bool (*known)(void *arg, unsigned height, uint64_t node, struct hash *out);
};

/* ERR_NOT_FOUND if there is no such entry or extension; else the source's error. */
err proof_inclusion(struct scope *s, const struct hash_source *src, uint64_t index, uint64_t size, struct proof *out);
err proof_consistency(struct scope *s, const struct hash_source *src, uint64_t old_size, uint64_t new_size,
                      struct proof *out);
/* Rebuilds the frontier of the tree of `size` leaves; at most 255 hashes a tile level are read. */
err frontier_load(struct scope *s, const struct hash_source *src, uint64_t size, struct frontier *out);

/*
 * The consistency proof from `old` to the tree that `leaves` (n of them, the leaf hashes that follow) make of it.
 * Needs no storage: every node of that proof is an edge of `old` or lies over the new leaves alone.
 * Precondition: old->size > 0 and n > 0.
 */
void proof_extension(const struct frontier *old, const struct hash *leaves, size_t n, struct proof *out);
