/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/erasure.h"
#include "schema/store/db.h"

/*
 * Auditors' grants: without one that is in force an auditor reads what everybody does, and its own. Whether a caller
 * has one is asked with its key (schema/store/party.h).
 */
#define GRANT_STATEMENTS 4
extern const struct sql grant_sql[GRANT_STATEMENTS];

err grant_add(struct scope *s, struct db *db, const struct auditor_grant *g);
/* Of one party, or of all (NULL), by id. */
err grant_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
               struct auditor_grant **out, size_t *n);
err grant_get(struct scope *s, struct db *db, const char *id, struct auditor_grant *out);
/* ERR_NOT_FOUND: no such grant. One that was revoked before stays so. */
err grant_revoke(struct scope *s, struct db *db, const char *id, const char *by);
