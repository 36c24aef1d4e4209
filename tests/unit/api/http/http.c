/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api/http/wire.h"

#define HOST "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define KEY "Authorization: Bearer good\r\n"
#define POST(path, type, len, body) \
    "POST " path " HTTP/1.1\r\n" HOST KEY "Content-Type: " type "\r\nContent-Length: " len "\r\n\r\n" body

static void test_keep_alive(struct stage *stage)
{
    int fd = wire_connect(stage->port);
    struct answer a;

    for (int i = 0; i < 3; i++) {
        wire_send(fd, GET("/fast"));
        ok(wire_read(fd, &a, true) == 200 && strcmp(a.body, "event") == 0, "x-fast runs in the event thread");
        ok(answer_header(&a, "X-Request-Id") && strncmp(answer_header(&a, "X-Request-Id"), "req_", 4) == 0,
           "with an id");
        answer_free(&a);
        wire_send(fd, GET("/plain"));
        ok(wire_read(fd, &a, true) == 200 && strcmp(a.body, "worker") == 0, "others on a worker");
        answer_free(&a);
        wire_send(fd, GET("/deferred"));
        ok(wire_read(fd, &a, true) == 200 && strcmp(a.body, "worker") == 0, "who must wait defers");
        answer_free(&a);
        wire_send(fd, POST("/things", "application/json; charset=utf-8", "12", "{\"name\":\"a\"}"));
        ok(wire_read(fd, &a, true) == 201 && strcmp(a.body, "{\"name\":\"a\"}") == 0,
           "a body, and the connection goes on");
        is_str(answer_header(&a, "Location"), "/things/1", "a handler's header");
        answer_free(&a);
        wire_send(fd, POST("/things", "text/plain", "12", "{\"name\":\"a\"}"));
        ok(wire_read(fd, &a, true) == 415, "a refused body, and the connection goes on");
        answer_free(&a);
        wire_send(fd, "POST /fast HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
        ok(wire_read(fd, &a, true) == 405, "a method that is not there");
        is_str(answer_header(&a, "Allow"), "GET, HEAD", "says which are");
        answer_free(&a);
    }
    close(fd);
}

static void test_pipelined(struct stage *stage)
{
    static const char *const want[] = { "event", "worker", "{\"name\":\"b\"}", NULL, "event", "worker" };
    int fd = wire_connect(stage->port);
    struct answer a;

    stage_open(stage, true);
    wire_send(fd, GET("/fast") GET("/plain") POST("/things", "application/json", "12", "{\"name\":\"b\"}") GET("/held")
                  GET("/fast") GET("/deferred"));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        ok(wire_read(fd, &a, true) >= 200 && (!want[i] || strcmp(a.body, want[i]) == 0), "pipelined answer %zu", i);
        answer_free(&a);
    }
    close(fd);
}

/* What the problem document says; "" where a member is absent. */
static void problem_is(struct answer *a, int status, const char *slug, const char *pointer)
{
    json_t *p = json_loadb(a->body ? a->body : "", a->len, 0, NULL),
        *first = json_array_get(json_object_get(p, "errors"), 0);
    const char *type = json_string_value(json_object_get(p, "type")),
        *instance = json_string_value(json_object_get(p, "instance"));
    const char *where = json_string_value(json_object_get(first, "pointer"));
    char want[128];

    snprintf(want, sizeof want, "https://counterfoil.example/problems/%s", slug);
    is_int(a->status, status, slug);
    is_str(type, want, "its type");
    is_str(answer_header(a, "Content-Type"), "application/problem+json", "its media type");
    ok(json_integer_value(json_object_get(p, "status")) == status && json_object_get(p, "title"),
       "status and title in it");
    ok(instance && answer_header(a, "X-Request-Id") && strcmp(instance, answer_header(a, "X-Request-Id")) == 0,
       "instance is its id");
    is_str(where ? where : "", pointer, "where");
    json_decref(p);
    answer_free(a);
}

