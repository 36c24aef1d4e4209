/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/inside.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

/*
 * libmicrohttpd's callbacks: the event thread's part of a request's life.
 *
 * Facts of 0.9.75 that this file rests on:
 * - The access handler is called first with the headers alone. An answer queued there
 *   closes the connection, so it is only for bodies that we don't want to read. A
 *   connection suspended there is called there again once resumed.
 * - A suspended connection is not closed, and its callbacks are not called, but within
 *   one buffer of chunks: then the call must take nothing.
 * - What is not taken of a body comes again with the next call.
 * - NOTIFY_COMPLETED comes once for each URI callback, before the response is destroyed.
 */

/* One allocation for what lives as long. */
struct life { struct request rq; struct inside in; };

static enum MHD_Result each_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    if (strcasecmp(name, "X-Forwarded-For") == 0)
        *(const char **)cls = value;
    return MHD_YES;
}

/* The address that our own proxy saw: the last one, whoever wrote the others. */
static const char *forwarded(struct request *rq, const char *peer)
{
    const struct http *h = rq->http;
    const char *list = NULL, *comma;
    unsigned char parsed[sizeof(struct in6_addr)];
    size_t i = 0;
    char *last;

    while (i < h->n_proxies && strcmp(h->proxies[i], peer) != 0)
        i++;
    if (i == h->n_proxies)
        return peer;
    MHD_get_connection_values(rq->inside->connection, MHD_HEADER_KIND, each_header, &list);
    if (!list)
        return peer;
    comma = strrchr(list, ',');
    list = comma ? comma + 1 : list;
    list += strspn(list, " \t");
    last = scope_strndup(&rq->scope, list, strcspn(list, " \t"));
    if (inet_pton(AF_INET, last, parsed) != 1 && inet_pton(AF_INET6, last, parsed) != 1)
        return peer;
    return last;
}

static const char *peer_of(struct request *rq)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->inside->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "unknown";

    if (info && info->client_addr && info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr, text, sizeof text);
    else if (info && info->client_addr && info->client_addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr, text,
                  sizeof text);
    return forwarded(rq, scope_strdup(&rq->scope, text));
}

void *life_begin(void *http, const char *uri, struct MHD_Connection *connection)
{
    struct http *h = http;
    struct life *life = calloc(1, sizeof *life);
    struct request *rq = &life->rq;

    if (!life)
        abort();
    scope_init(&rq->scope, h->config.request_ms);
    rq->http = h;
    rq->app = h->config.app;
    rq->id = id_new("req", clock_wall_ms());
    rq->target = scope_strdup(&rq->scope, uri);
    rq->method = "";
    rq->inside = &life->in;
    rq->reply.fd = -1;
    life->in.rq = rq;
    life->in.connection = connection;
    life->in.started_us = clock_monotonic_us();
    pthread_mutex_lock(&h->lock);
    h->in_flight++;
    pthread_mutex_unlock(&h->lock);
    return rq;
}

static enum MHD_Result queue(struct request *rq)
{
    struct MHD_Response *m = reply_build(rq);
    enum MHD_Result queued;

    if (!m) {
        log_line(LOG_ERROR, "answer can't be built id=%s", rq->id.text);
        return MHD_NO;
    }
    queued = MHD_queue_response(rq->inside->connection, (unsigned)rq->reply.status, m);
    MHD_destroy_response(m);
    return queued;
}

static void refuse(struct request *rq, err e)
{
    rq->inside->refused = e;
    rq->inside->answered = true;
    reply_problem(rq, e);
}

/* Sends the request to a worker; MHD_NO closes the connection: the server is stopping. */
static enum MHD_Result leave(struct request *rq, enum errand errand, err (*step)(struct request *rq))
{
    if (!request_reserve(rq))
        return MHD_NO;
    MHD_suspend_connection(rq->inside->connection);
    request_send_off(rq, errand, step);
    return MHD_YES;
}

