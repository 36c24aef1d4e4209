/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "worker/jobs/work.h"

/*
 * Does `inside` while this connection holds the books, from one of its transactions to the next; what it leaves open
 * is rolled back. ERR_BUSY: somebody else holds them.
 */
err with_books(struct scope *s, struct work *w, err (*inside)(struct scope *s, struct work *w, void *arg), void *arg);
/*
 * A snapshot that covers whatever creators have been allocated and got back, taken if there is none: so that payouts
 * made of it, of this run, follow it. Precondition: with_books().
 */
err snapshot_cover(struct scope *s, struct work *w, int64_t run);
