/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/fetch/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/* A server of a few fixed answers, so that the client meets real sockets. */
struct server { int fd; int port; atomic_int accepted; char got[4096]; size_t got_len; pthread_t thread; };

static const struct { const char *path, *answer; } pages[] = {
    { "GET /hello ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing:  spaced \r\n\r\nhello" },
    { "HEAD /hello ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" },
    { "GET /gone ", "HTTP/1.1 410 Gone\r\nContent-Type: application/problem+json\r\nX-Request-Id: req_1\r\n"
                    "Content-Length: 128\r\n\r\n"
                    "{\"type\":\"/problems/license-not-live\",\"title\":\"Ended\",\"status\":410,"
                    "\"detail\":\"It ended.\","
                    "\"errors\":[{\"pointer\":\"/a\",\"detail\":\"b\"}]}" },
    { "GET /plain ", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno" },
    { "GET /away ", "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 2\r\n\r\nno" },
    { "GET /round ", "HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n" },
    { "GET /file ", "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n" },
    { "GET /cut ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhello" },
    { "PUT /up ", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" },
    { "POST /post ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
};

static bool answer(struct server *sv, int c, const char *head)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strncmp(head, pages[i].path, strlen(pages[i].path)) != 0)
            continue;
        if (write(c, pages[i].answer, strlen(pages[i].answer)) < 0)
            return false;
        return !strstr(pages[i].path, "/cut");
    }
    (void)sv;
    return false;
}

static void serve(struct server *sv, int c)
{
    char *in = sv->got;
    bool go = true;

    while (go) {
        size_t n = 0, body = 0;
        char *end = NULL;
        while (!end || n < (size_t)(end + 4 - in) + body) {
            ssize_t k = read(c, in + n, sizeof sv->got - 1 - n);
            const char *length;
            if (k <= 0)
                return;
            n += (size_t)k;
            in[n] = '\0';
            end = strstr(in, "\r\n\r\n");
            length = strcasestr(in, "content-length: ");
            body = end && length && length < end ? (size_t)strtoul(length + 16, NULL, 10) : 0;
        }
        sv->got_len = n;
        go = answer(sv, c, in);
    }
}

static void *server_run(void *arg)
{
    struct server *sv = arg;
    int c;

    while ((c = accept(sv->fd, NULL, NULL)) >= 0) {
        atomic_fetch_add(&sv->accepted, 1);
        serve(sv, c);
        close(c);
    }
    return NULL;
}

static void server_start(struct server *sv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;

    sv->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(sv->fd, (struct sockaddr *)&a, sizeof a) || listen(sv->fd, 8) ||
        getsockname(sv->fd, (struct sockaddr *)&a, &len))
        abort();
    sv->port = ntohs(a.sin_port);
    pthread_create(&sv->thread, NULL, server_run, sv);
}

static err get(struct scope *s, struct fetch *f, struct server *sv, const char *path, int64_t most,
               struct fetch_answer *a)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = most,
                                .url = scope_printf(s, "http://127.0.0.1:%d%s", sv->port, path) };

    scope_forgive(s);
    return fetch_run(s, f, &rq, a);
}

static err take_none(struct scope *s, void *arg, const struct fetch_answer *a, const void *p, size_t n)
{
    (void)a, (void)p;
    *(size_t *)arg += n;
    return fail(s, ERR_CONFLICT, "no");
}

static void test_answers(struct scope *s, struct fetch *f, struct server *sv)
{
    struct fetch_answer a;
    int before;

    ok(get(s, f, sv, "/hello", 100, &a) == ERR_OK && a.status == 200, "a page");
    ok(a.body.len == 5 && memcmp(a.body.p, "hello", 5) == 0, "its body");
    is_str(fetch_header(&a, "x-thing"), "spaced", "its header, by another case");
    before = sv->accepted;
    ok(get(s, f, sv, "/hello", 5, &a) == ERR_OK && sv->accepted == before, "the connection is kept");
    ok(get(s, f, sv, "/hello", 4, &a) == ERR_TOO_LARGE, "a longer body than allowed");
    ok(get(s, f, sv, "/gone", 0, &a) == ERR_OK && a.status == 410, "a refusal is an answer");
    ok(fetch_problem(s, &a) == ERR_LICENSE_ENDED, "its type says which error");
    is_str(s->why.detail, "Ended: It ended. (b) [410 license-not-live at /a, request req_1]",
           "its words and its code are kept");
    is_str(s->why.pointer, "/a", "and its pointer");
    ok(get(s, f, sv, "/plain", 0, &a) == ERR_OK && fetch_problem(s, &a) == ERR_NOT_FOUND, "a bare status");
    ok(get(s, f, sv, "/cut", 100, &a) == ERR_UNREACHABLE, "a body cut off");
    ok(get(s, f, sv, "/away", 100, &a) == ERR_OK && a.status == 302, "redirects are not followed unless wanted");
}

