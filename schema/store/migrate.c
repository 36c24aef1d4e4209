/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/migrate.h"

#include <ctype.h>
#include <string.h>

enum { NAMES, ROLE, FENCE, LOCK, UNLOCK, KNOWN, ROWS, SHA256, RECORD, UNCOMMENTED, APPEND_ONLY, CHANGES, STATEMENTS };
static const struct sql migrate_sql[STATEMENTS] = {
    [NAMES]       = { "migrate_names",
                      "SELECT current_database() || '_api' AS api, current_database() || '_worker' AS worker" },
    [ROLE]        = { "migrate_role",
                      "SELECT format('CREATE ROLE %I LOGIN', $1::text) AS text"
                      " WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1::text)" },
    [FENCE]       = { "migrate_fence",
                      "SELECT format('REVOKE ALL ON DATABASE %1$I FROM PUBLIC; GRANT CONNECT ON DATABASE %1$I TO"
                      " %2$I, %3$I', current_database(), $1::text, $2::text) AS text" },
    [LOCK]        = { "migrate_lock",   "SELECT pg_advisory_lock(4201)" },
    [UNLOCK]      = { "migrate_unlock", "SELECT pg_advisory_unlock(4201)" },
    [KNOWN]       = { "migrate_known",  "SELECT to_regclass('public.schema_migration') IS NOT NULL AS yes" },
    [ROWS]        = { "migrate_rows",
                      "SELECT version, name, sha256, applied_at FROM schema_migration ORDER BY version" },
    [SHA256]      = { "migrate_sha256", "SELECT sha256(convert_to($1::text, 'UTF8')) AS sha256" },
    [RECORD]      = { "migrate_record",
                      "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)" },
    [UNCOMMENTED] = { "migrate_uncommented",
                      "SELECT c.relname || '.' || a.attname AS text FROM pg_class c"
                      "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
                      " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
                      "   AND NOT c.relispartition AND coalesce(col_description(c.oid, a.attnum), '') = ''"
                      " ORDER BY 1" },
    [APPEND_ONLY] = { "migrate_append_only",
                      "SELECT c.relname::text AS text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                      " WHERE t.tgname = 'append_only' AND c.relnamespace = 'public'::regnamespace ORDER BY 1" },
    [CHANGES]     = { "migrate_changes",
                      "SELECT v.verb, format(v.form, c.relname, a.attname) AS text FROM pg_class c"
                      "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1, (VALUES"
                      "  ('UPDATE', 'UPDATE %I SET %I = DEFAULT WHERE false'),"
                      "  ('DELETE', 'DELETE FROM %I WHERE false'), ('TRUNCATE', 'TRUNCATE %I')) v (verb, form)"
                      " WHERE c.relnamespace = 'public'::regnamespace AND c.relname = $1::text" },
};

static const char ledger_of_migrations[] =
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "  version integer PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),"
    "  applied_at timestamptz NOT NULL DEFAULT clock_timestamp());"
    "COMMENT ON TABLE schema_migration IS 'Migrations that made this schema.';"
    "COMMENT ON COLUMN schema_migration.version IS 'Number in front of the file''s name.';"
    "COMMENT ON COLUMN schema_migration.name IS 'Rest of the file''s name.';"
    "COMMENT ON COLUMN schema_migration.sha256 IS 'SHA-256 of the file: history may not be changed.';"
    "COMMENT ON COLUMN schema_migration.applied_at IS 'When it was applied.';";

static const struct column row_columns[] = {
    COL(migration_row, version, T_INT4), COL(migration_row, name, T_TEXT), COL(migration_row, sha256, T_HASH),
    COL(migration_row, applied_at, T_TIME),
};
static const struct shape row_shape = SHAPE(migration_row, row_columns);

static const struct column role_columns[] = { COL(roles, api, T_TEXT), COL(roles, worker, T_TEXT) };
static const struct shape role_shape = SHAPE(roles, role_columns);

struct line { const char *text; };
static const struct column line_columns[] = { COL(line, text, T_TEXT) };
static const struct shape line_shape = SHAPE(line, line_columns);

struct change { const char *verb, *text; };
static const struct column change_columns[] = { COL(change, verb, T_TEXT), COL(change, text, T_TEXT) };
static const struct shape change_shape = SHAPE(change, change_columns);

struct answer { bool yes; };
static const struct column answer_columns[] = { COL(answer, yes, T_BOOL) };
static const struct shape answer_shape = SHAPE(answer, answer_columns);

struct digest { struct hash sha256; };
static const struct column digest_columns[] = { COL(digest, sha256, T_HASH) };
static const struct shape digest_shape = SHAPE(digest, digest_columns);

err migrate_roles(struct scope *s, struct db *db, struct roles *out)
{
    return db_one(s, db, &migrate_sql[NAMES], NO_PARAMS, &role_shape, out);
}

err migrate_rows(struct scope *s, struct db *db, struct migration_row **rows, size_t *n)
{
    struct answer known;

    TRY(db_one(s, db, &migrate_sql[KNOWN], NO_PARAMS, &answer_shape, &known));
    if (!known.yes)
        return fail(s, ERR_NOT_FOUND, "this database has no schema of ours: counterfoil-schema apply");
    return db_many(s, db, &migrate_sql[ROWS], NO_PARAMS, &row_shape, rows, n);
}

/* What was applied must be the beginning of the list, unchanged. */
static err compare(struct scope *s, struct db *db, const struct migration *list, const struct migration_row *rows,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct digest d;

        if (list[i].version == 0)
            return fail(s, ERR_CONFIG, "migration %d %s was applied by a newer program", rows[i].version, rows[i].name);
        TRY(db_one(s, db, &migrate_sql[SHA256], PARAMS(P_TEXT(list[i].text)), &digest_shape, &d));
        if (list[i].version != rows[i].version || !hash_equal(&d.sha256, &rows[i].sha256))
            return fail(s, ERR_CONFIG, "migration %d %s was applied in another form than %d %s has here",
                        rows[i].version, rows[i].name, list[i].version, list[i].name);
    }
    return ERR_OK;
}

