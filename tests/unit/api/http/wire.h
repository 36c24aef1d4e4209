/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server with a small contract in this process, and sockets that speak to it byte by byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "api/http/http.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "tests/unit/tap.h"

#define PATIENCE_S 20          /* A test that waits longer has failed. */
#define HELD_MAX   4096
#define FILE_SIZE  1000000
#define FILE_TAG   "\"tag\""

/* What the handlers share with the test. */
struct stage {
    struct contract *contract;
    struct http *http;
    int port, file;
    pthread_t holder;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct request *held[HELD_MAX];
    size_t n_held;
    bool open;                 /* held requests are finished */
    bool stopping;
    atomic_int ended, pieces, slow_running, authenticated;
};

/* Single quotes stand for double ones. */
static const char wire_document[] =
    "{'openapi':'3.1.0','paths':{"
    "'/fast':{'get':{'operationId':'fast','x-role':'','x-fast':true,'parameters':["
    "  {'name':'limit','in':'query','schema':{'type':'integer','minimum':1}}],'responses':{'200':{}}}},"
    "'/plain':{'get':{'operationId':'plain','x-role':'','responses':{'200':{}}}},"
    "'/deferred':{'get':{'operationId':'deferred','x-role':'','x-fast':true,'responses':{'200':{}}}},"
    "'/held':{'get':{'operationId':'held','x-role':'','x-fast':true,'responses':{'200':{}}},"
    "         'post':{'operationId':'held_post','x-role':'','x-idempotency-key':true,'responses':{'200':{}}}},"
    "'/secret':{'get':{'operationId':'secret','x-role':'any','responses':{'200':{}}}},"
    "'/slow':{'get':{'operationId':'slow','x-role':'','responses':{'200':{}}}},"
    "'/file':{'get':{'operationId':'file','x-role':'','responses':{'200':{}}}},"
    "'/fail/{name}':{'get':{'operationId':'failing','x-role':'','parameters':["
    "  {'name':'name','in':'path','required':true,'schema':{'type':'string'}}],'responses':{'200':{}}}},"
    "'/items/{path}':{'get':{'operationId':'item','x-role':'','x-fast':true,'parameters':["
    "  {'name':'path','in':'path','required':true,'x-rest':true,'schema':{'type':'string'}}],'responses':{'200':{}}}},"
    "'/things':{'post':{'operationId':'make','x-role':'any','requestBody':{'required':true,'content':{"
    "  'application/json':{'schema':{'type':'object','required':['name'],'properties':{'name':{'type':'string'},"
    "  'inner':{'type':'object','properties':{'n':{'type':'integer'}}}}}}}},'responses':{'201':{}}}},"
    "'/raw':{'put':{'operationId':'raw','x-role':'any','x-raw-body':true,'requestBody':{'required':true,'content':{"
    "  'application/octet-stream':{'schema':{'type':'string'}}}},'responses':{'200':{}}}}"
    "}}";

