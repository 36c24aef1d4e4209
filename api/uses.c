/* SPDX-License-Identifier: Apache-2.0 */
#include "api/uses.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/limits.h"

#define MINUTE_MS 60000
#define NEIGHBORS 4

/* A digest is a keyed hash of 260 random bits: its first eight bytes say which it is. */
struct place { atomic_uint_fast64_t mark; atomic_int_fast64_t minute; };

struct uses {
    struct place places[KEY_USES_SIZE];
    pthread_mutex_t lock;
    struct id pending[KEY_USES_SIZE];
    size_t n_pending;
};

struct uses *uses_new(void)
{
    struct uses *u = calloc(1, sizeof(*u));

    if (!u)
        abort();
    pthread_mutex_init(&u->lock, NULL);
    return u;
}

void uses_free(struct uses *u)
{
    if (!u)
        return;
    pthread_mutex_destroy(&u->lock);
    free(u);
}

static uint64_t mark_of(const struct hash *digest)
{
    return be64_read(digest->b) | 1;          /* never 0, which is an empty place */
}

/* A mark lies in one of a few places, so that two keys in use at a time don't push each other out. */
static size_t place_of(const struct uses *u, uint64_t mark, bool *found)
{
    size_t first = mark / 2 % KEY_USES_SIZE, best = first;

    for (size_t i = 0; i < NEIGHBORS; i++) {
        size_t at = (first + i) % KEY_USES_SIZE;

        *found = atomic_load_explicit(&u->places[at].mark, memory_order_relaxed) == mark;
        if (*found)
            return at;
        if (atomic_load_explicit(&u->places[at].minute, memory_order_relaxed) <
            atomic_load_explicit(&u->places[best].minute, memory_order_relaxed))
            best = at;
    }
    return best;
}

bool uses_known(const struct uses *u, const struct hash *digest)
{
    bool found;

    place_of(u, mark_of(digest), &found);
    return found;
}

void uses_note(struct uses *u, const struct id *key, const struct hash *digest, int64_t now_ms)
{
    uint64_t mark = mark_of(digest);
    int64_t minute = now_ms / MINUTE_MS;
    bool found;
    struct place *p = &u->places[place_of(u, mark, &found)];

    if (found && atomic_load_explicit(&p->minute, memory_order_relaxed) == minute)
        return;
    atomic_store_explicit(&p->mark, mark, memory_order_relaxed);
    atomic_store_explicit(&p->minute, minute, memory_order_relaxed);
    pthread_mutex_lock(&u->lock);
    if (u->n_pending < KEY_USES_SIZE)
        u->pending[u->n_pending++] = *key;
    pthread_mutex_unlock(&u->lock);
}

void uses_forget(struct uses *u, const struct hash *digest)
{
    bool found;
    struct place *p = &u->places[place_of(u, mark_of(digest), &found)];

    if (!found)
        return;
    atomic_store_explicit(&p->mark, 0, memory_order_relaxed);
    atomic_store_explicit(&p->minute, 0, memory_order_relaxed);
}

size_t uses_take(struct uses *u, struct id *out, size_t cap)
{
    size_t n;

    pthread_mutex_lock(&u->lock);
    n = u->n_pending < cap ? u->n_pending : cap;
    memcpy(out, u->pending + u->n_pending - n, n * sizeof(*out));
    u->n_pending -= n;
    pthread_mutex_unlock(&u->lock);
    return n;
}
