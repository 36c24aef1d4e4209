/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api/http/wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define IDLE 1000
#define SLOW 64

static int64_t ask_ms(struct stage *stage, const char *text, int status)
{
    int64_t start = clock_monotonic_ms();
    struct answer a;
    int got = wire_ask(stage, text, &a);

    answer_free(&a);
    return got == status ? clock_monotonic_ms() - start : INT64_MAX;
}

/* 1,000 connections that say nothing, 64 bodies and 64 headers that never end. */
static void test_crowd(struct stage *stage)
{
    static int idle[IDLE], slow[2 * SLOW];
    int64_t worst = 0;
    size_t up = 0;

    for (size_t i = 0; i < IDLE; i++)
        up += (idle[i] = wire_connect(stage->port)) >= 0;
    for (size_t i = 0; i < 2 * SLOW; i++) {
        slow[i] = wire_connect(stage->port);
        wire_send(slow[i], i % 2 ?
                  "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
                                   "Authorization: Bearer good\r\n\r\n{" : "GET /fast HTTP/1.1\r\nHo");
    }
    is_int((int64_t)up, IDLE, "as many idle connections");
    for (int i = 0; i < 100; i++) {
        int64_t ms = ask_ms(stage, i % 2 ? GET("/fast") : GET("/plain"), 200);

        wire_send(slow[i], "x");
        worst = ms > worst ? ms : worst;
    }
    ok(worst < 3000, "others are answered in less than three seconds: %lld ms", (long long)worst);
    for (size_t i = 0; i < IDLE; i++)
        close(idle[i]);
    for (size_t i = 0; i < 2 * SLOW; i++)
        close(slow[i]);
    ok(ask_ms(stage, GET("/fast"), 200) < 3000, "and when all are gone");
}

/* Clients that hang up while somebody else holds their request. */
static void test_gone_while_held(struct stage *stage)
{
    int64_t until = clock_monotonic_ms() + PATIENCE_S * 1000;
    struct scope s;
    struct buf b;

    scope_init(&s, 0);
    stage_open(stage, false);
    for (int i = 0; i < 20; i++) {
        int fd = wire_connect(stage->port);

        wire_send(fd, GET("/held"));
        ok(stage_wait_held(stage, (size_t)i + 1), "held");
        close(fd);
    }
    ok(ask_ms(stage, GET("/fast"), 200) < 3000, "others go on");
    stage_open(stage, true);
    do {
        poll(NULL, 0, 5);
        scope_clear(&s);
        b = BUF(&s);
        http_metrics(stage->http, &b);
    } while (!strstr(b.p, "\ncounterfoil_http_in_flight 0\n") && clock_monotonic_ms() < until);
    ok(strstr(b.p, "\ncounterfoil_http_in_flight 0\n") && strstr(b.p, "\ncounterfoil_http_suspended 0\n"),
       "what nobody waits for any more is over");
    scope_free(&s);
}

struct client { pthread_t thread; struct stage *stage; int rounds; unsigned seed; size_t good; };

/* All kinds of requests mixed, hanging up now and then. */
static void *ask_mixed(void *arg)
{
    static const char *const texts[] = {
        GET("/fast"), GET("/plain"), GET("/held"), GET("/deferred"), GET("/fail/BUSY"), GET("/items/a"),
        "POST /things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        "Content-Type: application/json\r\nContent-Length: 12\r\n\r\n"
        "{\"name\":\"a\"}",
        "PUT /raw HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n"
        "abcde",
        "GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=5-104\r\n\r\n",
    };
    static const int want[] = { 200, 200, 200, 200, 503, 200, 201, 200, 206 };
    struct client *c = arg;
    int fd = wire_connect(c->stage->port);

    for (int i = 0; i < c->rounds; i++) {
        size_t k = (size_t)rand_r(&c->seed) % ARRAY_LEN(texts);
        struct answer a = { 0 };

        wire_send(fd, texts[k]);
        if (rand_r(&c->seed) % 20 == 0) {
            close(fd);
            fd = wire_connect(c->stage->port);
            c->good++;
            continue;
        }
        c->good += wire_read(fd, &a, true) == want[k];
        answer_free(&a);
    }
    close(fd);
    return NULL;
}