static const struct { const char *text; int status; const char *slug, *pointer; } problem_rows[] = {
    { GET("/nowhere"), 404, "not-found", "" },
    { GET("/fast?limit=0"), 422, "invalid", "?limit" },
    { GET("/fast?l%C3%A9=1"), 422, "invalid", "?l\xc3\xa9" },
    { GET("/items/a/%2e%2e/b"), 400, "malformed-request", "" },
    { GET("/items/%ff"), 400, "malformed-request", "" },
    { GET("/items/\"a\""), 400, "malformed-request", "" },
    { GET("/secret"), 401, "unauthenticated", "" },
    { "DELETE /things HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed", "" },
    { "get /fast HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed", "" },
    { POST("/things", "application/json", "1", "{"), 400, "malformed-request", "" },
    { POST("/things", "application/json", "13", "{\"name\":\"\xff\"}\n"), 400, "malformed-request", "" },
    { POST("/things", "application/json", "23", "{\"name\":\"a\",\"name\":\"b\"}"), 400, "malformed-request", "" },
    { POST("/things", "application/json", "12", "{\"name\":1e3}"), 422, "invalid", "/name" },
    { POST("/things", "application/json", "10", "{\"name\":1}"), 422, "invalid", "/name" },
    { POST("/things", "application/json", "2", "{}"), 422, "invalid", "/name" },
    { POST("/things", "application/json", "20", "{\"name\":\"a\",\"b/c\":1}"), 422, "invalid", "/b~1c" },
    { POST("/things", "application/json", "33", "{\"name\":\"a\",\"inner\":{\"n\":\"text\"}}"), 422, "invalid",
     "/inner/n" },
    { POST("/things", "application/json", "0", ""), 422, "invalid", "" },
    { POST("/things", "application/xml", "3", "<a>"), 415, "unsupported-media-type", "" },
    { POST("/fast", "application/json", "2", "{}"), 405, "method-not-allowed", "" },
    { POST("/held", "application/json", "0", ""), 400, "idempotency-key-required", "" },
    { "POST /held HTTP/1.1\r\n" HOST "Idempotency-Key: \"a b\"\r\n\r\n", 400, "malformed-request", "" },
    { "POST /held HTTP/1.1\r\n" HOST "Idempotency-Key: \"\"\r\n\r\n", 400, "malformed-request", "" },
    { "GET /plain HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 422, "invalid", "" },
    { GET("/fail/STALE"), 409, "state-has-moved-on", "" },
    { GET("/fail/BUSY"), 503, "try-again", "" },
    { GET("/fail/HALTED"), 503, "ledger-halted", "" },
    { GET("/fail/INTERNAL"), 500, "internal-error", "" },
    { GET("/fail/late"), 409, "conflict", "" },
};

static void test_problems(struct stage *stage)
{
    struct answer a;

    for (size_t i = 0; i < ARRAY_LEN(problem_rows); i++) {
        wire_ask(stage, problem_rows[i].text, &a);
        problem_is(&a, problem_rows[i].status, problem_rows[i].slug, problem_rows[i].pointer);
    }
    ok(wire_ask(stage, GET("/fail/STALE"), &a) == 409 && strstr(a.body, "told why"), "a caller's fault is told");
    answer_free(&a);
    ok(wire_ask(stage, GET("/fail/INTERNAL"), &a) == 500 && !strstr(a.body, "told why"), "ours is not");
    answer_free(&a);
    ok(wire_ask(stage, GET("/fail/BUSY"), &a) == 503 && answer_header(&a, "Retry-After"), "when to try again");
    answer_free(&a);
    ok(wire_ask(stage, GET("/secret"), &a) == 401 && answer_header(&a, "WWW-Authenticate"), "how to say who one is");
    answer_free(&a);
}

static void test_targets(struct stage *stage)
{
    struct answer a;

    ok(wire_ask(stage, GET("/items/a%2Fb/c%20d/%E2%82%AC"), &a) == 200, "an escaped path");
    is_str(a.body, "a/b/c d/\xe2\x82\xac", "is decoded by segments");
    answer_free(&a);
    ok(wire_ask(stage, GET("/items/a%3Flimit=1?"), &a) == 200, "an escaped question mark");
    is_str(a.body, "a?limit=1", "begins no query");
    answer_free(&a);
    ok(wire_ask(stage, "GET http://x/fast?limit=3 HTTP/1.1\r\n" HOST "\r\n", &a) == 200, "a target with its host");
    answer_free(&a);
    ok(wire_ask(stage, "GET /fast\r\n\r\n", &a) != 200, "no version");
    answer_free(&a);
    ok(wire_ask(stage, "HEAD /fast HTTP/1.1\r\n" HOST "\r\n", &a) == 200, "HEAD is GET");
    is_str(answer_header(&a, "Content-Length"), "5", "with its length, without its body");
    answer_free(&a);
    ok(wire_ask(stage, GET("/fail/none"), &a) == 204 && a.len == 0, "an empty answer");
    answer_free(&a);
    stage_open(stage, true);
    ok(wire_ask(stage, "POST /held HTTP/1.1\r\n" HOST "Idempotency-Key: \"k-1\"\r\n\r\n", &a) == 200,
       "an idempotency key");
    is_str(a.body, "k-1", "without its quotes");
    answer_free(&a);
}

static void test_refused_by_library(struct stage *stage)
{
    static char text[HTTP_HEADER_BYTES_MAX * 2];
    struct answer a;
    int n = snprintf(text, sizeof text, "GET /fast HTTP/1.1\r\n" HOST "X-Long: "), status;

    memset(text + n, 'a', sizeof text - (size_t)n - 5);
    memcpy(text + sizeof text - 5, "\r\n\r\n", 5);
    status = wire_ask(stage, text, &a);
    ok(status == 431 || status == 413 || status == 0, "headers beyond the limit: %d", status);
    answer_free(&a);
    status = wire_ask(stage, "GET /fast HTTP/1.1\r\n" HOST "Content-Length: abc\r\n\r\n", &a);
    ok(status == 400 || status == 0, "a length that is no number: %d", status);
    answer_free(&a);
    ok(wire_ask(stage, "\x16\x03\x01\x02\x01\r\n\r\n", &a) != 200, "no HTTP at all");
    answer_free(&a);
    ok(wire_ask(stage, GET("/fast"), &a) == 200, "and the server goes on");
    answer_free(&a);
}

static const struct { const char *header; int status; const char *range; size_t len; } file_rows[] = {
    { "", 200, NULL, FILE_SIZE },
    { "Range: bytes=0-0\r\n", 206, "bytes 0-0/1000000", 1 },
    { "Range: bytes=26-51\r\n", 206, "bytes 26-51/1000000", 26 },
    { "Range: bytes=999999-\r\n", 206, "bytes 999999-999999/1000000", 1 },
    { "Range: bytes=-100000\r\n", 206, "bytes 900000-999999/1000000", 100000 },
    { "Range: bytes=0-1,5-6\r\n", 200, NULL, FILE_SIZE },
    { "Range: bytes=0-1\r\nIf-Range: \"tag\"\r\n", 206, "bytes 0-1/1000000", 2 },
    { "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n", 200, NULL, FILE_SIZE },
    { "Range: bytes=0-1\r\nIf-Range: W/\"tag\"\r\n", 200, NULL, FILE_SIZE },
    { "Range: bytes=0-1\r\nIf-Range: Tue, 15 Nov 1994 12:45:26 GMT\r\n", 200, NULL, FILE_SIZE },
    { "If-None-Match: \"x\", W/\"tag\"\r\n", 304, NULL, 0 },
    { "If-None-Match: \"x\"\r\n", 200, NULL, FILE_SIZE },
};

static void test_files(struct stage *stage)
{
    struct answer a;
    char text[512];
    int fd = wire_connect(stage->port);

    for (size_t i = 0; i < ARRAY_LEN(file_rows); i++) {
        size_t first = 0;
        bool good;

        snprintf(text, sizeof text, "GET /file HTTP/1.1\r\n" HOST "%s\r\n", file_rows[i].header);
        wire_send(fd, text);
        ok(wire_read(fd, &a, true) == file_rows[i].status, "%d for %s", a.status, file_rows[i].header);
        if (file_rows[i].range) {
            is_str(answer_header(&a, "Content-Range"), file_rows[i].range, "its range");
            first = strtoul(file_rows[i].range + strlen("bytes "), NULL, 10);
        }
        good = a.len == file_rows[i].len;
        for (size_t k = 0; good && k < a.len; k++)
            good = a.body[k] == (char)('a' + (first + k) % 26);
        ok(good, "its bytes");
        is_str(answer_header(&a, "ETag"), FILE_TAG, "its tag");
        answer_free(&a);
    }
    wire_send(fd, "GET /file HTTP/1.1\r\n" HOST "Range: bytes=1000000-\r\n\r\n");
    wire_read(fd, &a, true);
    is_str(answer_header(&a, "Content-Range"), "bytes */1000000", "what there is instead");
    problem_is(&a, 416, "range-not-satisfiable", "");
    wire_send(fd, "HEAD /file HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n\r\n");
    ok(wire_read(fd, &a, false) == 200, "HEAD has no range");
    is_str(answer_header(&a, "Content-Length"), "1000000", "and the whole length");
    answer_free(&a);
    close(fd);
}

static void test_metrics(struct stage *stage)
{
    struct scope s;
    struct buf b;

    scope_init(&s, 0);
    b = BUF(&s);
    http_metrics(stage->http, &b);
    ok(strstr(b.p, "counterfoil_http_requests_total{operation=\"fast\",status=\"2xx\"} "),
       "answers are counted by operation");
    ok(strstr(b.p, "counterfoil_http_requests_total{operation=\"none\",status=\"4xx\"} "), "and those without one");
    ok(strstr(b.p, "counterfoil_http_request_seconds_bucket{le=\"+Inf\"} ") &&
       strstr(b.p, "counterfoil_http_connections "),
       "times and connections too");
    scope_free(&s);
}

static void test_start(struct stage *stage)
{
    struct scope s;
    struct http *h = NULL;
    struct http_config config = { .contract = stage->contract, .handlers = wire_handlers,
                                 .n_handlers = ARRAY_LEN(wire_handlers) };

    scope_init(&s, 0);
    config.port = stage->port;
    ok(http_start(&s, &config, &h) == ERR_CONFIG, "a port that is taken: %s", s.why.detail);
    scope_forgive(&s);
    config.port = 0;
    config.n_handlers--;
    ok(http_start(&s, &config, &h) == ERR_CONFIG && strstr(s.why.detail, "raw"), "an operation without handler: %s",
       s.why.detail);
    scope_forgive(&s);
    config.handlers = (const struct http_handler[]){ { "fast", handle_fast }, { "fast", handle_fast } };
    config.n_handlers = 2;
    ok(http_start(&s, &config, &h) == ERR_CONFIG, "a handler twice: %s", s.why.detail);
    scope_forgive(&s);
    config.address = "nowhere";
    config.handlers = wire_handlers;
    config.n_handlers = ARRAY_LEN(wire_handlers);
    ok(http_start(&s, &config, &h) == ERR_CONFIG, "no address: %s", s.why.detail);
    scope_free(&s);
}

int main(void)
{
    struct stage stage;

    if (stage_start(&stage, (struct http_config){ 0 })) {
        test_keep_alive(&stage);
        test_pipelined(&stage);
        test_problems(&stage);
        test_targets(&stage);
        test_refused_by_library(&stage);
        test_files(&stage);
        test_metrics(&stage);
        test_start(&stage);
        stage_stop(&stage);
    }
    return done_testing();
}
