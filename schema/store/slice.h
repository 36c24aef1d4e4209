/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/dataset.h"
#include "schema/model/content.h"
#include "schema/model/slice.h"
#include "schema/store/db.h"

/*
 * Slices of versions and the contributors of their items.
 *
 * A slice is made in one transaction of the caller's, who may use the rules and
 * computes the root from the rows; it is kept once for a version and a request:
 *
 *   slice_hold(…, &no)                 waits for whoever makes the same one
 *   slice_find(…)                      there it is, or ERR_NOT_FOUND:
 *   slice_fill(…, no, …)               its items, by SQL that is equal to slice_pick_add() (tests/unit/schema/store)
 *   slice_fill_each(…, no, …)          in order of their paths, for the root
 *   slice_keep(…)
 *
 * A whole version ({}) is kept with the version's root and count, without rows
 * of items. The filter becomes parameterized SQL over the version's items: of
 * what a buyer wrote, nothing but parameters' numbers and the words of a closed
 * list is in the text.
 */
#define SLICE_STATEMENTS 17
extern const struct sql slice_sql[SLICE_STATEMENTS];

/* `version` is version.no. */
err slice_hold(struct scope *s, struct db *db, int64_t version, const struct hash *digest, int64_t *no);
err slice_find(struct scope *s, struct db *db, int64_t version, const struct hash *digest, struct kept_slice *out);
err slice_fill(struct scope *s, struct db *db, int64_t no, int64_t version, const struct slice *slice, int64_t *items);
/* Rows are struct item with n, path, sha256 and size; the rest is zero. `each` must not use this connection. */
err slice_fill_each(struct scope *s, struct db *db, int64_t no, int64_t version,
                    err (*each)(struct scope *s, void *arg, void *item), void *arg);
err slice_keep(struct scope *s, struct db *db, const struct kept_slice *k);

err slice_get(struct scope *s, struct db *db, int64_t no, struct kept_slice *out);
/* Its items, whole rows with the state of their content; from number `after` (-1: the first) at most `limit`. */
err slice_items(struct scope *s, struct db *db, const struct kept_slice *k, int64_t after, int64_t limit,
                struct item **out, size_t *n);
/* Whether item n of its version is one of its items. */
err slice_has(struct scope *s, struct db *db, int64_t no, int32_t n, bool *yes);
/* Its items by the state of their content now. */
err slice_verification(struct scope *s, struct db *db, int64_t no, struct verification *out);
/*
 * Forgets one slice that no license has and no quote that is still open, made before `before` (wall ms), with its
 * items and weights; *gone false: there is none. In a transaction of the caller's; unhurried if it has many.
 */
err slice_forget(struct scope *s, struct db *db, int64_t before, bool *gone);

/* ---- contributors */

/*
 * Writes the contributors of a version's items [from, to) as rows; once, in the transaction that wrote the items.
 * ERR_CONFLICT: a second time; ERR_INTERNAL: a contributor is no {party,role,weight} of a known party, which is checked
 * before.
 */
err contributors_fill(struct scope *s, struct db *db, int64_t version, int32_t from, int32_t to, int64_t *rows);

/*
 * What each contributor weighs in a kept slice: once for each item, or as often as it has bytes; equal to
 * split_table_add() over its items. Kept (slice_weight): made once for a slice and a rule, in a transaction that holds
 * the slice. ERR_INVALID: the sums pass 2^63 - 1.
 */
err slice_weigh(struct scope *s, struct db *db, int64_t no, bool per_byte);
/* In order of the ids' bytes. */
struct contributor_weight { const char *party; int64_t weight; };
err slice_weighed(struct scope *s, struct db *db, int64_t no, bool per_byte,
                  err (*each)(struct scope *s, void *arg, void *contributor_weight), void *arg);

/* ---- the compiler; private to schema/store, and for its test */

/* SQL that picks `slice` from item i of version $1: column n. Parameters are `params`, n of them, $1 included. */
struct slice_query { const char *text; struct sql_param params[8]; size_t n; };
void slice_compile(struct scope *s, int64_t version, const struct slice *slice, struct slice_query *out);
