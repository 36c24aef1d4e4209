/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/entry.h"
#include "schema/store/db.h"

/* Entries as read by the outside; nothing here bounds by what is signed, callers do. */
#define ENTRY_STATEMENTS 5
extern const struct sql entry_sql[ENTRY_STATEMENTS];

err entry_get(struct scope *s, struct db *db, uint64_t index, struct entry_row *out);
/*
 * Entries [from, end) of a type (NULL: all), at most `limit`. A rare type is not sought through the whole log: at most
 * ENTRIES_LOOKED_AT are read, so a page may be short, or empty. *next: where to go on; `end`: there is no more.
 */
err entry_list(struct scope *s, struct db *db, uint64_t from, uint64_t end, const char *type, int64_t limit,
               struct entry_row **out, size_t *n, uint64_t *next);
/* The bytes alone, in order, for bundles. */
err entry_bundle(struct scope *s, struct db *db, uint64_t from, uint64_t end, struct entry_row **out, size_t *n);
err document_get(struct scope *s, struct db *db, const struct hash *hash, struct bytes *out);
/* Newest checkpoint row alone: a question that only a living database answers. */
err entry_ping(struct scope *s, struct db *db, int64_t *signed_size);
