/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "schema/store/migrate.h"

/* Against a real server: COUNTERFOIL_TEST_DSN names a database that this test may fill, with the role of its owner. */
static const struct migration first = { 1, "first",
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$;"
    "CREATE TABLE firm (id bigint PRIMARY KEY, quoted text DEFAULT ':api'::text, \":apiary\" text);"
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON firm FOR EACH STATEMENT EXECUTE FUNCTION no();"
    "COMMENT ON COLUMN firm.id IS 'Its number.';"
    "GRANT SELECT ON firm TO :api, :worker; GRANT INSERT ON firm TO :api;" };
static const struct migration second = { 2, "second",
    "ALTER TABLE firm ADD COLUMN more text; COMMENT ON COLUMN firm.more IS 'More.';" };
static const struct migration second_changed = { 2, "second", "ALTER TABLE firm ADD COLUMN more bytea;" };
static const struct migration broken = { 3, "broken", "CREATE TABLE half (id bigint); SELECT nothing FROM nowhere;" };
static const struct migration loose = { 3, "loose", "DROP TRIGGER append_only ON firm; GRANT DELETE ON firm TO :worker;"
    "CREATE TRIGGER append_only AFTER INSERT ON firm FOR EACH STATEMENT EXECUTE FUNCTION no();" };
static const struct migration end = { 0, NULL, NULL };

static const struct sql INSERT = { "m_insert", "INSERT INTO firm (id) VALUES ($1)" };
static const struct sql DELETE = { "m_delete", "DELETE FROM firm WHERE id = $1" };
static const struct sql SELECT = { "m_select", "SELECT id FROM firm WHERE id = $1" };
static const struct sql DROP = { "m_drop", "DROP TABLE IF EXISTS firm, schema_migration CASCADE" };
static const struct sql DROP_FUNCTION = { "m_drop_function", "DROP FUNCTION IF EXISTS no()" };
static const struct sql HALF = { "m_half", "SELECT id FROM half" };

static bool is_err(struct scope *s, err got, err want, const char *name)
{
    bool good = got == want;

    ok(good, "%s", name);
    if (!good)
        printf("# got:  %s (%s)\n# want: %s\n", err_name(got), s->why.detail, err_name(want));
    scope_forgive(s);
    return good;
}

static void test_history(struct scope *s, struct db *db)
{
    const struct migration one[] = { first, end }, two[] = { first, second, end };
    const struct migration changed[] = { first, second_changed, end };
    const struct migration failing[] = { first, second, broken, end }, gap[] = { second, end };
    struct migration_row *rows;
    size_t n = 0;

    is_err(s, migrate_rows(s, db, &rows, &n), ERR_NOT_FOUND, "an empty database says so");
    is_err(s, migrate_apply(s, db, one, NULL), ERR_OK, "applies the first");
    is_err(s, migrate_verify(s, db, two), ERR_CONFIG, "knows that one is missing");
    is_err(s, migrate_apply(s, db, two, NULL), ERR_OK, "applies the second");
    is_err(s, migrate_apply(s, db, two, NULL), ERR_OK, "and nothing twice");
    is_err(s, migrate_verify(s, db, two), ERR_OK, "is up to date");
    is_err(s, migrate_rows(s, db, &rows, &n), ERR_OK, "lists them");
    ok(n == 2 && rows[0].version == 1 && strcmp(rows[1].name, "second") == 0 && rows[1].applied_at > 0, "both");
    is_err(s, migrate_apply(s, db, changed, NULL), ERR_CONFIG, "refuses changed history");
    is_err(s, migrate_apply(s, db, one, NULL), ERR_CONFIG, "and a database that is ahead");
    is_err(s, migrate_apply(s, db, gap, NULL), ERR_CONFIG, "and a list that lacks the first");
    is_err(s, migrate_apply(s, db, failing, NULL), ERR_INTERNAL, "a migration that fails");
    is_err(s, db_check(s, db, &HALF), ERR_INTERNAL, "leaves nothing of itself");
    is_err(s, migrate_verify(s, db, two), ERR_OK, "and the others as they were");
}

/* One of the roles, through the same door. */
static struct db *as_role(struct scope *s, const char *dsn, const char *role)
{
    struct db *db = NULL;

    is_err(s, db_open(s, scope_printf(s, "%s user=%s", dsn, role), "unit", &db), ERR_OK, "the role may connect");
    return db;
}

static void test_rights(struct scope *s, struct db *db, const char *dsn)
{
    const struct migration loosened[] = { first, second, loose, end };
    const char **names, *verb;
    struct roles roles;
    struct db *api, *worker;
    size_t n = 0;

    is_err(s, migrate_roles(s, db, &roles), ERR_OK, "names of the roles");
    api = as_role(s, dsn, roles.api);
    worker = as_role(s, dsn, roles.worker);
    if (api && worker) {
        is_err(s, db_check(s, api, &INSERT), ERR_OK, "api may insert");
        is_err(s, db_check(s, worker, &INSERT), ERR_FORBIDDEN, "worker may not");
        is_err(s, db_check(s, worker, &SELECT), ERR_OK, "but read");
        is_err(s, db_check(s, api, &DELETE), ERR_FORBIDDEN, "nobody may delete");
        is_err(s, migrate_append_only(s, db, &names, &n), ERR_OK, "append-only tables");
        ok(n == 1 && strcmp(names[0], "firm") == 0, "are found");
        is_err(s, migrate_try_change(s, api, "firm", &verb), ERR_OK, "tries api");
        ok(verb == NULL, "refused");
        is_err(s, migrate_uncommented(s, db, &names, &n), ERR_OK, "columns without a comment");
        ok(n == 2 && strcmp(names[0], "firm.:apiary") == 0 && strcmp(names[1], "firm.quoted") == 0, "are named");
        is_err(s, migrate_apply(s, db, loosened, NULL), ERR_OK, "a migration that loosens");
        is_err(s, migrate_try_change(s, worker, "firm", &verb), ERR_OK, "tries worker");
        is_str(verb, "DELETE", "is found out");
    }
    db_close(api);
    db_close(worker);
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN");
    struct scope s;
    struct db *db;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about migrations was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (!is_err(&s, db_open(&s, dsn, "unit", &db), ERR_OK, "connects"))
        return done_testing();
    is_err(&s, db_do(&s, db, &DROP, NO_PARAMS, NULL), ERR_OK, "starts clean");
    is_err(&s, db_do(&s, db, &DROP_FUNCTION, NO_PARAMS, NULL), ERR_OK, "of functions too");
    test_history(&s, db);
    test_rights(&s, db, dsn);
    is_err(&s, db_do(&s, db, &DROP, NO_PARAMS, NULL), ERR_OK, "drops its tables");
    db_close(db);
    scope_free(&s);
    return done_testing();
}
