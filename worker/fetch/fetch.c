/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/fetch/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct fetch {
    CURL *curl;
    char *agent;
    struct fetch_config config;
    bool refused_address;              /* by the socket callback of the request in flight */
    char error[CURL_ERROR_SIZE];
};

struct flight {                        /* one fetch_run() */
    struct fetch *f;
    struct scope *s;
    const struct fetch_request *rq;
    struct fetch_answer *answer;
    struct buf body;
    size_t header_bytes;
    int64_t taken, sent;               /* bytes of the answer's and the request's body */
    err e;                             /* what a callback ran into; the reason is in the scope */
};

void fetch_init(void)
{
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

    assert(rc == CURLE_OK);
}

err fetch_open(struct scope *s, const struct fetch_config *config, struct fetch **out)
{
    struct fetch *f = calloc(1, sizeof *f);

    if (!f)
        abort();
    f->config = *config;
    f->agent = strdup(config->agent);
    f->curl = curl_easy_init();
    if (!f->agent || !f->curl) {
        fetch_close(f);
        return fail(s, ERR_INTERNAL, "libcurl has no handle for us");
    }
    *out = f;
    return ERR_OK;
}

void fetch_close(struct fetch *f)
{
    if (!f)
        return;
    curl_easy_cleanup(f->curl);
    free(f->agent);
    free(f);
}

const char *fetch_header(const struct fetch_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++)
        if (strcasecmp(a->headers[i].name, name) == 0)
            return a->headers[i].value;
    return NULL;
}

/* Called for each header line; a status line begins a response (a redirect's or a 100's goes before the last). */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct flight *fl = arg;
    struct fetch_answer *a = fl->answer;
    size_t len = size * n, end = len, colon;

    fl->header_bytes += len;
    if (fl->header_bytes > FETCH_HEADER_BYTES_MAX) {
        fl->e = fail(fl->s, ERR_TOO_LARGE, "the answer's headers are longer than %d bytes", FETCH_HEADER_BYTES_MAX);
        return 0;
    }
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        a->n_headers = 0;
        return len;
    }
    while (end > 0 && strchr("\r\n \t", line[end - 1]))
        end--;
    for (colon = 0; colon < end && line[colon] != ':'; colon++)
        continue;
    if (colon == end || a->n_headers == FETCH_HEADERS_MAX)
        return len;
    a->headers[a->n_headers].name = scope_strndup(fl->s, line, colon);
    for (colon++; colon < end && strchr(" \t", line[colon]); colon++)
        continue;
    a->headers[a->n_headers++].value = scope_strndup(fl->s, line + colon, end - colon);
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct flight *fl = arg;
    size_t len = size * n;
    long status = 0;
    bool good;
    int64_t most;

    curl_easy_getinfo(fl->f->curl, CURLINFO_RESPONSE_CODE, &status);
    fl->answer->status = (int)status;
    good = status >= 200 && status < 300;
    most = good ? fl->rq->answer_max : FETCH_PROBLEM_MAX;
    if (fl->taken + (int64_t)len > most) {
        fl->e = fail(fl->s, ERR_TOO_LARGE, "the answer is longer than %lld bytes", (long long)most);
        return 0;
    }
    fl->taken += (int64_t)len;
    if (!good || !fl->rq->take) {
        buf_add(&fl->body, bytes, len);
        return len;
    }
    fl->e = fl->rq->take(fl->s, fl->rq->arg, fl->answer, bytes, len);
    return fl->e == ERR_OK ? len : 0;
}

static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
    struct flight *fl = arg;
    const struct fetch_request *rq = fl->rq;
    int64_t whole = rq->from_file ? rq->file_length : (int64_t)rq->body.len;
    int64_t left = whole - fl->sent;
    size_t want = size * n;
    ssize_t got;

    if ((int64_t)want > left)
        want = (size_t)left;
    if (want == 0)
        return 0;
    if (!rq->from_file) {
        memcpy(out, rq->body.p + fl->sent, want);
        fl->sent += (int64_t)want;
        return want;
    }
    do
        got = pread(rq->file_fd, out, want, rq->file_offset + fl->sent);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        fl->e = fail(fl->s, ERR_IO, "the file became shorter or unreadable while it was sent");
        return CURL_READFUNC_ABORT;
    }
    fl->sent += got;
    return (size_t)got;
}

