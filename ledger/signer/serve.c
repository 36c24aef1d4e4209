/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledger/signer/answer.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

/*
 * One connection. Its frame is read to the last byte and no further, then
 * answered; only then is the next one begun. All its memory is its scope's.
 */
struct client {
    int fd;
    struct scope scope;
    uint8_t header[FRAME_HEADER];
    size_t read;                  /* bytes of header and body so far */
    uint32_t body_len;
    char *body;
    uint8_t *out;                 /* the answer's frame; NULL while reading */
    size_t out_len, sent;
    bool last;                    /* drop after this answer */
    int64_t since_ms;             /* when its frame or answer began; while silent, when the last one ended */
};

struct server {
    struct vault *vault;
    int listener, signals;
    struct client client[SIGNER_CLIENTS_MAX];
    size_t clients;
    uint64_t dropped;
    struct tally tally;
};

/* ---- the socket ---- */

static bool path_fits(struct sockaddr_un *at, const char *path)
{
    *at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (!*path || strlen(path) >= sizeof at->sun_path)
        return false;
    memcpy(at->sun_path, path, strlen(path));
    return true;
}

/* Removes a socket that nobody answers at; anything else that is there stays. */
static err stale_remove(struct scope *s, const struct sockaddr_un *at)
{
    struct stat st;
    int fd, rc, cause;

    if (lstat(at->sun_path, &st) != 0)
        return errno == ENOENT ? ERR_OK : fail(s, ERR_CONFIG, "%s: %s", at->sun_path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return fail(s, ERR_CONFLICT, "%s is there and is no socket", at->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(s, ERR_IO, "cannot make a socket: %s", strerror(errno));
    rc = connect(fd, (const struct sockaddr *)at, sizeof *at);
    cause = errno;
    close(fd);
    if (rc == 0 || cause != ECONNREFUSED)
        return fail(s, ERR_CONFLICT, "another process answers at %s", at->sun_path);
    if (unlink(at->sun_path) != 0)
        return fail(s, ERR_IO, "cannot remove the stale socket %s: %s", at->sun_path, strerror(errno));
    return ERR_OK;
}

static err listener_open(struct scope *s, const char *path, int *out)
{
    struct sockaddr_un at;
    mode_t mask;
    int fd, rc;

    if (!path_fits(&at, path))
        return fail(s, ERR_CONFIG, "the socket's path must have 1 to %zu bytes", sizeof at.sun_path - 1);
    TRY(stale_remove(s, &at));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(s, ERR_IO, "cannot make a socket: %s", strerror(errno));
    mask = umask(0117);      /* 0660 from its first moment */
    rc = bind(fd, (struct sockaddr *)&at, sizeof at);
    umask(mask);
    if (rc != 0 || listen(fd, SIGNER_CLIENTS_MAX) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "cannot listen at %s: %s", path, strerror(errno));
    }
    *out = fd;
    return ERR_OK;
}

/* ---- clients ---- */

static void client_drop(struct server *sv, size_t i)
{
    struct client *c = &sv->client[i];

    close(c->fd);
    scope_free(&c->scope);
    *c = sv->client[--sv->clients];
}

static bool client_is_silent(const struct client *c)
{
    return c->read == 0 && !c->out;
}

static void clients_accept(struct server *sv)
{
    int fd = accept4(sv->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *c;
    size_t oldest = 0;

    for (size_t i = 1; i < sv->clients; i++)
        if (sv->client[i].since_ms < sv->client[oldest].since_ms)
            oldest = i;
    if (fd >= 0 ? sv->clients == SIGNER_CLIENTS_MAX : (errno == EMFILE || errno == ENFILE) && sv->clients > 0) {
        sv->dropped++;
        client_drop(sv, oldest);
    }
    if (fd < 0)
        return;     /* gone again, or out of files: poll asks anew */
    c = &sv->client[sv->clients++];
    *c = (struct client){ .fd = fd, .since_ms = clock_monotonic_ms() };
    scope_init(&c->scope, 0);
}

static void client_next_frame(struct client *c)
{
    scope_clear(&c->scope);
    c->read = c->out_len = c->sent = 0;
    c->body = NULL;
    c->out = NULL;
    c->since_ms = clock_monotonic_ms();
}

/* False when the client is to be dropped. */
static bool client_send(struct client *c)
{
    while (c->sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        c->sent += (size_t)n;
    }
    if (c->last)
        return false;
    client_next_frame(c);
    return true;
}

static void client_answer(struct client *c, const char *text)
{
    size_t len = strlen(text);

    c->out_len = FRAME_HEADER + len;
    c->out = scope_alloc(&c->scope, c->out_len, 1);
    be32_write(c->out, (uint32_t)len);
    memcpy(c->out + FRAME_HEADER, text, len);
    c->sent = 0;
    c->since_ms = clock_monotonic_ms();
}

/* Reads what is there of one frame. False when the client is to be dropped. */
static bool client_read(struct server *sv, struct client *c, bool *complete)
{
    *complete = false;
    for (;;) {
        bool in_header = c->read < FRAME_HEADER;
        uint8_t *at = in_header ? c->header + c->read : (uint8_t *)c->body + (c->read - FRAME_HEADER);
        size_t want = in_header ? FRAME_HEADER - c->read : FRAME_HEADER + c->body_len - c->read;
        ssize_t n = recv(c->fd, at, want, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        if (c->read == 0)
            c->since_ms = clock_monotonic_ms();
        c->read += (size_t)n;
        if (c->read == FRAME_HEADER) {
            c->body_len = be32_read(c->header);
            if (c->body_len == 0 || c->body_len > SIGNER_FRAME_MAX) {
                sv->tally.malformed++;
                return false;
            }
            c->body = scope_alloc(&c->scope, c->body_len, 1);
        }
        if (c->read > FRAME_HEADER && c->read == FRAME_HEADER + c->body_len) {
            *complete = true;
            return true;
        }
    }
}

/* One step of one client. *drop when it is done with; an error is the state's. */
static err client_step(struct server *sv, struct client *c, short events, bool *drop)
{
    bool complete = false;
    char *answer;

    *drop = false;
    if (c->out) {
        *drop = !client_send(c);
        return ERR_OK;
    }
    if (!(events & (POLLIN | POLLHUP | POLLERR)))
        return ERR_OK;
    *drop = !client_read(sv, c, &complete);
    if (!complete)
        return ERR_OK;
    TRY(signer_answer_make(&c->scope, sv->vault, &sv->tally, c->body, c->body_len, &answer, &c->last));
    client_answer(c, answer);
    *drop = !client_send(c);
    return ERR_OK;
}

/* ---- the loop ---- */

static int clients_expire(struct server *sv)
{
    int64_t now = clock_monotonic_ms(), wait = -1;

    for (size_t i = sv->clients; i-- > 0;) {
        int64_t left = sv->client[i].since_ms + SIGNER_TIMEOUT_MS - now;
        if (client_is_silent(&sv->client[i]))
            continue;
        if (left <= 0) {
            sv->dropped++;
            client_drop(sv, i);
        } else if (wait < 0 || left < wait) {
            wait = left;
        }
    }
    return (int)wait;
}

static err clients_serve(struct scope *s, struct server *sv, const struct pollfd *fds)
{
    bool drop;

    for (size_t i = sv->clients; i-- > 0;) {      /* backwards: dropping moves the last one here, which had its turn */
        if (!fds[i].revents)
            continue;
        err e = client_step(sv, &sv->client[i], fds[i].revents, &drop);
        if (e != ERR_OK)
            return fail(s, e, "%s", sv->client[i].scope.why.detail);
        if (drop)
            client_drop(sv, i);
    }
    return ERR_OK;
}

static err serve_loop(struct scope *s, struct server *sv)
{
    enum { SIGNALS, LISTENER, FIRST };
    struct pollfd fds[FIRST + SIGNER_CLIENTS_MAX];
    struct signalfd_siginfo info;

    for (;;) {
        int timeout = clients_expire(sv);
        fds[SIGNALS] = (struct pollfd){ .fd = sv->signals, .events = POLLIN };
        fds[LISTENER] = (struct pollfd){ .fd = sv->listener, .events = POLLIN };
        for (size_t i = 0; i < sv->clients; i++)
            fds[FIRST + i] = (struct pollfd){ .fd = sv->client[i].fd, .events = sv->client[i].out ? POLLOUT : POLLIN };
        if (poll(fds, FIRST + sv->clients, timeout) < 0) {
            if (errno == EINTR)
                continue;
            return fail(s, ERR_IO, "cannot poll: %s", strerror(errno));
        }
        if (fds[SIGNALS].revents && read(sv->signals, &info, sizeof info) == (ssize_t)sizeof info) {
            log_line(LOG_INFO, "stopping signal=%u", info.ssi_signo);
            return ERR_OK;
        }
        TRY(clients_serve(s, sv, fds + FIRST));
        if (fds[LISTENER].revents)
            clients_accept(sv);
    }
}

static err signals_open(struct scope *s, int *out)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (*out = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0)
        return fail(s, ERR_IO, "cannot take signals: %s", strerror(errno));
    return ERR_OK;
}

err signer_serve(struct scope *s, struct vault *v, const char *path)
{
    struct server sv = { .vault = v, .listener = -1, .signals = -1 };
    err e;

    TRY(signals_open(s, &sv.signals));
    e = listener_open(s, path, &sv.listener);
    if (e == ERR_OK) {
        log_line(LOG_INFO, "listening socket=%s origin=%s size=%" PRIu64 " root=%s", path, v->log.name, v->last.size,
                 hash_hex(s, &v->last.root));
        e = serve_loop(s, &sv);
        unlink(path);
        close(sv.listener);
    }
    while (sv.clients > 0)
        client_drop(&sv, sv.clients - 1);
    close(sv.signals);
    log_line(LOG_INFO, "stopped questions=%" PRIu64 " signatures=%" PRIu64 " repeats=%" PRIu64 " syncs=%" PRIu64
             " alarms=%" PRIu64 " malformed=%" PRIu64 " dropped=%" PRIu64, sv.tally.questions, sv.tally.signatures,
             sv.tally.repeats, v->syncs, sv.tally.alarms, sv.tally.malformed, sv.dropped);
    return e;
}
