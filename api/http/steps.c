/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "api/http/inside.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

/* A target as sent, "http://host/path" too; only the characters that RFC 3986 has. */
static const char *target_path(const char *target)
{
    for (const unsigned char *c = (const unsigned char *)target; *c; c++)
        if (*c <= 0x20 || *c >= 0x7f || *c == '#' || *c == '\\' || *c == '"')
            return NULL;
    if (strncasecmp(target, "http://", 7) == 0) {
        target = strchrnul(target + 7, '/');
        return *target ? target : "/";
    }
    return target;
}

static err match(struct request *rq, const char *method)
{
    const char *path = target_path(rq->target), *query;

    if (!path || strlen(path) > HTTP_URI_MAX)
        return fail(&rq->scope, ERR_MALFORMED, "the target has characters that must be escaped, or more than %d bytes",
                    HTTP_URI_MAX);
    query = strchr(path, '?');
    if (query)
        path = scope_strndup(&rq->scope, path, (size_t)(query - path));
    return contract_match(&rq->scope, rq->http->config.contract, method, path, query ? query + 1 : NULL, &rq->match);
}

static err take_idempotency_key(struct request *rq)
{
    const char *key = request_header(rq, "Idempotency-Key");
    size_t n;

    if (!key)
        return rq->op->idempotent_key ? fail(&rq->scope, ERR_KEY_REQUIRED, "send an Idempotency-Key header") : ERR_OK;
    n = strlen(key);
    if (n >= 2 && key[0] == '"' && key[n - 1] == '"') {
        key++;
        n -= 2;
    }
    if (n < 1 || n > IDEMPOTENCY_KEY_MAX)
        return fail(&rq->scope, ERR_MALFORMED, "an Idempotency-Key has 1 to %d characters", IDEMPOTENCY_KEY_MAX);
    for (size_t i = 0; i < n; i++)
        if (key[i] <= 0x20 || key[i] >= 0x7f || key[i] == '"' || key[i] == '\\')
            return fail(&rq->scope, ERR_MALFORMED,
                        "an Idempotency-Key has visible characters, no quotes or backslashes inside");
    rq->idempotency_key = scope_strndup(&rq->scope, key, n);
    return ERR_OK;
}

/* What can be said of the body before it is read. */
static err check_upload(struct request *rq)
{
    struct inside *in = rq->inside;
    int64_t max = rq->http->config.body_max;

    if (!in->has_upload) {
        if (rq->op->raw_body && rq->op->body_required && !request_header(rq, "Content-Length"))
            return fail(&rq->scope, ERR_INVALID, "a body is required");
        return ERR_OK;
    }
    if (!rq->op->has_body && !rq->op->raw_body)
        return fail(&rq->scope, ERR_INVALID, "this operation takes no body");
    if (rq->op->has_body && in->content_length > max)
        return fail(&rq->scope, ERR_TOO_LARGE, "a body of this operation has at most %lld bytes", (long long)max);
    if (!contract_takes(rq->op, request_header(rq, "Content-Type")))
        return fail(&rq->scope, ERR_MEDIA_TYPE, "the body must be %s", rq->op->media[0]);
    return ERR_OK;
}

static void read_upload_headers(struct request *rq)
{
    const char *length = request_header(rq, "Content-Length");
    uint64_t n = 0;

    rq->inside->content_length = 0;
    if (request_header(rq, "Transfer-Encoding")) {
        rq->inside->has_upload = true;
        rq->inside->content_length = -1;
    } else if (length) {
        /* libmicrohttpd has refused what is no number; leading zeros are left, and what is too long is unknown. */
        length += strspn(length, "0");
        if (*length && !decimal_read(length, strlen(length), INT64_MAX, &n))
            n = INT64_MAX;
        rq->inside->has_upload = n > 0;
        rq->inside->content_length = (int64_t)n;
    }
}

/* A token of `key`, or ERR_RATE and after how long there will be one. */
static err take_rate(struct request *rq, struct rate *rate, const char *key, int64_t per_second, const char *what)
{
    int64_t wait_ms;

    if (rate_take(rate, key, clock_monotonic_ms(), &wait_ms))
        return ERR_OK;
    reply_header(rq, "Retry-After", scope_printf(&rq->scope, "%lld", (long long)(wait_ms + 999) / 1000));
    return fail(&rq->scope, ERR_RATE, "more than %lld %s, and those saved up are spent", (long long)per_second, what);
}

static err take_address(struct request *rq)
{
    rate_place(rq->peer, rq->inside->place);
    return take_rate(rq, rq->http->addresses, rq->inside->place, rq->http->config.address_per_second,
                     "requests a second from this address");
}

err request_guess(struct request *rq)
{
    return take_rate(rq, rq->http->guesses, rq->inside->place, rq->http->config.guess_per_second,
                     "wrong keys a second from this address");
}

void request_guessed_right(struct request *rq)
{
    rate_give(rq->http->guesses, rq->inside->place);
}

err step_route(struct request *rq, const char *method)
{
    err e;

    read_upload_headers(rq);
    TRY(take_address(rq));
    e = match(rq, method);
    rq->op = rq->match.op;
    if (e == ERR_METHOD && rq->match.allow)
        reply_header(rq, "Allow", rq->match.allow);
    TRY(e);
    rq->method = strcmp(method, "HEAD") == 0 ? "HEAD" : rq->op->method;
    TRY(take_idempotency_key(rq));
    return check_upload(rq);
}

err step_admit(struct request *rq)
{
    err (*authenticate)(struct request *rq) = rq->http->config.authenticate;

    if (rq->inside->admitted)
        return ERR_OK;
    if (authenticate)
        TRY(authenticate(rq));
    if (rq->inside->deferred)
        return ERR_OK;
    rq->inside->admitted = true;
    if (!rq->rate_key)
        return ERR_OK;
    return take_rate(rq, rq->http->rates, rq->rate_key, rq->http->config.rate_per_second, "requests a second");
}

err step_admit_body(struct request *rq)
{
    TRY(step_admit(rq));
    if (!rq->op->raw_body)
        return ERR_OK;
    TRY(rq->http->runs[rq->op->index](rq));
    assert(rq->reply.status != 0 || rq->inside->sink.done);
    return ERR_OK;
}

static err read_body(struct request *rq)
{
    struct inside *in = rq->inside;

    if (rq->op->has_body && in->len > 0) {
        rq->body_bytes = (struct bytes){ (const uint8_t *)in->bytes, in->len };
        TRY(json_read_as(&rq->scope, in->bytes, in->len, (struct json_rules){ .any_number = true }, &rq->body));
    }
    if (rq->op->has_body)
        TRY(contract_check_body(&rq->scope, rq->http->config.contract, rq->op, rq->body));
    return ERR_OK;
}

err step_answer(struct request *rq)
{
    TRY(step_admit(rq));
    if (rq->inside->deferred)
        return ERR_OK;
    if (!rq->body)
        TRY(read_body(rq));
    return rq->http->runs[rq->op->index](rq);
}

err step_piece(struct request *rq)
{
    struct inside *in = rq->inside;
    size_t n = in->len;

    rq->scope.deadline_ms = clock_monotonic_ms() + rq->http->config.request_ms;
    in->len = 0;
    return n > 0 ? in->sink.write(rq, in->bytes, n) : ERR_OK;
}

err step_last_piece(struct request *rq)
{
    TRY(step_piece(rq));
    return rq->inside->sink.done(rq);
}