/* A kept-alive connection that died makes libcurl send the body once more, from its begin. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct flight *fl = arg;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    fl->sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* Judges the resolved address itself, so that no name can stand for a private one, redirects included. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch *f = arg;

    (void)purpose;
    if (!f->config.private_addresses && address_is_private(&a->addr)) {
        f->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void set_method(CURL *c, const struct fetch_request *rq)
{
    curl_off_t length = rq->from_file ? rq->file_length : (curl_off_t)rq->body.len;

    switch (rq->method) {
    case FETCH_GET:
        curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
        break;
    case FETCH_HEAD:
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
        break;
    case FETCH_PUT:
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, length);
        break;
    case FETCH_POST:
        curl_easy_setopt(c, CURLOPT_POST, 1L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, length);
        break;
    case FETCH_DELETE:
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }
}

static void set_up(struct fetch *f, struct flight *fl, struct curl_slist *headers)
{
    CURL *c = f->curl;
    int64_t left = scope_left_ms(fl->s);

    curl_easy_reset(c);                    /* options only: live connections and the DNS cache stay */
    curl_easy_setopt(c, CURLOPT_URL, fl->rq->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, f->config.private_addresses ? NULL : "");   /* a proxy would resolve for us */
    curl_easy_setopt(c, CURLOPT_USERAGENT, f->agent);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, fl->rq->unpack ? "gzip" : NULL);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->error);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, f->config.redirects_max > 0 ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)f->config.redirects_max);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, left < FETCH_CONNECT_MS ? (long)left : (long)FETCH_CONNECT_MS);
    if (fl->s->deadline_ms)
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)left);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)FETCH_STALL_SECONDS);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 131072L);
    curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 131072L);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, fl);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, fl);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c, CURLOPT_READDATA, fl);
    curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(c, CURLOPT_SEEKDATA, fl);
    set_method(c, fl->rq);
}

/* What libcurl's code means to us; a callback's own error goes first. */
static err judge(struct fetch *f, struct flight *fl, CURLcode rc)
{
    const char *said = f->error[0] ? f->error : curl_easy_strerror(rc);

    if (fl->e != ERR_OK)
        return fl->e;
    switch (rc) {
    case CURLE_OK:
        return ERR_OK;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return fail(fl->s, ERR_INVALID, "not an http or https URL: %.200s", fl->rq->url);
    case CURLE_TOO_MANY_REDIRECTS:
        return fail(fl->s, ERR_INVALID, "%.200s: more than %u redirects", fl->rq->url, f->config.redirects_max);
    case CURLE_OPERATION_TIMEDOUT:
        if (scope_left_ms(fl->s) == 0)
            return fail(fl->s, ERR_BUSY, "%.200s: not done in time", fl->rq->url);
        break;
    default:
        break;
    }
    if (f->refused_address)
        return fail(fl->s, ERR_FORBIDDEN, "%.200s: a private address, where we don't go", fl->rq->url);
    return fail(fl->s, ERR_UNREACHABLE, "%.200s: %.200s", fl->rq->url, said);
}

static struct curl_slist *header_list(const struct fetch_request *rq)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer;

    for (size_t i = 0; list && i < rq->n_headers; i++) {
        longer = curl_slist_append(list, rq->headers[i]);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    if (!list)
        abort();
    return list;
}

err fetch_run(struct scope *s, struct fetch *f, const struct fetch_request *rq, struct fetch_answer *out)
{
    struct flight fl = { .f = f, .s = s, .rq = rq, .answer = out, .body = BUF(s) };
    struct curl_slist *headers;
    long status = 0;
    CURLcode rc;

    *out = (struct fetch_answer){ 0 };
    if (scope_left_ms(s) == 0)
        return fail(s, ERR_BUSY, "%.200s: no time left", rq->url);
    for (size_t i = 0; i < rq->n_headers; i++)
        assert(!strpbrk(rq->headers[i], "\r\n"));
    headers = header_list(rq);
    f->refused_address = false;
    f->error[0] = '\0';
    set_up(f, &fl, headers);
    rc = curl_easy_perform(f->curl);
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    out->status = (int)status;
    out->body = (struct bytes){ (const uint8_t *)fl.body.p, fl.body.len };
    return judge(f, &fl, rc);
}
