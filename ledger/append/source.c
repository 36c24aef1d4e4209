/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/append/state.h"
#include "schema/store/log.h"

static err read_leaves(struct scope *s, struct db *db, uint64_t first, size_t n, struct hash *out)
{
    struct leaf_row *rows;
    size_t got;

    TRY(log_leaves(s, db, first, first + n, &rows, &got));
    if (got != n)
        return fail(s, ERR_CORRUPT, "%zu of %zu leaves from entry %llu", got, n, (unsigned long long)first);
    for (size_t i = 0; i < n; i++)      /* indexes are unique and sorted: as many as asked for are all of them */
        out[i] = rows[i].leaf;
    return ERR_OK;
}

static err read_hashes(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct db *db = arg;
    struct subtree_row *rows;
    size_t got;

    if (level == 0)
        return read_leaves(s, db, first, n, out);
    TRY(log_subtrees(s, db, level, first, first + n, &rows, &got));
    if (got != n)
        return fail(s, ERR_CORRUPT, "%zu of %zu subtrees of level %u from %llu", got, n, level,
                    (unsigned long long)first);
    for (size_t i = 0; i < n; i++)
        out[i] = rows[i].hash;
    return ERR_OK;
}

struct hash_source append_hash_source(struct db *db)
{
    return (struct hash_source){ .read = read_hashes, .arg = db };
}

/* ---- tiles that are kept: a log of 67 million entries has 1,024 full ones above its leaves */

struct proof_source { struct append *a; struct db *db; };

static struct kept_tile **place(struct append *a, unsigned level, uint64_t n)
{
    return &a->tiles[level == 0 ? PROOF_TILES_KEPT : (n + level * 337) % PROOF_TILES_KEPT];
}

static size_t place_of(unsigned height)
{
    return 2 * TILE_WIDTH - (2 * TILE_WIDTH >> height);
}

/* False: not kept, or not so far. */
static bool known(void *arg, unsigned height, uint64_t node, struct hash *out)
{
    struct proof_source *p = arg;
    unsigned level = height / 8, within = height % 8;
    uint64_t first = node << within;
    const struct kept_tile *t;
    bool kept;

    pthread_mutex_lock(&p->a->tiles_lock);
    t = *place(p->a, level, first / TILE_WIDTH);
    kept = t && t->level == level && t->n == first / TILE_WIDTH && first % TILE_WIDTH + (1u << within) <= t->width;
    if (kept)
        *out = t->hash[place_of(within) + (first % TILE_WIDTH >> within)];
    pthread_mutex_unlock(&p->a->tiles_lock);
    return kept;
}

/* In the place of another one; of the same tile the longer stays. */
static void tile_keep(struct append *a, unsigned level, uint64_t n, size_t width, const struct hash *hashes)
{
    struct kept_tile new = { .level = level, .n = n, .width = width }, **at = place(a, level, n), *t;

    memcpy(new.hash, hashes, width * sizeof *hashes);
    for (unsigned height = 1; width >> height > 0; height++)
        for (size_t i = 0; i < width >> height; i++)
            new.hash[place_of(height) + i] = node_hash(&new.hash[place_of(height - 1) + 2 * i],
                                                       &new.hash[place_of(height - 1) + 2 * i + 1]);
    pthread_mutex_lock(&a->tiles_lock);
    t = *at ? *at : (*at = calloc(1, sizeof *t));
    if (!t)
        abort();
    if (t->level != level || t->n != n || t->width < width)
        *t = new;
    pthread_mutex_unlock(&a->tiles_lock);
}

/* Above the leaves all is kept; of the leaves only a tile that isn't full, the tree's last one. */
static err read_and_keep(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct proof_source *p = arg;

    TRY(read_hashes(s, p->db, level, first, n, out));
    if ((level > 0 || n < TILE_WIDTH) && first % TILE_WIDTH == 0)
        tile_keep(p->a, level, first / TILE_WIDTH, n, out);
    return ERR_OK;
}

struct hash_source append_proof_source(struct scope *s, struct append *a, struct db *db)
{
    struct proof_source *p = NEW(s, struct proof_source);

    *p = (struct proof_source){ a, db };
    return (struct hash_source){ .read = read_and_keep, .arg = p, .known = known };
}
