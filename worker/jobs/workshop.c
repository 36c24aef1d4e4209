/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/jobs/workshop.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/job.h"

#define THREADS_MAX   32
#define KINDS_MAX     32
#define POLL_MS       1000         /* a notification may be missed, a job not */
#define RENEW_MS      (JOB_LEASE_MS / 4)
#define DATABASE_MS   10000        /* for the queue's own statements */
#define RECONNECT_MS  1000
#define CLOSE_MS      5000
#define NOT_NOW_MS    3000         /* a job that found the ledger away is given back after so long, */
#define AGAIN_MS      10000        /* and taken again after so long */

struct workshop {
    struct worker_settings settings;
    struct append *append;
    struct blobs blobs;
    struct scope scope;
    atomic_bool stopping;
    int wake;                      /* eventfd: readable when stopping */
    char name[64];                 /* who holds the leases */
    pthread_mutex_t lock;
    struct seat seats[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
};

struct place { struct workshop *w; size_t number; struct db *db; };

err workshop_open(struct scope *s, const struct worker_settings *settings, struct workshop **out)
{
    struct append_config config = { .dsn = settings->dsn, .application = "counterfoil-worker",
                                    .signer_socket = *settings->signer_socket ? settings->signer_socket : NULL };
    struct workshop *w = calloc(1, sizeof *w);
    char host[32] = "host";
    err e;

    if (!w)
        abort();
    assert(settings->threads >= 1 && settings->threads <= THREADS_MAX);
    w->settings = *settings;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&w->lock, NULL);
    gethostname(host, sizeof host - 1);
    snprintf(w->name, sizeof w->name, "%s/%ld", host, (long)getpid());
    scope_init(&w->scope, 0);
    e = blobs_open(s, settings->content_dir, &w->blobs);
    if (e == ERR_OK)
        e = append_open(s, &config, &w->append);
    if (e != ERR_OK) {
        workshop_close(w);
        return e;
    }
    *out = w;
    return ERR_OK;
}

void workshop_close(struct workshop *w)
{
    if (!w)
        return;
    if (w->append)
        append_close(w->append, CLOSE_MS);
    close(w->wake);
    scope_free(&w->scope);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void workshop_stop(struct workshop *w)
{
    uint64_t one = 1;

    atomic_store(&w->stopping, true);
    if (write(w->wake, &one, sizeof one) < 0)
        return;                    /* full: it is readable already */
}

/* Waits for the stop or for the time to pass; true: stopping. */
static bool rest(struct workshop *w, int64_t ms)
{
    struct pollfd p = { .fd = w->wake, .events = POLLIN };

    poll(&p, 1, (int)ms);
    return atomic_load(&w->stopping);
}

/* A connection of one's own, as long as it takes. False: stopping. */
static bool connect_db(struct workshop *w, struct db **db, bool listening)
{
    while (!atomic_load(&w->stopping)) {
        struct scope s;
        err e;
        scope_init(&s, DATABASE_MS);
        e = *db ? db_reopen(&s, *db) : db_open(&s, w->settings.dsn, "counterfoil-worker", db);
        if (e == ERR_OK && listening)
            e = db_listen(&s, *db, JOB_CHANNEL);
        if (e != ERR_OK)
            log_why(LOG_WARNING, "no connection to the database", &s);
        scope_free(&s);
        if (e == ERR_OK)
            return true;
        rest(w, RECONNECT_MS);
    }
    return false;
}

static const struct job_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < job_kinds_n; i++)
        if (strcmp(job_kinds[i].name, name) == 0)
            return &job_kinds[i];
    return NULL;
}

static err run_job(struct scope *s, struct place *p, const struct job *job)
{
    struct workshop *w = p->w;
    struct work work = { .job = job, .db = p->db, .append = w->append, .blobs = &w->blobs, .settings = &w->settings,
                         .seat = &w->seats[p->number], .stopping = &w->stopping };
    const struct job_kind *kind = find_kind(job->kind);

    assert(kind);                  /* only kinds of the table are asked for */
    s->deadline_ms = clock_monotonic_ms() + kind->deadline_ms;
    return kind->run(s, &work);
}

/*
 * Done, given back, or failed: each names the attempt, so that a lease that was lost meanwhile closes nothing. One that
 * ran out of time has failed, or it would be begun again for ever.
 */
static err close_job(struct scope *s, struct place *p, const struct job *job, err result, bool late, const char *why)
{
    const struct job_kind *kind = find_kind(job->kind);
    bool dead = false;
    err e;

    assert(kind);
    if (result == ERR_STALE && atomic_load(&p->w->seats[p->number].lost))
        return ERR_OK;             /* somebody else's by now */
    if (result == ERR_OK)
        return job_done(s, p->db, job);
    if (atomic_load(&p->w->stopping))
        return job_release(s, p->db, job, 0);
    if (!late && (err_fault(result) == FAULT_RETRY || err_fault(result) == FAULT_HALT)) {
        rest(p->w, NOT_NOW_MS);    /* the ledger or the database is away: no fault of the job's, so it isn't counted */
        return job_release(s, p->db, job, AGAIN_MS);
    }
    e = job_fail(s, p->db, job, kind->retries + 1, why, &dead);
    log_line(LOG_ERROR, "job failed kind=%s key=%s attempt=%d%s", job->kind, job->key, (int)job->attempt,
             dead ? " dead=yes" : "");
    return e;
}

static void sit_down(struct workshop *w, struct seat *seat, const struct job *job)
{
    pthread_mutex_lock(&w->lock);
    seat->job = *job;              /* its texts live in the job's scope, which outlives the sitting */
    atomic_store(&seat->lost, false);
    atomic_store(&seat->busy, true);
    pthread_mutex_unlock(&w->lock);
}