static void test_sending(struct scope *s, struct fetch *f, struct server *sv)
{
    int fd = memfd_create("body", MFD_CLOEXEC);
    const char *headers[] = { "Idempotency-Key: k" };
    struct fetch_request rq = { .method = FETCH_PUT, .headers = headers, .n_headers = 1, .from_file = true,
                                .file_fd = fd, .file_offset = 2, .file_length = 3 };
    struct fetch_answer a;
    size_t taken = 0;

    if (write(fd, "abcdefg", 7) != 7)
        abort();
    scope_forgive(s);
    rq.url = scope_printf(s, "http://127.0.0.1:%d/up", sv->port);
    ok(fetch_run(s, f, &rq, &a) == ERR_OK && a.status == 201, "PUT of a part of a file");
    ok(strcmp(sv->got + sv->got_len - 7, "\r\n\r\ncde") == 0, "exactly that part");
    ok(strstr(sv->got, "\r\nIdempotency-Key: k\r\n") != NULL, "with the header");
    rq.file_length = 9;
    ok(fetch_run(s, f, &rq, &a) == ERR_IO, "a file that is shorter than said");
    scope_forgive(s);
    rq = (struct fetch_request){ .method = FETCH_POST, .url = scope_printf(s, "http://127.0.0.1:%d/post", sv->port),
                                 .body = { (const uint8_t *)"{}", 2 }, .answer_max = 2 };
    ok(fetch_run(s, f, &rq, &a) == ERR_OK && strcmp(sv->got + sv->got_len - 6, "\r\n\r\n{}") == 0, "POST of bytes");
    rq.take = take_none;
    rq.arg = &taken;
    ok(fetch_run(s, f, &rq, &a) == ERR_CONFLICT && taken == 2, "who takes may refuse");
    close(fd);
}

static void test_bounds(struct scope *s, struct server *sv)
{
    struct fetch_config open = { .agent = "t", .redirects_max = 2, .private_addresses = true };
    struct fetch_config closed = { .agent = "t" };
    struct fetch_request rq = { .url = "file:///etc/hostname", .answer_max = 100 };
    struct fetch_answer a;
    struct fetch *f = NULL, *g = NULL;

    if (fetch_open(s, &open, &f) != ERR_OK || fetch_open(s, &closed, &g) != ERR_OK)
        abort();
    ok(get(s, f, sv, "/away", 100, &a) == ERR_OK && a.status == 200 && a.body.len == 5, "a redirect followed");
    ok(get(s, f, sv, "/round", 100, &a) == ERR_INVALID, "a circle of redirects");
    ok(get(s, f, sv, "/file", 100, &a) == ERR_INVALID, "a redirect to a file");
    scope_forgive(s);
    ok(fetch_run(s, f, &rq, &a) == ERR_INVALID, "a URL of a file");
    ok(get(s, g, sv, "/hello", 100, &a) == ERR_FORBIDDEN, "a private address is not gone to");
    fetch_close(f);
    fetch_close(g);
}

static void test_addresses(void)
{
    static const struct { const char *text; bool private; } rows[] = {
        { "127.0.0.1", true }, { "10.1.2.3", true }, { "172.31.0.1", true }, { "172.32.0.1", false },
        { "192.168.0.1", true }, { "169.254.169.254", true }, { "100.64.0.1", true }, { "0.0.0.0", true },
        { "224.0.0.1", true }, { "255.255.255.255", true }, { "8.8.8.8", false }, { "1.1.1.1", false },
        { "::1", true }, { "::", true }, { "fe80::1", true }, { "fd00::1", true }, { "ff02::1", true },
        { "::ffff:10.0.0.1", true }, { "::ffff:8.8.8.8", false }, { "64:ff9b::7f00:1", true },
        { "2002:7f00:1::", true }, { "2001:db8::1", true }, { "2001:0:1::1", true }, { "2606:4700::1111", false },
        { "3fff:800::1", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        struct sockaddr_in four = { .sin_family = AF_INET };
        bool v4 = inet_pton(AF_INET, rows[i].text, &four.sin_addr) == 1;
        if (!v4 && inet_pton(AF_INET6, rows[i].text, &six.sin6_addr) != 1)
            abort();
        ok(address_is_private(v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six) == rows[i].private, "%s",
           rows[i].text);
    }
}

int main(void)
{
    static struct server sv;
    struct fetch_config config = { .agent = "counterfoil-test", .private_addresses = true };
    struct fetch *f = NULL;
    struct scope s;

    alarm(60);
    fetch_init();
    scope_init(&s, 0);
    server_start(&sv);
    if (fetch_open(&s, &config, &f) != ERR_OK)
        abort();
    test_answers(&s, f, &sv);
    test_sending(&s, f, &sv);
    fetch_close(f);                       /* the server speaks to one client at a time */
    test_bounds(&s, &sv);
    test_addresses();
    is_str(fetch_escape_path(&s, "a b/c%/\xc3\xa4?#"), "a%20b/c%25/%C3%A4%3F%23", "a path escaped");
    is_str(fetch_escape(&s, "a/b"), "a%2Fb", "a segment escaped");
    shutdown(sv.fd, SHUT_RDWR);
    pthread_join(sv.thread, NULL);
    close(sv.fd);
    scope_free(&s);
    return done_testing();
}
