/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/proof.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/tree/tile.h"

/*
 * The way from a node up to the root. A tree of `size` leaves has, at height
 * h, nodes 0 to (size - 1) >> h; a last node without a neighbor to its left
 * stands for itself one height up.
 */
struct climb { unsigned height; uint64_t node, last; };
struct sibling { unsigned height; uint64_t node; bool is_last; };

static struct climb climb_from(unsigned height, uint64_t node, uint64_t size)
{
    return (struct climb){ .height = height, .node = node, .last = (size - 1) >> height };
}

/* The next sibling on the way; false at the root. */
static bool climb_next(struct climb *c, struct sibling *out)
{
    while (c->last > 0) {
        *out = (struct sibling){ .height = c->height, .node = c->node ^ 1, .is_last = (c->node ^ 1) == c->last };
        bool there = out->node <= c->last;
        c->height++;
        c->node >>= 1;
        c->last >>= 1;
        if (there)
            return true;
    }
    return false;
}

/* ---- verifying ---- */

bool proof_check_inclusion(uint64_t index, uint64_t size, const struct hash *leaf, const struct hash *root,
                           const struct proof *p)
{
    struct hash h = *leaf;
    struct sibling at;
    struct climb c;
    size_t n = 0;

    if (index >= size || p->n > PROOF_HASHES_MAX)
        return false;
    c = climb_from(0, index, size);
    for (; climb_next(&c, &at); n++) {
        if (n == p->n)
            return false;
        h = at.node & 1 ? node_hash(&h, &p->hash[n]) : node_hash(&p->hash[n], &h);
    }
    return n == p->n && hash_equal(&h, root);
}

/*
 * The last complete subtree of the old tree begins the proof (unless it is the
 * whole old tree, which the verifier has); its way up in the new tree follows.
 * Siblings to the left lie in both trees, those to the right in the new one only.
 */
bool proof_check_consistency(uint64_t old_size, const struct hash *old_root, uint64_t new_size,
                             const struct hash *new_root, const struct proof *p)
{
    struct hash empty = empty_root(), old, new;
    struct sibling at;
    struct climb c;
    unsigned height;
    size_t n = 0;

    if (old_size > new_size || p->n > PROOF_HASHES_MAX)
        return false;
    if (old_size == 0 && !hash_equal(old_root, &empty))
        return false;
    if (old_size == new_size)
        return p->n == 0 && hash_equal(old_root, new_root);
    if (old_size == 0)
        return p->n == 0;
    if (p->n == 0)
        return false;
    height = (unsigned)__builtin_ctzll(old_size);
    new = old = old_size >> height == 1 ? *old_root : p->hash[n++];
    c = climb_from(height, (old_size >> height) - 1, new_size);
    for (; climb_next(&c, &at); n++) {
        if (n == p->n)
            return false;
        if (at.node & 1) {
            new = node_hash(&new, &p->hash[n]);
        } else {
            old = node_hash(&p->hash[n], &old);
            new = node_hash(&p->hash[n], &new);
        }
    }
    return n == p->n && hash_equal(&old, old_root) && hash_equal(&new, new_root);
}

/* ---- making ---- */

/*
 * Tiles already read: on each level the one at the right edge of the tree, and
 * the last other one. A proof needs at most these two, so each is read once.
 */
struct tiles {
    struct scope *s;
    const struct hash_source *src;
    uint64_t size;
    struct { bool have; uint64_t n; struct hash hash[TILE_WIDTH]; } *slot[TILE_LEVEL_MAX + 1][2];
};

static err tile_hashes(struct tiles *t, unsigned level, uint64_t n, const struct hash **out)
{
    unsigned width = tile_width(level, n, t->size), edge = tile_width(level, n + 1, t->size) == 0;

    assert(level <= TILE_LEVEL_MAX && width > 0);
    if (!t->slot[level][edge])
        t->slot[level][edge] = scope_alloc(t->s, sizeof *t->slot[level][edge], 8);
    *out = t->slot[level][edge]->hash;
    if (t->slot[level][edge]->have && t->slot[level][edge]->n == n)
        return ERR_OK;
    t->slot[level][edge]->have = false;
    TRY(t->src->read(t->s, t->src->arg, level, n * TILE_WIDTH, width, t->slot[level][edge]->hash));
    t->slot[level][edge]->have = true;
    t->slot[level][edge]->n = n;
    return ERR_OK;
}

