/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * A fixed number of threads that take jobs in order. A job is embedded in what it
 * works on, and is in the queue once at most; so the queue needs no bound of its own.
 */
struct job { struct job *next; void (*run)(struct job *job); };

struct workers;

struct workers *workers_start(size_t n);
void workers_push(struct workers *w, struct job *job);       /* any thread, workers too */
size_t workers_waiting(struct workers *w);
void workers_stop(struct workers *w);                        /* does what is queued, then ends */
