/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rehash_log: reads the whole log as stored and computes everything anew: leaves from the entries' bytes, subtrees,
 * the root of every tree head. A difference is bit rot or worse and is said at error level; the job fails.
 * Paced, so that it takes little of the database. What it has reached is kept in the database: another worker goes on
 * from there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/tree/frontier.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/upkeep.h"
#include "worker/jobs/work.h"

#define CHUNK_ENTRIES TILE_WIDTH
#define NAP_MS        200              /* a stop or a lost lease is seen so soon */
#define SAY_EVERY_MS  30000
#define KEEP_EVERY_MS 2000
#define LEVELS        5

struct pass {
    struct work *w;
    uint64_t size;                            /* of the newest head when the pass began */
    struct frontier tree;
    struct { size_t n; uint64_t done; struct hash hash[TILE_WIDTH]; } level[LEVELS];   /* level[0]: leaves … */
    struct stored_subtree *made;              /* of this chunk, in the order of (end, level) */
    size_t n_made;
    uint64_t began;                           /* entries that were done when this attempt began */
    int64_t said_ms, kept_ms, began_ms;
};

static err differs(struct scope *s, const char *what, uint64_t at)
{
    log_line(LOG_ERROR, "the stored log does not hash what=%s at=%" PRIu64, what, at);
    return fail(s, ERR_CORRUPT, "%s at %" PRIu64 " is not what it hashes to", what, at);
}

/* A leaf; where it completes subtrees, they are added to what the chunk made. */
static void add_leaf(struct pass *p, struct hash leaf)
{
    struct hash h = leaf;

    frontier_append(&p->tree, leaf);
    for (int l = 0; l < LEVELS; l++) {
        p->level[l].hash[p->level[l].n++] = h;
        if (p->level[l].n < TILE_WIDTH)
            return;
        h = tree_root(p->level[l].hash, TILE_WIDTH);
        p->level[l].n = 0;
        p->made[p->n_made++] = (struct stored_subtree){ l + 1, (int64_t)p->level[l].done++, h };
    }
}

static int by_place(const void *a, const void *b)
{
    const struct stored_subtree *x = a, *y = b;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return x->n < y->n ? -1 : x->n > y->n;
}

static err check_subtrees(struct scope *s, struct pass *p, uint64_t first, uint64_t end)
{
    struct stored_subtree *rows;
    size_t n;

    TRY(upkeep_subtrees(s, p->w->db, first, end, &rows, &n));
    qsort(p->made, p->n_made, sizeof *p->made, by_place);
    for (size_t i = 0; i < p->n_made; i++)
        if (i >= n || by_place(&rows[i], &p->made[i]) != 0 || !hash_equal(&rows[i].hash, &p->made[i].hash))
            return differs(s, "subtree", (uint64_t)p->made[i].n);
    return n == p->n_made ? ERR_OK : differs(s, "subtree", (uint64_t)rows[p->n_made].n);
}

/* Entries [first, end), each head inside compared as the tree grows to its size. */
static err check_chunk(struct scope *s, struct pass *p, uint64_t first, uint64_t end)
{
    struct stored_entry *entries;
    struct stored_head *heads;
    size_t n, n_heads, at = 0;

    TRY(upkeep_entries(s, p->w->db, first, end, &entries, &n));
    TRY(upkeep_heads(s, p->w->db, first, end, &heads, &n_heads));
    p->made = NEWS(s, struct stored_subtree, CHUNK_ENTRIES);
    p->n_made = 0;
    for (size_t i = 0; i < n; i++) {
        struct hash leaf = leaf_hash(entries[i].bytes.p, entries[i].bytes.len), root;
        if (entries[i].index != (int64_t)(first + i))
            return differs(s, "gap", first + i);
        if (!hash_equal(&leaf, &entries[i].leaf))
            return differs(s, "leaf", first + i);
        add_leaf(p, leaf);
        if (at == n_heads || heads[at].size != (int64_t)p->tree.size)
            continue;
        root = frontier_root(&p->tree);
        if (!hash_equal(&root, &heads[at++].root))
            return differs(s, "root", p->tree.size);
    }
    if (n != end - first)
        return differs(s, "gap", first + n);
    return check_subtrees(s, p, first, end);
}

