/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "schema/base/scope.h"

/*
 * The same work on many things, on several threads.
 *
 * Each thread has a scope of its own (cleared after each thing) and a number
 * from 0; things are handed out one by one in order. The first error stops the
 * handing out; its reason is recorded in the caller's scope. `work` that wants
 * to go on after a failure notes it in its own thing and returns ERR_OK.
 */
#define PARALLEL_THREADS_MAX 64

typedef err parallel_work(struct scope *s, void *arg, size_t thing, unsigned thread);

unsigned parallel_cores(void);            /* cores this process may use, 1 to PARALLEL_THREADS_MAX */
err parallel_run(struct scope *s, unsigned threads, size_t things, parallel_work *work, void *arg);
