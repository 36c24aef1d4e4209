/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/store/db_libpq.h"

/*
 * `idle` is a stack, so that few connections stay warm under little load; a
 * NULL in it is a connection that has yet to be opened. Opening is done outside
 * the mutex: a database that hangs holds up only who waits for it.
 */
struct db_pool {
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    char *dsn, *application;
    size_t size, n_idle;
    struct db **idle;
};

err db_pool_open(struct scope *s, const char *dsn, const char *application, size_t size, struct db_pool **out)
{
    struct db_pool *p;
    pthread_condattr_t attr;

    if (size == 0)
        return fail(s, ERR_CONFIG, "a pool needs at least one connection");
    p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->idle = calloc(size, sizeof *p->idle);
    p->dsn = strdup(dsn);
    p->application = strdup(application);
    if (!p->idle || !p->dsn || !p->application)
        abort();
    p->size = p->n_idle = size;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->returned, &attr);
    pthread_condattr_destroy(&attr);
    *out = p;
    return ERR_OK;
}

void db_pool_close(struct db_pool *p)
{
    if (!p)
        return;
    assert(p->n_idle == p->size);       /* a connection still taken would use freed memory later */
    for (size_t i = 0; i < p->size; i++)
        db_close(p->idle[i]);
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->mutex);
    free(p->idle);
    free(p->dsn);
    free(p->application);
    free(p);
}

/* False: the deadline passed. Called and left with the mutex held. */
static bool wait_idle(struct db_pool *p, int64_t deadline_ms)
{
    struct timespec until = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };
    int rc = 0;

    while (p->n_idle == 0 && rc != ETIMEDOUT)
        rc = deadline_ms ? pthread_cond_timedwait(&p->returned, &p->mutex, &until) :
                           pthread_cond_wait(&p->returned, &p->mutex);
    return p->n_idle > 0;
}

static void put_back(struct db_pool *p, struct db *db)
{
    pthread_mutex_lock(&p->mutex);
    assert(p->n_idle < p->size);
    p->idle[p->n_idle++] = db;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->mutex);
}

err db_take(struct scope *s, struct db_pool *p, struct db **out)
{
    struct db *db = NULL;
    bool got;
    err e = ERR_OK;

    *out = NULL;
    pthread_mutex_lock(&p->mutex);
    got = wait_idle(p, s->deadline_ms);
    if (got)
        db = p->idle[--p->n_idle];
    pthread_mutex_unlock(&p->mutex);
    if (!got)
        return fail(s, ERR_BUSY, "no database connection became free in time");
    if (!db)
        e = db_connect(s, p->dsn, p->application, DB_STATEMENT_MS, &db);
    else if (!db_alive(db))
        e = db_reopen(s, db);
    if (e != ERR_OK) {
        put_back(p, db);
        return e;
    }
    *out = db;
    return ERR_OK;
}

void db_give(struct db_pool *p, struct db *db)
{
    if (!db)
        return;
    db_rollback(db);        /* what was left open is not wanted */
    if (db->copying || !db_healthy(db)) {
        db_close(db);
        db = NULL;
    }
    put_back(p, db);
}
