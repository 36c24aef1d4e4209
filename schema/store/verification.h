/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/content.h"
#include "schema/store/db.h"

/*
 * How far a version is verified. A worker walks its items once from the first to the last; version.checked is how far
 * it has come. What lies beyond shows as unverified and isn't delivered, even where the same bytes were verified for
 * somebody else: that the market holds them is nobody's business. For the same reason a content counts as verified
 * lately only if that was for this publisher (content_upload.verified_at).
 *
 * The counts are kept with the version, so that anybody may ask for them. They are brought up to date after what was
 * found, not with it: under the ledger's lock nothing grows with a version.
 */
#define VERIFICATION_STATEMENTS 10
extern const struct sql verification_sql[VERIFICATION_STATEMENTS];

/* A version as it is walked. ERR_NOT_FOUND. */
struct version_span { int64_t version, items; const char *publisher; };
err verification_span(struct scope *s, struct db *db, const char *version_id, struct version_span *out);
/*
 * The contents of the items [from, to) that are unverified, were last verified for the publisher before fresh_ms, or
 * found broken before broken_ms; one that several of the items share comes as often. Costs what the page holds.
 */
struct version_page { int64_t from, to, fresh_ms, broken_ms; };
err verification_due(struct scope *s, struct db *db, const struct version_span *v, const struct version_page *p,
                     struct content **out, size_t *n);
/*
 * Those items are recorded, and so are all before them: *seen, the counts of the items before, becomes that of all up
 * to `to`, and is shown unless an earlier walk has come further.
 */
err verification_pass(struct scope *s, struct db *db, const struct version_span *v, const struct version_page *p,
                      struct verification *seen);
/* Counts all items of a version anew, but not while it is walked for the first time; opens or pauses its offers. */
err verification_recount(struct scope *s, struct db *db, int64_t version_no);
/* The published versions that hold one of these contents. */
struct version_holder { int64_t no; struct id id; };
err verification_holders(struct scope *s, struct db *db, const struct bytes *hashes, size_t n_hashes,
                         struct version_holder **out, size_t *n);
