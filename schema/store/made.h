/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/store/db.h"

/* What somebody has made: the items of published versions that name a party as contributor. */
#define MADE_STATEMENTS 1
extern const struct sql made_sql[MADE_STATEMENTS];

struct made_place { int64_t version; int32_t n, place; };     /* of a row, in the order of the list */
struct made_item {
    int64_t version_no;
    int32_t n, place;
    const char *dataset;              /* "owner/name" */
    int64_t version;                  /* its number within the dataset */
    const char *path;
    struct hash sha256;
    int64_t size;
    const char *role;
    int32_t weight;
    bool declared;                    /* false: the item names nobody, its publisher is the only contributor */
    bool covered;                     /* by a consent of theirs in this role, granted, not withdrawn, not expired */
};
/* Rows after `after` (all members -1: from the first), at most `limit`: a role in an item each. */
err made_items(struct scope *s, struct db *db, const char *party, const struct made_place *after, int64_t limit,
               struct made_item **out, size_t *n);