static char *wire_quoted(struct scope *s, const char *text)
{
    char *copy = scope_strdup(s, text);

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static err wire_authenticate(struct request *rq)
{
    const char *key = request_header(rq, "Authorization");
    struct stage *stage = rq->app;

    atomic_fetch_add(&stage->authenticated, 1);
    if (key)
        TRY(request_guess(rq));
    if (key && strcmp(key, "Bearer good") == 0) {
        request_guessed_right(rq);
        rq->rate_key = "good";
    }
    if (!rq->rate_key && *rq->op->role)
        return fail(&rq->scope, ERR_UNAUTHENTICATED, "send a key");
    return ERR_OK;
}

static err handle_fast(struct request *rq)
{
    reply_text(rq, 200, "text/plain", request_may_wait(rq) ? "worker" : "event");
    return ERR_OK;
}

static err handle_deferred(struct request *rq)
{
    if (!request_may_wait(rq)) {
        request_defer(rq);
        return ERR_OK;
    }
    return handle_fast(rq);
}

static err handle_held(struct request *rq)
{
    struct stage *stage = rq->app;

    request_suspend(rq);
    pthread_mutex_lock(&stage->lock);
    if (stage->n_held == HELD_MAX)
        abort();
    stage->held[stage->n_held++] = rq;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return ERR_OK;
}

static err handle_held_post(struct request *rq)
{
    rq->work = (void *)rq->idempotency_key;
    return handle_held(rq);
}

static err handle_slow(struct request *rq)
{
    struct stage *stage = rq->app;

    atomic_fetch_add(&stage->slow_running, 1);
    pthread_mutex_lock(&stage->lock);
    while (!stage->open)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
    reply_text(rq, 200, "text/plain", "slow");
    return ERR_OK;
}

static err handle_file(struct request *rq)
{
    struct stage *stage = rq->app;

    return reply_file(rq, dup(stage->file), FILE_SIZE, FILE_TAG, "application/octet-stream");
}

static err handle_failing(struct request *rq)
{
    const char *name = match_path(&rq->match, "name");

    for (int e = 1; e < ERR_COUNT; e++)
        if (strcmp(err_name((err)e), name) == 0)
            return fail(&rq->scope, (err)e, "told why: %s", name);
    if (strcmp(name, "late") == 0) {
        reply_json(rq, 200, json_pack("{s:s}", "all", "well"));
        return fail(&rq->scope, ERR_CONFLICT, "not so well");
    }
    reply_empty(rq, 204);
    return ERR_OK;
}

static err handle_item(struct request *rq)
{
    reply_text(rq, 200, "text/plain; charset=utf-8", match_path(&rq->match, "path"));
    return ERR_OK;
}

static err handle_make(struct request *rq)
{
    reply_header(rq, "Location", "/things/1");
    reply_json(rq, 201, json_incref(rq->body));
    return ERR_OK;
}

struct upload { uint64_t bytes, sum; };

static err raw_write(struct request *rq, const void *bytes, size_t len)
{
    struct upload *u = rq->work;
    struct stage *stage = rq->app;

    atomic_fetch_add(&stage->pieces, 1);
    if (len > HTTP_PIECE_BYTES)
        return fail(&rq->scope, ERR_INTERNAL, "a piece too large");
    for (size_t i = 0; i < len; i++)
        u->sum = u->sum * 31 + ((const uint8_t *)bytes)[i];
    u->bytes += len;
    if (u->bytes > 0 && ((const char *)bytes)[0] == '!')
        return fail(&rq->scope, ERR_CONFLICT, "don't shout");
    return ERR_OK;
}

static err raw_done(struct request *rq)
{
    struct upload *u = rq->work;

    reply_text(rq, 200, "text/plain", scope_printf(&rq->scope, "%llu %llu", (unsigned long long)u->bytes,
                                                   (unsigned long long)u->sum));
    return ERR_OK;
}

static void raw_end(struct request *rq)
{
    atomic_fetch_add(&((struct stage *)rq->app)->ended, 1);
}

static err handle_raw(struct request *rq)
{
    static const struct body_sink sink = { raw_write, raw_done };

    if (request_header(rq, "X-Have-It")) {
        reply_empty(rq, 204);
        return ERR_OK;
    }
    rq->work = NEW(&rq->scope, struct upload);
    request_on_end(rq, raw_end);
    request_read_body(rq, &sink);
    return ERR_OK;
}

static const struct http_handler wire_handlers[] = {
    { "fast", handle_fast }, { "plain", handle_fast }, { "deferred", handle_deferred }, { "held", handle_held },
    { "held_post", handle_held_post }, { "secret", handle_fast }, { "slow", handle_slow }, { "file", handle_file },
    { "failing", handle_failing }, { "item", handle_item }, { "make", handle_make }, { "raw", handle_raw },
};

/* A continuation on a worker, for one of two; the other is finished at once. */
static err continue_held(struct request *rq)
{
    reply_text(rq, 200, "text/plain", rq->work ? rq->work : request_may_wait(rq) ? "continued" : "?");
    return ERR_OK;
}

static void *hold(void *arg)
{
    struct stage *stage = arg;
    size_t done = 0;

    pthread_mutex_lock(&stage->lock);
    while (!stage->stopping || stage->n_held > 0) {
        if (!stage->open || stage->n_held == 0) {
            pthread_cond_wait(&stage->changed, &stage->lock);
            continue;
        }
        struct request *rq = stage->held[--stage->n_held];
        pthread_mutex_unlock(&stage->lock);
        if (done++ % 2 == 0) {
            request_continue(rq, continue_held);
        } else {
            reply_text(rq, 200, "text/plain", rq->work ? rq->work : "finished");
            request_finish(rq, ERR_OK);
        }
        pthread_mutex_lock(&stage->lock);
    }
    pthread_mutex_unlock(&stage->lock);
    return NULL;
}

static void stage_open(struct stage *stage, bool open)
{
    pthread_mutex_lock(&stage->lock);
    stage->open = open;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

__attribute__((unused))
static bool stage_wait_held(struct stage *stage, size_t n)
{
    struct timespec until;
    bool good;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&stage->lock);
    while (stage->n_held < n && pthread_cond_timedwait(&stage->changed, &stage->lock, &until) == 0)
        continue;
    good = stage->n_held >= n;
    pthread_mutex_unlock(&stage->lock);
    return good;
}

/* `config` may set what differs from the defaults. */
static bool stage_start(struct stage *stage, struct http_config config)
{
    struct scope s;
    const char *text;
    char *bytes = malloc(FILE_SIZE), path[] = "/tmp/counterfoil-http-XXXXXX";
    err e;

    memset(stage, 0, sizeof *stage);
    scope_init(&s, 0);
    log_open("test", LOG_ERROR);
    pthread_mutex_init(&stage->lock, NULL);
    pthread_cond_init(&stage->changed, NULL);
    stage->file = mkstemp(path);
    unlink(path);
    for (size_t i = 0; i < FILE_SIZE; i++)
        bytes[i] = (char)('a' + i % 26);
    ok(write(stage->file, bytes, FILE_SIZE) == FILE_SIZE, "a file to serve");
    free(bytes);
    text = wire_quoted(&s, wire_document);
    e = contract_load(&s, text, strlen(text), &stage->contract);
    config.contract = stage->contract;
    config.handlers = wire_handlers;
    config.n_handlers = ARRAY_LEN(wire_handlers);
    config.app = stage;
    if (!config.authenticate)
        config.authenticate = wire_authenticate;
    if (e == ERR_OK)
        e = http_start(&s, &config, &stage->http);
    ok(e == ERR_OK, "the server starts: %s", s.why.detail);
    scope_free(&s);
    if (e != ERR_OK)
        return false;
    stage->port = http_port(stage->http);
    pthread_create(&stage->holder, NULL, hold, stage);
    return true;
}

static void stage_stop(struct stage *stage)
{
    stage_open(stage, true);
    http_stop(stage->http);
    pthread_mutex_lock(&stage->lock);
    stage->stopping = true;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    pthread_join(stage->holder, NULL);
    contract_free(stage->contract);
    close(stage->file);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
}

static int wire_connect(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool wire_write(int fd, const void *bytes, size_t len)
{
    for (const char *p = bytes; len > 0;) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool wire_send(int fd, const char *text)
{
    return wire_write(fd, text, strlen(text));
}

/* Texts in `head` end with the blank line; `body` is the caller's to free by answer_free(). */
struct answer { int status; char head[8192]; char *body; size_t len; };

static const char *answer_header(const struct answer *a, const char *name)
{
    static _Thread_local char value[512];
    char wanted[128];
    const char *at;

    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    at = strcasestr(a->head, wanted);
    if (!at)
        return NULL;
    at += strlen(wanted);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static void answer_free(struct answer *a)
{
    free(a->body);
    a->body = NULL;
}

/* 0: the connection was closed or nothing came. Skips 100 Continue if told so. */
static int wire_read(int fd, struct answer *a, bool has_body)
{
    const char *length;
    size_t n = 0, got = 0;

    memset(a, 0, sizeof *a);
    while (n < sizeof a->head - 1 && !strstr(n > 4 ? a->head + n - 4 : a->head, "\r\n\r\n"))
        if (recv(fd, a->head + n++, 1, 0) != 1)
            return 0;
    if (strncmp(a->head, "HTTP/1.1 ", 9) != 0)
        return 0;
    a->status = (int)strtol(a->head + 9, NULL, 10);
    length = answer_header(a, "Content-Length");
    a->len = has_body && length && a->status >= 200 && a->status != 304 ? strtoul(length, NULL, 10) : 0;
    a->body = calloc(1, a->len + 1);
    while (got < a->len) {
        ssize_t more = recv(fd, a->body + got, a->len - got, 0);

        if (more <= 0)
            return 0;
        got += (size_t)more;
    }
    return a->status;
}

__attribute__((unused))
static bool wire_closed(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* One request on its own connection. */
__attribute__((unused))
static int wire_ask(const struct stage *stage, const char *text, struct answer *a)
{
    int fd = wire_connect(stage->port), status = 0;

    memset(a, 0, sizeof *a);
    if (fd >= 0 && wire_send(fd, text))
        status = wire_read(fd, a, strncmp(text, "HEAD ", 5) != 0);
    if (fd >= 0)
        close(fd);
    return status;
}
