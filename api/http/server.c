/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "api/http/inside.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

#define FILES_APART 256      /* Of the process's open files, those left for others than connections. */
#define ACCEPT_APART 1024    /* Connections accepted before the event thread has counted those before them. */

static err match_handlers(struct scope *s, struct http *h)
{
    size_t n;
    const struct operation_spec *ops = contract_operations(h->config.contract, &n);

    h->runs = calloc(n, sizeof *h->runs);
    if (!h->runs)
        abort();
    for (size_t i = 0; i < h->config.n_handlers; i++) {
        const struct http_handler *handler = &h->config.handlers[i];
        size_t op = 0;

        while (op < n && strcmp(ops[op].id, handler->id) != 0)
            op++;
        if (op == n || h->runs[op])
            return fail(s, ERR_CONFIG, "handler %s is for no operation of the contract, or there twice", handler->id);
        h->runs[op] = handler->run;
    }
    for (size_t i = 0; i < n; i++)
        if (!h->runs[i])
            return fail(s, ERR_CONFIG, "operation %s has no handler", ops[i].id);
    return ERR_OK;
}

static int64_t or_default(int64_t v, int64_t fallback)
{
    return v > 0 ? v : fallback;
}

static err take_config(struct scope *s, struct http *h)
{
    struct http_config *c = &h->config;
    struct rlimit files = { 0 };
    char *list = scope_strdup(&h->mem, c->proxies ? c->proxies : ""), *one;

    c->address = c->address ? scope_strdup(&h->mem, c->address) : "127.0.0.1";
    c->connections = or_default(c->connections, HTTP_CONNECTIONS_MAX);
    c->workers = or_default(c->workers, HTTP_WORKERS_DEFAULT);
    c->event_threads = or_default(c->event_threads, 1);
    c->idle_seconds = or_default(c->idle_seconds, HTTP_IDLE_SECONDS);
    c->request_ms = or_default(c->request_ms, HTTP_REQUEST_MS);
    c->body_max = or_default(c->body_max, JSON_BODY_MAX);
    while ((one = strsep(&list, ", ")) != NULL) {
        if (h->n_proxies == HTTP_PROXIES_MAX)
            return fail(s, ERR_CONFIG, "more than %d proxies", HTTP_PROXIES_MAX);
        if (*one)
            h->proxies[h->n_proxies++] = one;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < (rlim_t)c->connections + FILES_APART) {
            c->connections = files.rlim_cur > 2 * FILES_APART ? (int64_t)files.rlim_cur - FILES_APART : FILES_APART / 2;
            log_line(LOG_WARNING, "fewer connections than wanted, for want of open files connections=%lld",
                     (long long)c->connections);
        }
    }
    return ERR_OK;
}

static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);      /* the contract decodes, segment by segment */
}

__attribute__((format(printf, 2, 0)))
static void daemon_says(void *cls, const char *format, va_list ap)
{
    char text[512];

    (void)cls;
    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_DEBUG, "libmicrohttpd: %s", text);
}

static err daemon_start(struct scope *s, struct http *h)
{
    const struct http_config *c = &h->config;
    /* Not its epoll, which freezes when exactly 128 events are ready at once. */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
        MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->connections + ACCEPT_APART, NULL },
        { MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)c->connections_per_address, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)c->idle_seconds, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_HEADER_BYTES_MAX, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { c->event_threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)c->event_threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };

    errno = 0;
    h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, life_call, h,
                                 MHD_OPTION_EXTERNAL_LOGGER, daemon_says, NULL,
                                 MHD_OPTION_NOTIFY_COMPLETED, life_end, h,
                                 MHD_OPTION_URI_LOG_CALLBACK, life_begin, h,
                                 MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
                                 MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!h->daemon)
        return fail(s, ERR_CONFIG, "the event thread doesn't start: %s", strerror(errno));
    TRY(acceptor_start(s, c->address, c->port, c->connections, h->daemon, &h->acceptor));
    h->port = acceptor_port(h->acceptor);
    return ERR_OK;
}

static void release(struct http *h)
{
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    if (h->workers)
        workers_stop(h->workers);
    if (h->brief)
        workers_stop(h->brief);
    rate_free(h->rates);
    rate_free(h->addresses);
    rate_free(h->guesses);
    meter_free(h->meter);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    scope_free(&h->mem);
    free(h->runs);
    free(h);
}

err http_start(struct scope *s, const struct http_config *config, struct http **out)
{
    struct http *h = calloc(1, sizeof *h);
    pthread_condattr_t monotonic;
    sigset_t all, before;
    err e;

    if (!h)
        abort();
    h->config = *config;
    scope_init(&h->mem, 0);
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    e = take_config(s, h);
    if (e == ERR_OK)
        e = match_handlers(s, h);
    if (e == ERR_OK) {
        h->rates = rate_new(h->config.rate_per_second, h->config.rate_burst);
        h->addresses = rate_new(h->config.address_per_second, h->config.address_burst);
        h->guesses = rate_new(h->config.guess_per_second, h->config.guess_burst);
        h->meter = meter_new(h->config.contract);
        /* Signals are for the thread that waits for them. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        h->workers = workers_start((size_t)h->config.workers);
        h->brief = workers_start(HTTP_BRIEF_THREADS);
        e = daemon_start(s, h);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (e != ERR_OK)
        release(h);
    else
        *out = h;
    return e;
}

void http_drain(struct http *h)
{
    atomic_store(&h->draining, true);
}

bool http_draining(const struct http *h)
{
    return atomic_load(&h->draining);
}

/* Until everything in flight is answered, but not for ever: a client may take its answer as slowly as it likes. */
static void wait_answers(struct http *h)
{
    int64_t until_us = clock_monotonic_us() + (int64_t)HTTP_STOP_MS * 1000;
    struct timespec until = { until_us / 1000000, until_us % 1000000 * 1000 };

    pthread_mutex_lock(&h->lock);
    while (h->in_flight > 0 && pthread_cond_timedwait(&h->changed, &h->lock, &until) == 0)
        continue;
    if (h->in_flight > 0)
        log_line(LOG_WARNING, "stopping with requests that are not over requests=%zu", h->in_flight);
    /* Who holds a suspended request keeps to its deadline, so this ends. */
    h->closing = true;
    while (h->away > 0)
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

void http_stop(struct http *h)
{
    if (!h)
        return;
    http_drain(h);
    acceptor_stop(h->acceptor);
    wait_answers(h);
    release(h);
}

int http_port(const struct http *h)
{
    return h->port;
}

void http_metrics(const struct http *h, struct buf *out)
{
    struct http *own = (struct http *)h;      /* for its lock; nothing of it is changed */
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    size_t in_flight, away;

    pthread_mutex_lock(&own->lock);
    in_flight = h->in_flight;
    away = h->away;
    pthread_mutex_unlock(&own->lock);
    meter_print(h->meter, out);
    buf_printf(out, "# TYPE counterfoil_http_connections gauge\ncounterfoil_http_connections %u\n",
               info ? info->num_connections : 0);
    buf_printf(out, "# TYPE counterfoil_http_in_flight gauge\ncounterfoil_http_in_flight %zu\n", in_flight);
    buf_printf(out, "# TYPE counterfoil_http_suspended gauge\ncounterfoil_http_suspended %zu\n", away);
    buf_printf(out, "# TYPE counterfoil_http_jobs_waiting gauge\ncounterfoil_http_jobs_waiting %zu\n",
               workers_waiting(h->workers) + workers_waiting(h->brief));
}
