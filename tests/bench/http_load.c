/* SPDX-License-Identifier: Apache-2.0 */

/*
 * http_load: keep-alive clients that fetch each (license, item) pair once.
 *
 *   http_load PORT CONNECTIONS SECONDS KEY LICENSES ITEMS FIRST OUT
 *
 * KEY is a file with the API key, LICENSES and ITEMS are files with one license id
 * and one path (percent-encoded) a line. Request number k, from FIRST on, is
 * item k mod items of license k div items, so that every access is a new one.
 * OUT gets a line `k entry` for each answer. One JSON object goes to standard output:
 * requests, wrong (answers that aren't 200, lack Counterfoil-Entry or were cut off), the
 * first wrong status, seconds, bytes of bodies, latencies in microseconds, and the next k.
 *
 * LICENSES "-": the lines of ITEMS are whole targets, asked for round and round; an answer then
 * needs no entry, and OUT stays empty. KEY "-": without a key. Both serve for any server.
 *
 * One thread, epoll: it has to cost little beside what it measures.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define HEAD_MAX        16384
#define REQUEST_MAX     4096
#define BODY_AT_ONCE    (1 << 20)
#define BUCKETS         2048        /* 64 a power of two of microseconds: within 1.6 % */

struct connection {
    int fd;
    char out[REQUEST_MAX];
    size_t out_len, out_done;
    char in[HEAD_MAX];
    size_t in_len;
    bool head_done;
    uint64_t body_left, length, number;
    int64_t entry;
    int status;
    int64_t began_us;
};

struct lines { char *text; char **line; size_t n; };

struct load {
    int epoll, port;
    size_t connections;
    struct lines licenses, items;
    char *key;
    uint64_t next, pairs;
    int64_t stop_us;
    FILE *out;
    uint64_t answers, wrong, bytes, histogram[BUCKETS];
    int first_wrong;
    size_t idle;                    /* connections that have nothing more to ask */
    struct connection *connection;
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static struct lines lines_read(const char *path)
{
    struct lines l = { 0 };
    size_t cap = 0, size = 0;
    ssize_t got;
    char *line = NULL;
    FILE *f = fopen(path, "r");

    if (!f)
        die(path);
    while ((got = getline(&line, &size, f)) > 0) {
        if (line[got - 1] == '\n')
            line[got - 1] = 0;
        if (l.n == cap)
            l.line = realloc(l.line, (cap = cap ? cap * 2 : 1024) * sizeof *l.line);
        assert(l.line);
        l.line[l.n++] = strdup(line);
    }
    free(line);
    fclose(f);
    if (l.n == 0) {
        fprintf(stderr, "%s is empty\n", path);
        exit(2);
    }
    return l;
}

/* ---- latencies */

static size_t bucket_of(uint64_t us)
{
    unsigned shift = 0;

    while (us >> shift >= 128)
        shift++;
    size_t at = shift * 64 + (size_t)(us >> shift);
    return at < BUCKETS ? at : BUCKETS - 1;
}

static uint64_t bucket_value(size_t at)
{
    if (at < 128)
        return at;
    return (uint64_t)(64 + at % 64) << (at / 64 - 1);
}

static uint64_t percentile(const struct load *l, double share)
{
    uint64_t seen = 0, want = (uint64_t)((double)l->answers * share);

    for (size_t i = 0; i < BUCKETS; i++)
        if ((seen += l->histogram[i]) > want)
            return bucket_value(i);
    return 0;
}

/* ---- one connection */

static void watch(struct load *l, struct connection *c, uint32_t events, int op)
{
    struct epoll_event ev = { .events = events, .data.ptr = c };

    if (epoll_ctl(l->epoll, op, c->fd, &ev) != 0)
        die("epoll_ctl");
}

static void connection_open(struct load *l, struct connection *c)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
    int on = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(l, c, EPOLLIN, EPOLL_CTL_ADD);
}

static bool request_send(struct connection *c)
{
    ssize_t n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done, MSG_NOSIGNAL);

    if (n <= 0)
        return false;
    c->out_done += (size_t)n;
    return c->out_done == c->out_len;       /* a request fits any socket's buffer */
}

static bool any_target(const struct load *l)
{
    return l->licenses.n == 0;
}

