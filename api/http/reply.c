/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "api/http/inside.h"
#include "api/http/range.h"
#include "schema/base/log.h"

/* The problem's `type`: this and the slug of err.def. A name, not a page; it never changes. */
static const char problem_base[] = "https://counterfoil.example/problems/";
static const char general_detail[] = "Something went wrong on our side. The request's id finds it in our logs.";

void reply_header(struct request *rq, const char *name, const char *value)
{
    struct reply *r = &rq->reply;

    assert(r->n_headers < HTTP_REPLY_HEADERS_MAX);
    r->headers[r->n_headers++] = (struct reply_header){ name, value };
}

static struct reply *say(struct request *rq, int status, enum reply_kind kind, const char *type)
{
    struct reply *r = &rq->reply;

    assert(r->status == 0 && status >= 200 && status <= 599);
    r->status = status;
    r->kind = kind;
    r->type = type;
    return r;
}

void reply_empty(struct request *rq, int status)
{
    say(rq, status, REPLY_EMPTY, NULL);
}

void reply_bytes(struct request *rq, int status, const char *type, const void *bytes, size_t len)
{
    struct reply *r = say(rq, status, REPLY_BYTES, type);

    r->bytes = bytes;
    r->len = len;
}

void reply_text(struct request *rq, int status, const char *type, const char *text)
{
    reply_bytes(rq, status, type, text, strlen(text));
}

static int dump_add(const char *bytes, size_t len, void *buf)
{
    buf_add(buf, bytes, len);
    return 0;
}

