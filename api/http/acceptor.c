/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/acceptor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/limits.h"
#include "schema/base/log.h"

#define AT_ONCE   32      /* Connections accepted between two looks at the limit: */
#define PAUSE_MS  1       /* the event thread counts them only when it comes round. */
#define FULL_MS   10

struct acceptor {
    int listening, stop;
    int64_t limit;
    struct MHD_Daemon *daemon;
    pthread_t thread;
};

/* Waits until the listening socket is ready (or, without it, only for the time); false: stop. */
static bool wait_ready(const struct acceptor *a, bool for_listening, int timeout_ms)
{
    struct pollfd p[] = { { .fd = a->stop, .events = POLLIN },
                         { .fd = for_listening ? a->listening : -1, .events = POLLIN } };

    while (poll(p, 2, timeout_ms) < 0 && errno == EINTR)
        continue;
    return p[0].revents == 0;
}

static bool full(const struct acceptor *a)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info && (int64_t)info->num_connections >= a->limit;
}

/* Takes what waits, a few at once; how long to look away then. */
static int accept_some(const struct acceptor *a)
{
    for (int i = 0; i < AT_ONCE; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd = accept4(a->listening, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            /* It closes the socket itself if it doesn't want it. */
            if (MHD_add_connection(a->daemon, fd, (struct sockaddr *)&from, len) != MHD_YES)
                log_line(LOG_DEBUG, "connection refused");
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO)
            continue;
        log_line(LOG_WARNING, "can't accept connections: %s", strerror(errno));
        return FULL_MS;
    }
    return PAUSE_MS;
}

static void *run(void *arg)
{
    const struct acceptor *a = arg;

    while (wait_ready(a, true, -1)) {
        int pause = full(a) ? FULL_MS : accept_some(a);

        if (pause > 0 && !wait_ready(a, false, pause))
            break;
    }
    return NULL;
}

static bool address_read(const char *text, int64_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        return true;
    }
    return false;
}

static err listen_at(struct scope *s, const char *address, int64_t port, int *out)
{
    struct sockaddr_storage at;
    int yes = 1, fd;

    if (port < 0 || port > UINT16_MAX || !address_read(address, port, &at))
        return fail(s, ERR_CONFIG, "%s port %lld is no address to listen on", address, (long long)port);
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(s, ERR_CONFIG, "can't make a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, at.ss_family == AF_INET ? sizeof(struct sockaddr_in) :
             sizeof(struct sockaddr_in6)) != 0 ||
        listen(fd, HTTP_BACKLOG) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "can't listen on %s port %lld: %s", address, (long long)port, strerror(errno));
    }
    *out = fd;
    return ERR_OK;
}

err acceptor_start(struct scope *s, const char *address, int64_t port, int64_t limit, struct MHD_Daemon *daemon,
                   struct acceptor **out)
{
    struct acceptor *a;
    int fd = -1;

    TRY(listen_at(s, address, port, &fd));
    a = calloc(1, sizeof *a);
    if (!a)
        abort();
    a->listening = fd;
    a->stop = eventfd(0, EFD_CLOEXEC);
    a->limit = limit;
    a->daemon = daemon;
    if (a->stop < 0 || pthread_create(&a->thread, NULL, run, a) != 0)
        abort();
    pthread_setname_np(a->thread, "http-accept");
    *out = a;
    return ERR_OK;
}

int acceptor_port(const struct acceptor *a)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;

    if (getsockname(a->listening, (struct sockaddr *)&at, &len) != 0)
        return 0;
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port :
                 ((struct sockaddr_in *)&at)->sin_port);
}

void acceptor_stop(struct acceptor *a)
{
    uint64_t one = 1;

    if (!a)
        return;
    if (write(a->stop, &one, sizeof one) != sizeof one)
        abort();
    pthread_join(a->thread, NULL);
    close(a->listening);
    close(a->stop);
    free(a);
}
