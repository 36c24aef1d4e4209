/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "schema/base/clock.h"
#include "schema/store/content.h"
#include "schema/store/migrate.h"
#include "schema/store/verification.h"

/*
 * What is recorded of a content that is a hundred thousand items of one version, and one of another: whose offers
 * pause, whose don't, and that few items are looked at. COUNTERFOIL_TEST_DSN names a database that this test may fill.
 */
#define ITEMS 100000
#define FEW 100               /* rows of item and its indexes that one statement may look at */

/* What is read of terms by the database: until when they grant anything. */
#define TERMS "{\"permission\":[{\"constraint\":[{\"leftOperand\":\"dateTime\"," \
              "\"rightOperand\":{\"@value\":\"2100-01-01T00:00:00Z\"}}]}]}"

static const struct sql FILL[] = {
    { "c_party", "INSERT INTO party (id, handle, roles, index, created_at)"
                 " VALUES ('pty_p', 'p', '{publisher}', 0, now())" },
    { "c_dataset", "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
                   " VALUES ('dts_1', 'p', 'd', 'pty_p', '', '', 'text', '{}', '')" },
    { "c_version", "INSERT INTO version (id, dataset, publisher, state)"
                   " SELECT 'ver_' || i, 'dts_1', 'pty_p', 'published' FROM generate_series(1, 3) i ORDER BY i" },
    { "c_content", "INSERT INTO content (sha256, size, state) SELECT sha256(i::text::bytea), 1, 'verified'"
                   "  FROM generate_series(1, 2) i" },
    /* Version 1: all one content, and the last of another; 2: both once; 3: the other alone. */
    { "c_item", "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
                " SELECT v, n, 'p' || n, sha256(c::bytea), 1, 'a/b', '{}', '[]', '\\x00000000000000000000000000000000'"
                "  FROM (SELECT 1, n, CASE n WHEN 99999 THEN '2' ELSE '1' END FROM generate_series(0, 99999) n"
                "        UNION ALL VALUES (2, 0, '1'), (2, 1, '2'), (3, 0, '2')) x (v, n, c)" },
    { "c_offer", "INSERT INTO offer (id, revision, version, publisher, terms, split, fee, amount, currency, index,"
                 " created_at) SELECT 'ofr_' || i, 1, i, 'pty_p', '" TERMS "', '', '', 0, 'EUR', 0, now()"
                 "  FROM generate_series(1, 3) i" },
    { "c_analyze", "ANALYZE item" },
};
static const struct sql STATES = { "c_states", "SELECT string_agg(state, ' ' ORDER BY id) AS states FROM offer" };
static const struct sql HASHES = { "c_hashes", "SELECT sha256 FROM content ORDER BY sha256 <> sha256('1'::bytea)" };

/* Of this session, as far as it hasn't reported them: within a transaction, all. */
static const struct sql LOOKED = { "c_looked",
    "SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint AS n FROM pg_class"
    " WHERE relname IN ('item', 'item_pkey', 'item_version_path_key', 'item_content_version')" };

struct number { int64_t n; };
static const struct column number_columns[] = { COL(number, n, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);
struct states { const char *states; };
static const struct column states_columns[] = { COL(states, states, T_TEXT) };
static const struct shape states_shape = SHAPE(states, states_columns);
static const struct column hash_columns[] = { { "sha256", T_HASH, 0 } };
static const struct shape hash_shape = { sizeof(struct hash), 1, hash_columns };

static const char *states(struct scope *s, struct db *db)
{
    struct states row = { "?" };

    return db_one(s, db, &STATES, NO_PARAMS, &states_shape, &row) == ERR_OK ? row.states : "failed";
}

static int64_t looked(struct scope *s, struct db *db)
{
    struct number row = { -1 };

    return db_one(s, db, &LOOKED, NO_PARAMS, &number_shape, &row) == ERR_OK ? row.n : -1;
}

/* Records one state of one content, looking at few items only. */
static void record(struct scope *s, struct db *db, const struct hash *sha256, const char *state)
{
    const struct content_result result = { *sha256, state, clock_wall_ms() };
    int64_t before, after;

    ok(db_begin(s, db) == ERR_OK, "a transaction");
    before = looked(s, db);
    ok(content_record(s, db, &result, 1, clock_wall_ms(), 1) == ERR_OK, "found %s", state);
    after = looked(s, db);
    ok(db_commit(s, db) == ERR_OK && before >= 0 && after >= before && after - before < FEW, "%d of %d items looked at",
       (int)(after - before), ITEMS);
}

/* Offers are opened again by who counts anew, out of the ledger's lock. */
static void recount(struct scope *s, struct db *db)
{
    for (int64_t version = 1; version <= 3; version++)
        ok(verification_recount(s, db, version) == ERR_OK, "version %d is counted anew", (int)version);
}

static void test_offers(struct scope *s, struct db *db, const struct hash *many, const struct hash *few)
{
    record(s, db, many, "corrupt");
    is_str(states(s, db), "paused paused open", "offers that hold it are paused");
    record(s, db, few, "missing");
    is_str(states(s, db), "paused paused paused", "another one");
    record(s, db, many, "verified");
    recount(s, db);
    is_str(states(s, db), "paused paused paused", "one of two healed is not enough");
    record(s, db, few, "verified");
    is_str(states(s, db), "paused paused paused", "and nothing is opened under the lock");
    recount(s, db);
    is_str(states(s, db), "open open open", "both are");
}

static void test_holders(struct scope *s, struct db *db, const struct hash *many, const struct hash *few)
{
    const struct bytes both[] = { { many->b, HASH_SIZE }, { few->b, HASH_SIZE } };
    struct version_holder *holders;
    int64_t before, after;
    size_t n = 0;

    ok(db_begin(s, db) == ERR_OK, "a transaction");
    before = looked(s, db);
    ok(verification_holders(s, db, both, 1, &holders, &n) == ERR_OK && n == 2, "two versions hold the one");
    ok(verification_holders(s, db, both, 2, &holders, &n) == ERR_OK && n == 3, "three hold one or the other");
    ok(verification_holders(s, db, both, 0, &holders, &n) == ERR_OK && n == 0, "none holds none");
    after = looked(s, db);
    ok(db_commit(s, db) == ERR_OK && after > before && after - before < FEW, "found by %d", (int)(after - before));
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN");
    struct hash *hashes;
    struct scope s;
    struct db *db;
    size_t n = 0;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about contents was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (ok(db_open(&s, dsn, "unit", &db) == ERR_OK, "connects")) {
        ok(migrate_apply(&s, db, migrations, NULL) == ERR_OK, "a schema of its own");
        for (size_t i = 0; i < ARRAY_LEN(FILL); i++)
            ok(db_do(&s, db, &FILL[i], NO_PARAMS, NULL) == ERR_OK, "%s", FILL[i].name);
        if (ok(db_many(&s, db, &HASHES, NO_PARAMS, &hash_shape, &hashes, &n) == ERR_OK && n == 2, "contents")) {
            test_offers(&s, db, &hashes[0], &hashes[1]);
            test_holders(&s, db, &hashes[0], &hashes[1]);
        }
        db_close(db);
    }
    scope_free(&s);
    return done_testing();
}
