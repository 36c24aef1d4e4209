/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>

#include "schema/base/scope.h"

/*
 * The thread that accepts connections and hands them to libmicrohttpd.
 *
 * Its own loop accepts one connection a round, and a round with 1,000 busy
 * connections takes 10 ms: newcomers would wait for seconds. Beyond the limit
 * connections stay in the kernel's queue until others end.
 */
struct acceptor;

err  acceptor_start(struct scope *s, const char *address, int64_t port, int64_t limit, struct MHD_Daemon *daemon,
                    struct acceptor **out);                /* ERR_CONFIG: the address is taken */
int  acceptor_port(const struct acceptor *a);
void acceptor_stop(struct acceptor *a);                    /* nobody is let in any more; NULL is fine */