static void test_mixed(struct stage *stage)
{
    struct client clients[16];
    size_t good = 0;

    stage_open(stage, true);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = (struct client){ .stage = stage, .rounds = 200, .seed = (unsigned)i + 1 };
        pthread_create(&clients[i].thread, NULL, ask_mixed, &clients[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        pthread_join(clients[i].thread, NULL);
        good += clients[i].good;
    }
    is_int((int64_t)good, 200 * ARRAY_LEN(clients), "all kinds of requests at once, each with its answer");
}

static const char with_key[] = "GET /secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\r\n";
static const char with_guess[] = "GET /secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bad\r\n\r\n";

/* How many of `n` requests are answered so; each 429 must say when to come again. */
static int answered(struct stage *stage, const char *request, int n, int status)
{
    struct answer a;
    int found = 0;

    for (int i = 0; i < n; i++) {
        int got = wire_ask(stage, request, &a);
        const char *retry = got == 429 ? answer_header(&a, "Retry-After") : "1";

        found += got == status && retry && strcmp(retry, "1") == 0;
        answer_free(&a);
    }
    return found;
}

static void test_rate(void)
{
    struct stage stage;
    int good;

    if (!stage_start(&stage, (struct http_config){ .rate_per_second = 1, .rate_burst = 5 }))
        return;
    good = answered(&stage, with_key, 10, 200);
    ok(good >= 5 && good <= 7, "a key has its burst: %d", good);
    is_int(answered(&stage, with_key, 1, 429), 1, "then 429, with the time to wait");
    is_int(answered(&stage, GET("/fast"), 20, 200), 20, "who comes without a key is not counted to it");
    stage_stop(&stage);
}

static void test_address_rate(void)
{
    struct stage stage;
    int asked, good;

    if (!stage_start(&stage, (struct http_config){ .address_per_second = 1, .address_burst = 5 }))
        return;
    good = answered(&stage, GET("/fast"), 10, 200);
    ok(good >= 5 && good <= 7, "an address has its burst: %d", good);
    asked = atomic_load(&stage.authenticated);
    is_int(answered(&stage, with_key, 1, 429), 1, "which a key doesn't lengthen");
    is_int(answered(&stage, GET("/nowhere"), 1, 429), 1, "nor does what isn't there");
    is_int(atomic_load(&stage.authenticated), asked, "nobody was asked who that was");
    stage_stop(&stage);
}

static void test_guesses(void)
{
    struct stage stage;
    int good;

    if (!stage_start(&stage, (struct http_config){ .guess_per_second = 1, .guess_burst = 5 }))
        return;
    is_int(answered(&stage, with_key, 20, 200), 20, "a key that is right is no guess");
    good = answered(&stage, with_guess, 10, 401);
    ok(good >= 5 && good <= 7, "an address may guess a few times: %d", good);
    is_int(answered(&stage, with_guess, 1, 429), 1, "then it is not looked up any more");
    is_int(answered(&stage, GET("/fast"), 20, 200), 20, "what needs no key goes on");
    stage_stop(&stage);
}

static void test_proxy(void)
{
    struct stage stage;
    struct answer a;
    int good = 0;

    if (!stage_start(&stage, (struct http_config){ .address_per_second = 1, .address_burst = 1,
                                                  .proxies = "::1, 127.0.0.1" }))
        return;
    for (int i = 0; i < 20; i++) {
        char text[256];

        snprintf(text, sizeof text, "GET /fast HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\n"
                                    "X-Forwarded-For: 1.2.3.4, 10.0.0.%d\r\n\r\n", i);
        good += wire_ask(&stage, text, &a) == 200;
        answer_free(&a);
    }
    is_int(good, 20, "a named proxy tells addresses apart, by its last word");
    ok(wire_ask(&stage, "GET /fast HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: nonsense\r\n\r\n", &a) == 200 &&
       (answer_free(&a), wire_ask(&stage, "GET /fast HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: other\r\n\r\n",
                                  &a)) == 429,
       "what is no address is the proxy's own");
    answer_free(&a);
    stage_stop(&stage);
}

static void test_connection_limit(void)
{
    struct stage stage;
    int fds[40];

    if (!stage_start(&stage, (struct http_config){ .connections = 20, .event_threads = 2 }))
        return;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = wire_connect(stage.port);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    ok(ask_ms(&stage, GET("/fast"), 200) < 5000, "more connections than the limit wait their turn");
    test_mixed(&stage);
    stage_stop(&stage);
}

static void *stop_it(void *arg)
{
    http_stop(arg);
    return NULL;
}

/* Stopping with requests on a worker, with a holder, and on the way. */
static void test_stop(void)
{
    struct stage stage;
    struct answer a;
    pthread_t stopper;
    int slow, held, idle, late;

    if (!stage_start(&stage, (struct http_config){ 0 }))
        return;
    slow = wire_connect(stage.port);
    held = wire_connect(stage.port);
    idle = wire_connect(stage.port);
    wire_send(idle, GET("/fast"));
    ok(wire_read(idle, &a, true) == 200 && !answer_header(&a, "Connection"), "a connection that goes on");
    answer_free(&a);
    wire_send(slow, GET("/slow"));
    wire_send(held, GET("/held"));
    ok(stage_wait_held(&stage, 1), "a request is held");
    while (atomic_load(&stage.slow_running) < 1)
        poll(NULL, 0, 1);
    pthread_create(&stopper, NULL, stop_it, stage.http);
    while ((late = wire_connect(stage.port)) >= 0) {
        close(late);
        poll(NULL, 0, 1);
    }
    ok(late < 0, "nobody is let in any more");
    wire_send(idle, GET("/plain"));
    ok(wire_read(idle, &a, true) == 200, "who is in is answered");
    is_str(answer_header(&a, "Connection"), "close", "and told to go");
    answer_free(&a);
    stage_open(&stage, true);
    ok(wire_read(slow, &a, true) == 200 && answer_header(&a, "Connection"), "the slow one is answered");
    answer_free(&a);
    ok(wire_read(held, &a, true) == 200 && answer_header(&a, "Connection"), "the held one too");
    answer_free(&a);
    pthread_join(stopper, NULL);
    ok(wire_closed(slow) && wire_closed(held) && wire_closed(idle), "then all are closed");
    close(slow);
    close(held);
    close(idle);
    stage.http = NULL;
    stage_stop(&stage);
}

/* A body that never ends doesn't keep its connection beyond the request's time. */
static void test_endless_body(void)
{
    struct stage stage;
    int64_t start = clock_monotonic_ms();
    bool open = true;
    int fd;

    if (!stage_start(&stage, (struct http_config){ .request_ms = 300 }))
        return;
    fd = wire_connect(stage.port);
    wire_send(fd, "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
                  "Authorization: Bearer good\r\n\r\n");
    while (open && clock_monotonic_ms() - start < PATIENCE_S * 1000) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        open = wire_send(fd, " ") && poll(&p, 1, 20) == 0;
    }
    ok(!open && clock_monotonic_ms() - start >= 290, "it is cut off after its time: %lld ms",
       (long long)(clock_monotonic_ms() - start));
    close(fd);
    stage_stop(&stage);
}

int main(void)
{
    struct stage stage;

    if (stage_start(&stage, (struct http_config){ 0 })) {
        test_crowd(&stage);
        test_gone_while_held(&stage);
        test_mixed(&stage);
        stage_stop(&stage);
    }
    test_rate();
    test_address_rate();
    test_guesses();
    test_proxy();
    test_connection_limit();
    test_stop();
    test_endless_body();
    return done_testing();
}