/* Says now and then how far it is, and sleeps until the pass is no faster than it may be. */
static err pace(struct scope *s, struct pass *p)
{
    int64_t due = (int64_t)((p->tree.size - p->began) * 1000 / (uint64_t)p->w->settings->rehash_per_second);
    int64_t now = clock_monotonic_ms();

    if (now - p->said_ms > SAY_EVERY_MS) {
        log_line(LOG_INFO, "rehash entries=%" PRIu64 " of=%" PRIu64, p->tree.size, p->size);
        p->said_ms = now;
    }
    TRY(work_left(s, p->w));
    for (int64_t early = p->began_ms + due - now; early > 0; early = p->began_ms + due - clock_monotonic_ms()) {
        struct timespec ts = { 0, (early < NAP_MS ? early : NAP_MS) * 1000000 };
        nanosleep(&ts, NULL);
        TRY(work_left(s, p->w));
    }
    return ERR_OK;
}

static err newest_head(struct scope *s, struct work *w, uint64_t *size)
{
    struct append_state state;

    (void)s;
    append_state(w->append, &state);
    *size = state.head_size > state.signed_size ? state.head_size : state.signed_size;
    return ERR_OK;
}

/*
 * Goes on from what an attempt before has kept: the subtrees as stored must fold to the root that it had computed.
 * They don't if they have changed since, then the log is read from its start, which shows where.
 */
static err resume(struct scope *s, struct pass *p)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct stored_subtree *rows;
    struct rehash kept;
    struct hash root;
    size_t n;

    TRY(upkeep_rehash_get(s, p->w->db, &kept));
    if (kept.size == 0 || kept.size % TILE_WIDTH != 0 || (uint64_t)kept.size > p->size)
        return ERR_OK;
    TRY(upkeep_edge(s, p->w->db, (uint64_t)kept.size, &rows, &n));
    for (size_t i = 0; i < n; i++)
        frontier_append_subtree(&tree, 8 * (unsigned)rows[i].level, rows[i].hash);
    root = frontier_root(&tree);
    if (tree.size != (uint64_t)kept.size || !hash_equal(&root, &kept.root)) {
        log_line(LOG_ERROR, "the stored subtrees are not what was kept of them at=%" PRId64 ": from the start",
                 kept.size);
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++)
        if (rows[i].level < LEVELS)
            p->level[rows[i].level].hash[p->level[rows[i].level].n++] = rows[i].hash;
    for (int l = 0; l < LEVELS; l++)
        p->level[l].done = tree.size >> 8 * (l + 1);
    p->tree = tree;
    p->began = tree.size;
    log_line(LOG_INFO, "rehash goes on entries=%" PRIu64 " of=%" PRIu64, tree.size, p->size);
    return ERR_OK;
}

/* Now and then, where no tile is half full. */
static err keep(struct scope *s, struct pass *p)
{
    int64_t now = clock_monotonic_ms();
    struct hash root;

    if (now - p->kept_ms < KEEP_EVERY_MS || p->tree.size % TILE_WIDTH != 0)
        return ERR_OK;
    p->kept_ms = now;
    root = frontier_root(&p->tree);
    return upkeep_rehash_set(s, p->w->db, p->tree.size, &root, p->size);
}

/* The next entries, in a scope of their own. */
static err step(struct scope *s, struct pass *p)
{
    uint64_t first = p->tree.size, end = first + CHUNK_ENTRIES < p->size ? first + CHUNK_ENTRIES : p->size;
    struct scope chunk = scope_within(s);
    err e = check_chunk(&chunk, p, first, end);
    if (e == ERR_OK)
        e = keep(&chunk, p);
    return scope_end(s, &chunk, e);
}

err rehash_log_run(struct scope *s, struct work *w)
{
    struct pass *p = NEW(s, struct pass);
    int64_t now = clock_monotonic_ms();

    *p = (struct pass){ .w = w, .tree = FRONTIER_EMPTY, .began_ms = now, .kept_ms = now, .said_ms = now };
    TRY(newest_head(s, w, &p->size));
    TRY(resume(s, p));
    while (p->tree.size < p->size) {
        TRY(step(s, p));
        TRY(pace(s, p));
    }
    TRY(upkeep_rehash_passed(s, w->db, p->size));
    log_line(LOG_INFO, "rehash done entries=%" PRIu64 " ms=%lld", p->size,
             (long long)(clock_monotonic_ms() - p->began_ms));
    return ERR_OK;
}
