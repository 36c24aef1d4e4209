/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/jobs/cosign.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/clock.h"
#include "schema/base/config.h"
#include "schema/base/log.h"
#include "schema/store/log.h"
#include "schema/store/witness.h"
#include "worker/jobs/cosign_ask.h"

#define LOOK_MS     200               /* how soon a new checkpoint is seen */
#define DATABASE_MS 5000
#define NAP_MS      1000              /* without a database, or while another worker asks */

/* What all witnesses are asked to cosign now. */
struct target { uint64_t size; char *note; int64_t since_ms; };

struct cosigning {
    const struct worker_settings *settings;
    struct scope scope;               /* of the policy */
    struct policy *policy;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping, elected;
    struct target target;
    bool cosigned[POLICY_WITNESSES_MAX];      /* the target, by each */
    pthread_t boss, askers[POLICY_WITNESSES_MAX];
    bool boss_runs, asker_runs[POLICY_WITNESSES_MAX];
};

struct asker {                        /* a witness's thread */
    struct cosigning *c;
    size_t number;
    struct asking asking;
    int failures;
    uint64_t done;                    /* size of the last target that was settled, one way or the other */
};

/* ---- waiting; c->lock is held */

static void wait_ms(struct cosigning *c, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

/* True: stopping. */
static bool rest(struct cosigning *c, int64_t ms)
{
    int64_t end = clock_monotonic_ms() + ms, left;
    bool stop;

    pthread_mutex_lock(&c->lock);
    while (!c->stopping && (left = end - clock_monotonic_ms()) > 0)
        wait_ms(c, left);
    stop = c->stopping;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static err connect_db(struct scope *s, struct cosigning *c, struct db **db)
{
    if (*db && db_healthy(*db))
        return ERR_OK;
    if (*db)
        return db_reopen(s, *db);
    return db_open(s, c->settings->dsn, "counterfoil-worker witness", db);
}

/* ---- the boss: who asks, and what is asked */

static void set_elected(struct cosigning *c, bool yes)
{
    pthread_mutex_lock(&c->lock);
    if (c->elected != yes)
        log_line(LOG_INFO, "%s", yes ? "this process asks the witnesses" : "no longer asks the witnesses");
    c->elected = yes;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* Whether the next checkpoint may be chosen: c->lock is held. */
static bool settled(const struct cosigning *c, int64_t now)
{
    return !c->target.note || (now - c->target.since_ms >= WITNESS_EVERY_MS &&
                               (policy_met(c->policy, c->cosigned) || now - c->target.since_ms >= WITNESS_PATIENCE_MS));
}

static void choose(struct cosigning *c, const struct newest_checkpoint *newest)
{
    int64_t now = clock_monotonic_ms();

    pthread_mutex_lock(&c->lock);
    if (newest->size > 0 && (uint64_t)newest->size > c->target.size && settled(c, now)) {
        free(c->target.note);
        c->target = (struct target){ (uint64_t)newest->size, strdup(newest->note), now };
        if (!c->target.note)
            abort();
        memset(c->cosigned, 0, sizeof c->cosigned);
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
}

static err boss_step(struct scope *s, struct cosigning *c, struct db **db, bool *won)
{
    struct newest_checkpoint newest;

    if (*won && !db_healthy(*db))
        *won = false;
    TRY(connect_db(s, c, db));
    if (!*won)
        TRY(witness_elect(s, *db, won));
    if (!*won)
        return ERR_OK;
    TRY(witness_newest(s, *db, &newest));
    choose(c, &newest);
    return ERR_OK;
}

static void *boss_main(void *arg)
{
    struct cosigning *c = arg;
    struct db *db = NULL;
    bool won = false, trouble = false;
    err e;

    do {
        struct scope s;
        scope_init(&s, DATABASE_MS);
        e = boss_step(&s, c, &db, &won);
        if (e != ERR_OK && !trouble)
            log_why(LOG_WARNING, "witnesses cannot be asked", &s);
        trouble = e != ERR_OK;
        scope_free(&s);
        set_elected(c, e == ERR_OK && won);
    } while (!rest(c, e == ERR_OK && won ? LOOK_MS : NAP_MS));
    db_close(db);
    return NULL;
}

/* ---- a witness's thread */

/* The target, when there is one that this witness has not been asked for. False: stopping. */
static bool next_target(struct asker *a, struct scope *s, uint64_t *size, char **note)
{
    struct cosigning *c = a->c;
    bool go;

    pthread_mutex_lock(&c->lock);
    while (!c->stopping && !(c->elected && c->target.note && c->target.size > a->done))
        wait_ms(c, NAP_MS);
    go = !c->stopping;
    if (go) {
        *size = c->target.size;
        *note = scope_strdup(s, c->target.note);
    }
    pthread_mutex_unlock(&c->lock);
    return go;
}

static void mark(struct asker *a, uint64_t size)
{
    struct cosigning *c = a->c;

    pthread_mutex_lock(&c->lock);
    if (c->target.size == size)
        c->cosigned[a->number] = true;
    pthread_mutex_unlock(&c->lock);
}

static err open_parts(struct scope *s, struct asker *a)
{
    const struct fetch_config config = { .agent = "counterfoil-worker/1",
                                         .private_addresses = a->c->settings->witness_private };
    bool fresh = !a->asking.db || !db_healthy(a->asking.db);

    if (!a->asking.fetch)
        TRY(fetch_open(s, &config, &a->asking.fetch));
    TRY(connect_db(s, a->c, &a->asking.db));
    if (fresh)                        /* another worker may have asked meanwhile */
        TRY(witness_last(s, a->asking.db, a->asking.vkey, &a->asking.known));
    return ERR_OK;
}

static err ask_once(struct scope *s, struct asker *a, uint64_t size, const char *note, enum asked *out)
{
    uint64_t stored;

    TRY(open_parts(s, a));
    TRY(witness_last(s, a->asking.db, a->asking.vkey, &stored));
    if (stored >= size)
        *out = stored == size ? ASKED_COSIGNED : ASKED_BEYOND;
    else if (a->asking.known > size)
        *out = ASKED_BEYOND;
    else
        return cosign_ask(s, &a->asking, size, note, out);
    return ERR_OK;
}

/* How long this witness is left alone now. */
static int64_t backoff(struct asker *a, enum asked out)
{
    int64_t ms = WITNESS_BACKOFF_MS;

    if (out == ASKED_ALARM || a->failures > 16)
        return WITNESS_BACKOFF_MAX_MS;
    for (int i = 1; i < a->failures && ms < WITNESS_BACKOFF_MAX_MS; i++)
        ms *= 2;
    if (out == ASKED_PUSHED_BACK && a->asking.retry_ms > ms)
        ms = a->asking.retry_ms;
    return ms < WITNESS_BACKOFF_MAX_MS ? ms : WITNESS_BACKOFF_MAX_MS;
}

static void said(const struct asker *a, const struct scope *s, err e, enum asked out)
{
    if (e == ERR_OK && out == ASKED_PUSHED_BACK)
        log_line(LOG_WARNING, "witness pushes back witness=%s", a->asking.witness->name);
    if (e != ERR_OK && a->failures == 1) {
        log_line(LOG_WARNING, "witness not reached witness=%s", a->asking.witness->name);
        log_why(LOG_WARNING, "why", s);
    }
}

static void *asker_main(void *arg)
{
    struct asker *a = arg;
    bool stop = false;

    while (!stop) {
        enum asked out = ASKED_REFUSED;
        uint64_t size = 0;
        char *note = NULL;
        struct scope s;
        err e = ERR_OK;

        scope_init(&s, 0);
        if (!next_target(a, &s, &size, &note)) {
            scope_free(&s);
            break;
        }
        s.deadline_ms = clock_monotonic_ms() + WITNESS_MS;
        e = ask_once(&s, a, size, note, &out);
        if (e == ERR_OK && (out == ASKED_COSIGNED || out == ASKED_BEYOND)) {
            if (a->failures)
                log_line(LOG_INFO, "witness answers again witness=%s", a->asking.witness->name);
            a->failures = 0;
            a->done = size;
            if (out == ASKED_COSIGNED)
                mark(a, size);
        } else {
            a->failures++;
            said(a, &s, e, out);
            stop = rest(a->c, backoff(a, out));
        }
        scope_free(&s);
    }
    fetch_close(a->asking.fetch);
    db_close(a->asking.db);
    free(a);
    return NULL;
}

/* ---- starting and stopping */

static err read_policy(struct scope *s, struct cosigning *c)
{
    struct note_key log;
    struct log_row row;
    struct bytes text;
    struct db *db;
    bool listed;
    err e;

    c->policy = NEW(&c->scope, struct policy);
    TRY(config_file(s, c->settings->policy_file, POLICY_BYTES_MAX, &text));
    if (policy_parse(&c->scope, (const char *)text.p, text.len, c->policy) != ERR_OK)
        return fail(s, ERR_CONFIG, "%s: %s", c->settings->policy_file, c->scope.why.detail);
    TRY(db_open(s, c->settings->dsn, "counterfoil-worker witness", &db));
    e = log_load(s, db, &row);
    db_close(db);
    TRY(e);
    if (!note_key_parse(row.log_key, &log))
        return fail(s, ERR_CORRUPT, "the log's key is no verifier key");
    listed = c->policy->n_logs == 0;
    for (size_t i = 0; i < c->policy->n_logs; i++)
        listed = listed || memcmp(c->policy->logs[i].key.key.b, log.key.b, sizeof log.key.b) == 0;
    return listed ? ERR_OK : fail(s, ERR_CONFIG, "%s lists logs, but not this one: %s", c->settings->policy_file,
                                  row.log_key);
}

static err start_asker(struct scope *s, struct cosigning *c, size_t i)
{
    struct asker *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    a->c = c;
    a->number = i;
    a->asking.witness = &c->policy->witnesses[i];
    a->asking.vkey = cosigner_text(&c->scope, &a->asking.witness->cosigner);
    if (pthread_create(&c->askers[i], NULL, asker_main, a) != 0) {
        free(a);
        return fail(s, ERR_INTERNAL, "no thread for a witness");
    }
    c->asker_runs[i] = true;
    return ERR_OK;
}

static err start_threads(struct scope *s, struct cosigning *c)
{
    size_t asked = 0;

    TRY(read_policy(s, c));
    for (size_t i = 0; i < c->policy->n_witnesses; i++)
        if (*c->policy->witnesses[i].url) {
            TRY(start_asker(s, c, i));
            asked++;
        }
    if (pthread_create(&c->boss, NULL, boss_main, c) != 0)
        return fail(s, ERR_INTERNAL, "no thread to choose checkpoints");
    c->boss_runs = true;
    log_line(LOG_INFO, "policy witnesses=%zu with_url=%zu", c->policy->n_witnesses, asked);
    return ERR_OK;
}

err cosigning_start(struct scope *s, const struct worker_settings *settings, struct cosigning **out)
{
    struct cosigning *c;
    pthread_condattr_t monotonic;
    err e;

    *out = NULL;
    if (!*settings->policy_file)
        return ERR_OK;
    c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->settings = settings;
    scope_init(&c->scope, 0);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    e = start_threads(s, c);
    if (e != ERR_OK) {
        cosigning_stop(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

void cosigning_stop(struct cosigning *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (c->boss_runs)
        pthread_join(c->boss, NULL);
    for (size_t i = 0; i < POLICY_WITNESSES_MAX; i++)
        if (c->asker_runs[i])
            pthread_join(c->askers[i], NULL);
    free(c->target.note);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    scope_free(&c->scope);
    free(c);
}
