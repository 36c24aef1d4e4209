/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "schema/store/clearance.h"
#include "schema/store/consent.h"
#include "schema/store/log.h"
#include "schema/store/migrate.h"

/*
 * What is done about a withdrawal under the ledger's lock, of a consent that covers a hundred thousand items: a version
 * that was published meanwhile costs what it has, not what the consent covers. And what an access looks at afterwards:
 * not all the consents of an item that ever were. COUNTERFOIL_TEST_DSN names a database
 * that this test may fill.
 */
#define ITEMS 100000
#define FEW   100              /* rows of tables and indexes that one statement may look at */

static const struct sql FILL[] = {
    { "b_party", "INSERT INTO party (id, handle, roles, index, created_at)"
                 " SELECT 'pty_' || i, 'p' || i, '{creator}', 0, now() FROM generate_series(1, 2) i" },
    { "b_dataset", "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
                   " VALUES ('dts_1', 'p1', 'd', 'pty_1', '', '', 'text', '{}', '')" },
    { "b_version", "INSERT INTO version (id, dataset, publisher, state, number, item_count, index)"
                   " SELECT 'ver_' || i, 'dts_1', 'pty_1', 'published', i, CASE i WHEN 1 THEN 100000 ELSE 4 END,"
                   "        50 * i FROM generate_series(1, 2) i ORDER BY i" },
    /* Version 1: all hers. 2: one of hers that is covered, one in another role, another's, one that isn't covered. */
    { "b_item", "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
                " SELECT v, n, 'p' || n, sha256(c::text::bytea), 1, 'a/b', '{}', '[]',"
                "        '\\x00000000000000000000000000000000'"
                "   FROM (SELECT 1, n, n FROM generate_series(0, 99999) n"
                "         UNION ALL VALUES (2, 0, 7), (2, 1, 8), (2, 2, 9), (2, 3, 200000)) x (v, n, c)" },
    { "b_contributor", "INSERT INTO item_contributor (version, n, place, party, role, weight)"
                       " SELECT version, n, 0, CASE WHEN version = 2 AND n = 2 THEN 'pty_2' ELSE 'pty_1' END,"
                       "        CASE WHEN version = 2 AND n = 1 THEN 'performer' ELSE 'author' END, 1 FROM item" },
    { "b_consent", "INSERT INTO consent (id, creator, public_key, credential, document, bytes, state, role, assurance,"
                   " purposes, prohibitions, root, item_count, valid_from, valid_until, pair, place, index, decided_at)"
                   " VALUES ('cns_1', 'pty_1', '', 'urn:1', sha256(''), '', 'granted', 'author', 'L3', '{}', '{}',"
                   "         sha256(''), 100000, now(), 'infinity', 1, 1, 10, now())" },
    { "b_covered", "INSERT INTO consent_item (consent, sha256) SELECT c.no, sha256(n::text::bytea)"
                   "  FROM consent c, generate_series(0, 99999) n" },
    { "b_analyze", "ANALYZE item, consent_item, item_contributor, version" },
};

static const struct sql LOOKED = { "b_looked",
    "SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint AS n FROM pg_class"
    " WHERE relname IN ('item', 'item_pkey', 'item_content', 'item_content_version', 'consent_item',"
    "                   'consent_item_pkey', 'consent_item_content', 'item_contributor', 'item_contributor_pkey',"
    "                   'item_contributor_party')" };
static const struct sql BLOCKED = { "b_blocked",
    "SELECT coalesce(string_agg(version || ':' || n, ' ' ORDER BY version, n), '') AS items"
    "  FROM item_block WHERE version = 2" };

