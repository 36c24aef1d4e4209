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
#define ERASURE_STATEMENTS 47
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
/* The one to work on: the oldest that is not done. ERR_NOT_FOUND: none. */
err erasure_next(struct scope *s, struct db *db, struct erasure *out);
/* Locks the erasure until the transaction ends, and lifts the time limit of its statements. */
err erasure_lock(struct scope *s, struct db *db, int64_t no, const char **state);
/* In the entry's transaction. *yes false: that was done before. */
err erasure_enter(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, bool *yes);

/* Whose entries are looked for; which fields go by whom the party is in them. */
enum erasure_source { ERASE_PARTY, ERASE_CONSENTS, ERASE_PAYMENTS, ERASE_LICENSES, ERASE_CLEARANCES, ERASE_REFUNDS,
                      ERASE_ALLOCATIONS, ERASE_PAYOUTS, ERASE_SNAPSHOTS, ERASURE_SOURCES };
struct erasure_fields { const char *const *first, *const *second; size_t n_first, n_second; };
/* `second`: of licenses, where the party is the publisher; else not used. *listed: at most `limit`; 0: none is left. */
err erasure_list(struct scope *s, struct db *db, const struct erasure *e, enum erasure_source source,
                 const struct erasure_fields *f, int64_t limit, int64_t *listed);
/*
 * The same for accesses, of which there can be millions: *at, zeroed at first, is where the last page ended; one that
 * begins again reads on over what is listed. *read 0: none is left.
 */
struct access_place { int64_t license, n, index; int32_t item; struct id id; };
err erasure_list_accesses(struct scope *s, struct db *db, const struct erasure *e, const struct erasure_fields *f,
                          struct access_place *at, int64_t limit, int64_t *read);
/* All of them in order of their index. */
err erasure_each(struct scope *s, struct db *db, int64_t no,
                 err (*each)(struct scope *s, void *arg, void *erased_entry), void *arg);
/* Those of the erasure that this entry is of; ERR_NOT_FOUND: it is of none. */
err erasure_entries(struct scope *s, struct db *db, int64_t index, int64_t after, int64_t limit,
                    struct erased_entry **out, size_t *n);

/* Whether this is somebody who is being erased, or the party that is nobody of such an erasure. */
err erasure_under_way(struct scope *s, struct db *db, const char *party, bool *yes);

/* ---- what goes, in this order; lines between the exclusions and the documents, others' answers before the datasets */

/* First. `stub`: a fresh id, under which the books go on; the one that an attempt before has brought stays. */
err erase_begin(struct scope *s, struct db *db, int64_t no, const struct id *stub);

/* A page of each, at most `limit` rows; *touched 0: nothing is left of it. */
enum erase_part { ERASE_HELD, ERASE_DISCLOSURES, ERASE_WINDOWS, ERASE_EXCLUSIONS, ERASE_DOCUMENTS, ERASE_CLEARED,
                  ERASE_JOBS, ERASE_WISHES, ERASE_BOUGHT, ERASE_CONSENTED, ERASE_PAID_OUT, ERASE_PAID, ERASE_ANSWERS,
                  ERASE_DATASETS, ERASE_PARTS };
err erase_part(struct scope *s, struct db *db, int64_t no, enum erase_part part, int64_t limit, int64_t *touched);

/*
 * Lines of allocations that are to lose their values, at most `limit`; an account's last ones first, so that those that
 * are still there have no gap.
 */
struct line_left { int64_t allocation, n, amount; int32_t place; const char *account, *currency; struct bytes salt; };
err erasure_lines(struct scope *s, struct db *db, const struct erasure *e, int64_t limit, struct line_left **out,
                  size_t *n);
err erase_lines(struct scope *s, struct db *db, int64_t no, const struct line_left *lines, const struct hash *leaves,
                size_t n);
/* Others' stored answers that name the party: looks at the next ones after *at, whose texts are "" at first. */
struct answer_place { const char *party, *key; int64_t looked_at; };
err erase_named(struct scope *s, struct db *db, int64_t no, struct answer_place *at, int64_t limit, int64_t *looked_at);
/* Accounts and names, and the end. */
err erase_end(struct scope *s, struct db *db, int64_t no);
