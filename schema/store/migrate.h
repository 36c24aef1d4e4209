/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/store/db.h"

/*
 * Migrations: forward only, each in a transaction of its own, recorded with the
 * SHA-256 of its text in `schema_migration`. History that was changed, a gap,
 * or a database that is ahead of this program is refused, never repaired.
 *
 * In a migration's text :api and :worker stand for the roles <database>_api and
 * <database>_worker, which are made if they are absent.
 *
 * All functions take the connection of the database's owner, except where said.
 */
struct migration { int32_t version; const char *name, *text; };

extern const struct migration migrations[];      /* from schema/sql, made by the Makefile; ends with version 0 */

struct migration_row { int32_t version; const char *name; struct hash sha256; int64_t applied_at; };
struct roles { const char *api, *worker; };

err migrate_roles(struct scope *s, struct db *db, struct roles *out);
/* Applies what is missing, `done` (NULL: unwanted) is told each. One at a time: an advisory lock. */
err migrate_apply(struct scope *s, struct db *db, const struct migration *list,
                  void (*done)(const struct migration *m));
/* What was applied; ERR_NOT_FOUND in a database that has never seen us. */
err migrate_rows(struct scope *s, struct db *db, struct migration_row **rows, size_t *n);
/* ERR_CONFIG unless exactly `list` is applied. With the connection of any of our roles. */
err migrate_verify(struct scope *s, struct db *db, const struct migration *list);

/* Columns without a comment, as "table.column". */
err migrate_uncommented(struct scope *s, struct db *db, const char ***names, size_t *n);
/* Tables that declare themselves append-only. */
err migrate_append_only(struct scope *s, struct db *db, const char ***tables, size_t *n);
/* Tries UPDATE, DELETE and TRUNCATE, as the role of `db`; `verb` is the first that was not refused, or NULL. */
err migrate_try_change(struct scope *s, struct db *db, const char *table, const char **verb);
