/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/policy.h"
#include "schema/store/db.h"
#include "worker/fetch/fetch.h"

/* One checkpoint, one witness: what is asked and what its answer means (C2SP tlog-witness, add-checkpoint). */
enum asked {
    ASKED_COSIGNED,           /* stored */
    ASKED_PUSHED_BACK,        /* 429: `retry_ms` says how long, or 0 */
    ASKED_REFUSED,            /* 400, 403, 404, another status, an answer that doesn't verify: the reason is said */
    ASKED_ALARM,              /* the witness may have seen another history of this log */
    ASKED_BEYOND              /* it has cosigned a larger tree, of ours too: the next checkpoint will do */
};

struct asking {
    const struct policy_witness *witness;
    const char *vkey;         /* the witness's */
    struct fetch *fetch;
    struct db *db;
    uint64_t known;           /* size of the witness's newest checkpoint of this log, as far as we know */
    int64_t retry_ms;
    int status;               /* of its last answer */
};

/* Errors are of the way there: the database, the network, the time. What the witness said is in *out. */
err cosign_ask(struct scope *s, struct asking *a, uint64_t size, const char *note, enum asked *out);
