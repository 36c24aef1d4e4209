/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "schema/base/log.h"

#define HEAR_AT_ONCE 64
#define ADD_AT_ONCE  64     /* Newcomers between two rounds: who is in shall not wait for a crowd at the door. */

struct newcomer {
    struct newcomer *next;
    int fd;
    socklen_t len;
    struct sockaddr_storage from;
};

/* A connection, by its socket. */
struct member {
    LIST_ENTRY(member) link;
    int fd;
    enum { TALKS, HUNG_UP, TOLD } state;
};

struct loop {
    struct MHD_Daemon *daemon;
    int epoll, own, wake;           /* libmicrohttpd's, and ours: of `wake` and of who hangs up */
    LIST_HEAD(, member) hung_up;
    pthread_t thread;
    pthread_mutex_t lock;           /* of what follows */
    struct job *first, **last;
    struct newcomer *door, **door_last;
    size_t waiting, open;           /* at the door; beyond it, when last counted */
    bool woken, stopping;           /* woken: `wake` was written to since the last take() */
};

/* Under the lock. */
static void wake(struct loop *l)
{
    uint64_t one = 1;

    if (!l->woken && write(l->wake, &one, sizeof one) != sizeof one)
        abort();
    l->woken = true;
}

void loop_push(struct loop *l, struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&l->lock);
    *l->last = job;
    l->last = &job->next;
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

void loop_add(struct loop *l, int fd, const struct sockaddr_storage *from, socklen_t len)
{
    struct newcomer *n = malloc(sizeof *n);

    if (!n)
        abort();
    *n = (struct newcomer){ .fd = fd, .len = len, .from = *from };
    pthread_mutex_lock(&l->lock);
    *l->door_last = n;
    l->door_last = &n->next;
    l->waiting++;
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

size_t loop_connections(struct loop *l)
{
    size_t n;

    pthread_mutex_lock(&l->lock);
    n = l->open + l->waiting;
    pthread_mutex_unlock(&l->lock);
    return n;
}

/* What one round begins with. */
struct handed { struct job *jobs; struct newcomer *newcomers; bool more, stopping; };

static struct handed take(struct loop *l)
{
    struct handed h = { 0 };
    struct newcomer **end = &h.newcomers;

    pthread_mutex_lock(&l->lock);
    l->woken = false;
    h.jobs = l->first;
    l->first = NULL;
    l->last = &l->first;
    h.newcomers = l->door;
    for (size_t i = 0; *end && i < ADD_AT_ONCE; i++, l->waiting--, l->open++)
        end = &(*end)->next;
    l->door = *end;
    *end = NULL;
    if (!l->door)
        l->door_last = &l->door;
    h.more = l->door != NULL;
    h.stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    return h;
}

static void let_in(struct loop *l, struct newcomer *n)
{
    while (n) {
        struct newcomer *next = n->next;

        /* It closes the socket itself if it doesn't want it. */
        if (MHD_add_connection(l->daemon, n->fd, (struct sockaddr *)&n->from, n->len) != MHD_YES)
            log_line(LOG_DEBUG, "connection refused");
        free(n);
        n = next;
    }
}

static void run_jobs(struct job *job)
{
    while (job) {
        struct job *next = job->next;

        job->run(job);
        job = next;
    }
}

void loop_notify(void *loop, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code)
{
    struct loop *l = loop;
    struct member *m = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = m = calloc(1, sizeof *m);
        if (!m)
            abort();
        m->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        /* If it fails, for want of the kernel's memory, the connection only stays until it was idle for too long. */
        epoll_ctl(l->own, EPOLL_CTL_ADD, m->fd, &(struct epoll_event){ .events = EPOLLRDHUP | EPOLLET,
                                                                      .data.ptr = m });
    } else if (m) {
        if (m->state == HUNG_UP)
            LIST_REMOVE(m, link);
        free(m);
        *context = NULL;
    }
}

static void hear(struct loop *l)
{
    struct epoll_event events[HEAR_AT_ONCE];
    int n = epoll_wait(l->own, events, HEAR_AT_ONCE, 0);

    for (int i = 0; i < n; i++) {
        struct member *m = events[i].data.ptr;      /* NULL: we were woken */

        if (m && m->state == TALKS) {
            m->state = HUNG_UP;
            LIST_INSERT_HEAD(&l->hung_up, m, link);
        }
    }
}

/*
 * libmicrohttpd takes a socket that gave less than was asked for to be empty, and asks to be told of changes only: an
 * end that came together with the last bytes is no change. So once these were read it is told again.
 */
static void tell_ends(struct loop *l)
{
    struct member *next;
    char byte;

    for (struct member *m = LIST_FIRST(&l->hung_up); m; m = next) {
        ssize_t n = recv(m->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

        next = LIST_NEXT(m, link);
        if (n > 0)
            continue;               /* not yet */
        LIST_REMOVE(m, link);
        m->state = TOLD;
        if (n == 0)
            shutdown(m->fd, SHUT_RD);               /* nothing more can come; all who wait for the socket are woken */
    }
}

static void count_open(struct loop *l)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    pthread_mutex_lock(&l->lock);
    l->open = info->num_connections;
    pthread_mutex_unlock(&l->lock);
}

/* Until a socket is ready, something was handed over, or a connection's time is over. */
static void wait_events(struct loop *l)
{
    struct pollfd p[] = { { .fd = l->epoll, .events = POLLIN }, { .fd = l->own, .events = POLLIN } };
    MHD_UNSIGNED_LONG_LONG ms;
    int timeout = -1;

    if (MHD_get_timeout(l->daemon, &ms) == MHD_YES)
        timeout = ms < INT_MAX ? (int)ms : INT_MAX;
    if (poll(p, 2, timeout) < 0 && errno != EINTR)
        abort();
    else if (p[1].revents)
        hear(l);
}

static void *run(void *arg)
{
    struct loop *l = arg;

    for (;;) {
        struct handed h = take(l);

        run_jobs(h.jobs);
        let_in(l, h.newcomers);
        if (h.stopping && !h.more)
            return NULL;
        MHD_run(l->daemon);
        tell_ends(l);
        count_open(l);
        if (!h.more)
            wait_events(l);
    }
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);

    if (!l)
        abort();
    l->own = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_CLOEXEC);
    /* Each writing is a change to be told of, so that it needn't be read. */
    if (l->own < 0 || l->wake < 0 ||
        epoll_ctl(l->own, EPOLL_CTL_ADD, l->wake, &(struct epoll_event){ .events = EPOLLIN | EPOLLET }) != 0)
        abort();
    l->last = &l->first;
    l->door_last = &l->door;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void loop_start(struct loop *l, struct MHD_Daemon *daemon)
{
    l->daemon = daemon;
    l->epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    if (pthread_create(&l->thread, NULL, run, l) != 0)
        abort();
    pthread_setname_np(l->thread, "http-events");
}

void loop_stop(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    wake(l);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    close(l->own);
    close(l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
