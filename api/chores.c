/* SPDX-License-Identifier: Apache-2.0 */
#include "api/chores.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/party.h"

#define ROUND_SECONDS 10
#define SWEEP_MS      (3600 * INT64_C(1000))

struct chores {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
};

static err note_uses(struct scope *s, struct app *app)
{
    struct id *ids = NEWS(s, struct id, KEY_USES_SIZE);
    size_t n = uses_take(app->uses, ids, KEY_USES_SIZE);
    const char **texts = NEWS(s, const char *, KEY_USES_SIZE);
    struct db *db;
    err e;

    if (n == 0)
        return ERR_OK;
    for (size_t i = 0; i < n; i++)
        texts[i] = ids[i].text;
    TRY(db_take(s, app->pool, &db));
    e = api_key_used(s, db, texts, n, clock_wall_ms());
    db_give(app->pool, db);
    return e;
}

static void one_round(struct app *app, int64_t *next_sweep)
{
    struct scope s;
    size_t removed = 0;

    scope_init(&s, ROUND_SECONDS * 1000);
    if (note_uses(&s, app) != ERR_OK)
        log_why(LOG_WARNING, "the use of keys could not be noted", &s);
    scope_clear(&s);
    if (clock_monotonic_ms() >= *next_sweep) {
        *next_sweep = clock_monotonic_ms() + SWEEP_MS;
        if (blobs_sweep(&s, &app->blobs, clock_wall_ms() - UPLOAD_IDLE_MS, &removed) != ERR_OK)
            log_why(LOG_WARNING, "unfinished uploads could not be removed", &s);
        else if (removed > 0)
            log_line(LOG_INFO, "removed unfinished uploads n=%zu", removed);
    }
    scope_free(&s);
}

static void *loop(void *arg)
{
    struct chores *c = arg;
    int64_t next_sweep = 0;
    struct timespec until;
    bool stop = false;

    while (!stop) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ROUND_SECONDS;
        pthread_mutex_lock(&c->lock);
        while (!c->stop && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0)
            ;
        stop = c->stop;
        pthread_mutex_unlock(&c->lock);
        one_round(c->app, &next_sweep);
    }
    return NULL;
}

struct chores *chores_start(struct app *app)
{
    struct chores *c = calloc(1, sizeof(*c));
    pthread_condattr_t monotonic;

    if (!c)
        abort();
    c->app = app;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&c->thread, NULL, loop, c) != 0)
        abort();
    return c;
}

void chores_stop(struct chores *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
