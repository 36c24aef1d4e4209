/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/license.h"
#include "schema/store/db.h"

/* Quotes: what exactly is for sale to one buyer, at what price, until when. */
#define QUOTE_STATEMENTS 5
extern const struct sql quote_sql[QUOTE_STATEMENTS];

err quote_add(struct scope *s, struct db *db, const struct quote *q);
/* The buyer's own; ERR_NOT_FOUND. An open quote past its time reads as expired. */
err quote_get(struct scope *s, struct db *db, const char *buyer, const char *id, struct quote *out);
/* Under the ledger's lock: nobody else accepts it meanwhile. State as stored. */
err quote_hold(struct scope *s, struct db *db, const char *buyer, const char *id, struct quote *out);
err quote_accept(struct scope *s, struct db *db, const char *id);      /* ERR_STALE */
/* Items of the slices that the buyer's open quotes hold, each slice once; whole versions hold none. */
err quote_cut_items(struct scope *s, struct db *db, const char *buyer, int64_t *items);
