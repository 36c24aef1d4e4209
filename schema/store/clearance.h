/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/clearance.h"
#include "schema/store/db.h"

/*
 * Clearances. A worker judges in passes of one transaction each, seen by nobody until the clearance is decided:
 *
 *   clearance_begin()          this pass is the newest; what an older one has found is forgotten
 *   clearance_consents()       the consents that may matter, page by page, for the rules to judge
 *   clearance_judged()         what they found
 *   clearing_page()            the items in order, page by page: what is left out, and why; what the rest rests on
 *   clearance_counts()
 *
 * and then, under the ledger's lock, clearance_moved() and clearance_decide().
 */
#define CLEARANCE_STATEMENTS 18
extern const struct sql clearance_sql[CLEARANCE_STATEMENTS];

/* ---- asking; in an operation of the ledger's */
/* Gives `no`, and takes what was asked of `c`: id, license_no, territory, model_class, project, wanted_until. */
err clearance_add(struct scope *s, struct db *db, struct clearance_row *c);
/* One that was asked for in the same words and will be decided: ERR_NOT_FOUND. */
err clearance_same(struct scope *s, struct db *db, const struct clearance_row *asked, struct clearance_row *out);

/* How many of a license's are to be decided. */
err clearance_pending(struct scope *s, struct db *db, int64_t license_no, int64_t *n);

/* ---- reading */
/* `buyer` of its license, NULL: whoever asks; ERR_NOT_FOUND. */
err clearance_get(struct scope *s, struct db *db, const char *id, const char *buyer, struct clearance_row *out);
/* Of the clearances issued for a license the newest, which is the one that counts: ERR_NOT_FOUND. */
err clearance_newest(struct scope *s, struct db *db, int64_t license_no, struct clearance_row *out);
/* How many of the items that it cleared a withdrawal has taken out since. */
err clearance_taken_out(struct scope *s, struct db *db, const struct clearance_row *c, int64_t *items);
/*
 * Items after number `after` (-1: from the first), at most `limit`; only the cleared ones, those left out, or all. Of a
 * clearance with one reason for all, `reason` is that.
 */
enum clearance_which { CLEARANCE_ALL, CLEARANCE_KEPT, CLEARANCE_LEFT_OUT };
err clearance_items(struct scope *s, struct db *db, const struct clearance_row *c, enum clearance_which which,
                    int64_t after, int64_t limit, struct clearance_item **out, size_t *n);

/* What stands against an item of the license at this clearance, now; `reason` NULL, `withdrawn` NULL: nothing. */
struct clearance_against { const char *reason, *withdrawn; };
err clearance_against(struct scope *s, struct db *db, const struct clearance_row *c, int32_t item,
                      struct clearance_against *out);

/* ---- a pass */
/* ERR_STALE: it is decided. *pass: the number of this one. */
err clearance_begin(struct scope *s, struct db *db, int64_t no, int64_t *pass);

struct clearance_consent {
    int64_t no;
    const char *role;
    int64_t valid_from, valid_until;
    int64_t granted_at;           /* `at` of its entry */
    bool suspended, revoked;
    const char *prohibitions;     /* comma-separated */
    const char *grants;           /* for this purpose: "model territory", comma-separated; NULL: none */
};
/*
 * Consents that the ledger has granted before its size was `as_of`, of creators of the slice; in order of numbers.
 */
err clearance_consents(struct scope *s, struct db *db, const struct clearance_row *c, int64_t as_of, int64_t after,
                       int64_t limit, struct clearance_consent **out, size_t *n);
err clearance_judged(struct scope *s, struct db *db, int64_t no, const int64_t *consents, const int32_t *verdicts,
                     const bool *clears, size_t n);
/*
 * What items are judged by, beside the consents: clearing.h. `codes` are all verdicts in order, the last is "cleared".
 */
struct clearance_rules { const char *const *codes; size_t n; int64_t now, content_window; };
struct clearance_count { const char *reason; int64_t items; };
err clearance_counts(struct scope *s, struct db *db, int64_t no, struct clearance_count **out, size_t *n);
/* The status lists that consents of its creators name, as they were last published; in order of their numbers. */
struct clearance_status { const char *url; struct hash document; int64_t at; };
/* At most `limit`: who has as many must think that there are more. */
err clearance_lists(struct scope *s, struct db *db, int64_t no, int64_t limit, struct clearance_status **out,
                    size_t *n);

/* ---- under the ledger's lock */
/* Whether a consent that was judged was withdrawn, or the license first cleared, at entry `as_of` or later. */
err clearance_moved(struct scope *s, struct db *db, int64_t no, int64_t as_of, bool *yes);
/* ERR_STALE: decided, or a newer pass has begun. Takes what is decided of `c`, `pass` included. */
err clearance_decide(struct scope *s, struct db *db, const struct clearance_row *c);