/* The answer is known before the body is read. A short body is read and dropped, so that the connection goes on. */
static enum MHD_Result answer_early(struct request *rq)
{
    struct inside *in = rq->inside;
    bool small = in->content_length >= 0 && in->content_length <= HTTP_BODY_SMALL;

    if (in->has_upload && (!small || request_header(rq, "Expect")))
        return queue(rq);
    in->phase = in->has_upload ? PHASE_BODY : PHASE_WHOLE;
    return MHD_YES;
}

static enum MHD_Result begin(struct request *rq, const char *method)
{
    struct inside *in = rq->inside;
    bool small;
    err e;

    rq->peer = peer_of(rq);
    e = step_route(rq, method);
    if (e != ERR_OK) {
        refuse(rq, e);
        return answer_early(rq);
    }
    small = in->content_length >= 0 && in->content_length <= HTTP_BODY_SMALL;
    if (rq->op->raw_body || (in->has_upload && !small)) {
        in->phase = PHASE_ADMIT;
        return leave(rq, ERRAND_ADMIT, step_admit_body);
    }
    in->phase = in->has_upload ? PHASE_BODY : PHASE_WHOLE;
    return MHD_YES;
}

/* An operation with x-fast, in the event thread. */
static enum MHD_Result run_here(struct request *rq)
{
    struct inside *in = rq->inside;
    struct http *h = rq->http;
    bool suspended = false;
    err e;

    if (!request_reserve(rq))
        return MHD_NO;
    in->errand = ERRAND_ANSWER;
    in->in_event = true;
    in->suspended = &suspended;
    e = step_answer(rq);
    if (suspended) {
        assert(e == ERR_OK);
        return MHD_YES;
    }
    in->in_event = false;
    in->suspended = NULL;
    if (e == ERR_OK && in->deferred) {
        MHD_suspend_connection(in->connection);
        request_send_off(rq, ERRAND_ANSWER, step_answer);
        return MHD_YES;
    }
    request_unreserve(h);
    if (e != ERR_OK)
        refuse(rq, e);
    assert(rq->reply.status != 0);
    in->answered = true;
    return queue(rq);
}

static enum MHD_Result whole(struct request *rq)
{
    struct inside *in = rq->inside;

    in->phase = PHASE_WHOLE;
    if (in->answered)
        return queue(rq);
    if (in->sink.done)
        return leave(rq, ERRAND_ANSWER, step_last_piece);
    return rq->op->fast ? run_here(rq) : leave(rq, ERRAND_ANSWER, step_answer);
}

static bool room_make(struct inside *in, size_t need, size_t max)
{
    size_t cap = in->cap ? in->cap : 4096;
    char *grown;

    if (need > max)
        return false;
    if (need <= in->cap)
        return true;
    while (cap < need)
        cap *= 2;
    grown = realloc(in->bytes, cap);
    if (!grown)
        abort();
    in->bytes = grown;
    in->cap = cap;
    return true;
}

/* A JSON body is gathered; it has the request's time, so that a slow sender doesn't keep its place for ever. */
static enum MHD_Result gather(struct request *rq, const char *upload, size_t *upload_len)
{
    struct inside *in = rq->inside;

    if (scope_left_ms(&rq->scope) == 0)
        return MHD_NO;
    if (!room_make(in, in->len + *upload_len, (size_t)rq->http->config.body_max)) {
        refuse(rq, fail(&rq->scope, ERR_TOO_LARGE, "a body of this operation has at most %lld bytes",
                        (long long)rq->http->config.body_max));
        return MHD_YES;         /* what is left comes again, to be dropped */
    }
    memcpy(in->bytes + in->len, upload, *upload_len);
    in->len += *upload_len;
    *upload_len = 0;
    return MHD_YES;
}

static enum MHD_Result stream(struct request *rq, const char *upload, size_t *upload_len)
{
    struct inside *in = rq->inside;
    size_t n;

