/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoil-worker: works on jobs until SIGTERM or SIGINT; shows and retries dead ones. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ledger/keys/sign.h"
#include "schema/base/config.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/job.h"
#include "worker/fetch/fetch.h"
#include "worker/jobs/cosign.h"
#include "worker/jobs/workshop.h"

#define HOUR_MS INT64_C(3600000)

static const struct config_row rows[] = {
    { "COUNTERFOIL_DB_WORKER", CONFIG_TEXT, offsetof(struct worker_settings, dsn), NULL, 0, 0,
      "Connection string of role worker; a password goes into its passfile." },
    { "COUNTERFOIL_CONTENT", CONFIG_TEXT, offsetof(struct worker_settings, content_dir), NULL, 0, 0,
      "Folder of the contents, shared with counterfoil-api." },
    { "COUNTERFOIL_SIGNER", CONFIG_TEXT, offsetof(struct worker_settings, signer_socket), "", 0, 0,
      "Socket of counterfoil-signer; without one, other processes have the log signed." },
    { "COUNTERFOIL_WORKER_THREADS", CONFIG_INT, offsetof(struct worker_settings, threads), "2", 1, 32,
      "Jobs worked on at a time." },
    { "COUNTERFOIL_FRESH_MS", CONFIG_INT, offsetof(struct worker_settings, fresh_ms), "86400000", 0, 8760 * HOUR_MS,
      "A content verified less long ago is not read again for another version." },
    { "COUNTERFOIL_REVERIFY_MS", CONFIG_INT, offsetof(struct worker_settings, reverify_ms), "2592000000", 1000,
      8760 * HOUR_MS, "Every content is read and verified again after so long." },
    { "COUNTERFOIL_REHASH_EVERY_MS", CONFIG_INT, offsetof(struct worker_settings, rehash_every_ms), "600000", 1000,
      8760 * HOUR_MS, "Pause between two passes over the whole stored log." },
    { "COUNTERFOIL_REHASH_PER_SECOND", CONFIG_INT, offsetof(struct worker_settings, rehash_per_second), "20000", 1,
      10000000, "Entries a second that such a pass reads." },
    { "COUNTERFOIL_PUBLIC_URL", CONFIG_TEXT, offsetof(struct worker_settings, public_url), "", 0, 0,
      "Where outsiders find the API: new status lists have their places below it. Default: https:// and the origin's"
      " host." },
    { "COUNTERFOIL_HOLD_MS", CONFIG_INT, offsetof(struct worker_settings, hold_ms), "2592000000", 0, 8760 * HOUR_MS,
      "What a creator was allocated becomes available for payouts after so long." },
    { "COUNTERFOIL_SNAPSHOT_MS", CONFIG_INT, offsetof(struct worker_settings, snapshot_ms), SNAPSHOT_MS_DEFAULT, 1000,
      8760 * HOUR_MS, "What is owed to creators is committed to in the log after so long, and before payouts." },
    { "COUNTERFOIL_POLICY", CONFIG_TEXT, offsetof(struct worker_settings, policy_file), "", 0, 0,
      "File with the log's policy (C2SP tlog-policy); its witnesses that have a URL are asked to cosign." },
    { "COUNTERFOIL_WITNESS_PRIVATE", CONFIG_FLAG, offsetof(struct worker_settings, witness_private), "no", 0, 0,
      "Witnesses may be at private addresses, of this host or its neighborhood." },
    CONFIG_END
};

struct waiter { struct workshop *workshop; sigset_t signals; };

static void *wait_for_signal(void *arg)
{
    struct waiter *w = arg;
    int got = 0;

    sigwait(&w->signals, &got);
    log_line(LOG_INFO, "stopping signal=%d", got);
    workshop_stop(w->workshop);
    return NULL;
}

