/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "api/http/inside.h"

const char *request_header(const struct request *rq, const char *name)
{
    return MHD_lookup_connection_value(rq->inside->connection, MHD_HEADER_KIND, name);
}

int64_t request_content_length(const struct request *rq)
{
    return rq->inside->content_length;
}

bool request_may_wait(const struct request *rq)
{
    return !rq->inside->in_event;
}

void request_defer(struct request *rq)
{
    assert(rq->inside->in_event && rq->reply.status == 0);
    rq->inside->deferred = true;
}

bool request_reserve(struct request *rq)
{
    struct http *h = rq->http;
    bool open;

    pthread_mutex_lock(&h->lock);
    open = !h->closing;
    h->away += open;
    pthread_mutex_unlock(&h->lock);
    return open;
}

void request_unreserve(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    h->away--;
    if (h->away == 0)
        pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

/* Back to the event thread, which may free rq at once. */
static void give_back(struct request *rq)
{
    struct http *h = rq->http;

    MHD_resume_connection(rq->inside->connection);
    request_unreserve(h);
}

static void send_to(struct workers *w, struct request *rq, enum errand errand, err (*step)(struct request *rq))
{
    struct inside *in = rq->inside;

    in->errand = errand;
    in->step = step;
    in->deferred = false;
    in->job.run = request_job;
    workers_push(w, &in->job);
}

void request_send_off(struct request *rq, enum errand errand, err (*step)(struct request *rq))
{
    send_to(rq->http->workers, rq, errand, step);
}

/* A step is over and nobody else has the request: what it came to is told, once. */
static void settle(struct request *rq, err e)
{
    struct inside *in = rq->inside;

    if (e != ERR_OK)
        in->refused = e;
    else
        assert(in->errand != ERRAND_ANSWER || rq->reply.status != 0);
    if (in->errand == ERRAND_ANSWER || rq->reply.status != 0 || e != ERR_OK) {
        in->answered = true;
        if (e != ERR_OK)
            reply_problem(rq, e);
    }
    give_back(rq);
}

void request_job(struct job *job)
{
    struct inside *in = (struct inside *)job;
    struct request *rq = in->rq;
    bool suspended = false;
    err e;

    in->suspended = in->errand == ERRAND_ANSWER ? &suspended : NULL;
    e = in->step(rq);
    if (suspended) {
        assert(e == ERR_OK);
        return;                 /* somebody else has it, or it is gone */
    }
    in->suspended = NULL;
    settle(rq, e);
}

void request_suspend(struct request *rq)
{
    struct inside *in = rq->inside;

    assert(in->suspended && !*in->suspended && rq->reply.status == 0);
    *in->suspended = true;
    in->suspended = NULL;
    in->errand = ERRAND_ANSWER;
    if (in->in_event) {
        in->in_event = in->deferred = false;
        MHD_suspend_connection(in->connection);     /* now: who is given rq may finish it before we return */
    }
}

void request_finish(struct request *rq, err e)
{
    bool twice = atomic_exchange(&rq->inside->finished, true);

    assert(!twice);
    settle(rq, e);
}

void request_continue(struct request *rq, err (*step)(struct request *rq))
{
    send_to(rq->http->workers, rq, ERRAND_ANSWER, step);
}

void request_continue_brief(struct request *rq, err (*step)(struct request *rq))
{
    send_to(rq->http->brief, rq, ERRAND_ANSWER, step);
}

void request_read_body(struct request *rq, const struct body_sink *sink)
{
    assert(rq->op->raw_body && rq->reply.status == 0 && !rq->inside->sink.done && sink->write && sink->done);
    rq->inside->sink = *sink;
}

void request_on_end(struct request *rq, void (*end)(struct request *rq))
{
    assert(!rq->inside->end);
    rq->inside->end = end;
}
