/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/dataset.h"
#include "schema/store/db.h"

/*
 * Versions and their items: loaded by parts into a draft, sealed (sorted, numbered,
 * roots known; ledger/append/seal.h), published. A sealed version's items never change.
 */
#define VERSION_STATEMENTS 24
extern const struct sql version_sql[VERSION_STATEMENTS];

err version_add(struct scope *s, struct db *db, const struct id *id, const char *dataset, const char *publisher);
/* `name` is a number ("3") or an id ("ver_…") within the dataset. ERR_NOT_FOUND. */
err version_get(struct scope *s, struct db *db, const char *owner, const char *dataset, const char *name,
                struct version *out);
/* Published ones, newest first, before number `before`. */
err version_list(struct scope *s, struct db *db, const char *dataset, int64_t before, int64_t limit,
                 struct version **out, size_t *n);

/* ---- the draft; each of these in a transaction of the caller's */
/* Holds the draft against being sealed (shared) or against everybody (sealing); *state as of now. */
err version_hold(struct scope *s, struct db *db, int64_t no, bool sealing, const char **state);
/* Opens a part for COPY, emptied; one request at a time writes a part. Rows end with db_copy_end(). */
err draft_part_begin(struct scope *s, struct db *db, int64_t no, int32_t part);
struct draft_row {
    int32_t part, line;
    const char *path;
    struct hash sha256;
    int64_t size;
    const char *media_type, *attributes, *contributors;
    const uint8_t *salt;          /* 16 bytes */
};
err draft_part_row(struct scope *s, struct db *db, int64_t no, const struct draft_row *row);
/* The first line of a part whose content this party has not uploaded in that size; *line 0: none. */
err draft_part_foreign(struct scope *s, struct db *db, int64_t no, int32_t part, const char *party, int32_t *line,
                       const char **path);
/* The first line of a part with a contributor who is no party here, or left; *line 0: none. */
err draft_part_stranger(struct scope *s, struct db *db, int64_t no, int32_t part, int32_t *line, const char **party);
/* A path that the draft has twice; NULL: none. */
err draft_duplicate(struct scope *s, struct db *db, int64_t no, const char **path);
/* How many items a draft has, as far as `limit`. */
err draft_size(struct scope *s, struct db *db, int64_t no, int64_t limit, int64_t *items);
/*
 * At most `limit` of the draft's rows become items, in order of their paths' bytes, numbered from 0 on: those after
 * the last that is there, so that it is called again and again. *first: number of the first one that moved. Fewer than
 * `limit` moved: that was all.
 */
err draft_to_items(struct scope *s, struct db *db, int64_t no, int64_t limit, int32_t *first, int64_t *moved);
/* Whether some are there. */
err items_begun(struct scope *s, struct db *db, int64_t no, bool *yes);
/* Forgets the rows of what is sealed; nothing as long as it isn't. */
err draft_clear(struct scope *s, struct db *db, int64_t no);
/* Lifts the time limit of statements for the rest of the transaction: sealing ten million rows takes minutes. */
err version_unhurried(struct scope *s, struct db *db);
/* From here on the draft takes no more parts; nothing if it is no draft. */
err version_sealing(struct scope *s, struct db *db, int64_t no);
/* A draft again, and why; told at the next wish to publish it, forgotten with the next part. */
err version_refuse(struct scope *s, struct db *db, int64_t no, const char *why);
err version_forget_fault(struct scope *s, struct db *db, int64_t no);
/* Roots, commit id and counts are known: `sealing` becomes `sealed`. ERR_STALE if it isn't sealing. */
err version_seal(struct scope *s, struct db *db, const struct version *v);

/* Under the ledger's lock: gives the next number. ERR_STALE unless it is sealed. */
err version_publish(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, int64_t *number);

/* ---- items */
/* All of them in order, without content state; `each` must not use this connection. */
err item_each(struct scope *s, struct db *db, int64_t no, err (*each)(struct scope *s, void *arg, void *item),
              void *arg);
err item_by_path(struct scope *s, struct db *db, int64_t no, const char *path, struct item *out);
