/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"

static err source_read(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    const struct audit *a = arg;
    size_t skip = first % TILE_WIDTH;
    const struct hash *tile;

    TRY(tile_hashes(s, a->src, a->size, level, first / TILE_WIDTH, (unsigned)(skip + n), &tile));
    if (!tile)
        return fail(s, ERR_NOT_FOUND, "a tile of level %u is not served whole", level);
    memcpy(out, tile + skip, n * sizeof *out);
    return ERR_OK;
}

err tiles_consistent(struct scope *s, struct audit *a, const struct checkpoint *small, const struct checkpoint *large,
                     bool *good)
{
    struct hash_source src = { .read = source_read, .arg = a };
    struct proof proof;
    err e = proof_consistency(s, &src, small->size, large->size, &proof);

    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    else if (e != ERR_OK)
        return e;
    *good = e == ERR_OK &&
            proof_check_consistency(small->size, &small->root, large->size, &large->root, &proof);
    return ERR_OK;
}

err tiles_served(struct scope *s, struct audit *a, bool *good)
{
    uint64_t number = (a->size - 1) / TILE_WIDTH;
    const struct hash *tile;

    TRY(tile_hashes(s, a->src, a->size, 0, number, tile_width(0, number, a->size), &tile));
    *good = tile;
    return ERR_OK;
}

err tiles_resume(struct scope *s, struct audit *a, bool *good)
{
    struct frontier f = FRONTIER_EMPTY;
    struct hash root, known = frontier_root(&a->tree);
    const struct hash *tile;

    *good = true;
    for (unsigned level = AUDIT_LEVELS; *good && level-- > 0;) {
        uint64_t done = a->tree.size >> 8 * level;
        a->width[level] = done % TILE_WIDTH;
        if (a->width[level] == 0)
            continue;
        TRY(tile_hashes(s, a->src, a->size, level, done / TILE_WIDTH, a->width[level], &tile));
        *good = tile;
        if (*good)
            memcpy(a->tile[level], tile, a->width[level] * sizeof *tile);
        for (unsigned i = 0; *good && i < a->width[level]; i++)
            frontier_append_subtree(&f, 8 * level, a->tile[level][i]);
    }
    root = frontier_root(&f);
    *good = *good && f.size == a->tree.size && hash_equal(&root, &known);
    return ERR_OK;
}

/* A hash more on `level`; full tiles give their parents one. */
static void rise(struct audit *a, unsigned level, struct hash hash)
{
    for (; level < AUDIT_LEVELS; level++) {
        if (a->width[level] == TILE_WIDTH)           /* compared when it was full */
            a->width[level] = 0;
        a->tile[level][a->width[level]++] = hash;
        if (a->width[level] < TILE_WIDTH)
            return;
        hash = tree_root(a->tile[level], TILE_WIDTH);
    }
}

void tiles_append(struct audit *a, const struct audit_bundle *b)
{
    if (a->tree.size % TILE_WIDTH == 0 && b->n == TILE_WIDTH) {
        memcpy(a->tile[0], b->leaf, sizeof b->leaf);
        a->width[0] = TILE_WIDTH;
        frontier_append_subtree(&a->tree, 8, b->root);
        rise(a, 1, b->root);
        return;
    }
    for (unsigned i = a->width[0] % TILE_WIDTH; i < b->n; i++) {
        frontier_append(&a->tree, b->leaf[i]);
        rise(a, 0, b->leaf[i]);
    }
}

static void compare(struct audit *a, unsigned level, const struct hash *tile)
{
    uint64_t number = ((a->tree.size >> 8 * level) - 1) / TILE_WIDTH;

    if (!tile)
        audit_find_tree(a, RULE_TREE_TILE, "a tile of hashes", "tile %" PRIu64 " of level %u is not served whole",
                        number, level);
    else if (memcmp(tile, a->tile[level], a->width[level] * sizeof *tile) != 0)
        audit_find_tree(a, RULE_TREE_TILE, "the hashes of the entries",
                        "other hashes in tile %" PRIu64 " of level %u", number, level);
}

/* Full tiles when they fill, with their parents; partial ones at the very end. */
err tiles_compare(struct scope *s, struct audit *a, const struct audit_bundle *b)
{
    bool last = a->tree.size == a->size;
    const struct hash *tile = b->tile;

    for (unsigned level = 0; level < AUDIT_LEVELS; level++) {
        uint64_t done = a->tree.size >> 8 * level;
        unsigned n = a->width[level];
        if (n == 0 || done == 0 || (n < TILE_WIDTH && !last))
            return ERR_OK;
        if (level > 0)
            TRY(tile_hashes(s, a->src, a->size, level, (done - 1) / TILE_WIDTH, n, &tile));
        compare(a, level, tile);
    }
    return ERR_OK;
}