static err serve(struct scope *s, const struct worker_settings *settings)
{
    struct cosigning *cosigning = NULL;
    struct waiter w = { 0 };
    pthread_t waiter;
    err e;

    /* Blocked before any thread is made, so that only the waiter ever meets them. */
    sigemptyset(&w.signals);
    sigaddset(&w.signals, SIGTERM);
    sigaddset(&w.signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &w.signals, NULL);
    TRY(workshop_open(s, settings, &w.workshop));
    e = cosigning_start(s, settings, &cosigning);
    if (e == ERR_OK && pthread_create(&waiter, NULL, wait_for_signal, &w) != 0)
        e = fail(s, ERR_INTERNAL, "no thread to wait for signals");
    if (e != ERR_OK) {
        cosigning_stop(cosigning);
        workshop_close(w.workshop);
        return e;
    }
    log_line(LOG_INFO, "working threads=%lld", (long long)settings->threads);
    workshop_run(w.workshop);
    pthread_join(waiter, NULL);
    cosigning_stop(cosigning);
    workshop_close(w.workshop);
    log_line(LOG_INFO, "stopped");
    return ERR_OK;
}

static err show_dead(struct scope *s, struct db *db, const char *unused)
{
    char at[TIME_TEXT_SIZE];
    struct job *jobs;
    size_t n;

    (void)unused;
    TRY(job_dead(s, db, &jobs, &n));
    for (size_t i = 0; i < n; i++) {
        time_format(jobs[i].done_at, at);
        printf("%s  %s  %s  %s  after %d attempts: %s\n", jobs[i].id.text, at, jobs[i].kind, jobs[i].key,
               (int)jobs[i].attempt, jobs[i].error ? jobs[i].error : "no reason");
    }
    printf("%zu dead jobs%s\n", n, n == JOB_DEAD_SHOWN ? ", and perhaps more" : "");
    return ERR_OK;
}

static err retry(struct scope *s, struct db *db, const char *id)
{
    bool added;

    TRY(job_retry(s, db, id, &added));
    printf("%s %s\n", id, added ? "waits again" : "was given up for one that waits already");
    return job_notify(s, db);
}

static const struct verb { const char *name, *arg, *help; err (*run)(struct scope *s, struct db *db, const char *arg); }
verbs[] = {
    { "dead",  NULL,  "list the jobs that ran out of attempts", show_dead },
    { "retry", "JOB", "let a dead job be tried again",          retry },
};

static int usage(FILE *to)
{
    fputs("usage: counterfoil-worker [VERB]\n\nVerifies contents, re-hashes the log, tidies up; or, with a verb:\n\n",
          to);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        fprintf(to, "  %-6s%-22s %s\n", verbs[i].name, verbs[i].arg ? verbs[i].arg : "", verbs[i].help);
    if (to == stdout) {
        puts("\nEnvironment:\n");
        config_print(rows);
    }
    return to == stdout ? 0 : 2;
}

static err work(struct scope *s, const struct verb *verb, const char *arg)
{
    struct worker_settings settings = { 0 };
    struct db *db = NULL;
    err e;

    TRY(config_load(s, rows, &settings));
    if (!verb)
        return serve(s, &settings);
    TRY(db_open(s, settings.dsn, "counterfoil-worker", &db));
    e = verb->run(s, db, arg);
    db_close(db);
    return e;
}

int main(int argc, char **argv)
{
    const struct verb *verb = NULL;
    struct scope s;
    err e;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0 && argc == (verbs[i].arg ? 3 : 2))
            verb = &verbs[i];
    if (argc > 1 && !verb)
        return usage(stderr);
    log_open("counterfoil-worker", LOG_INFO);
    signal(SIGPIPE, SIG_IGN);
    keys_init();
    fetch_init();
    scope_init(&s, 0);
    e = work(&s, verb, argc > 2 ? argv[2] : NULL);
    if (e != ERR_OK)
        log_why(LOG_ERROR, verb ? verb->name : "cannot work", &s);
    scope_free(&s);
    return e == ERR_OK ? 0 : 1;
}