err migrate_verify(struct scope *s, struct db *db, const struct migration *list)
{
    struct migration_row *rows;
    size_t n;

    TRY(migrate_rows(s, db, &rows, &n));
    TRY(compare(s, db, list, rows, n));
    if (list[n].version != 0)
        return fail(s, ERR_CONFIG, "migration %d %s is not applied: counterfoil-schema apply", list[n].version,
                    list[n].name);
    return ERR_OK;
}

static err script_of(struct scope *s, struct db *db, int which, const struct sql_param *params, size_t n_params)
{
    struct line *lines;
    size_t n;

    TRY(db_many(s, db, &migrate_sql[which], params, n_params, &line_shape, &lines, &n));
    for (size_t i = 0; i < n; i++)
        TRY(db_script(s, db, lines[i].text));
    return ERR_OK;
}

static err make_roles(struct scope *s, struct db *db, const struct roles *roles)
{
    TRY(script_of(s, db, ROLE, PARAMS(P_TEXT(roles->api))));
    TRY(script_of(s, db, ROLE, PARAMS(P_TEXT(roles->worker))));
    return script_of(s, db, FENCE, PARAMS(P_TEXT(roles->api), P_TEXT(roles->worker)));
}

static void add_quoted(struct buf *b, const char *name)
{
    buf_char(b, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_char(b, '"');
        buf_char(b, *name);
    }
    buf_char(b, '"');
}

/* :api and :worker, but neither "::api" nor ":apiary". */
static size_t placeholder(const char *text, const char *at, const char *name)
{
    size_t len = strlen(name);
    char after;

    if ((at > text && at[-1] == ':') || strncmp(at, name, len) != 0)
        return 0;
    after = at[len];
    return isalnum((unsigned char)after) || after == '_' ? 0 : len;
}

