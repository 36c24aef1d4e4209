/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/parallel.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

struct crew {
    parallel_work *work;
    void *arg;
    size_t things;
    int64_t deadline_ms;
    atomic_size_t next;
    atomic_bool stop;
    pthread_mutex_t lock;
    struct scope *caller;                 /* guarded by lock: takes the first reason */
    err first;
};

struct member { struct crew *crew; unsigned number; pthread_t thread; };

unsigned parallel_cores(void)
{
    cpu_set_t set;
    int n;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > PARALLEL_THREADS_MAX ? PARALLEL_THREADS_MAX : (unsigned)n;
}

static void note_failure(struct crew *c, const struct scope *s, err e)
{
    pthread_mutex_lock(&c->lock);
    if (c->first == ERR_OK) {
        c->first = e;
        if (c->caller->why.code == ERR_OK)
            c->caller->why = s->why;
    }
    pthread_mutex_unlock(&c->lock);
    atomic_store(&c->stop, true);
}

static void *member_run(void *arg)
{
    struct member *m = arg;
    struct crew *c = m->crew;
    struct scope s;
    size_t thing;

    scope_init(&s, 0);
    s.deadline_ms = c->deadline_ms;
    while (!atomic_load(&c->stop) && (thing = atomic_fetch_add(&c->next, 1)) < c->things) {
        err e = c->work(&s, c->arg, thing, m->number);
        if (e != ERR_OK)
            note_failure(c, &s, e);
        scope_clear(&s);
    }
    scope_free(&s);
    return NULL;
}

err parallel_run(struct scope *s, unsigned threads, size_t things, parallel_work *work, void *arg)
{
    struct crew c = { .work = work, .arg = arg, .things = things, .deadline_ms = s->deadline_ms, .caller = s,
                      .lock = PTHREAD_MUTEX_INITIALIZER };
    struct member members[PARALLEL_THREADS_MAX];
    unsigned started = 1;

    assert(threads >= 1 && threads <= PARALLEL_THREADS_MAX);
    if (threads > things)
        threads = things ? (unsigned)things : 1;
    members[0] = (struct member){ .crew = &c };
    for (unsigned i = 1; i < threads; i++) {
        members[i] = (struct member){ .crew = &c, .number = i };
        if (pthread_create(&members[i].thread, NULL, member_run, &members[i]) != 0)
            break;                        /* fewer threads do the same work */
        started++;
    }
    member_run(&members[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(members[i].thread, NULL);
    pthread_mutex_destroy(&c.lock);
    return c.first;
}
