/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/store/db.h"

/*
 * Answers of ledgered requests, by party and Idempotency-Key, written in the
 * transaction of their entries and read under the log's lock.
 */
#define IDEMPOTENCY_STATEMENTS 3
extern const struct sql idempotency_sql[IDEMPOTENCY_STATEMENTS];

#define IDEMPOTENCY_ERASED 410           /* the status of an answer that went with an erasure; refusals aren't stored */

struct idempotency_row {
    struct hash fingerprint;
    int32_t status;
    const char *answer;
    int64_t index;            /* last entry the answer rests on; -1: none */
    int64_t expires_at;
};

/* The row, expired or not: 0 or 1 of `struct idempotency_row` in the result. */
err idempotency_find_send(struct scope *s, struct db *db, const char *party, const char *key,
                          struct pipe_result *result);
/* index -1: rests on no entry. */
err idempotency_store_send(struct scope *s, struct db *db, const char *party, const char *key,
                           const struct idempotency_row *row);
/* Removes a row that has expired, so that its key is free. */
err idempotency_forget(struct scope *s, struct db *db, const char *party, const char *key, int64_t now);
