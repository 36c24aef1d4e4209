/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"
#include "schema/base/limits.h"
#include "schema/json/contract.h"

/*
 * The life of a request; knows no market. The only room with libmicrohttpd.
 *
 * In order, the first step to fail decides the answer:
 *   rate of the address -> route (contract) -> size and type of the body -> authenticate
 *   -> rate of the key -> body -> JSON -> contract -> handler -> one reply, one log line, one metric.
 * The first is taken in the event thread: who asks too often costs neither a worker nor the database. A body of more
 * than HTTP_BODY_SMALL (or of unknown size, or streamed) is read only after its sender is known and within the rate;
 * one too large never.
 *
 * Threads. One event thread does the sockets and never waits. Handlers run on worker
 * threads and may wait for the database. Operations with x-fast run (authenticate and
 * handler) in the event thread and must not wait: they reply, suspend, or defer.
 *
 * Suspending. A handler that has somebody else finish the request does this:
 *   request_suspend(rq);  queue_push(…, rq);  return ERR_OK;
 * and touches rq no more. The other calls request_finish(rq, err) once, or
 * request_continue(rq, step) to go on with the handler's next step on a worker. The
 * holder keeps to rq->scope.deadline_ms. A client that hangs up meanwhile changes
 * nothing for the holder: rq lives until it was finished.
 */
struct http;
struct request;

struct http_handler { const char *id; err (*run)(struct request *rq); };      /* operationId */

struct http_config {
    const struct contract *contract;      /* borrowed until http_stop() */
    const struct http_handler *handlers;  /* each operation of the contract exactly once */
    size_t n_handlers;
    void *app;                            /* rq->app */
    /*
     * Who is calling: sets rq->caller and rq->rate_key, or fails (ERR_UNAUTHENTICATED, ERR_FORBIDDEN by op->role).
     * Called for every operation, those open to everyone too. NULL: nobody is asked. Before it looks up a secret
     * that may be wrong it asks request_guess().
     */
    err (*authenticate)(struct request *rq);
    const char *address;                  /* to listen on; NULL: 127.0.0.1 */
    int64_t port;                         /* 0: any free one, see http_port() */
    int64_t connections;                  /* 0: HTTP_CONNECTIONS_MAX, less if the process may not open so many files */
    int64_t connections_per_address;      /* 0: no bound */
    int64_t workers;                      /* 0: HTTP_WORKERS_DEFAULT */
    int64_t event_threads;                /* 0: 1 */
    int64_t idle_seconds;                 /* 0: HTTP_IDLE_SECONDS */
    int64_t request_ms;                   /* 0: HTTP_REQUEST_MS */
    int64_t body_max;                     /* 0: JSON_BODY_MAX */
    int64_t rate_per_second, rate_burst;  /* of one rate_key; 0: no bound, here and below */
    int64_t address_per_second, address_burst;    /* of one address, whoever asks; an IPv6 /64 is one */
    int64_t guess_per_second, guess_burst;        /* secrets of one address that were wrong */
    /* addresses, separated by commas, whose X-Forwarded-For is believed; NULL: none */
    const char *proxies;
    bool check_answers;                   /* each JSON answer against the contract: a wrong one is a 500 */
    bool access_log;                      /* each request at level info; else only server errors, the rest at debug */
};

/* ERR_CONFIG: contract and handlers differ, the address is taken. Returns listening. */
err  http_start(struct scope *s, const struct http_config *config, struct http **out);
/*
 * Stops accepting, answers what is in flight (with "Connection: close"), waits for what is suspended, then ends all
 * threads and frees. Holders and what handlers use must live until it returns. NULL is fine.
 */
void http_stop(struct http *h);
/* From now on answers close their connection and readiness may say no; http_stop() does it too. Any thread. */
void http_drain(struct http *h);
bool http_draining(const struct http *h);
int  http_port(const struct http *h);
/* Counters in the text format of Prometheus. Any thread. */
void http_metrics(const struct http *h, struct buf *out);

