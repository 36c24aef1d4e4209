/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/app.h"

/*
 * Requests that write to the ledger: from a handler into the committer's batch and back.
 *
 * The decide callback runs under the ledger's lock (append.h), on another thread, with the request's
 * scope; it may run again. It ends with ledgered_answer(), whose JSON is answered, and stored for repeats.
 */
typedef err ledgered_decide(struct scope *s, struct append_txn *t, void *state);

/* Suspends the request and hands it in. ERR_KEY_REQUIRED without an Idempotency-Key. Return what it returns. */
err ledgered(struct request *rq, ledgered_decide *decide, void *state);
/* The same; `after` runs once the entries are signed for, not for a repeat. Its failure is logged and harms nobody. */
err ledgered_then(struct request *rq, ledgered_decide *decide, void *state,
                  err (*after)(struct scope *s, struct db *db));
/*
 * The answer of this operation, with `entry` added to it. `secret` (NULL: none) is a member that is
 * answered now and null in what is stored for repeats. `answer` is stolen.
 */
err ledgered_answer(struct scope *s, struct append_txn *t, int status, uint64_t index, json_t *answer,
                    const char *secret);
/* The same for what writes no entry: the answer rests on none. */
err ledgered_plain(struct scope *s, struct append_txn *t, int status, json_t *answer);
/* {"index":…,"proof":"/v1/entries/…/proof"} */
json_t *entry_link(uint64_t index);
