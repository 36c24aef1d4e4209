/* SPDX-License-Identifier: Apache-2.0 */
#include "api/uses.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/limits.h"

#define MINUTE_MS 60000

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

bool uses_known(const struct uses *u, const struct hash *digest)
{
    uint64_t mark = mark_of(digest);

    return atomic_load_explicit(&u->places[mark / 2 % KEY_USES_SIZE].mark, memory_order_relaxed) == mark;
}

void uses_note(struct uses *u, const struct id *key, const struct hash *digest, int64_t now_ms)
{
    uint64_t mark = mark_of(digest);
    struct place *p = &u->places[mark / 2 % KEY_USES_SIZE];
    int64_t minute = now_ms / MINUTE_MS;

    if (atomic_load_explicit(&p->mark, memory_order_relaxed) == mark &&
        atomic_load_explicit(&p->minute, memory_order_relaxed) == minute)
        return;
    atomic_store_explicit(&p->mark, mark, memory_order_relaxed);
    atomic_store_explicit(&p->minute, minute, memory_order_relaxed);
    pthread_mutex_lock(&u->lock);
    if (u->n_pending < KEY_USES_SIZE)
        u->pending[u->n_pending++] = *key;
    pthread_mutex_unlock(&u->lock);
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
