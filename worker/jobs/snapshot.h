/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "worker/jobs/work.h"

/*
 * Does `inside` while this connection holds the books, from one of its transactions to the next; what it leaves open
 * is rolled back. ERR_BUSY: somebody else holds them.
 */
err with_books(struct scope *s, struct work *w, err (*inside)(struct scope *s, struct work *w, void *arg), void *arg);
/*
 * Takes a snapshot, unless the newest one covers all that creators were allocated or got back: so that one comes before
 * whatever is paid out of it. Precondition: with_books().
 */
err snapshot_cover(struct scope *s, struct work *w);
/*
 * ERR_STALE: under the rules in force a snapshot must cover all that, and none does. With the ledger's lock: neither an
 * entry of a worker that gave up comes in between, nor a change of the rules since snapshot_cover() had none to take.
 */
err snapshot_demand(struct scope *s, struct append_txn *t);