static void stand_up(struct workshop *w, struct seat *seat)
{
    pthread_mutex_lock(&w->lock);
    atomic_store(&seat->busy, false);
    pthread_mutex_unlock(&w->lock);
}

static void work_on(struct place *p, struct scope *s, const struct job *job)
{
    int64_t began = clock_monotonic_ms();
    struct scope closing;
    err e;

    sit_down(p->w, &p->w->seats[p->number], job);
    e = run_job(s, p, job);
    if (e != ERR_OK)
        log_why(LOG_WARNING, job->kind, s);
    scope_init(&closing, DATABASE_MS + NOT_NOW_MS);
    if (!db_healthy(p->db) && db_reopen(&closing, p->db) == ERR_OK && db_listen(&closing, p->db, JOB_CHANNEL) != ERR_OK)
        scope_forgive(&closing);   /* it polls */
    if (close_job(&closing, p, job, e, scope_left_ms(s) == 0, s->why.detail) != ERR_OK)
        log_why(LOG_WARNING, "job not closed: its lease will run out", &closing);
    else if (e == ERR_OK)
        log_line(LOG_INFO, "job done kind=%s key=%s ms=%" PRId64, job->kind, job->key, clock_monotonic_ms() - began);
    scope_free(&closing);
    stand_up(p->w, &p->w->seats[p->number]);
}

/* Takes one job and works on it; false: there was none. */
static bool next_job(struct place *p)
{
    const char *names[KINDS_MAX];
    int32_t attempts[KINDS_MAX];
    const struct job_kinds_taken kinds = { names, attempts, job_kinds_n };
    struct scope s;
    struct job job;
    bool taken = false;

    assert(job_kinds_n <= KINDS_MAX);
    for (size_t i = 0; i < job_kinds_n; i++) {
        names[i] = job_kinds[i].name;
        attempts[i] = job_kinds[i].retries + 1;
    }
    scope_init(&s, DATABASE_MS);
    if (job_take(&s, p->db, p->w->name, &kinds, JOB_LEASE_MS, &job, &taken) != ERR_OK) {
        log_why(LOG_WARNING, "no job could be taken", &s);
        scope_forgive(&s);
        taken = false;
    }
    if (taken)
        work_on(p, &s, &job);
    scope_free(&s);
    return taken;
}

static void *job_thread(void *arg)
{
    struct place p = *(struct place *)arg;

    free(arg);
    if (!connect_db(p.w, &p.db, true))
        return NULL;
    while (!atomic_load(&p.w->stopping)) {
        if (!db_healthy(p.db) && !connect_db(p.w, &p.db, true))
            break;
        if (!next_job(&p) && db_healthy(p.db))
            db_wait_notify(p.db, p.w->wake, POLL_MS);
    }
    db_close(p.db);
    return NULL;
}

/* Renews every lease in use; one that cannot be renewed is lost to its job, which then stops. */
static void renew_all(struct workshop *w, struct db *db)
{
    for (int64_t i = 0; i < w->settings.threads; i++) {
        struct seat *seat = &w->seats[i];
        struct scope s;
        struct job job;
        bool busy;
        pthread_mutex_lock(&w->lock);
        busy = atomic_load(&seat->busy);
        job = seat->job;
        pthread_mutex_unlock(&w->lock);
        if (!busy)
            continue;
        scope_init(&s, DATABASE_MS);
        if (job_renew(&s, db, &job, JOB_LEASE_MS) == ERR_STALE) {
            pthread_mutex_lock(&w->lock);
            if (atomic_load(&seat->busy) && strcmp(seat->job.id.text, job.id.text) == 0)
                atomic_store(&seat->lost, true);
            pthread_mutex_unlock(&w->lock);
        }
        scope_free(&s);
    }
}

/* Enqueues the kinds that come by themselves: soon after the start, then each after its time. */
static void schedule(struct workshop *w, struct db *db, bool first)
{
    struct scope s;

    scope_init(&s, DATABASE_MS);
    for (size_t i = 0; i < job_kinds_n; i++) {
        const struct job_kind *k = &job_kinds[i];
        int64_t at;
        bool added;
        if (!k->every_ms)
            continue;
        at = first ? INT64_MIN : clock_wall_ms() + k->every_ms(&w->settings);
        if (job_enqueue(&s, db, k->name, "schedule", "{}", at, &added) != ERR_OK) {
            log_why(LOG_WARNING, "a kind could not be enqueued", &s);
            scope_forgive(&s);
        }
    }
    scope_free(&s);
}

/* The main thread's part: leases and schedule, until the stop. */
static void tend(struct workshop *w)
{
    struct db *db = NULL;
    bool first = true;

    while (connect_db(w, &db, false)) {
        schedule(w, db, first);
        first = false;
        while (db_healthy(db)) {
            if (rest(w, RENEW_MS))
                break;
            renew_all(w, db);
            schedule(w, db, false);
        }
        if (atomic_load(&w->stopping))
            break;
    }
    db_close(db);
}

void workshop_run(struct workshop *w)
{
    int64_t started = 0;

    for (; started < w->settings.threads; started++) {
        struct place *p = malloc(sizeof *p);
        if (!p)
            abort();
        *p = (struct place){ .w = w, .number = (size_t)started };
        if (pthread_create(&w->threads[started], NULL, job_thread, p) != 0) {
            free(p);
            log_line(LOG_ERROR, "no more threads started=%" PRId64, started);
            break;
        }
    }
    tend(w);
    for (int64_t i = 0; i < started; i++)
        pthread_join(w->threads[i], NULL);
}