    room_make(in, HTTP_PIECE_BYTES, HTTP_PIECE_BYTES);
    n = HTTP_PIECE_BYTES - in->len < *upload_len ? HTTP_PIECE_BYTES - in->len : *upload_len;
    memcpy(in->bytes + in->len, upload, n);
    in->len += n;
    *upload_len -= n;
    return in->len < HTTP_PIECE_BYTES ? MHD_YES : leave(rq, ERRAND_PIECE, step_piece);
}

static enum MHD_Result drop(struct request *rq, size_t *upload_len)
{
    struct inside *in = rq->inside;

    in->dropped += *upload_len;
    *upload_len = 0;
    return in->dropped > HTTP_DISCARD_MAX || scope_left_ms(&rq->scope) == 0 ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_upload(struct request *rq, const char *upload, size_t *upload_len)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->inside->connection, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
    enum MHD_Result result;

    if (info->suspended)
        return MHD_YES;
    if (rq->inside->answered)
        return drop(rq, upload_len);
    if (rq->inside->sink.done)
        return stream(rq, upload, upload_len);      /* rq may be a worker's now */
    result = gather(rq, upload, upload_len);
    return rq->inside->answered ? drop(rq, upload_len) : result;
}

enum MHD_Result life_call(void *http, struct MHD_Connection *connection, const char *url, const char *method,
                          const char *version, const char *upload, size_t *upload_len, void **request)
{
    struct request *rq = *request;

    (void)http;
    (void)connection;
    (void)url;
    (void)version;
    if (!rq)
        return MHD_NO;
    switch (rq->inside->phase) {
    case PHASE_NEW:
        return begin(rq, method);
    case PHASE_ADMIT:
        if (rq->inside->answered)
            return answer_early(rq);
        rq->inside->phase = rq->inside->has_upload ? PHASE_BODY : PHASE_WHOLE;
        return MHD_YES;
    case PHASE_BODY:
        if (*upload_len > 0)
            return take_upload(rq, upload, upload_len);
        return whole(rq);
    case PHASE_WHOLE:
        return whole(rq);
    }
    return MHD_NO;
}

static void release(struct request *rq)
{
    struct http *h = rq->http;
    struct life *life = (struct life *)rq;

    reply_drop(&rq->reply);
    json_decref(rq->body);
    free(rq->inside->bytes);
    scope_free(&rq->scope);
    free(life);
    pthread_mutex_lock(&h->lock);
    h->in_flight--;
    if (h->in_flight == 0)
        pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static void end_job(struct job *job)
{
    struct request *rq = ((struct inside *)job)->rq;

    rq->inside->end(rq);
    release(rq);
}

static void tell(const struct request *rq, int64_t us)
{
    enum log_level level = rq->http->config.access_log ? LOG_INFO : rq->reply.status >= 500 ? LOG_WARNING : LOG_DEBUG;

    /* Neither the query nor any header: both may hold what is nobody's business. */
    log_line(level, "request id=%s method=%s operation=%s path=%.*s status=%d error=%s ms=%lld.%03lld peer=%s",
             rq->id.text,
             rq->method, rq->op ? rq->op->id : "none", (int)strcspn(rq->target, "?"), rq->target, rq->reply.status,
             err_name(rq->inside->refused), (long long)(us / 1000), (long long)(us % 1000), rq->peer ? rq->peer : "");
}

void life_end(void *http, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why)
{
    struct request *rq = *request;
    int64_t us;

    (void)http;
    (void)connection;
    (void)why;
    *request = NULL;
    if (!rq)
        return;
    us = clock_monotonic_us() - rq->inside->started_us;
    meter_count(rq->http->meter, rq->op, rq->reply.status, us);
    tell(rq, us);
    if (rq->inside->end) {
        rq->inside->job.run = end_job;
        workers_push(rq->http->workers, &rq->inside->job);
    } else {
        release(rq);
    }
}
