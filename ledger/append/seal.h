/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/dataset.h"
#include "schema/store/db.h"

/*
 * Sealing a draft: its items sorted, numbered and hashed to the roots that the ledger will commit to, before and
 * without the ledger's lock. Each step is one that the next attempt takes up where the last one ended:
 *
 *   seal_check()    the draft is one that can be sealed
 *   seal_items()    again and again, each in a transaction that holds the version: so many items more are in place,
 *                   their contributors beside them
 *   seal_roots()    reads them all, in order, and seals the version
 *
 * A small draft goes through them within one transaction of a request, a large one by a worker's job.
 */

/* ERR_INVALID, ERR_TOO_LARGE: for its publisher to mend. A draft that has items in place was checked before. */
err seal_check(struct scope *s, struct db *db, int64_t no);
/* At most SEAL_CHUNK_ITEMS; *done: all are in place. */
err seal_items(struct scope *s, struct db *db, int64_t no, bool *done);
/* `left` (NULL: none) is asked now and then, and ends it by an error. ERR_STALE: somebody else has sealed it. */
struct seal_watch { err (*left)(struct scope *s, void *arg); void *arg; };
err seal_roots(struct scope *s, struct db *db, int64_t no, const struct seal_watch *watch);
