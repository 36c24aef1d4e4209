/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/content.h"
#include "schema/store/db.h"

/*
 * Content rows: who uploaded which bytes, and what workers found in them.
 * That the market holds a content for one party is nobody else's business:
 * requests ask content_uploaded(), only workers and delivery ask content_get().
 */
#define CONTENT_STATEMENTS 8
extern const struct sql content_sql[CONTENT_STATEMENTS];

/*
 * The bytes are in the store, under this name, durable: says so, for this
 * party. Content that was found corrupt or missing is unverified again.
 */
err content_add(struct scope *s, struct db *db, const char *party, const struct hash *sha256, int64_t size);
/* The caller's own upload; ERR_NOT_FOUND, whoever else has uploaded the same. */
err content_uploaded(struct scope *s, struct db *db, const char *party, const struct hash *sha256, struct content *out);

/* ---- for workers and delivery */
err content_get(struct scope *s, struct db *db, const struct hash *sha256, struct content *out);
/* Contents whose last verification is older than before_ms, oldest first: for re-verification on schedule. */
err content_stale(struct scope *s, struct db *db, int64_t before_ms, int64_t limit, struct content **out, size_t *n);

struct content_result {
    struct hash sha256;
    const char *state;            /* verified, corrupt, missing */
    int64_t stored_at;            /* of the bytes that were read: what was uploaded since is not called corrupt */
};
/*
 * Records what a worker found, in the transaction of its content.verified entry. Offers that hold a corrupt
 * or missing content are paused; verification_recount() opens them again.
 */
err content_record(struct scope *s, struct db *db, const struct content_result *results, size_t n, int64_t at_ms,
                   uint64_t index);
/* Delivery found another size on disk: nothing is delivered until a worker has looked again. */
err content_doubt(struct scope *s, struct db *db, const struct hash *sha256);