static size_t request_write(const struct load *l, uint64_t number, char *out, size_t size)
{
    const char *item = l->items.line[number % l->items.n];
    int n;

    if (any_target(l))
        n = snprintf(out, size, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", item);
    else
        n = snprintf(out, size, "GET /v1/licenses/%s/items/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                     l->licenses.line[number / l->items.n], item);
    assert(n > 0 && (size_t)n < size);
    n += snprintf(out + n, size - (size_t)n, "%s%s%s\r\n", l->key ? "Authorization: Bearer " : "",
                  l->key ? l->key : "", l->key ? "\r\n" : "");
    assert((size_t)n < size);
    return (size_t)n;
}

static void request_next(struct load *l, struct connection *c)
{
    if (l->next >= l->pairs || now_us() >= l->stop_us) {
        l->idle++;
        return;
    }
    c->number = l->next++;
    c->out_len = request_write(l, c->number, c->out, sizeof c->out);
    c->out_done = 0;
    c->in_len = 0;
    c->head_done = false;
    c->entry = -1;
    c->began_us = now_us();
    if (!request_send(c))
        die("send");
}

static void answer_done(struct load *l, struct connection *c, bool whole)
{
    l->histogram[bucket_of((uint64_t)(now_us() - c->began_us))]++;
    l->answers++;
    if (!whole || c->status != 200 || (c->entry < 0 && !any_target(l))) {
        l->wrong++;
        if (l->first_wrong == 0)
            l->first_wrong = whole ? c->status : -1;
        return;
    }
    l->bytes += c->length;
    if (!any_target(l)) {
        fprintf(l->out, "%llu %lld\n", (unsigned long long)c->number, (long long)c->entry);
    }
}

static int64_t header_number(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    char *end;

    if (!at)
        return -1;
    long long v = strtoll(at + strlen(name), &end, 10);
    return *end == '\r' && v >= 0 ? (int64_t)v : -1;
}

/* True if the answer is complete. */
static bool answer_take(struct connection *c)
{
    char *end;

    if (c->head_done)
        return c->body_left == 0;
    c->in[c->in_len] = 0;
    end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end)
        return false;
    size_t head = (size_t)(end - c->in) + 4, more = c->in_len - head;
    int64_t length;
    end[2] = 0;
    c->status = c->in_len > 12 ? (int)strtol(c->in + 9, NULL, 10) : 0;
    length = header_number(c->in, "\r\nContent-Length: ");
    c->entry = header_number(c->in, "\r\nCounterfoil-Entry: ");
    if (length < 0 || (uint64_t)length < more) {
        fprintf(stderr, "an answer without a length that fits:\n%s", c->in);
        exit(2);
    }
    c->head_done = true;
    c->length = (uint64_t)length;
    c->body_left = c->length - more;
    return c->body_left == 0;
}

static void connection_read(struct load *l, struct connection *c)
{
    size_t room = sizeof c->in - 1 - c->in_len;
    /* A body is thrown away where it is: copying it here would be measured as the server's. */
    ssize_t n = c->head_done ? recv(c->fd, NULL, BODY_AT_ONCE, MSG_TRUNC) : recv(c->fd, c->in + c->in_len, room, 0);

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        answer_done(l, c, false);
        close(c->fd);
        connection_open(l, c);
        request_next(l, c);
        return;
    }
    if (!c->head_done)
        c->in_len += (size_t)n;
    else
        c->body_left -= (uint64_t)n < c->body_left ? (uint64_t)n : c->body_left;
    if (!answer_take(c))
        return;
    answer_done(l, c, true);
    request_next(l, c);
}

static void run(struct load *l)
{
    struct epoll_event events[256];
    int64_t patience_us = l->stop_us + 30000000;    /* the last answers may take as long as a request may */

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < l->connections; i++)
        connection_open(l, &l->connection[i]);
    for (size_t i = 0; i < l->connections; i++)
        request_next(l, &l->connection[i]);
    while (l->idle < l->connections && now_us() < patience_us) {
        int n = epoll_wait(l->epoll, events, 256, 1000);
        for (int i = 0; i < n; i++)
            connection_read(l, events[i].data.ptr);
    }
    l->wrong += l->connections - l->idle;           /* never answered */
}

int main(int argc, char **argv)
{
    struct load l = { .pairs = UINT64_MAX };

    if (argc != 9) {
        fprintf(stderr, "usage: http_load PORT CONNECTIONS SECONDS KEY LICENSES ITEMS FIRST OUT\n");
        return 2;
    }
    l.port = (int)strtol(argv[1], NULL, 10);
    l.connections = strtoul(argv[2], NULL, 10);
    l.key = strcmp(argv[4], "-") == 0 ? NULL : lines_read(argv[4]).line[0];
    l.items = lines_read(argv[6]);
    if (strcmp(argv[5], "-") != 0) {
        l.licenses = lines_read(argv[5]);
        l.pairs = (uint64_t)l.licenses.n * l.items.n;
    }
    l.next = strtoull(argv[7], NULL, 10);
    l.out = fopen(argv[8], "w");
    if (!l.out || l.connections < 1 || l.connections > CONNECTIONS_MAX)
        die("arguments");
    l.connection = calloc(l.connections, sizeof *l.connection);
    assert(l.connection);
    int64_t began = now_us();
    l.stop_us = began + strtoll(argv[3], NULL, 10) * 1000000;
    run(&l);
    double seconds = (double)(now_us() - began) / 1e6;
    if (fclose(l.out) != 0)
        die(argv[8]);
    printf("{\"requests\":%llu,\"wrong\":%llu,\"first_wrong\":%d,\"seconds\":%.3f,\"p50_us\":%llu,\"p99_us\":%llu,"
           "\"max_us\":%llu,\"next\":%llu,\"bytes\":%llu,\"exhausted\":%s}\n", (unsigned long long)l.answers,
           (unsigned long long)l.wrong, l.first_wrong, seconds, (unsigned long long)percentile(&l, 0.50),
           (unsigned long long)percentile(&l, 0.99), (unsigned long long)percentile(&l, 0.99999),
           (unsigned long long)l.next, (unsigned long long)l.bytes, l.next >= l.pairs ? "true" : "false");
    return 0;
}