struct number { int64_t n; };
static const struct column number_columns[] = { COL(number, n, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);
struct listed { const char *items; };
static const struct column listed_columns[] = { COL(listed, items, T_TEXT) };
static const struct shape listed_shape = SHAPE(listed, listed_columns);

static int64_t looked(struct scope *s, struct db *db)
{
    struct number row = { -1 };

    return db_one(s, db, &LOOKED, NO_PARAMS, &number_shape, &row) == ERR_OK ? row.n : -1;
}

static const char *blocked(struct scope *s, struct db *db)
{
    struct listed row = { "?" };

    return db_one(s, db, &BLOCKED, NO_PARAMS, &listed_shape, &row) == ERR_OK ? row.items : "failed";
}

static void test_since(struct scope *s, struct db *db)
{
    int64_t before, after;

    ok(db_begin(s, db) == ERR_OK, "a transaction");
    before = looked(s, db);
    ok(consent_block_since(s, db, 1, 101) == ERR_OK, "nothing was published since");
    is_str(blocked(s, db), "", "and nothing named");
    ok(consent_block_since(s, db, 1, 100) == ERR_OK, "a version of four items was");
    is_str(blocked(s, db), "2:0", "of which one rests on the consent");
    after = looked(s, db);
    ok(db_commit(s, db) == ERR_OK && before >= 0 && after >= before && after - before < FEW, "%d of %d items looked at",
       (int)(after - before), ITEMS);
}

/* ---- one item, and thousands of consents that came and went */

#define GONE 3000

static const struct sql CROWD[] = {
    { "b_gone", "INSERT INTO consent (id, creator, public_key, credential, document, bytes, state, role, assurance,"
                " purposes, prohibitions, root, item_count, valid_from, valid_until, pair, place, index, decided_at,"
                " withdrawn)"
                " SELECT 'cns_g' || i, 'pty_1', '', 'urn:g' || i, sha256(i::text::bytea), '', 'revoked', 'author',"
                "        'L3', '{}', '{}', sha256(''), 1, now(), 'infinity', 2, i, 10, now(), 1000 + i"
                "   FROM generate_series(1, 3000) i" },
    { "b_gone_items", "INSERT INTO consent_item (consent, sha256) SELECT no, sha256('7') FROM consent WHERE pair = 2" },
    { "b_gone_named", "INSERT INTO item_block (version, n, consent) SELECT 2, 0, no FROM consent WHERE pair = 2" },
    { "b_gone_analyze", "ANALYZE consent, item_block" },
};
static const struct sql PROBED = { "b_probed",
    "SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::bigint AS n"
    "  FROM pg_class"
    " WHERE relname IN ('item_block', 'item_block_pkey', 'item_block_consent', 'consent', 'consent_pkey')" };

static int64_t probed(struct scope *s, struct db *db)
{
    struct number row = { -1 };

    return db_one(s, db, &PROBED, NO_PARAMS, &number_shape, &row) == ERR_OK ? row.n : -1;
}

/* Whether a clearance as of this size of the log still covers the item, and what that looked at. */
static bool covers(struct scope *s, struct db *db, int64_t as_of, int64_t *cost)
{
    struct clearance_row c = { .version = 2, .as_of = as_of };
    struct clearance_against against = { .withdrawn = "?" };
    int64_t before;
    bool good = db_begin(s, db) == ERR_OK;

    before = probed(s, db);
    good = good && clearance_against(s, db, &c, 0, &against) == ERR_OK;
    *cost = probed(s, db) - before;
    return ok(good && db_commit(s, db) == ERR_OK, "a clearance as of %lld is asked about: %s", (long long)as_of,
              s->why.detail) && !against.withdrawn;
}

static void test_crowd(struct scope *s, struct db *db)
{
    int64_t cost, rounds = 0;
    bool more = true;

    for (size_t i = 0; i < ARRAY_LEN(CROWD); i++)
        ok(db_do(s, db, &CROWD[i], NO_PARAMS, NULL) == ERR_OK, "%s: %s", CROWD[i].name, s->why.detail);
    while (more && rounds <= GONE && consent_prune(s, db, &more) == ERR_OK)
        rounds += more;
    is_int(rounds, GONE, "each consent that was revoked is looked at once");
    is_str(blocked(s, db), "2:0 2:0", "of one item stays the newest revocation, and what is being withdrawn");
    ok(!covers(s, db, 1000 + GONE, &cost), "it binds what was cleared before it");
    ok(cost < FEW, "at the cost of %d rows", (int)cost);
    ok(!covers(s, db, 100, &cost), "as the older ones did");
    ok(covers(s, db, 1001 + GONE, &cost), "and nothing that was cleared since");
    ok(cost < FEW, "at the cost of %d rows", (int)cost);
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN");
    struct scope s;
    struct db *db;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about withdrawals was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (ok(db_open(&s, dsn, "unit", &db) == ERR_OK, "connects")) {
        ok(migrate_apply(&s, db, migrations, NULL) == ERR_OK, "a schema of its own");
        for (size_t i = 0; i < ARRAY_LEN(FILL); i++)
            ok(db_do(&s, db, &FILL[i], NO_PARAMS, NULL) == ERR_OK, "%s: %s", FILL[i].name, s.why.detail);
        ok(log_session(&s, db) == ERR_OK, "as who holds the lock plans");
        test_since(&s, db);
        test_crowd(&s, db);
        db_close(db);
    }
    scope_free(&s);
    return done_testing();
}
