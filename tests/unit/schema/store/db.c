/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include <pthread.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/store/db.h"

/* Against a real server: COUNTERFOIL_TEST_DSN names a database that this test may fill. */
static const struct sql DROP = { "t_drop", "DROP TABLE IF EXISTS kept, odd CASCADE" };
static const struct sql CREATE_KEPT = { "t_create",
    "CREATE TABLE kept (id bigint PRIMARY KEY, note text, CONSTRAINT note_once UNIQUE (note))" };
static const struct sql CREATE_ODD = { "t_odd",
    "CREATE TABLE odd (b boolean, i integer, n bigint, t text, y bytea, at timestamptz, j jsonb, l bigint[])" };
static const struct sql SLEEPY = { "t_sleepy",
    "CREATE OR REPLACE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    "  IF new.note LIKE 'warn%' THEN RAISE WARNING 'canceling wait for synchronous replication'; END IF;"
    "  IF new.note LIKE 'sleep%' THEN PERFORM pg_sleep(substr(new.note, 6)::float); END IF;"
    "  RETURN NULL; END $$" };
static const struct sql TRIGGER = { "t_trigger",
    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON kept DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION sleepy()" };
static const struct sql INSERT = { "t_insert", "INSERT INTO kept (id, note) VALUES ($1, $2)" };
static const struct sql GET = { "t_get", "SELECT id, note FROM kept WHERE id = $1" };
static const struct sql SAVEPOINT = { "t_savepoint", "SAVEPOINT op" };
static const struct sql RELEASE = { "t_release", "RELEASE SAVEPOINT op" };
static const struct sql COUNT = { "t_count", "SELECT count(*) AS n FROM kept" };
static const struct sql DELETE = { "t_delete", "DELETE FROM kept" };
static const struct sql LOCK = { "t_lock", "SELECT id, note FROM kept WHERE id = $1 FOR UPDATE" };
static const struct sql LOCK_TIMEOUT = { "t_lock_timeout", "SET LOCAL lock_timeout = '20ms'" };
static const struct sql TOUCH = { "t_touch", "UPDATE kept SET note = note WHERE id = $1" };
static const struct sql SLEEP = { "t_sleep", "SELECT pg_sleep($1::integer) IS NULL AS b" };
static const struct sql KILL = { "t_kill",
    "SELECT pg_terminate_backend(pid) AS b FROM pg_stat_activity WHERE pid = $1 AND state = $2 AND query LIKE $3" };
static const struct sql KILL_NOW = { "t_kill_now", "SELECT pg_terminate_backend($1, 10000) AS b" };
static const struct sql SERIES = { "t_series",
    "SELECT i::bigint AS id, repeat('x', i % 7) AS note FROM (SELECT generate_series(1, $1::integer) AS i) r" };
static const struct sql BROKEN = { "t_broken", "SELECT nothing FROM nowhere" };
static const struct sql DIVIDE = { "t_divide",
    "SELECT (1 / (i - $1::integer))::bigint AS id, '' AS note FROM generate_series(1, 10) i" };
static const struct sql SETTINGS = { "t_settings",
    "SELECT current_setting('client_min_messages') || ' ' || current_setting('search_path') || ' ' ||"
    "       current_setting('timezone') || ' ' || current_setting('synchronous_commit') || ' ' ||"
    "       current_setting('statement_timeout') || ' ' || current_setting('application_name') AS note" };
static const struct sql COPY = { "t_copy", "COPY odd (b, i, n, t, y, at, j, l) FROM STDIN (FORMAT binary)" };
static const struct sql COPY_NOWHERE = { "t_copy_nowhere", "COPY nowhere (b) FROM STDIN (FORMAT binary)" };
static const struct sql ODD = { "t_odds", "SELECT b, i, n, t, y, at, j FROM odd ORDER BY n" };
static const struct sql ODD_LISTS = { "t_odd_lists", "SELECT count(*) AS n FROM odd WHERE l = '{1,-2}'" };
static const struct sql ECHO = { "t_echo",
    "SELECT $1::boolean AS b, $2::integer AS i, $3::bigint AS n, $4::text AS t, $5::bytea AS y, $6::timestamptz AS at,"
    "       $7::jsonb AS j" };
static const struct sql UNNEST = { "t_unnest",
    "SELECT b, i, n, t, y, at, '[]'::json AS j FROM unnest($1::boolean[], $2::integer[], $3::bigint[], $4::text[],"
    " $5::bytea[], $6::timestamptz[]) WITH ORDINALITY AS u (b, i, n, t, y, at, place) ORDER BY place" };
static const struct sql LENGTH = { "t_length", "SELECT cardinality($1::text[])::bigint AS n" };
static const struct sql HASHES = { "t_hashes", "SELECT sha256($1::bytea) AS h, NULL::bytea AS none, $2::text AS id" };
static const struct sql SHORT_HASH = { "t_short_hash", "SELECT '\\x00'::bytea AS h, ''::bytea AS none, '' AS id" };

struct kept { int64_t id; const char *note; };
static const struct column kept_columns[] = { COL(kept, id, T_INT8), COL(kept, note, T_TEXT) };
static const struct shape kept_shape = SHAPE(kept, kept_columns);
static const struct shape note_shape = { sizeof(struct kept), 1, &kept_columns[1] };

struct number { int64_t n; };
static const struct column number_columns[] = { COL(number, n, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);

struct truth { bool b; };
static const struct column truth_columns[] = { COL(truth, b, T_BOOL) };
static const struct shape truth_shape = SHAPE(truth, truth_columns);

struct odd { bool b; int32_t i; int64_t n; const char *t; struct bytes y; int64_t at; const char *j; };
static const struct column odd_columns[] = {
    COL(odd, b, T_BOOL), COL(odd, i, T_INT4), COL(odd, n, T_INT8), COL(odd, t, T_TEXT), COL(odd, y, T_BYTES),
    COL(odd, at, T_TIME), COL(odd, j, T_JSON),
};
static const struct shape odd_shape = SHAPE(odd, odd_columns);

struct hashed { struct hash h, none; struct id id; };
static const struct column hashed_columns[] = {
    COL(hashed, h, T_HASH), COL(hashed, none, T_HASH), COL(hashed, id, T_ID),
};
static const struct shape hashed_shape = SHAPE(hashed, hashed_columns);

static const struct column misnamed[] = { { "nope", T_INT8, 0 } };
static const struct column mistyped[] = { { "id", T_TEXT, 0 } };
static const struct shape misnamed_shape = SHAPE(kept, misnamed), mistyped_shape = SHAPE(kept, mistyped);

static const char *dsn;

static bool is_err(struct scope *s, err got, err want, const char *name)
{
    bool good = got == want;

    ok(good, "%s", name);
    if (!good)
        printf("# got:  %s (%s)\n# want: %s\n", err_name(got), s->why.detail, err_name(want));
    scope_forgive(s);
    return good;
}

static int64_t count(struct scope *s, struct db *db)
{
    struct number out = { -1 };

    if (db_one(s, db, &COUNT, NO_PARAMS, &number_shape, &out) != ERR_OK)
        printf("# count: %s\n", s->why.detail);
    return out.n;
}

static err insert(struct scope *s, struct db *db, int64_t id, const char *note)
{
    return db_do(s, db, &INSERT, PARAMS(P_INT8(id), P_TEXT(note)), NULL);
}

static void test_verbs(struct scope *s, struct db *db)
{
    struct kept row, *rows;
    int64_t touched = -1;
    size_t n = 99;

    is_err(s, insert(s, db, 1, "one"), ERR_OK, "inserts");
    is_err(s, insert(s, db, 2, NULL), ERR_OK, "inserts a null");
    is_err(s, db_one(s, db, &GET, PARAMS(P_INT8(1)), &kept_shape, &row), ERR_OK, "finds one");
    is_str(row.note, "one", "with its text");
    is_err(s, db_one(s, db, &GET, PARAMS(P_INT8(2)), &kept_shape, &row), ERR_OK, "finds the other");
    ok(row.note == NULL, "with its null");
    is_err(s, db_one(s, db, &GET, PARAMS(P_INT8(3)), &kept_shape, &row), ERR_NOT_FOUND, "no row");
    is_err(s, db_one(s, db, &SERIES, PARAMS(P_INT4(2)), &kept_shape, &row), ERR_INTERNAL, "two rows for one");
    is_err(s, insert(s, db, 1, "again"), ERR_CONFLICT, "a primary key twice");
    is_str(db_constraint(db), "kept_pkey", "names its constraint");
    is_err(s, insert(s, db, 3, "one"), ERR_CONFLICT, "a unique text twice");
    is_str(db_constraint(db), "note_once", "names its constraint");
    is_err(s, db_do(s, db, &DELETE, NO_PARAMS, &touched), ERR_OK, "deletes");
    is_int(touched, 2, "and counts");
    is_err(s, db_many(s, db, &GET, PARAMS(P_INT8(1)), &kept_shape, &rows, &n), ERR_OK, "no rows are fine");
    is_int((int64_t)n, 0, "and none");
    is_err(s, db_many(s, db, &SERIES, PARAMS(P_INT4(1000)), &kept_shape, &rows, &n), ERR_OK, "a thousand rows");
    ok(n == 1000 && rows[999].id == 1000 && strcmp(rows[999].note, "xxxxxx") == 0, "in order, with their texts");
    is_err(s, db_many(s, db, &SERIES, PARAMS(P_INT4(DB_ROWS_MAX + 1)), &kept_shape, &rows, &n), ERR_INTERNAL,
           "too many");
}

static void test_bugs(struct scope *s, struct db *db)
{
    struct kept row;
    struct truth yes;

    is_err(s, db_one(s, db, &GET, PARAMS(P_INT8(1)), &misnamed_shape, &row), ERR_INTERNAL,
           "a column that is not there");
    is_err(s, db_one(s, db, &GET, PARAMS(P_INT8(1)), &mistyped_shape, &row), ERR_INTERNAL,
           "a column of another type");
    is_err(s, db_one(s, db, &GET, PARAMS(P_INT4(1)), &kept_shape, &row), ERR_INTERNAL, "a parameter of another type");
    is_err(s, db_one(s, db, &GET, NO_PARAMS, &kept_shape, &row), ERR_INTERNAL, "a parameter too few");
    is_err(s, db_one(s, db, &BROKEN, NO_PARAMS, &kept_shape, &row), ERR_INTERNAL, "a statement without its table");
    is_err(s, db_check(s, db, &BROKEN), ERR_INTERNAL, "which the check finds");
    is_err(s, db_check(s, db, &GET), ERR_OK, "the check passes another");
    is_err(s, db_check(s, db, &COPY), ERR_OK, "a COPY is checked");
    is_err(s, db_check(s, db, &COPY_NOWHERE), ERR_INTERNAL, "and refused without its table");
    is_err(s, db_do(s, db, &COPY, NO_PARAMS, NULL), ERR_INTERNAL, "a COPY is no plain statement");
    ok(!db_healthy(db), "and leaves the connection to be replaced");
    is_err(s, db_reopen(s, db), ERR_OK, "which works");
    is_err(s, db_one(s, db, &ECHO, PARAMS(P_NULL(), P_NULL(), P_NULL(), P_NULL(), P_NULL(), P_NULL(), P_NULL()),
                     &truth_shape, &yes), ERR_INTERNAL, "a null where none can be kept");
    ok(db_healthy(db), "none of which hurts the connection");
}

static void test_values(struct scope *s, struct db *db)
{
    static const int64_t times[] = { 0, 1, -1, 946684800000, 253402300799999, -62135596800000, INT64_MAX };
    struct odd o;
    struct hashed h;
    struct hash want;
    struct id id = id_new("pty", 1700000000000);
    const char *text = "a\nb'\"\\%\xf0\x9f\x98\x80";
    const char *json = "{\"k\": \"\xc3\xa9 \\\" \\\\\"}";

    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        err e = db_one(s, db, &ECHO, PARAMS(P_BOOL(i & 1), P_INT4(INT32_MIN), P_INT8(INT64_MIN), P_TEXT(text),
                                            P_BYTES("\0\xff\0", 3), P_TIME(times[i]), P_JSON(json)), &odd_shape, &o);
        is_err(s, e, ERR_OK, "values go there and back");
        ok(o.b == (i & 1) && o.i == INT32_MIN && o.n == INT64_MIN, "numbers");
        is_int(o.at, times[i], "time");
    }
    is_str(o.t, text, "odd text");
    is_hex(o.y.p, o.y.len, "00ff00", "bytes");
    is_str(o.j, json, "jsonb");
    is_err(s, db_one(s, db, &ECHO, PARAMS(P_BOOL(true), P_INT4(0), P_INT8(0), P_TEXT(""), P_BYTES("", 0),
                     P_TIME(INT64_MIN), P_JSON(NULL)), &odd_shape, &o), ERR_OK, "empty and null");
    ok(o.t && *o.t == '\0' && o.y.p && o.y.len == 0 && o.at == INT64_MIN && !o.j, "are told apart");
    is_err(s, db_one(s, db, &ECHO, PARAMS(P_BOOL(true), P_INT4(0), P_INT8(0), P_TEXT("\xff"), P_NULL(),
                     P_NULL(), P_NULL()), &odd_shape, &o), ERR_INTERNAL, "text that is not UTF-8");
    is_err(s, db_one(s, db, &ECHO, PARAMS(P_BOOL(true), P_INT4(0), P_INT8(0), P_NULL(), P_NULL(), P_TIME(INT64_MAX - 1),
                     P_NULL()), &odd_shape, &o), ERR_INTERNAL, "a time that PostgreSQL has not");
    is_err(s, db_one(s, db, &HASHES, PARAMS(P_BYTES("", 0), P_ID(id)), &hashed_shape, &h), ERR_OK, "hash and id");
    hash_parse("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &want);
    ok(hash_equal(&h.h, &want) && hash_equal(&h.none, &(struct hash){ 0 }), "of nothing, and zeros for null");
    is_str(h.id.text, id.text, "the id");
    is_err(s, db_one(s, db, &HASHES, PARAMS(P_HASH(&want), P_TEXT("pty_0123456789012345678901234567890123456789")),
                     &hashed_shape, &h), ERR_CORRUPT, "a text too long for an id");
    is_err(s, db_one(s, db, &SHORT_HASH, NO_PARAMS, &hashed_shape, &h), ERR_CORRUPT, "a hash of one byte");
}

static void test_arrays(struct scope *s, struct db *db)
{
    const bool b[] = { true, false, true };
    const int32_t i[] = { 1, -1, INT32_MAX };
    const int64_t n[] = { 1, -1, INT64_MIN }, at[] = { 5, INT64_MIN, INT64_MAX };
    const char *const t[] = { "{a,b}\"'\\", NULL, "" };
    const struct bytes y[] = { { (const uint8_t *)"\0\1", 2 }, { NULL, 0 }, { (const uint8_t *)"", 0 } };
    struct odd *rows;
    struct number number;
    size_t got;

    is_err(s, db_many(s, db, &UNNEST, PARAMS(P_BOOLS(b, 3), P_INT4S(i, 3), P_INT8S(n, 3), P_TEXTS(t, 3), P_BYTESS(y, 3),
                      P_TIMES(at, 3)), &odd_shape, &rows, &got), ERR_OK, "arrays of every kind");
    is_int((int64_t)got, 3, "three rows");
    for (size_t k = 0; k < 3; k++)
        ok(rows[k].b == b[k] && rows[k].i == i[k] && rows[k].n == n[k] && rows[k].at == at[k], "numbers of row %zu", k);
    is_str(rows[0].t, t[0], "odd text");
    ok(rows[1].t == NULL && strcmp(rows[2].t, "") == 0, "null text and empty text");
    is_hex(rows[0].y.p, rows[0].y.len, "0001", "bytes");
    ok(!rows[1].y.p && rows[2].y.p && rows[2].y.len == 0, "null bytes and empty bytes");
    is_err(s, db_one(s, db, &LENGTH, PARAMS(P_TEXTS(NULL, 0)), &number_shape, &number), ERR_OK, "an empty array");
    is_int(number.n, 0, "is empty, not null");
}

struct seen { int64_t rows, sum, stop_at; };

static err see(struct scope *s, void *arg, void *row)
{
    struct seen *seen = arg;
    const struct kept *k = row;

    seen->rows++;
    seen->sum += k->id + (int64_t)strlen(k->note);
    return seen->rows == seen->stop_at ? fail(s, ERR_GONE, "enough") : ERR_OK;
}

static void test_each(struct scope *s, struct db *db)
{
    struct seen seen = { 0 };
    struct kept row;
    size_t before = s->bytes;

    is_err(s, db_each(s, db, &SERIES, PARAMS(P_INT4(100000)), &kept_shape, &row, see, &seen), ERR_OK,
           "rows one by one");
    ok(seen.rows == 100000 && seen.sum == INT64_C(5000050000) + 300000, "all of them, %" PRId64, seen.sum);
    ok(s->bytes - before < 4096, "without keeping them");
    seen = (struct seen){ .stop_at = 10 };
    is_err(s, db_each(s, db, &SERIES, PARAMS(P_INT4(100000000)), &kept_shape, &row, see, &seen), ERR_GONE, "stopped");
    is_int(seen.rows, 10, "at once");
    ok(db_healthy(db), "and the connection is good");
    is_int(count(s, db), 0, "for the next statement");
    is_err(s, db_each(s, db, &DIVIDE, PARAMS(P_INT4(5)), &kept_shape, &row, see, &seen), ERR_INTERNAL,
           "an error on the way");
    is_int(count(s, db), 0, "leaves it good too");
}

/* One struct, one address, another text each time: nothing of the one before may be left. */
static void test_unnamed(struct scope *s, struct db *db)
{
    struct sql q = { DB_UNNAMED, "SELECT 7::bigint AS n" };
    struct number n = { 0 };
    struct kept row, *rows;
    struct seen seen = { 0 };
    size_t n_rows = 0;

    is_err(s, db_one(s, db, &q, NO_PARAMS, &number_shape, &n), ERR_OK, "a statement without a name");
    is_int(n.n, 7, "runs");
    q.text = "SELECT $1::bigint AS id, $2::text AS note UNION ALL SELECT $1 + 1, $2";
    is_err(s, db_many(s, db, &q, PARAMS(P_INT8(1), P_TEXT("x")), &kept_shape, &rows, &n_rows), ERR_OK,
           "so does another");
    ok(n_rows == 2 && rows[1].id == 2 && strcmp(rows[1].note, "x") == 0, "with its own parameters and columns");
    is_err(s, db_each(s, db, &q, PARAMS(P_INT8(1), P_TEXT("x")), &kept_shape, &row, see, &seen), ERR_OK, "by rows");
    is_int(seen.rows, 2, "too");
    q.text = "SELECT nothing FROM nowhere";
    is_err(s, db_do(s, db, &q, NO_PARAMS, NULL), ERR_INTERNAL, "a broken one fails");
    q.text = "SELECT 8::bigint AS n";
    is_err(s, db_one(s, db, &q, NO_PARAMS, &number_shape, &n), ERR_OK, "and the next is a new one");
    is_int(n.n, 8, "again");
    is_int(count(s, db), 0, "those with names are as they were");
}

static void test_transactions(struct scope *s, struct db *db)
{
    struct truth yes;

    is_err(s, db_begin(s, db), ERR_OK, "begins");
    is_err(s, insert(s, db, 1, "a"), ERR_OK, "writes");
    db_rollback(db);
    is_int(count(s, db), 0, "rolled back");
    is_err(s, db_begin(s, db), ERR_OK, "begins");
    is_err(s, insert(s, db, 1, "a"), ERR_OK, "writes");
    is_err(s, db_do(s, db, &SAVEPOINT, NO_PARAMS, NULL), ERR_OK, "a savepoint");
    is_err(s, insert(s, db, 1, "b"), ERR_CONFLICT, "a failure");
    is_err(s, db_savepoint_rollback(s, db), ERR_OK, "back to it");
    is_err(s, db_do(s, db, &SAVEPOINT, NO_PARAMS, NULL), ERR_OK, "another");
    is_err(s, insert(s, db, 2, "b"), ERR_OK, "a success");
    is_err(s, db_do(s, db, &RELEASE, NO_PARAMS, NULL), ERR_OK, "released");
    is_err(s, db_commit(s, db), ERR_OK, "commits");
    is_int(count(s, db), 2, "both are there");
    is_err(s, db_begin(s, db), ERR_OK, "begins");
    is_err(s, insert(s, db, 1, "c"), ERR_CONFLICT, "a failure");
    is_err(s, db_commit(s, db), ERR_INTERNAL, "is never committed over");
    db_rollback(db);
    is_err(s, db_begin_snapshot(s, db), ERR_OK, "a snapshot");
    is_int(count(s, db), 2, "reads");
    is_err(s, insert(s, db, 3, "c"), ERR_INTERNAL, "and refuses to write");
    db_rollback(db);
    ok(db_healthy(db), "is no reason to part");
    is_err(s, db_one(s, db, &SLEEP, PARAMS(P_INT4(0)), &truth_shape, &yes), ERR_OK, "goes on");
    is_err(s, db_do(s, db, &DELETE, NO_PARAMS, NULL), ERR_OK, "clean");
}

struct two { struct db *db; pthread_barrier_t *meet; int64_t first, second; int runs; err e; };

/* Locks its first row, meets the other, wants the other's: one of them is told 40P01. */
static err cross(struct scope *s, struct db *db, void *arg)
{
    struct two *t = arg;

    TRY(db_do(s, db, &TOUCH, PARAMS(P_INT8(t->first)), NULL));
    if (t->runs++ == 0)
        pthread_barrier_wait(t->meet);
    return db_do(s, db, &TOUCH, PARAMS(P_INT8(t->second)), NULL);
}

static void *cross_thread(void *arg)
{
    struct two *t = arg;
    struct scope s;

    scope_init(&s, 20000);
    t->e = db_transact(&s, t->db, cross, t);
    scope_free(&s);
    return NULL;
}

static void test_retry(struct scope *s, struct db *db, struct db *other)
{
    pthread_barrier_t meet;
    struct two a = { .db = db, .meet = &meet, .first = 1, .second = 2 };
    struct two b = { .db = other, .meet = &meet, .first = 2, .second = 1 };
    pthread_t thread;

    pthread_barrier_init(&meet, NULL, 2);
    is_err(s, insert(s, db, 1, "a"), ERR_OK, "one row");
    is_err(s, insert(s, db, 2, "b"), ERR_OK, "and another");
    pthread_create(&thread, NULL, cross_thread, &b);
    cross_thread(&a);
    pthread_join(thread, NULL);
    ok(a.e == ERR_OK && b.e == ERR_OK, "a deadlock is repeated");
    ok(a.runs + b.runs >= 3, "by the one that lost");       /* who may lose again before the other wakes up */
    pthread_barrier_destroy(&meet);
    is_err(s, db_begin(s, db), ERR_OK, "holds a row");
    is_err(s, db_do(s, db, &TOUCH, PARAMS(P_INT8(1)), NULL), ERR_OK, "locked");
    is_err(s, db_begin(s, other), ERR_OK, "another wants it");
    is_err(s, db_do(s, other, &LOCK_TIMEOUT, NO_PARAMS, NULL), ERR_OK, "for 20 ms");
    is_err(s, db_do(s, other, &LOCK, PARAMS(P_INT8(1)), NULL), ERR_BUSY, "and is told to try again");
    db_rollback(other);
    db_rollback(db);
    is_err(s, db_do(s, db, &DELETE, NO_PARAMS, NULL), ERR_OK, "clean");
}

static void test_deadline(struct scope *s, struct db *db, struct db *other)
{
    struct scope brief;
    struct truth yes;
    int64_t start = clock_monotonic_ms();

    scope_init(&brief, 150);
    is_err(&brief, db_one(&brief, db, &SLEEP, PARAMS(P_INT4(30)), &truth_shape, &yes), ERR_BUSY,
           "canceled at the deadline");
    ok(clock_monotonic_ms() - start < 5000, "not much later");
    ok(db_healthy(db), "the connection is good");
    is_err(&brief, db_one(&brief, db, &SLEEP, PARAMS(P_INT4(0)), &truth_shape, &yes), ERR_BUSY,
           "nothing starts after it");
    scope_free(&brief);
    is_int(count(s, db), 0, "and serves the next");
    is_err(s, insert(s, db, 1, "a"), ERR_OK, "a row");
    is_err(s, db_begin(s, other), ERR_OK, "held");
    is_err(s, db_do(s, other, &TOUCH, PARAMS(P_INT8(1)), NULL), ERR_OK, "by another");
    scope_init(&brief, 150);
    is_err(&brief, db_do(&brief, db, &TOUCH, PARAMS(P_INT8(1)), NULL), ERR_BUSY, "waiting for a lock ends too");
    scope_free(&brief);
    db_rollback(other);
    scope_init(&brief, 1000);
    is_err(&brief, db_begin(&brief, db), ERR_OK, "begins");
    is_err(&brief, insert(&brief, db, 2, "sleep1.5"), ERR_OK, "writes what takes its time at COMMIT");
    is_err(&brief, db_commit(&brief, db), ERR_OK, "which is not canceled");
    scope_free(&brief);
    is_int(count(s, db), 2, "and done");
    is_err(s, db_do(s, db, &DELETE, NO_PARAMS, NULL), ERR_OK, "clean");
}

struct killer { int32_t pid; const char *state, *query; bool done; };

/* Kills the backend as soon as it is seen doing what it should be killed in. */
static void *kill_thread(void *arg)
{
    struct killer *k = arg;
    struct truth *rows;
    struct db *db;
    struct scope s;
    size_t n;

    scope_init(&s, 10000);
    if (db_open(&s, dsn, "killer", &db) == ERR_OK) {
        while (!k->done && db_many(&s, db, &KILL, PARAMS(P_INT4(k->pid), P_TEXT(k->state), P_TEXT(k->query)),
                                   &truth_shape, &rows, &n) == ERR_OK) {
            k->done = n > 0;
            db_wait_notify(db, -1, 2);
        }
        db_close(db);
    }
    scope_free(&s);
    return NULL;
}

static pthread_t kill_during(struct db *db, struct killer *k, const char *query)
{
    pthread_t thread;

    *k = (struct killer){ .pid = db_backend_pid(db), .state = "active", .query = query };
    pthread_create(&thread, NULL, kill_thread, k);
    return thread;
}

static void test_losses(struct scope *s, struct db *db, struct db *other)
{
    struct killer k;
    struct truth yes;
    pthread_t thread = kill_during(db, &k, "SELECT pg_sleep%");

    is_err(s, db_one(s, db, &SLEEP, PARAMS(P_INT4(30)), &truth_shape, &yes), ERR_UNREACHABLE, "killed in a read");
    pthread_join(thread, NULL);
    ok(!db_healthy(db), "the connection knows");
    is_err(s, db_one(s, db, &SLEEP, PARAMS(P_INT4(0)), &truth_shape, &yes), ERR_UNREACHABLE, "and says so again");
    is_err(s, db_reopen(s, db), ERR_OK, "opened anew");

    is_err(s, db_begin(s, db), ERR_OK, "begins");
    is_err(s, insert(s, db, 1, "sleep30"), ERR_OK, "writes");
    thread = kill_during(db, &k, "COMMIT%");
    is_err(s, db_commit(s, db), ERR_UNKNOWN_OUTCOME, "killed in COMMIT");
    pthread_join(thread, NULL);
    db_rollback(db);
    is_err(s, db_reopen(s, db), ERR_OK, "opened anew");

    thread = kill_during(db, &k, "INSERT%");
    is_err(s, insert(s, db, 1, "sleep30"), ERR_UNKNOWN_OUTCOME, "killed in a write of its own");
    pthread_join(thread, NULL);
    is_err(s, db_reopen(s, db), ERR_OK, "opened anew");

    is_err(s, db_begin(s, db), ERR_OK, "begins");
    is_err(s, insert(s, db, 1, "a"), ERR_OK, "writes");
    is_err(s, db_one(s, other, &KILL_NOW, PARAMS(P_INT4(db_backend_pid(db))), &truth_shape, &yes), ERR_OK,
           "killed idle");
    is_err(s, db_commit(s, db), ERR_UNREACHABLE, "before COMMIT was sent: not done");
    is_err(s, db_reopen(s, db), ERR_OK, "opened anew");

    is_err(s, db_begin(s, db), ERR_OK, "begins");
    is_err(s, insert(s, db, 2, "warn"), ERR_OK, "writes");
    is_err(s, db_commit(s, db), ERR_UNKNOWN_OUTCOME, "a warning 01000 at COMMIT");
    ok(db_healthy(db), "costs no connection");
    is_err(s, insert(s, db, 3, "warn too"), ERR_UNKNOWN_OUTCOME, "nor one at a write of its own");
    is_int(count(s, db), 2, "both were done");
    is_err(s, db_do(s, db, &DELETE, NO_PARAMS, NULL), ERR_OK, "clean");
}

static void pipe_inserts(struct scope *s, struct db *db, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        char note[32];      /* dies before the pipeline runs */
        snprintf(note, sizeof note, "piped %" PRId64, i);
        if (db_pipe(s, db, &INSERT, PARAMS(P_INT8(i), P_TEXT(note))) != ERR_OK)
            ok(false, "%s", s->why.detail);
        memset(note, 'x', sizeof note - 1);
    }
}

static void test_pipes(struct scope *s, struct db *db)
{
    struct pipe_result results[202] = { [201].shape = &number_shape, [200].shape = &kept_shape };
    struct scope brief;
    struct kept *rows;

    is_err(s, db_pipe_run(s, db, NULL, 0), ERR_OK, "an empty pipeline");
    is_err(s, db_begin(s, db), ERR_OK, "begins");
    pipe_inserts(s, db, 0, 200);
    is_err(s, db_pipe(s, db, &GET, PARAMS(P_INT8(199))), ERR_OK, "reads its own");
    is_err(s, db_pipe(s, db, &COUNT, NO_PARAMS), ERR_OK, "and counts");
    is_err(s, db_pipe_run(s, db, results, 202), ERR_OK, "runs");
    rows = results[200].rows;
    ok(results[0].touched == 1 && results[200].n == 1 && strcmp(rows[0].note, "piped 199") == 0, "in order");
    is_int(((struct number *)results[201].rows)->n, 200, "each sees what came before");
    is_err(s, db_commit(s, db), ERR_OK, "commits");
    pipe_inserts(s, db, 200, 202);
    is_err(s, db_pipe(s, db, &INSERT, PARAMS(P_INT8(1), P_TEXT("twice"))), ERR_OK, "a conflict");
    pipe_inserts(s, db, 203, 205);
    is_err(s, db_pipe_run(s, db, NULL, 0), ERR_CONFLICT, "fails the pipeline");
    ok(db_healthy(db), "and not the connection");
    is_int(count(s, db), 200, "nothing of it was done");
    is_err(s, db_pipe(s, db, &BROKEN, NO_PARAMS), ERR_INTERNAL, "a broken statement is found when queued");
    scope_init(&brief, 100);
    is_err(&brief, db_pipe(&brief, db, &SLEEP, PARAMS(P_INT4(30))), ERR_OK, "one that sleeps");
    is_err(&brief, db_pipe(&brief, db, &COUNT, NO_PARAMS), ERR_OK, "and one behind");
    is_err(&brief, db_pipe_run(&brief, db, NULL, 0), ERR_BUSY, "end at the deadline");
    scope_free(&brief);
    ok(db_healthy(db), "with the connection in step");
    is_err(s, db_do(s, db, &DELETE, NO_PARAMS, NULL), ERR_OK, "clean");
}

static err copy_odd(struct scope *s, struct db *db, int64_t n)
{
    static const int64_t list[] = { 1, -2 };

    return db_copy_row(s, db, PARAMS(P_BOOL(n & 1), P_INT4((int32_t)n), P_INT8(n),
                                     n % 3 ? P_TEXT("t\t\\.\n") : P_NULL(), P_BYTES("\xff\0", 2), P_TIME(n),
                                     P_JSON("{}"), P_INT8S(list, 2)));
}

static void test_copy(struct scope *s, struct db *db)
{
    struct odd *rows;
    struct number number;
    int64_t n = 0;
    size_t got;
    err e = ERR_OK;

    is_err(s, db_copy_begin(s, db, &COPY_NOWHERE), ERR_INTERNAL, "a COPY into nothing");
    is_err(s, db_copy_begin(s, db, &GET), ERR_INTERNAL, "no COPY at all");
    is_err(s, db_copy_begin(s, db, &COPY), ERR_OK, "a COPY");
    for (int64_t i = 0; i < 20000 && e == ERR_OK; i++)
        e = copy_odd(s, db, i);
    is_err(s, e, ERR_OK, "of 20,000 rows");
    is_err(s, db_copy_end(s, db, true, &n), ERR_OK, "ends");
    is_int(n, 20000, "and counts");
    is_err(s, db_many(s, db, &ODD, NO_PARAMS, &odd_shape, &rows, &got), ERR_OK, "read back");
    ok(got == 20000 && rows[7].at == 7 && rows[7].b && strcmp(rows[7].t, "t\t\\.\n") == 0 && !rows[9].t &&
       rows[9].y.len == 2, "as they were");
    is_err(s, db_one(s, db, &ODD_LISTS, NO_PARAMS, &number_shape, &number), ERR_OK, "arrays too");
    is_int(number.n, 20000, "all of them");
    is_err(s, db_copy_begin(s, db, &COPY), ERR_OK, "another");
    is_err(s, copy_odd(s, db, 1), ERR_OK, "begun");
    is_err(s, db_copy_end(s, db, false, NULL), ERR_OK, "and given up");
    is_err(s, db_copy_begin(s, db, &COPY), ERR_OK, "one with a wrong row");
    is_err(s, db_copy_row(s, db, PARAMS(P_INT8(1))), ERR_OK, "sent");
    is_err(s, db_copy_end(s, db, true, NULL), ERR_INTERNAL, "is refused");
    is_err(s, db_one(s, db, &ODD_LISTS, NO_PARAMS, &number_shape, &number), ERR_OK, "the connection goes on");
    is_int(number.n, 20000, "with nothing more");
}

static void test_listen(struct scope *s, struct db *db, struct db *other)
{
    static const struct sql notify = { "t_notify", "SELECT pg_notify('odd \"name', '')" };
    int wake[2];

    if (pipe(wake) != 0)
        abort();
    is_err(s, db_listen(s, db, "odd \"name"), ERR_OK, "listens");
    ok(!db_wait_notify(db, wake[0], 10), "nothing yet");
    is_err(s, db_do(s, other, &notify, NO_PARAMS, NULL), ERR_OK, "told by another");
    ok(db_wait_notify(db, wake[0], 5000), "hears it");
    ok(!db_wait_notify(db, wake[0], 10), "once");
    ok(write(wake[1], "x", 1) == 1 && db_wait_notify(db, wake[0], 5000), "or is woken");
    close(wake[0]);
    close(wake[1]);
}

struct load { struct db_pool *pool; int rounds, good; };

static void *load_thread(void *arg)
{
    struct load *l = arg;

    for (int i = 0; i < l->rounds; i++) {
        struct scope s;
        struct db *db;
        struct number n;

        scope_init(&s, 20000);
        if (db_take(&s, l->pool, &db) == ERR_OK) {
            /* Half are given back in the middle of a transaction. */
            l->good += db_begin(&s, db) == ERR_OK && db_one(&s, db, &COUNT, NO_PARAMS, &number_shape, &n) == ERR_OK &&
                       (i % 2 == 0 || db_commit(&s, db) == ERR_OK);
            db_give(l->pool, db);
        }
        scope_free(&s);
    }
    return NULL;
}

static void test_pool(struct scope *s, struct db *other)
{
    struct load loads[16];
    pthread_t threads[16];
    struct db_pool *pool;
    struct db *a, *b, *c;
    struct scope brief;
    struct kept settings;
    struct truth yes;
    int good = 0;

    is_err(s, db_pool_open(s, dsn, "pooled", 2, &pool), ERR_OK, "a pool of two");
    for (int i = 0; i < 16; i++) {
        loads[i] = (struct load){ .pool = pool, .rounds = 50 };
        pthread_create(&threads[i], NULL, load_thread, &loads[i]);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
        good += loads[i].good;
    }
    is_int(good, 800, "serves 16 threads");
    is_err(s, db_take(s, pool, &a), ERR_OK, "one taken");
    is_err(s, db_take(s, pool, &b), ERR_OK, "the other taken");
    scope_init(&brief, 50);
    is_err(&brief, db_take(&brief, pool, &c), ERR_BUSY, "no third in time");
    scope_free(&brief);
    is_err(s, db_one(s, other, &KILL_NOW, PARAMS(P_INT4(db_backend_pid(a))), &truth_shape, &yes), ERR_OK,
           "one is killed");
    db_give(pool, b);
    db_give(pool, a);
    is_err(s, db_take(s, pool, &a), ERR_OK, "and replaced when it is taken again");
    is_err(s, db_one(s, a, &SETTINGS, NO_PARAMS, &note_shape, &settings), ERR_OK, "every connection");
    is_str(settings.note, "warning public, pg_temp UTC on 10s pooled", "has its settings");
    db_give(pool, a);
    db_pool_close(pool);
    is_err(s, db_pool_open(s, "host=/nonexistent dbname=none", "pooled", 1, &pool), ERR_OK, "a pool without a server");
    is_err(s, db_take(s, pool, &a), ERR_UNREACHABLE, "says so");
    is_err(s, db_take(s, pool, &a), ERR_UNREACHABLE, "each time");
    db_pool_close(pool);
}

int main(void)
{
    static const struct sql *const setup[] = { &DROP, &CREATE_KEPT, &CREATE_ODD, &SLEEPY, &TRIGGER };
    struct db *db, *other;
    struct scope s;

    dsn = getenv("COUNTERFOIL_TEST_DSN");
    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about the database was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (!is_err(&s, db_open(&s, dsn, "unit", &db), ERR_OK, "connects") ||
        !is_err(&s, db_open(&s, dsn, "unit", &other), ERR_OK, "twice"))
        return done_testing();
    for (size_t i = 0; i < ARRAY_LEN(setup); i++)
        is_err(&s, db_do(&s, db, setup[i], NO_PARAMS, NULL), ERR_OK, setup[i]->name);
    test_verbs(&s, db);
    test_bugs(&s, db);
    test_values(&s, db);
    test_arrays(&s, db);
    test_each(&s, db);
    test_unnamed(&s, db);
    test_transactions(&s, db);
    test_retry(&s, db, other);
    test_deadline(&s, db, other);
    test_losses(&s, db, other);
    test_pipes(&s, db);
    test_copy(&s, db);
    test_listen(&s, db, other);
    test_pool(&s, other);
    is_err(&s, db_do(&s, db, &DROP, NO_PARAMS, NULL), ERR_OK, "drops its tables");
    db_close(db);
    db_close(other);
    scope_free(&s);
    return done_testing();
}
