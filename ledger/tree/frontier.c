/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/frontier.h"

#include <assert.h>
#include <string.h>

#include "ledger/keys/sha256.h"

_Static_assert(TREE_SIZE_MAX >> (FRONTIER_EDGES - 1) == 1, "an edge for each bit of the largest size");

struct hash leaf_hash(const void *entry, size_t len)
{
    struct sha256 c;

    sha256_init(&c);
    sha256_add(&c, "\x00", 1);
    sha256_add(&c, entry, len);
    return sha256_end(&c);
}

struct hash node_hash(const struct hash *left, const struct hash *right)
{
    uint8_t bytes[1 + 2 * HASH_SIZE];

    bytes[0] = 0x01;
    memcpy(bytes + 1, left->b, HASH_SIZE);
    memcpy(bytes + 1 + HASH_SIZE, right->b, HASH_SIZE);
    return sha256_of(bytes, sizeof bytes);
}

struct hash empty_root(void)
{
    return sha256_of("", 0);
}

size_t frontier_edges(const struct frontier *f)
{
    return (size_t)__builtin_popcountll(f->size);
}

void frontier_append(struct frontier *f, struct hash leaf)
{
    frontier_append_subtree(f, 0, leaf);
}

void frontier_append_subtree(struct frontier *f, unsigned level, struct hash root)
{
    uint64_t leaves = UINT64_C(1) << level;
    size_t n = frontier_edges(f);

    assert(level < FRONTIER_EDGES && f->size % leaves == 0 && f->size <= TREE_SIZE_MAX - leaves);
    for (uint64_t full = f->size >> level; full & 1; full >>= 1)
        root = node_hash(&f->edge[--n], &root);
    f->edge[n] = root;
    f->size += leaves;
}

struct hash frontier_root(const struct frontier *f)
{
    size_t n = frontier_edges(f);
    struct hash root;

    if (n == 0)
        return empty_root();
    root = f->edge[--n];
    while (n > 0)
        root = node_hash(&f->edge[--n], &root);
    return root;
}

struct hash tree_root(const struct hash *leaves, size_t n)
{
    struct frontier f = FRONTIER_EMPTY;

    for (size_t i = 0; i < n; i++)
        frontier_append(&f, leaves[i]);
    return frontier_root(&f);
}