static void dump(struct request *rq, int status, const char *type, json_t *value)
{
    struct buf b = BUF(&rq->scope);

    if (!value || json_dump_callback(value, dump_add, &b, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        b = BUF(&rq->scope);
    json_decref(value);
    assert(b.p);                /* a value that can't be dumped, or none, is the handler's bug */
    reply_bytes(rq, status, type, b.p, b.len);
}

/* False: the answer isn't what the contract promises, and a problem was said instead. */
static bool keeps_contract(struct request *rq, int status, json_t *value)
{
    const struct http_config *config = &rq->http->config;
    err e;

    if (!config->check_answers || !rq->op)
        return true;
    e = contract_check_answer(&rq->scope, config->contract, rq->op, status, value);
    if (e == ERR_OK)
        return true;
    log_why(LOG_ERROR, scope_printf(&rq->scope, "answer against the contract operation=%s at=%s", rq->op->id,
                                    rq->scope.why.pointer), &rq->scope);
    json_decref(value);
    reply_problem(rq, e);
    return false;
}

void reply_json(struct request *rq, int status, json_t *value)
{
    if (keeps_contract(rq, status, value))
        dump(rq, status, "application/json", value);
}

void reply_drop(struct reply *r)
{
    if (r->status != 0 && r->kind == REPLY_FILE && r->fd >= 0)
        close(r->fd);
    r->status = 0;
}

/* What was cut to a fixed length may end inside a character. */
static json_t *text_of(struct request *rq, const char *text)
{
    char *copy = scope_strdup(&rq->scope, text);
    size_t n = strlen(copy);

    for (int i = 0; i < 3 && n > 0 && !utf8_valid(copy, n); i++)
        copy[--n] = '\0';
    for (size_t i = 0; i < n && !utf8_valid(copy, n); i++)
        if ((unsigned char)copy[i] >= 0x80)
            copy[i] = '?';
    return json_string(copy);
}

static const char *title_of(struct request *rq, const char *slug)
{
    char *title = scope_strdup(&rq->scope, slug);

    for (char *c = title; *c; c++)
        if (*c == '-')
            *c = ' ';
    title[0] = (char)toupper((unsigned char)title[0]);
    return title;
}

static void headers_of(struct request *rq, err e)
{
    struct reply *r = &rq->reply;

    if (r->n_headers == HTTP_REPLY_HEADERS_MAX)
        r->n_headers--;         /* what the answer would have been is less than what went wrong */
    if (e == ERR_UNAUTHENTICATED)
        reply_header(rq, "WWW-Authenticate", "Bearer");
    if (err_fault(e) == FAULT_RETRY)
        reply_header(rq, "Retry-After", "1");
}

void reply_problem(struct request *rq, err e)
{
    const char *pointer = rq->scope.why.pointer, *detail = rq->scope.why.detail, *slug = err_slug(e);
    enum fault fault = err_fault(e);
    bool told = *detail && fault != FAULT_OURS && err_fault(rq->scope.why.code) != FAULT_OURS;
    json_t *problem;

    if (fault == FAULT_OURS)
        log_why(LOG_ERROR, scope_printf(&rq->scope, "request failed id=%s", rq->id.text), &rq->scope);
    reply_drop(&rq->reply);
    headers_of(rq, e);
    problem = json_pack("{s:s+, s:s, s:i, s:s}", "type", problem_base, slug, "title", title_of(rq, slug),
                        "status", err_status(e), "instance", rq->id.text);
    if (told && rq->scope.why.reason)
        json_object_set_new(problem, "code", json_string(rq->scope.why.reason));
    if (told && *pointer) {
        json_object_set_new(problem, "detail", text_of(rq, scope_printf(&rq->scope, "%s %s", pointer, detail)));
        json_object_set_new(problem, "errors", json_pack("[{s:o, s:o}]", "pointer", text_of(rq, pointer),
                                                         "detail", text_of(rq, detail)));
    } else if (told) {
        json_object_set_new(problem, "detail", text_of(rq, detail));
    } else if (fault == FAULT_OURS) {
        json_object_set_new(problem, "detail", json_string(general_detail));
    }
    dump(rq, err_status(e), "application/problem+json", problem);
}

bool reply_unchanged(struct request *rq, const char *etag)
{
    reply_header(rq, "ETag", etag);
    if (!etag_listed(request_header(rq, "If-None-Match"), etag, true))
        return false;
    reply_empty(rq, 304);
    return true;
}

static enum range_verdict wanted_range(struct request *rq, uint64_t size, const char *etag, uint64_t *first,
                                       uint64_t *len)
{
    const char *condition = request_header(rq, "If-Range");

    if (strcmp(rq->method, "GET") != 0 || size == 0)
        return RANGE_WHOLE;
    /* A date never matches: what is named by its hash has none. */
    if (condition && (condition[0] == '*' || !etag_listed(condition, etag, false)))
        return RANGE_WHOLE;
    return range_read(request_header(rq, "Range"), size, first, len);
}

/* A small file goes out in one piece with its headers: one system call and one segment less than by sendfile. */
static err small_file(struct request *rq, int status, int fd, uint64_t first, uint64_t len, const char *type)
{
    uint8_t *bytes = scope_alloc(&rq->scope, len, 1);
    ssize_t n = pread(fd, bytes, len, (off_t)first);

    close(fd);
    if (n < 0 || (uint64_t)n != len)
        return fail(&rq->scope, ERR_IO, "a file became shorter while it was read");
    reply_bytes(rq, status, type, bytes, len);
    return ERR_OK;
}

err reply_file(struct request *rq, int fd, uint64_t size, const char *etag, const char *type)
{
    uint64_t first = 0, len = size;
    enum range_verdict verdict;
    struct reply *r;
    int status;

    if (reply_unchanged(rq, etag)) {
        close(fd);
        return ERR_OK;
    }
    reply_header(rq, "Accept-Ranges", "bytes");
    verdict = wanted_range(rq, size, etag, &first, &len);
    if (verdict == RANGE_OUTSIDE) {
        close(fd);
        reply_header(rq, "Content-Range", scope_printf(&rq->scope, "bytes */%" PRIu64, size));
        return fail(&rq->scope, ERR_RANGE, "it has %" PRIu64 " bytes", size);
    }
    if (verdict == RANGE_PART)
        reply_header(rq, "Content-Range", scope_printf(&rq->scope, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
                                                       first + len - 1, size));
    status = verdict == RANGE_PART ? 206 : 200;
    if (len <= HTTP_FILE_SMALL && strcmp(rq->method, "GET") == 0)
        return small_file(rq, status, fd, first, len, type);
    r = say(rq, status, REPLY_FILE, type);
    r->fd = fd;
    r->offset = first;
    r->len = len;
    return ERR_OK;
}

static void header_add(struct MHD_Response *m, const struct request *rq, const char *name, const char *value)
{
    if (MHD_add_response_header(m, name, value) != MHD_YES)
        log_line(LOG_ERROR, "header can't be sent id=%s name=%s", rq->id.text, name);
}

struct MHD_Response *reply_build(struct request *rq)
{
    struct reply *r = &rq->reply;
    struct MHD_Response *m;

    if (r->kind == REPLY_FILE && r->len > 0) {
        m = MHD_create_response_from_fd_at_offset64(r->len, r->fd, r->offset);
        if (m)
            r->fd = -1;         /* closed with the response */
    } else {
        /* Persistent: rq outlives the connection's use of it. */
        bool has = r->kind == REPLY_BYTES && r->len > 0;

        m = MHD_create_response_from_buffer(has ? r->len : 0, (void *)(has ? r->bytes : ""), MHD_RESPMEM_PERSISTENT);
    }
    if (!m)
        return NULL;
    if (r->type)
        header_add(m, rq, "Content-Type", r->type);
    header_add(m, rq, "X-Request-Id", rq->id.text);
    for (size_t i = 0; i < r->n_headers; i++)
        header_add(m, rq, r->headers[i].name, r->headers[i].value);
    if (http_draining(rq->http))
        header_add(m, rq, "Connection", "close");
    return m;
}
