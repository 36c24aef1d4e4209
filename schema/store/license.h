/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/license.h"
#include "schema/store/db.h"

/* Licenses: who may use which items for what, where and until when. */
#define LICENSE_STATEMENTS 6
extern const struct sql license_sql[LICENSE_STATEMENTS];

err license_add(struct scope *s, struct db *db, const struct license *l);
/* `party` is its buyer or publisher, NULL: whoever asks; ERR_NOT_FOUND. */
err license_get(struct scope *s, struct db *db, const char *id, const char *party, struct license *out);
/* The same, held until the caller's transaction ends. */
err license_hold(struct scope *s, struct db *db, const char *id, const char *party, struct license *out);
/* The party's own, bought or sold, in order of ids. */
err license_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct license **out, size_t *n);
/* ERR_STALE: it has ended already. */
err license_end(struct scope *s, struct db *db, const char *id, uint64_t index, const char *reason, int64_t at);
/* Whether the party bought a license, live or not, for the whole of this version: who may see all its items. */
err license_covers(struct scope *s, struct db *db, int64_t version_no, const char *party, bool *covers);
