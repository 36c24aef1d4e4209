/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/rules/verdict.h"
#include "schema/model/license.h"
#include "schema/store/clearance.h"

/*
 * The rules of clearances (ledger/rules/verdict.h) over a license's items in the database. A consent says the same of
 * every item that it covers, so the rules judge each consent once; which items rest on which is a pass of SQL
 * (clearance_exclude()), equal to verdict_item() (tests/unit/ledger/append/judge.c).
 */
struct judge {
    struct verdict_request request;
    struct verdict_license license;
};

/* Clearances last for CLEARANCE_MS, no longer than was asked for and than the license. */
void judge_set(const struct clearance_row *c, const struct license *l, int64_t now, int64_t content_window,
               struct judge *out);
enum verdict judge_consent(struct scope *s, const struct judge *j, const struct clearance_consent *k);
/*
 * Within the transaction of a pass: judges all consents that were granted before the log's size was `as_of`, and
 * excludes items. `left` is asked between pages and ends it by an error.
 */
err judge_pass(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j, int64_t as_of,
               err (*left)(struct scope *s, void *arg), void *arg);
