/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"

/* What is served for a tile; a log may drop a partial tile once the full one is there. */
static err served(struct scope *s, struct audit *a, struct tile *t, struct bytes *out)
{
    char path[TILE_PATH_SIZE];
    err e;

    tile_path(t, path);
    e = a->src->tile(s, a->src->arg, path, out);
    if (e != ERR_NOT_FOUND || t->width == TILE_WIDTH)
        return e;
    scope_forgive(s);
    t->width = TILE_WIDTH;
    tile_path(t, path);
    return a->src->tile(s, a->src->arg, path, out);
}

/* The first `n` hashes of a tile that is within the audited size; *good false: it is not there, or not of its size. */
static err hashes(struct scope *s, struct audit *a, unsigned level, uint64_t number, unsigned n, struct hash *out,
                  bool *good)
{
    struct tile t = { .level = level, .n = number, .width = tile_width(level, number, a->size) };
    struct bytes bytes = { 0 };
    err e;

    assert(n <= t.width);
    e = served(s, a, &t, &bytes);
    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    else if (e != ERR_OK)
        return e;
    *good = e == ERR_OK && bytes.len == (size_t)t.width * HASH_SIZE;
    if (*good)
        memcpy(out, bytes.p, (size_t)n * HASH_SIZE);
    return ERR_OK;
}

static err source_read(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct hash tile[TILE_WIDTH];
    size_t skip = first % TILE_WIDTH;
    bool good;

    TRY(hashes(s, arg, level, first / TILE_WIDTH, (unsigned)(skip + n), tile, &good));
    if (!good)
        return fail(s, ERR_NOT_FOUND, "a tile of level %u is not served whole", level);
    memcpy(out, tile + skip, n * sizeof *out);
    return ERR_OK;
}

err tiles_consistent(struct scope *s, struct audit *a, const struct checkpoint *small, const struct checkpoint *large,
                     bool *good)
{
    struct hash_source src = { source_read, a };
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
    struct hash tile[TILE_WIDTH];
    uint64_t number = (a->size - 1) / TILE_WIDTH;

    return hashes(s, a, 0, number, tile_width(0, number, a->size), tile, good);
}

err tiles_resume(struct scope *s, struct audit *a, bool *good)
{
    struct frontier f = FRONTIER_EMPTY;
    struct hash root, known = frontier_root(&a->tree);

    *good = true;
    for (unsigned level = AUDIT_LEVELS; *good && level-- > 0;) {
        uint64_t done = a->tree.size >> 8 * level;
        a->width[level] = done % TILE_WIDTH;
        if (a->width[level] == 0)
            continue;
        TRY(hashes(s, a, level, done / TILE_WIDTH, a->width[level], a->tile[level], good));
        for (unsigned i = 0; *good && i < a->width[level]; i++)
            frontier_append_subtree(&f, 8 * level, a->tile[level][i]);
    }
    root = frontier_root(&f);
    *good = *good && f.size == a->tree.size && hash_equal(&root, &known);
    return ERR_OK;
}

err tiles_bundle(struct scope *s, struct audit *a, uint64_t number, struct bytes entries[TILE_WIDTH], unsigned *n)
{
    struct tile t = { .entries = true, .n = number, .width = tile_width(0, number, a->size) };
    unsigned want = t.width;
    struct bytes bytes = { 0 };
    err e = served(s, a, &t, &bytes);

    *n = 0;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (e == ERR_NOT_FOUND)
        audit_find_tree(a, RULE_TREE_BUNDLE, "a bundle", "nothing served for bundle %" PRIu64, number);
    else if (!bundle_split(bytes.p, bytes.len, t.width, entries))
        audit_find_tree(a, RULE_TREE_BUNDLE, "a bundle", "bundle %" PRIu64 " does not hold %u entries", number,
                        t.width);
    else
        *n = want;
    return ERR_OK;
}

void tiles_append(struct audit *a, struct hash leaf)
{
    frontier_append(&a->tree, leaf);
    for (unsigned level = 0; level < AUDIT_LEVELS; level++) {
        if (a->width[level] == TILE_WIDTH)           /* compared when it was full */
            a->width[level] = 0;
        a->tile[level][a->width[level]++] = leaf;
        if (a->width[level] < TILE_WIDTH)
            return;
        leaf = tree_root(a->tile[level], TILE_WIDTH);
    }
}

/* Full tiles when they fill, with their parents; partial ones at the very end. */
err tiles_compare(struct scope *s, struct audit *a)
{
    bool last = a->tree.size == a->size, good;
    struct hash tile[TILE_WIDTH];

    for (unsigned level = 0; level < AUDIT_LEVELS; level++) {
        uint64_t done = a->tree.size >> 8 * level;
        unsigned n = a->width[level];
        if (n == 0 || done == 0 || (n < TILE_WIDTH && !last))
            return ERR_OK;
        TRY(hashes(s, a, level, (done - 1) / TILE_WIDTH, n, tile, &good));
        if (!good)
            audit_find_tree(a, RULE_TREE_TILE, "a tile of hashes", "tile %" PRIu64 " of level %u is not served whole",
                            (done - 1) / TILE_WIDTH, level);
        else if (memcmp(tile, a->tile[level], n * sizeof *tile) != 0)
            audit_find_tree(a, RULE_TREE_TILE, "the hashes of the entries",
                            "other hashes in tile %" PRIu64 " of level %u",
                            (done - 1) / TILE_WIDTH, level);
    }
    return ERR_OK;
}