static char *with_roles(struct scope *s, const char *text, const struct roles *roles)
{
    struct buf b = BUF(s);

    for (const char *at = text; *at;) {
        size_t api = placeholder(text, at, ":api"), worker = placeholder(text, at, ":worker");

        if (api || worker)
            add_quoted(&b, api ? roles->api : roles->worker);
        else
            buf_char(&b, *at);
        at += api + worker ? api + worker : 1;
    }
    buf_char(&b, '\n');
    return b.p;
}

static err apply_one(struct scope *s, struct db *db, const struct migration *m, const struct roles *roles)
{
    struct digest d;
    err e;

    TRY(db_begin(s, db));
    e = db_script(s, db, with_roles(s, m->text, roles));
    if (e == ERR_OK)
        e = db_one(s, db, &migrate_sql[SHA256], PARAMS(P_TEXT(m->text)), &digest_shape, &d);
    if (e == ERR_OK)
        e = db_do(s, db, &migrate_sql[RECORD], PARAMS(P_INT4(m->version), P_TEXT(m->name), P_HASH(&d.sha256)), NULL);
    if (e == ERR_OK)
        e = db_commit(s, db);
    if (e != ERR_OK)
        db_rollback(db);
    return e;
}

static err apply_locked(struct scope *s, struct db *db, const struct migration *list,
                        void (*done)(const struct migration *m))
{
    struct migration_row *rows;
    struct roles roles;
    size_t n;

    TRY(migrate_roles(s, db, &roles));
    TRY(make_roles(s, db, &roles));
    TRY(db_script(s, db, ledger_of_migrations));
    TRY(migrate_rows(s, db, &rows, &n));
    TRY(compare(s, db, list, rows, n));
    for (; list[n].version != 0; n++) {
        TRY(apply_one(s, db, &list[n], &roles));
        if (done)
            done(&list[n]);
    }
    return ERR_OK;
}

err migrate_apply(struct scope *s, struct db *db, const struct migration *list, void (*done)(const struct migration *m))
{
    struct scope last;
    err e;

    TRY(db_do(s, db, &migrate_sql[LOCK], NO_PARAMS, NULL));
    e = apply_locked(s, db, list, done);
    scope_init(&last, 0);
    if (db_healthy(db) && db_do(&last, db, &migrate_sql[UNLOCK], NO_PARAMS, NULL) != ERR_OK && e == ERR_OK)
        e = fail(s, ERR_INTERNAL, "%s", last.why.detail);
    scope_free(&last);
    return e;
}

static err names(struct scope *s, struct db *db, int which, const char ***out, size_t *n)
{
    struct line *lines;

    TRY(db_many(s, db, &migrate_sql[which], NO_PARAMS, &line_shape, &lines, n));
    *out = NEWS(s, const char *, *n);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = lines[i].text;
    return ERR_OK;
}

err migrate_uncommented(struct scope *s, struct db *db, const char ***out, size_t *n)
{
    return names(s, db, UNCOMMENTED, out, n);
}

err migrate_append_only(struct scope *s, struct db *db, const char ***tables, size_t *n)
{
    return names(s, db, APPEND_ONLY, tables, n);
}

err migrate_try_change(struct scope *s, struct db *db, const char *table, const char **verb)
{
    struct change *changes;
    size_t n;

    *verb = NULL;
    TRY(db_many(s, db, &migrate_sql[CHANGES], PARAMS(P_TEXT(table)), &change_shape, &changes, &n));
    for (size_t i = 0; i < n && !*verb; i++) {
        err e;

        TRY(db_begin(s, db));
        e = db_script(s, db, changes[i].text);
        if (e == ERR_OK)
            *verb = changes[i].verb;        /* nothing happened: no row, or rolled back below */
        else if (strcmp(db_sqlstate(db), "42501") != 0)
            return db_rollback(db), e;
        scope_forgive(s);
        db_rollback(db);
    }
    return ERR_OK;
}
