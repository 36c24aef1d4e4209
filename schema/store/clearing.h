/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/store/clearance.h"

/*
 * The items of a clearance that is being judged, page by page in one transaction, after clearance_judged():
 *
 *   clearing_begin()   until the end of the transaction its pages are planned as they must be
 *   clearing_page()    what is found of each item, which is kept
 *
 * The verdict of each item is the smallest over what is found of its bytes and over its contributors; that of a
 * contributor the largest over the consents of theirs that cover it. The codes of the rules are all verdicts in order,
 * the last is "cleared"; those found here are named in words. An item that declares no contributors has its
 * publisher's consent.
 */
#define CLEARING_STATEMENTS 6
extern const struct sql clearing_sql[CLEARING_STATEMENTS];

err clearing_begin(struct scope *s, struct db *db);
/* At most `limit` items after number `after`, as clearance_items() will give them; those left out are stored so. */
err clearing_page(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                  int64_t after, int64_t limit, struct clearance_item **out, size_t *n);
/*
 * The same items, by the same statement, for a clearance that nobody has asked for: nothing is written, and nothing is
 * said of what the items would rest on. `f` takes the place of clearance_judged(): the consents in order of their
 * numbers, and the verdict of each. A license_no that no license has: nothing was paid back.
 */
struct clearing_found { const int64_t *consents; const int32_t *verdicts; size_t n; };
err clearing_forecast(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                      const struct clearing_found *f, int64_t after, int64_t limit, struct clearance_item **out,
                      size_t *n);
