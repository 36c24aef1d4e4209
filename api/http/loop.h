/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>
#include <stddef.h>
#include <sys/socket.h>

#include "api/http/workers.h"

/*
 * The event thread: a loop of our own around libmicrohttpd's epoll, so that connections that say nothing cost nothing.
 *
 * While it runs, it alone calls into the daemon; the others hand over what they have. Facts of 0.9.75 behind this:
 * - Its own epoll thread waits again, as long as it would for the first event, when a wait filled all 128 places;
 *   what it was told then lies until something else happens. MHD_run() never waits.
 * - Without a thread of its own it has no channel to be woken by: a connection resumed elsewhere stays where it is
 *   until something else happens. And adding a connection elsewhere is not safe.
 */
struct loop;

struct loop *loop_new(void);
/* The daemon's MHD_OPTION_NOTIFY_CONNECTION, with the loop. */
void loop_notify(void *loop, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code);
/* A daemon with MHD_USE_EPOLL and without a thread or a listening socket. */
void loop_start(struct loop *l, struct MHD_Daemon *daemon);
/* Any thread, both: the socket is the loop's from now on; the job runs in the event thread, to resume a connection. */
void loop_add(struct loop *l, int fd, const struct sockaddr_storage *from, socklen_t len);
void loop_push(struct loop *l, struct job *job);
/* Open ones and those on their way to it. Any thread. */
size_t loop_connections(struct loop *l);
/* Nobody hands it anything any more. Runs the jobs it has and ends; the daemon may be stopped then. */
void loop_stop(struct loop *l);
void loop_free(struct loop *l);                 /* after the daemon was stopped; NULL is fine */
