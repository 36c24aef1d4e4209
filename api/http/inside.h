/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "api/http/acceptor.h"
#include "api/http/http.h"
#include "api/http/meter.h"
#include "api/http/rate.h"
#include "api/http/workers.h"

/*
 * What the files of this room share.
 *
 * A connection is "away" from suspending to resuming it: then its request belongs to a
 * worker or a holder, and the event thread doesn't touch it. Else it belongs to the
 * event thread. So no field needs a lock; libmicrohttpd's own hand over what was written.
 */
struct http {
    struct http_config config;
    err (**runs)(struct request *rq);       /* by op->index */
    struct MHD_Daemon *daemon;
    struct acceptor *acceptor;
    int port;
    struct workers *workers;
    struct workers *brief;                  /* for steps that wait for nothing but a file */
    struct rate *rates, *addresses, *guesses;   /* by rate_key; by place, twice */
    struct meter *meter;
    char *proxies[HTTP_PROXIES_MAX];
    size_t n_proxies;
    atomic_bool draining;
    pthread_mutex_t lock;                   /* of what follows */
    pthread_cond_t changed;
    size_t in_flight, away;
    bool closing;                           /* nothing goes away any more */
    struct scope mem;                       /* copies of the configuration's texts */
};

enum phase {
    PHASE_NEW,        /* the headers are there */
    PHASE_ADMIT,      /* the body is not read before a worker has said who sends it */
    PHASE_BODY,
    PHASE_WHOLE       /* the request is there: decide */
};

enum errand {         /* why it went to a worker */
    ERRAND_ADMIT,     /* authenticate, rate; a streamed body's handler too */
    ERRAND_PIECE,     /* of a streamed body */
    ERRAND_ANSWER
};

struct inside {
    struct job job;                         /* first: a job is its request */
    struct request *rq;
    struct MHD_Connection *connection;
    enum phase phase;
    enum errand errand;
    err (*step)(struct request *rq);        /* what the worker runs */
    bool *suspended;                        /* of the thread that is running a step; NULL: nobody may suspend */
    bool in_event;                          /* the step runs in the event thread */
    bool deferred, admitted, answered;
    atomic_bool finished;                   /* request_finish() was called */
    err refused;                            /* decides the answer */
    int64_t content_length;                 /* -1: chunked */
    bool has_upload;
    char *bytes;                            /* of the body, or the piece of a streamed one */
    size_t len, cap;
    size_t dropped;
    struct body_sink sink;
    void (*end)(struct request *rq);
    int64_t started_us;
    char place[RATE_PLACE_SIZE];            /* what its address is counted under */
};

/* life.c: libmicrohttpd's callbacks */
void *life_begin(void *http, const char *uri, struct MHD_Connection *connection);
enum MHD_Result life_call(void *http, struct MHD_Connection *connection, const char *url, const char *method,
                          const char *version, const char *upload, size_t *upload_len, void **request);
void life_end(void *http, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why);

/* steps.c: what happens to a request between its headers and its reply */
err  step_route(struct request *rq, const char *method);    /* within its address's rate */
err  step_admit(struct request *rq);        /* authenticate and rate; may have deferred */
err  step_admit_body(struct request *rq);   /* the same, then the handler of a streamed body */
err  step_answer(struct request *rq);
err  step_piece(struct request *rq);
err  step_last_piece(struct request *rq);

/* request.c */
bool request_reserve(struct request *rq);   /* event thread, before suspending; false: the server is closing */
void request_unreserve(struct http *h);
/* reserved, suspended */
void request_send_off(struct request *rq, enum errand errand, err (*step)(struct request *rq));
void request_job(struct job *job);

/* reply.c */
void reply_problem(struct request *rq, err e);
struct MHD_Response *reply_build(struct request *rq);
void reply_drop(struct reply *reply);
