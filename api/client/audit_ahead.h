/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/audit/audit.h"
#include "schema/base/parallel.h"

/*
 * Bundles read and hashed ahead of the audit that replays them, by threads that share its source: each reads a whole
 * bundle, unpacks, hashes and splits it. The thread that audits takes them in order, and where it would wait, it reads
 * one, too. They stay less than AHEAD_BUNDLES a thread ahead, and stop where AHEAD_BYTES are held, by bundles that
 * wait or for the next ones, so that memory is bounded however slow the replay is and however large entries are:
 * by that and what the threads are reading, a bundle each.
 *
 *   TRY(ahead_open(&s, &source, parallel_cores() - 1, &ahead));
 *   config.bundle = ahead_bundle;
 *   config.bundle_arg = ahead;
 *   ... audit_run() with the same source ...
 *   ahead_close(ahead);
 *
 * For one run. The source's tile() must bear being called by all of them at once; its other functions aren't called.
 */
#define AHEAD_THREADS_MAX 8                  /* one thread replays what they read; each may be reading 16 MiB */
#define AHEAD_BUNDLES     4
#define AHEAD_BYTES       (32 << 20)

struct ahead;

/* Precondition: at most AHEAD_THREADS_MAX threads, beside the one that audits. */
err  ahead_open(struct scope *s, const struct audit_source *src, unsigned threads, struct ahead **out);
err  ahead_bundle(struct scope *s, void *arg, uint64_t number, uint64_t size, const struct audit_bundle **out);
void ahead_close(struct ahead *a);           /* NULL is fine; waits for what is being read */
