/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api/http/wire.h"

#define PUT_RAW "PUT /raw HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
#define GOOD "Authorization: Bearer good\r\n"
#define POST_THINGS "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#define BIG 3000000

static char *content(size_t n)
{
    char *bytes = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('A' + i * 7 % 23);
    bytes[n] = '\0';
    return bytes;
}

static void sum_text(const char *bytes, size_t n, char out[64])
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + (uint8_t)bytes[i];
    snprintf(out, 64, "%zu %llu", n, (unsigned long long)sum);
}

/* In chunks of odd sizes. */
static void send_chunks(int fd, const char *bytes, size_t n)
{
    for (size_t at = 0, size = 1; at < n; at += size, size = (size * 3 + 1) % 70000) {
        char line[32];

        size = size > n - at ? n - at : size ? size : 1;
        snprintf(line, sizeof line, "%zx\r\n", size);
        if (!wire_send(fd, line) || !wire_write(fd, bytes + at, size) || !wire_send(fd, "\r\n"))
            return;
    }
    wire_send(fd, "0\r\n\r\n");
}

static void test_too_large(struct stage *stage)
{
    int fd = wire_connect(stage->port), before = atomic_load(&stage->authenticated);
    struct answer a;
    char *big = content(BIG);

    wire_send(fd, POST_THINGS GOOD "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    ok(wire_read(fd, &a, true) == 413, "too large by its length, before a byte of it, without 100 Continue");
    ok(wire_closed(fd), "and the connection ends");
    answer_free(&a);
    close(fd);
    fd = wire_connect(stage->port);
    wire_send(fd, POST_THINGS GOOD "Content-Length: 99999999999999999999999\r\n\r\n");
    ok(wire_read(fd, &a, true) != 201, "a length beyond all numbers: %d", a.status);
    answer_free(&a);
    close(fd);
    ok(atomic_load(&stage->authenticated) == before, "nobody asked who it was");
    fd = wire_connect(stage->port);
    wire_send(fd, POST_THINGS GOOD "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, big, BIG);
    ok(wire_read(fd, &a, true) == 413, "too large in chunks");
    answer_free(&a);
    wire_send(fd, "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
    ok(wire_read(fd, &a, true) == 200, "and the connection goes on");
    answer_free(&a);
    close(fd);
    free(big);
}

static void test_chunked(struct stage *stage)
{
    int fd = wire_connect(stage->port);
    struct answer a;

    for (int i = 0; i < 3; i++) {
        wire_send(fd, POST_THINGS GOOD "Transfer-Encoding: chunked\r\n\r\n");
        send_chunks(fd, "{\"name\":\"chunked\"}", 18);
        ok(wire_read(fd, &a, true) == 201 && strcmp(a.body, "{\"name\":\"chunked\"}") == 0, "a body in chunks");
        answer_free(&a);
    }
    wire_send(fd, POST_THINGS GOOD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n");
    ok(wire_read(fd, &a, true) == 400, "a chunk that is none");
    answer_free(&a);
    close(fd);
}

static void test_long_body(struct stage *stage)
{
    struct answer a;
    char *name = content(60000), *text = malloc(400000);
    int fd = wire_connect(stage->port), n;

    n = snprintf(text, 400000, "{\"name\":\"%s\",\"b\":\"%s\"}", name, name);
    ok(n > HTTP_BODY_SMALL, "a body that is not small");
    for (int i = 0; i < 3; i++) {
        char head[256];

        snprintf(head, sizeof head, POST_THINGS GOOD "Content-Length: %d\r\n\r\n", n);
        wire_send(fd, head);
        wire_write(fd, text, (size_t)n);
        ok(wire_read(fd, &a, true) == 422, "is read once its sender is known");
        ok(a.body && strstr(a.body, "/b"), "and checked");
        answer_free(&a);
    }
    close(fd);
    fd = wire_connect(stage->port);
    wire_send(fd, POST_THINGS "Content-Length: 900000\r\nExpect: 100-continue\r\n\r\n");
    ok(wire_read(fd, &a, true) == 401, "and not if he is not, without 100 Continue");
    answer_free(&a);
    close(fd);
    free(name);
    free(text);
}

static void test_expect(struct stage *stage)
{
    int fd = wire_connect(stage->port);
    struct answer a;

    wire_send(fd, POST_THINGS GOOD "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n");
    ok(wire_read(fd, &a, true) == 100, "100 Continue for what is welcome");
    answer_free(&a);
    wire_send(fd, "{\"name\":\"a\"}");
    ok(wire_read(fd, &a, true) == 201, "then the answer");
    answer_free(&a);
    close(fd);
}

static void test_slow(struct stage *stage)
{
    static const char body[] = "{\"name\":\"slow\"}";
    int fd = wire_connect(stage->port);
    struct answer a;

    wire_send(fd, POST_THINGS GOOD "Content-Length: 15\r\n\r\n");
    for (const char *c = body; *c; c++) {
        wire_write(fd, c, 1);
        ok(wire_ask(stage, "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n", &a) == 200, "others are served between its bytes");
        answer_free(&a);
    }
    ok(wire_read(fd, &a, true) == 201, "and it is answered in the end");
    answer_free(&a);
    close(fd);
}

static void test_raw(struct stage *stage)
{
    static const size_t sizes[] = { 0, 1, 100, HTTP_PIECE_BYTES - 1, HTTP_PIECE_BYTES, HTTP_PIECE_BYTES + 1,
                                   2 * HTTP_PIECE_BYTES,
                                    BIG };
    int fd = wire_connect(stage->port);
    struct answer a;
    char *bytes = content(BIG), head[256], want[64];

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        sum_text(bytes, sizes[i], want);
        snprintf(head, sizeof head, PUT_RAW GOOD "Content-Length: %zu\r\n\r\n", sizes[i]);
        wire_send(fd, head);
        wire_write(fd, bytes, sizes[i]);
        ok(wire_read(fd, &a, true) == 200, "an upload of %zu bytes", sizes[i]);
        is_str(a.body, want, "arrived whole and in order");
        answer_free(&a);
        wire_send(fd, PUT_RAW GOOD "Transfer-Encoding: chunked\r\n\r\n");
        send_chunks(fd, bytes, sizes[i]);
        ok(wire_read(fd, &a, true) == 200, "the same in chunks");
        is_str(a.body, want, "arrived whole and in order");
        answer_free(&a);
    }
    close(fd);
    free(bytes);
}

static void test_raw_refused(struct stage *stage)
{
    int fd = wire_connect(stage->port), before;
    struct answer a;
    char *bytes = content(BIG);

    wire_send(fd, PUT_RAW "Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n");
    ok(wire_read(fd, &a, true) == 401, "an upload by nobody we know, before a byte of it");
    answer_free(&a);
    close(fd);

    fd = wire_connect(stage->port);
    wire_send(fd, PUT_RAW GOOD "X-Have-It: yes\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n");
    ok(wire_read(fd, &a, true) == 204, "an upload that the handler doesn't need");
    answer_free(&a);
    close(fd);

    fd = wire_connect(stage->port);
    wire_send(fd, PUT_RAW GOOD "X-Have-It: yes\r\nContent-Length: 5\r\n\r\nabcdeGET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
    ok(wire_read(fd, &a, true) == 204, "a short one");
    answer_free(&a);
    ok(wire_read(fd, &a, true) == 200, "is dropped, and the connection goes on");
    answer_free(&a);

    before = atomic_load(&stage->pieces);
    bytes[HTTP_PIECE_BYTES] = '!';
    wire_send(fd, PUT_RAW GOOD "Content-Length: 3000000\r\n\r\n");
    wire_write(fd, bytes, BIG);
    ok(wire_read(fd, &a, true) == 409, "the handler refuses its second piece");
    is_int(atomic_load(&stage->pieces) - before, 2, "and gets no third one");
    answer_free(&a);
    wire_send(fd, "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
    ok(wire_read(fd, &a, true) == 200, "the connection goes on");
    answer_free(&a);
    close(fd);
    ok(wire_ask(stage, PUT_RAW GOOD "\r\n", &a) == 422, "no body at all");
    answer_free(&a);
    free(bytes);
}

/* Ends are told also for uploads that break off. */
static void test_broken_off(struct stage *stage)
{
    struct answer a;
    char *bytes = content(BIG);
    int64_t until = clock_monotonic_ms() + PATIENCE_S * 1000;
    int want = atomic_load(&stage->ended) + 8;

    for (int i = 0; i < 8; i++) {
        int fd = wire_connect(stage->port);

        wire_send(fd, PUT_RAW GOOD "Content-Length: 3000000\r\n\r\n");
        wire_write(fd, bytes, (size_t)i * 100000 + 1);
        close(fd);
    }
    while (atomic_load(&stage->ended) < want && clock_monotonic_ms() < until)
        poll(NULL, 0, 5);
    is_int(atomic_load(&stage->ended), want, "uploads that break off end");
    ok(wire_ask(stage, "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n", &a) == 200, "and the server goes on");
    answer_free(&a);
    free(bytes);
}

int main(void)
{
    struct stage stage;

    if (stage_start(&stage, (struct http_config){ 0 })) {
        test_too_large(&stage);
        test_chunked(&stage);
        test_long_body(&stage);
        test_expect(&stage);
        test_slow(&stage);
        test_raw(&stage);
        test_raw_refused(&stage);
        test_broken_off(&stage);
        stage_stop(&stage);
    }
    return done_testing();
}
