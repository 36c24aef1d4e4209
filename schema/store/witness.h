/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/store/db.h"

/*
 * Cosignatures of witnesses on the log's checkpoints: insert-only. Who stores one has verified it.
 */
#define WITNESS_STATEMENTS 5
extern const struct sql witness_sql[WITNESS_STATEMENTS];

/* The session-level lock that picks the one process that asks the witnesses; true: this session holds it now. */
err witness_elect(struct scope *s, struct db *db, bool *won);

struct newest_checkpoint { int64_t size; const char *note; };
err witness_newest(struct scope *s, struct db *db, struct newest_checkpoint *out);

/* Size of the largest checkpoint that this witness (a vkey) has cosigned; 0: none. */
err witness_last(struct scope *s, struct db *db, const char *witness, uint64_t *size);
/* `signed_s`: seconds since 1970, of about now (cosignature_fresh()). A repeat changes nothing. */
err witness_add(struct scope *s, struct db *db, uint64_t size, const char *witness, const char *line, int64_t signed_s);

/*
 * Cosignatures by these witnesses of checkpoints from `from` up to `to`, the largest first, with the checkpoint's note:
 * at most WITNESS_ROWS_MAX of them, the last size perhaps not whole.
 */
struct cosignature_row { int64_t size; const char *note, *witness, *line; };
err witness_cosignatures(struct scope *s, struct db *db, uint64_t from, uint64_t to, const char *const *witnesses,
                         size_t n_witnesses, struct cosignature_row **rows, size_t *n);
