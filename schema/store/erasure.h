/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/model/erasure.h"
#include "schema/store/db.h"

/*
 * The erasure of parties.
 *
 * An erasure goes in steps, each repeated until it has nothing left to do, so that one cut off anywhere goes on:
 * erasure_list() takes down which entries lose what, a page a transaction; erasure_enter() in the transaction of the
 * entry that says the list's root; then the erase_…() steps, which the database refuses before that entry. Erasures are
 * worked on one after the other.
 */
#define ERASURE_STATEMENTS 48
extern const struct sql erasure_sql[ERASURE_STATEMENTS];

/* ---- what stands in the way */

/* Why a party can't be erased yet, the first reason; ERR_NOT_FOUND: nothing. `forfeit`: balances don't. */
struct erasure_blocker { const char *code, *what; };
err erasure_blocker(struct scope *s, struct db *db, const char *party, int64_t now, bool forfeit,
                    struct erasure_blocker *out);
/* Balances of a party that can be forfeited: prepaid and available. */
struct forfeit { const char *kind, *currency; int64_t amount; };
err erasure_forfeits(struct scope *s, struct db *db, const char *party, struct forfeit **out, size_t *n);

/* ---- its life */

/* Locks the party until the transaction ends. */
err erasure_hold(struct scope *s, struct db *db, const char *party, const char **state);
/* Closes the party, whose keys open nothing from then on. */
err erasure_add(struct scope *s, struct db *db, const struct erasure *e);
err erasure_get(struct scope *s, struct db *db, const char *id, struct erasure *out);
err erasure_all(struct scope *s, struct db *db, const char *after, int64_t limit, struct erasure **out, size_t *n);
/* The one to work on: the oldest after that number that is not done. ERR_NOT_FOUND: none. */
err erasure_next(struct scope *s, struct db *db, int64_t after, struct erasure *out);
/* Locks the erasure until the transaction ends, and lifts the time limit of its statements. */
err erasure_lock(struct scope *s, struct db *db, int64_t no, const char **state);
err erasure_state(struct scope *s, struct db *db, int64_t no, const char **state);
/* In the entry's transaction, under the ledger's lock: one row, whatever it lists. */
err erasure_enter(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at);

/* Whose entries are looked for; which fields go by whom the party is in them. What two find is what the first found. */
enum erasure_source { ERASE_PARTY, ERASE_CONSENTS, ERASE_PAYMENTS, ERASE_BOUGHT_LICENSES, ERASE_SOLD_LICENSES,
                      ERASE_CLEARANCES, ERASE_REFUNDS, ERASE_SOLD_ALLOCATIONS, ERASE_LINES, ERASE_PAYOUTS,
                      ERASE_SNAPSHOTS, ERASE_ACCESSES, ERASURE_SOURCES };
/*
 * Lists a page. *at, zeroed at first, is where the last one ended: of a source that is read to its end each row is read
 * once. One that begins again reads over what is listed. *read: at most `limit`; 0: none is left.
 */
struct erasure_place { struct id id; int64_t first, second, n; };
err erasure_list(struct scope *s, struct db *db, const struct erasure *e, enum erasure_source source,
                 const char *const *fields, size_t n_fields, struct erasure_place *at, int64_t limit, int64_t *read);
/* All of them in order of their index. */
err erasure_each(struct scope *s, struct db *db, int64_t no,
                 err (*each)(struct scope *s, void *arg, void *erased_entry), void *arg);
/* Those of the erasure that this entry is of; ERR_NOT_FOUND: it is of none. */
err erasure_entries(struct scope *s, struct db *db, int64_t index, int64_t after, int64_t limit,
                    struct erased_entry **out, size_t *n);

/* Of a party, or of the one that is nobody of an erasure: whether its erasure, begun once it is closed, is not done. */
struct erasure_of { bool closed, under_way; };
err erasure_of(struct scope *s, struct db *db, const char *party, struct erasure_of *out);

/* ---- what goes, in this order; lines between the exclusions and the documents, others' answers before the datasets */

/* First. `stub`: a fresh id, under which the books go on; the one that an attempt before has brought stays. */
err erase_begin(struct scope *s, struct db *db, int64_t no, const struct id *stub);

/* A page of each, at most `limit` rows; *touched 0: nothing is left of it. */
enum erase_part { ERASE_HELD, ERASE_DISCLOSURES, ERASE_WINDOWS, ERASE_EXCLUSIONS, ERASE_DOCUMENTS, ERASE_CLEARED,
                  ERASE_JOBS, ERASE_WISHES, ERASE_BOUGHT, ERASE_CONSENTED, ERASE_PAID_OUT, ERASE_PAID, ERASE_ANSWERS,
                  ERASE_DATASETS, ERASE_PARTS };
err erase_part(struct scope *s, struct db *db, int64_t no, enum erase_part part, int64_t limit, int64_t *touched);

/*
 * Lines of allocations that are to lose their values, after *at, zeroed at first, at most `limit`; an account's last
 * ones first, so that those that are still there have no gap. `root` is that of the entry's bytes, zeros without one.
 */
struct line_left {
    int64_t allocation, n, amount, line_count, index;
    int32_t place;
    struct id id, account;             /* id: of the allocation */
    const char *currency;
    struct bytes salt, path;
    struct hash root;
};
err erasure_lines(struct scope *s, struct db *db, const struct erasure *e, struct erasure_place *at, int64_t limit,
                  struct line_left **out, size_t *n);
err erase_lines(struct scope *s, struct db *db, int64_t no, const struct line_left *lines, const struct hash *leaves,
                size_t n);
/* Others' stored answers that name the party: looks at the next ones after *at, whose texts are "" at first. */
struct answer_place { const char *party, *key; int64_t looked_at; };
err erase_named(struct scope *s, struct db *db, int64_t no, struct answer_place *at, int64_t limit, int64_t *looked_at);
/* Accounts and names, and the end. */
err erase_end(struct scope *s, struct db *db, int64_t no);
