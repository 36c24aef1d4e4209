/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, **last;
    size_t waiting, n;
    bool stopping;
    pthread_t threads[];
};

static struct job *take(struct workers *w)
{
    struct job *job;

    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stopping)
        pthread_cond_wait(&w->wake, &w->lock);
    job = w->first;
    if (job) {
        w->first = job->next;
        if (!w->first)
            w->last = &w->first;
        w->waiting--;
    }
    pthread_mutex_unlock(&w->lock);
    return job;
}

static void *work(void *arg)
{
    struct workers *w = arg;

    for (struct job *job = take(w); job; job = take(w))
        job->run(job);
    return NULL;
}

struct workers *workers_start(size_t n)
{
    struct workers *w = calloc(1, sizeof *w + n * sizeof w->threads[0]);

    if (!w)
        abort();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    w->last = &w->first;
    for (; w->n < n; w->n++) {
        if (pthread_create(&w->threads[w->n], NULL, work, w) != 0)
            abort();
        pthread_setname_np(w->threads[w->n], "http-worker");
    }
    return w;
}

void workers_push(struct workers *w, struct job *job)
{
    pthread_mutex_lock(&w->lock);
    job->next = NULL;
    *w->last = job;
    w->last = &job->next;
    w->waiting++;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

size_t workers_waiting(struct workers *w)
{
    size_t n;

    pthread_mutex_lock(&w->lock);
    n = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return n;
}

void workers_stop(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->n; i++)
        pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
