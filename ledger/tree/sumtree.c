/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/sumtree.h"

#include <assert.h>
#include <string.h>

#include "ledger/keys/sha256.h"

static void sum_write(money_sum sum, uint8_t out[SUM_SIZE])
{
    be64_write(out, (uint64_t)(sum >> 64));
    be64_write(out + 8, (uint64_t)sum);
}

void sum_node_write(const struct sum_node *node, uint8_t out[SUM_NODE_SIZE])
{
    sum_write(node->sum, out);
    memcpy(out + SUM_SIZE, node->hash.b, HASH_SIZE);
}

void sum_node_read(const uint8_t in[SUM_NODE_SIZE], struct sum_node *out)
{
    out->sum = (money_sum)be64_read(in) << 64 | be64_read(in + 8);
    memcpy(out->hash.b, in + SUM_SIZE, HASH_SIZE);
}

struct sum_node sum_leaf(money_sum sum, const struct hash *id, const struct hash *commitment)
{
    uint8_t bytes[1 + SUM_SIZE + 2 * HASH_SIZE] = { 0x00 };

    sum_write(sum, bytes + 1);
    memcpy(bytes + 1 + SUM_SIZE, id->b, HASH_SIZE);
    memcpy(bytes + 1 + SUM_SIZE + HASH_SIZE, commitment->b, HASH_SIZE);
    return (struct sum_node){ sum, sha256_of(bytes, sizeof bytes) };
}

bool sum_join(const struct sum_node *left, const struct sum_node *right, struct sum_node *out)
{
    uint8_t bytes[1 + 2 * SUM_NODE_SIZE] = { 0x01 };

    sum_node_write(left, bytes + 1);
    sum_node_write(right, bytes + 1 + SUM_NODE_SIZE);
    if (!money_sum_add(left->sum, right->sum, &out->sum))
        return false;
    out->hash = sha256_of(bytes, sizeof bytes);
    return true;
}

bool sum_node_equal(const struct sum_node *a, const struct sum_node *b)
{
    return a->sum == b->sum && hash_equal(&a->hash, &b->hash);
}

static size_t edges(uint64_t size)
{
    return (size_t)__builtin_popcountll(size);
}

bool sum_append(struct sum_frontier *f, struct sum_node leaf)
{
    size_t n = edges(f->size);

    assert(f->size < TREE_SIZE_MAX);
    for (uint64_t size = f->size; size & 1; size >>= 1)
        if (!sum_join(&f->edge[--n], &leaf, &leaf))
            return false;
    f->edge[n] = leaf;
    f->size++;
    return true;
}

bool sum_root(const struct sum_frontier *f, struct sum_node *out)
{
    size_t n = edges(f->size);

    assert(n > 0);
    for (*out = f->edge[--n]; n > 0;)
        if (!sum_join(&f->edge[--n], out, out))
            return false;
    return true;
}

/*
 * Pairing from the left and letting a last odd node rise unchanged: `last` is the number of the level's last node, and
 * one that is last and even has nothing beside it.
 */
bool sum_path_check(uint64_t place, uint64_t size, const struct sum_node *leaf, const struct sum_path *path,
                    const struct sum_node *root)
{
    struct sum_node node = *leaf;
    uint64_t last = size - 1;
    size_t used = 0;

    if (place >= size || path->n > PROOF_HASHES_MAX)
        return false;
    for (; last > 0; place >>= 1, last >>= 1) {
        if (!(place & 1) && place == last)
            continue;
        if (used == path->n)
            return false;
        if (!(place & 1 ? sum_join(&path->node[used], &node, &node) : sum_join(&node, &path->node[used], &node)))
            return false;
        used++;
    }
    return used == path->n && sum_node_equal(&node, root);
}

bool sum_fold(struct sum_node *nodes, size_t n, size_t place, struct sum_path *path, struct sum_node *out)
{
    assert(n > 0 && n <= TILE_WIDTH && place < n);
    for (; n > 1; n = n / 2 + n % 2, place /= 2) {
        if (path && (place ^ 1) < n) {
            assert(path->n < PROOF_HASHES_MAX);
            path->node[path->n++] = nodes[place ^ 1];
        }
        for (size_t i = 0; i < n / 2; i++)
            if (!sum_join(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]))
                return false;
        if (n % 2)
            nodes[n / 2] = nodes[n - 1];
    }
    *out = nodes[0];
    return true;
}
