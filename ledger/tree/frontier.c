/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/frontier.h"

#include <assert.h>
#include <string.h>

#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"

_Static_assert(TREE_SIZE_MAX >> (FRONTIER_EDGES - 1) == 1, "an edge for each bit of the largest size");

struct hash leaf_hash(const void *entry, size_t len)
{
    return sha256_marked(0x00, entry, len);
}

struct hash node_hash(const struct hash *left, const struct hash *right)
{
    uint8_t pair[2 * HASH_SIZE];

    memcpy(pair, left->b, HASH_SIZE);
    memcpy(pair + HASH_SIZE, right->b, HASH_SIZE);
    return sha256_marked(0x01, pair, sizeof pair);
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

/* Of a full tile: pairs beside each other, level by level, which is half the work of a frontier around the hashes. */
static struct hash full_root(const struct hash leaves[TILE_WIDTH])
{
    struct hash level[TILE_WIDTH / 2];

    for (size_t n = TILE_WIDTH / 2; n > 0; n /= 2, leaves = level)
        for (size_t i = 0; i < n; i++)
            level[i] = sha256_marked(0x01, &leaves[2 * i], 2 * HASH_SIZE);
    return level[0];
}

struct hash tree_root(const struct hash *leaves, size_t n)
{
    struct frontier f = FRONTIER_EMPTY;

    if (n == TILE_WIDTH)
        return full_root(leaves);
    for (size_t i = 0; i < n; i++)
        frontier_append(&f, leaves[i]);
    return frontier_root(&f);
}
