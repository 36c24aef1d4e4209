/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/append/state.h"
#include "schema/base/log.h"

#define UNSIGNED_BATCHES_ASKED 64      /* Batches whose head is looked up at a time; more are looked up next time. */

struct view_floor view_floor(struct append *a)
{
    struct view_floor floor;

    pthread_mutex_lock(&a->lock);
    floor = (struct view_floor){ a->committed_size, a->signed_size };
    pthread_mutex_unlock(&a->lock);
    return floor;
}

err view_check(struct scope *s, struct append *a, struct view_floor floor, const struct log_view *view)
{
    uint64_t size = (uint64_t)view->size;

    pthread_mutex_lock(&a->lock);
    if (size > a->state.head_size || size < floor.committed)
        a->state.head_size = size;
    pthread_mutex_unlock(&a->lock);
    if (view->signed_size > view->size)
        halt(a, "the newest head is behind the checkpoint of size %lld", (long long)view->signed_size);
    else if (size < floor.committed)
        halt(a, "the database went back behind a batch of size %llu", (unsigned long long)floor.committed);
    else if ((uint64_t)view->signed_size < floor.seen)
        halt(a, "the database went back behind the checkpoint of size %llu", (unsigned long long)floor.seen);
    else if (view->signed_size == view->size && !hash_equal(&view->signed_root, &view->root))
        halt(a, "two roots for one size");
    else
        return ERR_OK;
    return fail(s, ERR_HALTED, "the newest rows contradict what was seen before");
}

/* Batches of ours below a signed size: true if one with another root was found. `sizes`: still to be looked up. */
static bool compare_root(struct append *a, uint64_t size, const struct hash *root)
{
    bool other = false;

    for (struct append_batch *b = a->unsigned_batches; b; b = b->next) {
        if (b->n_entries == 0 || b->root_seen || b->first + b->n_entries != size)
            continue;
        b->root_seen = hash_equal(&b->root, root);
        other = other || !b->root_seen;
    }
    return other;
}

static size_t unseen_sizes(struct append *a, int64_t *sizes)
{
    size_t n = 0;

    for (struct append_batch *b = a->unsigned_batches; b && n < UNSIGNED_BATCHES_ASKED; b = b->next)
        if (b->n_entries > 0 && !b->root_seen && b->first + b->n_entries <= a->signed_size)
            sizes[n++] = (int64_t)(b->first + b->n_entries);
    return n;
}

/* An answer rests on our entries, not on a number: the signed tree must have our batch where we put it. */
static err compare_heads(struct scope *s, struct append *a, struct db *db, const int64_t *sizes, size_t n_sizes)
{
    struct ready_list list = { 0 };
    struct head_row *rows;
    size_t n;
    bool other = false;

    TRY(log_heads(s, db, sizes, n_sizes, &rows, &n));
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < n; i++)
        other = compare_root(a, (uint64_t)rows[i].size, &rows[i].root) || other;
    if (!other)
        settle_signed(a, &list);
    pthread_mutex_unlock(&a->lock);
    ready_call(&list);
    if (!other && n == n_sizes)
        return ERR_OK;
    halt(a, "a batch that was committed is not in the signed tree");
    return fail(s, ERR_HALTED, "a committed batch is gone");
}

err checkpoint_adopt(struct scope *s, struct append *a, struct db *db, uint64_t size, const char *note,
                     const struct hash *root)
{
    struct ready_list list = { 0 };
    int64_t sizes[UNSIGNED_BATCHES_ASKED];
    struct checkpoint cp;
    size_t n = 0;
    bool newer = size > append_signed_size(a), other, recovered = false;

    if (newer && (checkpoint_open(s, note, strlen(note), &a->log_key, &cp) != ERR_OK || cp.size != size ||
                  !hash_equal(&cp.root, root))) {
        halt(a, "the stored checkpoint of size %llu is not the log's", (unsigned long long)size);
        return fail(s, ERR_HALTED, "a stored checkpoint does not verify");
    }
    pthread_mutex_lock(&a->lock);
    if (newer && size > a->signed_size) {
        free(a->signed_note);
        a->signed_note = strdup(note);
        if (!a->signed_note)
            abort();
        a->signed_size = a->state.signed_size = size;
        recovered = a->state.behind && size >= a->behind_size;
        a->state.behind = a->state.behind && !recovered;
    }
    other = compare_root(a, size, root);
    n = unseen_sizes(a, sizes);
    if (!other)
        settle_signed(a, &list);
    pthread_cond_broadcast(&a->progress);
    pthread_mutex_unlock(&a->lock);
    ready_call(&list);
    if (recovered)
        log_line(LOG_INFO, "ledger recovered: the awaited checkpoint was signed size=%llu", (unsigned long long)size);
    if (other) {
        halt(a, "the signed tree of size %llu is not the one that was committed", (unsigned long long)size);
        return fail(s, ERR_HALTED, "another tree was signed");
    }
    return n ? compare_heads(s, a, db, sizes, n) : ERR_OK;
}

err checkpoint_found(struct scope *s, struct append *a, const struct log_view *view)
{
    if (atomic_load(&a->doubtful))
        return ERR_OK;
    return checkpoint_adopt(s, a, a->db, (uint64_t)view->signed_size, view->note, &view->signed_root);
}