enum reply_kind { REPLY_EMPTY, REPLY_BYTES, REPLY_FILE };
struct reply_header { const char *name, *value; };
struct reply {
    int status;                           /* 0: nothing was said yet */
    enum reply_kind kind;
    const char *type;                     /* Content-Type */
    const void *bytes;
    uint64_t offset, len;                 /* offset into the file */
    int fd;
    struct reply_header headers[HTTP_REPLY_HEADERS_MAX];
    size_t n_headers;
};

/*
 * A piece of a streamed body, in order, at most HTTP_PIECE_BYTES; then `done` once, which replies. Both run on
 * workers. The first error ends it: the rest is read and dropped. They have no common deadline, each has its own.
 */
struct body_sink {
    err (*write)(struct request *rq, const void *bytes, size_t len);
    err (*done)(struct request *rq);
};

struct request {
    struct scope scope;                   /* every byte of the request, its deadline, and why it failed */
    struct http *http;
    void *app;
    struct id id;                         /* "req_…", also in X-Request-Id */
    const struct operation_spec *op;
    struct match match;
    const char *method, *target;          /* as sent; target with its query */
    const char *peer;                     /* address, by a believed proxy's word if one is in between */
    const char *idempotency_key;          /* without quotes; NULL if none was sent */
    json_t *body;                         /* checked against the contract; NULL: none. Lives as long as rq */
    struct bytes body_bytes;              /* as sent */
    void *caller;                         /* of authenticate */
    const char *rate_key;                 /* of authenticate; NULL: only the address counts */
    void *work;                           /* of the handler, for its later steps */
    struct reply reply;
    struct inside *inside;                /* private to api/http */
};

const char *request_header(const struct request *rq, const char *name);      /* NULL if absent; not after finishing */
/* Content-Length of a streamed body; -1 if it comes in chunks. */
int64_t request_content_length(const struct request *rq);
/* In the event thread (x-fast): run this step again on a worker, where it may wait. Return ERR_OK after it. */
void request_defer(struct request *rq);
bool request_may_wait(const struct request *rq);                              /* false in the event thread */
void request_suspend(struct request *rq);
void request_finish(struct request *rq, err e);                               /* any thread; the reply, or why not */
/* any thread; the step runs on a worker */
void request_continue(struct request *rq, err (*step)(struct request *rq));
/* The same on one of few threads that are seldom idle: for a step that waits for nothing but a file. */
void request_continue_brief(struct request *rq, err (*step)(struct request *rq));
/* The handler of an operation with x-raw-body: have the body read. Nothing may have been replied; return ERR_OK. */
void request_read_body(struct request *rq, const struct body_sink *sink);
/* Runs on a worker when the request is over, answered or not: for what the scope can't free. Set once. */
void request_on_end(struct request *rq, void (*end)(struct request *rq));

/*
 * For authenticate: a secret came that may be wrong, and finding out costs. ERR_RATE when too many from this address
 * were. It counts as wrong from now on, until request_guessed_right().
 */
err  request_guess(struct request *rq);
void request_guessed_right(struct request *rq);

/* Replies. Exactly one; headers before or after it. What is "borrowed" lives in the scope or is static. */
void reply_empty(struct request *rq, int status);
void reply_json(struct request *rq, int status, json_t *value /* stolen */);
void reply_bytes(struct request *rq, int status, const char *type, const void *bytes, size_t len);   /* borrowed */
void reply_text(struct request *rq, int status, const char *type, const char *text);                 /* borrowed */
void reply_header(struct request *rq, const char *name, const char *value);                          /* borrowed */
/* 304 and true if the caller already has this; `etag` in quotes, borrowed, is set as a header either way. */
bool reply_unchanged(struct request *rq, const char *etag);
/*
 * A file's first `size` bytes by sendfile: 200, 206 for one range (several: the whole), 304, 416 (ERR_RANGE); honors
 * If-Range, If-None-Match; `fd` is stolen, also on failure; `etag` in quotes, borrowed.
 */
err  reply_file(struct request *rq, int fd, uint64_t size, const char *etag, const char *type);
