/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"

/*
 * Out into the world by HTTP and HTTPS: bounded in bytes, time and redirects.
 * The only room with libcurl.
 *
 * A `struct fetch` is one reusable handle that keeps its connections alive;
 * one thread at a time. Time is the scope's deadline, if it has one, and
 * always FETCH_STALL_SECONDS without a byte. A status other than 2xx is not an
 * error of fetch_run(): the answer has it, and fetch_problem() makes an error
 * of it. Only http and https, never anything else a URL could name.
 *
 *   struct fetch_request rq = { .method = FETCH_GET, .url = url, .answer_max = JSON_BODY_MAX };
 *   struct fetch_answer a;
 *   TRY(fetch_run(s, f, &rq, &a));
 *   TRY(fetch_problem(s, &a));
 */
#define FETCH_HEADERS_MAX 64
#define FETCH_HEADER_BYTES_MAX 65536
#define FETCH_CONNECT_MS 10000
#define FETCH_STALL_SECONDS 60

struct fetch;

struct fetch_config {
    const char *agent;              /* User-Agent */
    /* may connect to loopback, private, link-local, shared and other special addresses */
    bool private_addresses;
    unsigned redirects_max;         /* 0: a redirect is an answer like any other */
};

/* Once per process, before any thread. */
void fetch_init(void);
err  fetch_open(struct scope *s, const struct fetch_config *config, struct fetch **out);
void fetch_close(struct fetch *f);  /* NULL is fine */

enum fetch_method { FETCH_GET, FETCH_HEAD, FETCH_PUT, FETCH_POST, FETCH_DELETE };

struct fetch_header { const char *name, *value; };
struct fetch_answer {
    int status;                     /* HTTP status of the last response */
    size_t n_headers;
    struct fetch_header headers[FETCH_HEADERS_MAX];    /* of the last response, in the scope */
    struct bytes body;              /* in the scope; empty where `take` took it */
};

struct fetch_request {
    enum fetch_method method;
    const char *url;
    const char *const *headers;     /* "Name: value" each; what libcurl would add itself ("Expect") is left out */
    size_t n_headers;
    struct bytes body;              /* of PUT and POST, unless it comes from a file */
    bool from_file;                 /* the body is file_length bytes of file_fd from file_offset (pread) */
    int file_fd;
    int64_t file_offset, file_length;
    int64_t answer_max;             /* bytes of a body that are accepted, unpacked; more is ERR_TOO_LARGE */
    bool unpack;                    /* the body may come in GZIP; the caller never sees it */
    /*
     * Takes the bytes of a 2xx body as they come, headers complete in `a`; NULL: gathered in the scope.
     * Bodies of other answers are gathered always, up to FETCH_PROBLEM_MAX.
     */
    err (*take)(struct scope *s, void *arg, const struct fetch_answer *a, const void *bytes, size_t len);
    void *arg;
};
#define FETCH_PROBLEM_MAX 65536

/*
 * ERR_UNREACHABLE: no connection, cut off, or too slow; ERR_BUSY: the scope's deadline; ERR_TOO_LARGE;
 * ERR_FORBIDDEN: an address we don't go to; ERR_INVALID: not a URL we accept; or what `take` returned.
 */
err fetch_run(struct scope *s, struct fetch *f, const struct fetch_request *rq, struct fetch_answer *out);

/* A header of the answer by its name, any case; NULL if there is none. */
const char *fetch_header(const struct fetch_answer *a, const char *name);

/*
 * ERR_OK for 2xx. Otherwise the error that the problem document's type names (RFC 9457; by the slugs
 * of err.def), else the one of the status; reason: its detail, pointer and the X-Request-Id.
 */
err fetch_problem(struct scope *s, const struct fetch_answer *a);

/* One path segment or query value, percent-encoded: everything but RFC 3986 unreserved characters. */
char *fetch_escape(struct scope *s, const char *text);
/* The same for a path: its slashes stay. */
char *fetch_escape_path(struct scope *s, const char *path);

/* Whether an address (a struct sockaddr) is one that only this host or its neighborhood can mean. */
struct sockaddr;
bool address_is_private(const struct sockaddr *address);
