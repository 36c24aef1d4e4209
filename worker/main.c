/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoil-worker: works on jobs until SIGTERM or SIGINT. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ledger/keys/sign.h"
#include "schema/base/config.h"
#include "schema/base/log.h"
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
    struct waiter w = { 0 };
    pthread_t waiter;

    /* Blocked before any thread is made, so that only the waiter ever meets them. */
    sigemptyset(&w.signals);
    sigaddset(&w.signals, SIGTERM);
    sigaddset(&w.signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &w.signals, NULL);
    TRY(workshop_open(s, settings, &w.workshop));
    if (pthread_create(&waiter, NULL, wait_for_signal, &w) != 0) {
        workshop_close(w.workshop);
        return fail(s, ERR_INTERNAL, "no thread to wait for signals");
    }
    log_line(LOG_INFO, "working threads=%lld", (long long)settings->threads);
    workshop_run(w.workshop);
    pthread_join(waiter, NULL);
    workshop_close(w.workshop);
    log_line(LOG_INFO, "stopped");
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct worker_settings settings = { 0 };
    struct scope s;
    err e;

    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0;
        printf("counterfoil-worker: verifies contents, re-hashes the log, tidies up.\nEnvironment:\n\n");
        config_print(rows);
        return help ? 0 : 2;
    }
    log_open("counterfoil-worker", LOG_INFO);
    signal(SIGPIPE, SIG_IGN);
    keys_init();
    scope_init(&s, 0);
    e = config_load(&s, rows, &settings);
    if (e == ERR_OK)
        e = serve(&s, &settings);
    if (e != ERR_OK)
        log_why(LOG_ERROR, "cannot work", &s);
    scope_free(&s);
    return e == ERR_OK ? 0 : 1;
}
