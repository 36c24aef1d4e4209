/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/rules/verdict.h"
#include "schema/model/license.h"
#include "schema/store/clearing.h"

/*
 * The rules of clearances (ledger/rules/verdict.h) over a license's items in the database. A consent says the same of
 * every item that it covers, so the rules judge each consent once; which items rest on which is a pass of SQL
 * (clearing_page()), equal to verdict_item() (tests/unit/ledger/append/judge.c).
 */
struct judge {
    struct verdict_request request;
    struct verdict_license license;
};

/* Clearances last for CLEARANCE_MS, no longer than was asked for and than the license. */
void judge_set(const struct clearance_row *c, const struct license *l, int64_t now, int64_t content_window,
               struct judge *out);
/* How old a verification of bytes may be where all are verified again after `reverify_ms`. */
int64_t judge_content_window(int64_t reverify_ms);
enum verdict judge_consent(struct scope *s, const struct judge *j, const struct clearance_consent *k);
/*
 * Within the transaction of a pass: judges all consents that were granted before the log's size was `as_of`, then the
 * items in order of their numbers, `items_at_once` of them at a time: `items` is given each page, whose scope ends with
 * it. `left` is asked before each page; either ends it by an error.
 */
struct judge_items {
    int64_t items_at_once;
    err (*left)(struct scope *s, void *arg);
    err (*items)(struct scope *s, void *arg, const struct clearance_item *items, size_t n);
    void *arg;
};
err judge_pass(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j, int64_t as_of,
               const struct judge_items *p);

/* The two halves of it, which a forecast has in common (forecast.h). `consents` is given pages as `items` is. */
err judge_consents(struct scope *s, struct db *db, const struct clearance_row *c, int64_t as_of,
                   err (*left)(struct scope *s, void *arg),
                   err (*consents)(struct scope *s, void *arg, const struct clearance_consent *k, size_t n), void *arg);
/* Bytes are judged at `now`. `found` NULL: by what is stored of the consents, and what is left out is stored. */
err judge_items(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j, int64_t now,
                const struct clearing_found *found, const struct judge_items *items);
