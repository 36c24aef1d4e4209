/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/dataset.h"
#include "schema/store/db.h"
#include "schema/store/slice.h"

/*
 * Cutting a slice out of a published version: its items by SQL, its root by the rules, kept once for a version and a
 * request, before and without the ledger's lock. The caller's transaction holds the slice until it ends, so that
 * nobody forgets it before the quote that wants it is there. Time grows with the version: its statements have no
 * limit of their own, only the scope's deadline.
 */
struct cut_version { int64_t no; struct hash root; int64_t item_count, bytes; };
err slice_cut(struct scope *s, struct db *db, const struct cut_version *v, const struct slice *slice,
              struct kept_slice *out);
