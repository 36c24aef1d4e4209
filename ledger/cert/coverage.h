/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/tree/proof.h"

/*
 * Coverage of a consent: a Merkle tree (RFC 6962) over the SHA-256 hashes of items, sorted by bytes, without repeats.
 * A leaf is the canonical JSON {"sha256":"<64 hex digits>"}. One item is a tree of one leaf. Pure.
 *
 * An item's place is its rank among the sorted hashes, so that two neighbors prove that an item is not covered.
 */
struct hash coverage_leaf(const struct hash *item);
/* Only the leaf's own bytes. */
bool coverage_leaf_read(const char *leaf, size_t len, struct hash *item);

/* Appends an item; the caller promises that items come sorted and once. For ten million of them. */
void coverage_add(struct frontier *tree, const struct hash *item);

/* All at once. ERR_INVALID: none, not sorted, or one twice. */
err coverage_root(struct scope *s, const struct hash *items, size_t n, struct hash *out);
/* The proof for items[i]; hashes all of them up to three times over. The same errors, and ERR_NOT_FOUND. */
err coverage_prove(struct scope *s, const struct hash *items, size_t n, size_t i, struct proof *out);
/* Whether the item is number i of n under this root: total, any proof gives true or false. */
bool coverage_check(const struct hash *item, uint64_t i, uint64_t n, const struct hash *root, const struct proof *p);
