/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "worker/jobs/work.h"

/*
 * The workshop: job threads that take, run and close jobs; one thread that
 * renews their leases; and the clock of the kinds that come by themselves.
 *
 * Any number of workshops on any number of hosts share one queue. A thread
 * that dies with its process leaves a lease that runs out: its job is taken
 * again. Job threads sleep on NOTIFY and look by themselves every POLL_MS.
 */
struct workshop;

err  workshop_open(struct scope *s, const struct worker_settings *settings, struct workshop **out);
/* Runs until workshop_stop(); then jobs under way are given back, or finished if that is quicker. */
void workshop_run(struct workshop *w);
void workshop_stop(struct workshop *w);      /* any thread */
void workshop_close(struct workshop *w);     /* NULL is fine */