/* Root of the complete subtree `node` of 2^height leaves. */
static err subtree(struct tiles *t, unsigned height, uint64_t node, struct hash *out)
{
    uint64_t first = node << height % 8;
    const struct hash *hashes;

    if (t->src->known && t->src->known(t->src->arg, height, node, out))
        return ERR_OK;
    TRY(tile_hashes(t, height / 8, first / TILE_WIDTH, &hashes));
    *out = tree_root(hashes + first % TILE_WIDTH, (size_t)1 << height % 8);
    return ERR_OK;
}

/* Appends the leaves [from, size), from a multiple of 2^height > size - from, as complete subtrees. */
static err append_rest(struct tiles *t, uint64_t from, unsigned height, struct frontier *f)
{
    struct hash h;

    while (height-- > 0)
        if ((t->size - from) >> height & 1) {
            TRY(subtree(t, height, from >> height, &h));
            frontier_append_subtree(f, height, h);
            from += UINT64_C(1) << height;
        }
    assert(from == t->size);
    return ERR_OK;
}

static err sibling_hash(struct tiles *t, const struct sibling *at, struct hash *out)
{
    uint64_t from = at->node << at->height;
    struct frontier f = FRONTIER_EMPTY;

    if (!at->is_last || t->size - from == UINT64_C(1) << at->height)
        return subtree(t, at->height, at->node, out);
    TRY(append_rest(t, from, at->height, &f));
    *out = frontier_root(&f);
    return ERR_OK;
}

static err climb_hashes(struct tiles *t, struct climb c, struct proof *out)
{
    struct sibling at;

    while (climb_next(&c, &at)) {
        assert(out->n < PROOF_HASHES_MAX);
        TRY(sibling_hash(t, &at, &out->hash[out->n++]));
    }
    return ERR_OK;
}

err proof_inclusion(struct scope *s, const struct hash_source *src, uint64_t index, uint64_t size, struct proof *out)
{
    struct tiles t = { .s = s, .src = src, .size = size };

    if (index >= size || size > TREE_SIZE_MAX)
        return fail(s, ERR_NOT_FOUND, "a tree of %" PRIu64 " entries has no entry %" PRIu64, size, index);
    out->n = 0;
    return climb_hashes(&t, climb_from(0, index, size), out);
}

err proof_consistency(struct scope *s, const struct hash_source *src, uint64_t old_size, uint64_t new_size,
                      struct proof *out)
{
    struct tiles t = { .s = s, .src = src, .size = new_size };
    unsigned height;

    if (old_size > new_size || new_size > TREE_SIZE_MAX)
        return fail(s, ERR_NOT_FOUND, "no tree of %" PRIu64 " entries extends one of %" PRIu64, new_size, old_size);
    out->n = 0;
    if (old_size == 0 || old_size == new_size)
        return ERR_OK;
    height = (unsigned)__builtin_ctzll(old_size);
    if (old_size >> height > 1)
        TRY(subtree(&t, height, (old_size >> height) - 1, &out->hash[out->n++]));
    return climb_hashes(&t, climb_from(height, (old_size >> height) - 1, new_size), out);
}

err frontier_load(struct scope *s, const struct hash_source *src, uint64_t size, struct frontier *out)
{
    struct tiles t = { .s = s, .src = src, .size = size };

    if (size > TREE_SIZE_MAX)
        return fail(s, ERR_INVALID, "a tree of %" PRIu64 " entries is larger than any of ours", size);
    *out = FRONTIER_EMPTY;
    return append_rest(&t, 0, FRONTIER_EDGES, out);
}

/* The edge of 2^height leaves. */
static const struct hash *edge_at(const struct frontier *f, unsigned height)
{
    assert(f->size >> height & 1);
    return &f->edge[__builtin_popcountll(f->size >> height) - 1];
}

void proof_extension(const struct frontier *old, const struct hash *leaves, size_t n, struct proof *out)
{
    uint64_t size = old->size + n;
    struct sibling at;
    struct climb c;
    unsigned height;

    assert(old->size > 0 && n > 0 && size <= TREE_SIZE_MAX);
    height = (unsigned)__builtin_ctzll(old->size);
    out->n = 0;
    if (old->size >> height > 1)
        out->hash[out->n++] = *edge_at(old, height);
    c = climb_from(height, (old->size >> height) - 1, size);
    while (climb_next(&c, &at)) {
        uint64_t from = at.node << at.height, wide = UINT64_C(1) << at.height;
        assert(out->n < PROOF_HASHES_MAX);
        assert(!(at.node & 1) || from >= old->size);
        if (at.node & 1)
            out->hash[out->n++] = tree_root(leaves + (from - old->size), size - from < wide ? size - from : wide);
        else
            out->hash[out->n++] = *edge_at(old, at.height);
    }
}
