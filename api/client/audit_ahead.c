/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_ahead.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct slot {
    struct scope scope;                      /* of what was read; handed from thread to thread with the slot */
    struct audit_bundle bundle;
    size_t held;                             /* by the scope, as far as `bytes` counts it */
    err e;
    bool ready;
};

/* Bundle n has the slot n % n_slots from the moment that it is begun until the audit asks for the next one. */
struct ahead {
    struct audit_source source;
    pthread_mutex_t lock;
    pthread_cond_t room, ready;
    bool stop;
    uint64_t size;                           /* of the tree; 0: nothing was asked for yet */
    uint64_t replayed;                       /* the bundle that the audit has */
    uint64_t next, end;                      /* to be begun, and where the log ends */
    size_t bytes;                            /* that the slots hold: of bundles that wait, or kept for the next */
    unsigned n_slots, started;
    struct slot *slots;
    pthread_t threads[AHEAD_THREADS_MAX];
};

/* With the lock: what the slot's scope holds now. */
static void count(struct ahead *a, struct slot *slot)
{
    size_t held = scope_held(&slot->scope);

    a->bytes += held - slot->held;
    slot->held = held;
}

/* With the lock. What the audit waits for is read whatever else is held. */
static bool may_begin(const struct ahead *a)
{
    return a->next < a->end && a->next < a->replayed + a->n_slots &&
           (a->bytes < AHEAD_BYTES || a->next <= a->replayed);
}

/* With the lock, which it gives up meanwhile: reads the next bundle; false: none may be begun. */
static bool read_next(struct ahead *a)
{
    uint64_t number = a->next;
    struct slot *slot = &a->slots[number % a->n_slots];

    if (!may_begin(a))
        return false;
    a->next++;
    if (may_begin(a))
        pthread_cond_signal(&a->room);
    pthread_mutex_unlock(&a->lock);
    scope_reuse(&slot->scope);
    slot->e = audit_bundle_read(&slot->scope, &a->source, number, a->size, &slot->bundle);
    pthread_mutex_lock(&a->lock);
    slot->ready = true;
    count(a, slot);
    if (number == a->replayed)
        pthread_cond_signal(&a->ready);
    return true;
}

static void *reader(void *arg)
{
    struct ahead *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->stop)
        if (!read_next(a))
            pthread_cond_wait(&a->room, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

err ahead_open(struct scope *s, const struct audit_source *src, unsigned threads, struct ahead **out)
{
    struct ahead *a = calloc(1, sizeof *a);

    assert(threads <= AHEAD_THREADS_MAX);
    if (!a)
        abort();
    a->source = *src;
    a->n_slots = (threads + 1) * AHEAD_BUNDLES;
    a->slots = calloc(a->n_slots, sizeof *a->slots);
    if (!a->slots)
        abort();
    for (unsigned i = 0; i < a->n_slots; i++)
        scope_init(&a->slots[i].scope, 0);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->room, NULL);
    pthread_cond_init(&a->ready, NULL);
    for (; a->started < threads; a->started++)
        if (pthread_create(&a->threads[a->started], NULL, reader, a) != 0) {
            ahead_close(a);
            return fail(s, ERR_INTERNAL, "no thread could be started");
        }
    *out = a;
    return ERR_OK;
}

/* With the lock: the audit goes on from the bundle that it has to `number`. */
static void go_on(struct ahead *a, uint64_t number, uint64_t size)
{
    struct slot *had = &a->slots[a->replayed % a->n_slots];

    if (a->size == 0) {
        a->size = size;
        a->next = number;
        a->end = (size + TILE_WIDTH - 1) / TILE_WIDTH;
    } else {
        assert(size == a->size && number == a->replayed + 1);
        had->ready = false;
        if (a->bytes >= AHEAD_BYTES)
            scope_clear(&had->scope);        /* what it kept would be missing to those that are read */
        count(a, had);
    }
    a->replayed = number;
    pthread_cond_signal(&a->room);           /* who begins wakes the next one */
}

err ahead_bundle(struct scope *s, void *arg, uint64_t number, uint64_t size, const struct audit_bundle **out)
{
    struct ahead *a = arg;
    struct slot *slot = &a->slots[number % a->n_slots];

    pthread_mutex_lock(&a->lock);
    go_on(a, number, size);
    while (!slot->ready)
        if (!read_next(a))
            pthread_cond_wait(&a->ready, &a->lock);
    pthread_mutex_unlock(&a->lock);
    *out = &slot->bundle;
    return slot->e == ERR_OK ? ERR_OK : fail(s, slot->e, "%s", slot->scope.why.detail);
}

void ahead_close(struct ahead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->room);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->started; i++)
        pthread_join(a->threads[i], NULL);
    for (unsigned i = 0; i < a->n_slots; i++)
        scope_free(&a->slots[i].scope);
    pthread_cond_destroy(&a->ready);
    pthread_cond_destroy(&a->room);
    pthread_mutex_destroy(&a->lock);
    free(a->slots);
    free(a);
}
