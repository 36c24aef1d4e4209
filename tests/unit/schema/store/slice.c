/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/slice.h"

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/slice.h"
#include "ledger/rules/split.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"
#include "schema/store/migrate.h"
#include "tests/unit/ledger/rules/random_filter.h"

/*
 * Against a real server, beside the database that COUNTERFOIL_TEST_DSN names (keyword form, by a role that may create
 * others): one whose collation is a language's, not the bytes'. There the SQL of slices must pick what the rules pick,
 * and weigh what they weigh.
 */
#define ITEMS    400
#define CONTENTS 150
#define ROUNDS   1500
#define PEOPLE   5
#define WEIGHTS  10000

struct row {
    const char *path, *media_type, *attributes_text, *contributors;
    struct hash sha256;
    int64_t size;
    json_t *attributes;
};

static const struct sql SEED = { "s_seed",
    "WITH p AS (INSERT INTO party (id, handle, roles, index, created_at)"
    "             SELECT 'pty_' || i, 'p' || i, '{publisher}', 1, now() FROM generate_series(0, 4) i RETURNING 1),"
    "     d AS (INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
    "             VALUES ('dts_1', 'p0', 'set', 'pty_0', '', '', 'text', '{}', '') RETURNING id)"
    " INSERT INTO version (id, dataset, publisher, state)"
    "   SELECT 'ver_' || i, d.id, 'pty_0', 'published' FROM d, generate_series(1, 2) i, (SELECT count(*) FROM p) c" };
static const struct sql ITEM_ADD = { "s_item",
    "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '\\x00000000000000000000000000000000')" };
static const struct sql PLACES = { "s_places",
    "SELECT count(*) AS n FROM item_contributor WHERE version = 1 AND place > 0" };

static const struct sql NAME = { "s_name", "SELECT current_database()::text || '_english' AS name" };
static const struct sql COLLATED = { "s_collated", "SELECT ('Z' > 'a' AND 'a' < 'B') AS english" };

struct name { const char *name; };
static const struct column name_columns[] = { COL(name, name, T_TEXT) };
static const struct shape name_shape = SHAPE(name, name_columns);

struct collated { bool english; };
static const struct column collated_columns[] = { COL(collated, english, T_BOOL) };
static const struct shape collated_shape = SHAPE(collated, collated_columns);

struct number { int64_t n; };
static const struct column number_columns[] = { COL(number, n, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);

struct picked { int32_t n; };
static const struct column picked_columns[] = { COL(picked, n, T_INT4) };
static const struct shape picked_shape = SHAPE(picked, picked_columns);

static bool is_err(struct scope *s, err got, err want, const char *name)
{
    bool good = got == want;

    ok(good, "%s", name);
    if (!good)
        printf("# got:  %s (%s)\n# want: %s\n", err_name(got), s->why.detail, err_name(want));
    scope_forgive(s);
    return good;
}

/* ---- the ground */

static int path_order(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    return strcmp(a->path, b->path);
}

static const char *canonical(struct scope *s, const json_t *v)
{
    struct bytes text;

    if (canon(s, v, &text) != ERR_OK)
        abort();
    return scope_strndup(s, (const char *)text.p, text.len);
}

/* Up to three contributors; one item in three declares none. */
static const char *contributors(struct scope *s, struct seeded *r)
{
    struct buf b = BUF(s);
    size_t n = seeded_below(r, 3) ? 1 + seeded_below(r, 3) : 0;

    buf_char(&b, '[');
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s{\"party\":\"pty_%d\",\"role\":\"author\",\"weight\":%d}", i ? "," : "",
                   (int)seeded_below(r, PEOPLE), 1 + (int)seeded_below(r, WEIGHTS));
    buf_char(&b, ']');
    return b.p;
}

static void make_rows(struct scope *s, struct seeded *r, struct row *rows)
{
    for (size_t i = 0; i < ITEMS; i++) {
        uint8_t content = (uint8_t)seeded_below(r, CONTENTS);

        rows[i] = (struct row){ .path = random_path(s, r, i), .sha256 = sha256_of(&content, 1), .size = content,
                                .media_type = seeded_below(r, 2) ? "text/plain" : "audio/wav",
                                .attributes = random_attributes(r), .contributors = contributors(s, r) };
        if (seeded_below(r, 8) == 0)
            rows[i].size = CONTENT_BYTES_MAX - content;
        rows[i].attributes_text = canonical(s, rows[i].attributes);
    }
    qsort(rows, ITEMS, sizeof *rows, path_order);
}

static err insert_rows(struct scope *s, struct db *db, int64_t version, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        TRY(db_do(s, db, &ITEM_ADD, PARAMS(P_INT8(version), P_INT4((int32_t)i), P_TEXT(rows[i].path),
                                           P_HASH(&rows[i].sha256), P_INT8(rows[i].size), P_TEXT(rows[i].media_type),
                                           P_TEXT(rows[i].attributes_text), P_TEXT(rows[i].contributors)), NULL));
    return ERR_OK;
}

static err fill(struct scope *s, struct db *db, const struct row *rows)
{
    TRY(migrate_apply(s, db, migrations, NULL));
    TRY(db_begin(s, db));
    TRY(db_do(s, db, &SEED, NO_PARAMS, NULL));
    TRY(insert_rows(s, db, 1, rows, ITEMS));
    TRY(insert_rows(s, db, 2, rows, 10));              /* whose items must never be picked */
    return db_commit(s, db);
}

/* ---- SQL and rules */

static void pick(struct scope *s, const struct slice *slice, const struct row *rows, uint32_t **numbers, size_t *n)
{
    struct slice_pick p = SLICE_PICK(s, slice);

    for (size_t i = 0; i < ITEMS; i++) {
        struct filter_item item = { rows[i].path, strlen(rows[i].path), rows[i].media_type, rows[i].size,
                                    rows[i].attributes };
        slice_pick_add(&p, &item, &rows[i].sha256);
    }
    slice_pick_end(&p, numbers, n);
}

static bool equal(struct scope *s, struct db *db, const struct slice *slice, const struct row *rows, size_t *n)
{
    struct slice_query q;
    struct sql sql = { DB_UNNAMED, NULL };
    struct picked *got;
    uint32_t *want;
    size_t n_got = 0;

    pick(s, slice, rows, &want, n);
    slice_compile(s, 1, slice, &q);
    sql.text = scope_printf(s, "SELECT q.n FROM (%s) AS q ORDER BY q.n", q.text);
    if (db_many(s, db, &sql, q.params, q.n, &picked_shape, &got, &n_got) != ERR_OK) {
        printf("# %s\n# %s\n", s->why.detail, sql.text);
        return false;
    }
    if (n_got != *n)
        return false;
    for (size_t i = 0; i < n_got; i++)
        if (got[i].n != (int32_t)want[i])
            return false;
    return true;
}

static struct slice random_slice(struct scope *s, struct seeded *r)
{
    struct slice slice = { .distinct = seeded_below(r, 4) == 0 };
    json_t *filter = random_filter(r, (unsigned)seeded_below(r, 4));

    if (seeded_below(r, 16) && filter_read(s, filter, "", &slice.filter) != ERR_OK)
        abort();
    json_decref(filter);
    if (seeded_below(r, 4) == 0) {
        slice.count = 1 + (int64_t)seeded_below(r, 300);
        slice.seed = scope_strdup(s, random_texts[1 + seeded_below(r, ARRAY_LEN(random_texts) - 1)]);
        slice.seed_len = strlen(slice.seed);
    }
    return slice;
}

static void test_equal(struct db *db, struct seeded *r, const struct row *rows)
{
    unsigned wrong = 0, telling = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct bytes text = { 0 };
        struct slice slice;
        struct scope s;
        size_t n = 0;

        scope_init(&s, 0);
        slice = random_slice(&s, r);
        if (!equal(&s, db, &slice, rows, &n)) {
            if (slice_canon(&s, &slice, &text) == ERR_OK && ++wrong <= 5)
                printf("# %.*s\n", (int)text.len, (const char *)text.p);
        }
        telling += n > 0 && n < ITEMS;
        scope_free(&s);
    }
    is_int(wrong, 0, "1,500 random slices are the same by SQL and by the rules");
    ok(telling > ROUNDS / 3, "%u of them are neither empty nor everything", telling);
}

/* The largest filter that is taken, and one whose every text is meant for the parser. */
static void test_large(struct scope *s, struct db *db, const struct row *rows)
{
    json_t *args = json_array(), *values = json_array(), *v;
    struct slice slice = { 0 };
    size_t n;

    for (int i = 0; i < FILTER_VALUES_MAX - FILTER_NODES_MAX + 2; i++)
        json_array_append_new(values, i % 3 ? json_integer(i) : json_real(i + 0.5));
    json_array_append_new(args, json_pack("{s:s, s:[{s:s}, o]}", "op", "in", "args", "property", "size", values));
    for (int i = 2; i < FILTER_NODES_MAX; i++)
        json_array_append_new(args, json_pack("{s:s, s:[{s:s}, s]}", "op", i % 2 ? "=" : "<>", "args", "property",
                                              "'); DROP TABLE item; --", "$1\\'\"; SELECT"));
    v = json_pack("{s:s, s:o}", "op", "or", "args", args);
    is_err(s, filter_read(s, v, "", &slice.filter), ERR_OK, "the largest filter");
    ok(equal(s, db, &slice, rows, &n) && n > 0, "runs, and picks the same %zu", n);
    json_decref(v);
}

/* ---- a slice that is kept */

struct rooted { struct frontier tree; struct buf leaf; int64_t n, bytes; };

static err add_leaf(struct scope *s, void *arg, void *row)
{
    struct rooted *r = arg;
    const struct item *i = row;

    (void)s;
    list_add_item(&r->tree, &r->leaf, i->path, strlen(i->path), &i->sha256, (uint64_t)i->size);
    r->n++;
    r->bytes += i->size;
    return ERR_OK;
}

static err make(struct scope *s, struct db *db, const struct slice *slice, struct kept_slice *k)
{
    struct rooted r = { .leaf = BUF(s) };
    struct bytes text;
    int64_t filled;

    TRY(slice_canon(s, slice, &text));
    *k = (struct kept_slice){ .version = 1, .request = scope_strndup(s, (const char *)text.p, text.len),
                              .digest = sha256_of(text.p, text.len), .whole = slice_whole(slice) };
    TRY(db_begin(s, db));
    TRY(slice_hold(s, db, 1, &k->digest, &k->no));
    TRY(slice_fill(s, db, k->no, 1, slice, &filled));
    TRY(slice_fill_each(s, db, k->no, 1, add_leaf, &r));
    k->root = frontier_root(&r.tree);
    k->item_count = r.n;
    k->bytes = r.bytes;
    if (filled != r.n)
        return fail(s, ERR_INTERNAL, "filled another number");
    TRY(slice_keep(s, db, k));
    return db_commit(s, db);
}

static struct hash root_of(struct scope *s, const struct slice *slice, const struct row *rows)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);
    uint32_t *numbers;
    size_t n;

    pick(s, slice, rows, &numbers, &n);
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &rows[numbers[i]];
        list_add_item(&tree, &leaf, row->path, strlen(row->path), &row->sha256, (uint64_t)row->size);
    }
    return frontier_root(&tree);
}

static void test_kept(struct scope *s, struct db *db, const struct row *rows, struct kept_slice *k,
                      struct slice *slice)
{
    json_t *v = json_pack("{s:s, s:{s:i, s:s}, s:{s:s, s:[{s:s}, i]}}", "distinct", "sha256", "sample", "count", 30,
                          "seed", "7", "filter", "op", ">", "args", "property", "size", 9);
    struct kept_slice found;
    struct hash root;
    struct item *items;
    bool has = false;
    size_t n = 0;

    is_err(s, slice_read(s, v, "", slice), ERR_OK, "a request");
    is_err(s, make(s, db, slice, k), ERR_OK, "is made");
    root = root_of(s, slice, rows);
    ok(hash_equal(&k->root, &root), "with the root that anyone computes");
    is_err(s, slice_find(s, db, 1, &k->digest, &found), ERR_OK, "and found");
    ok(found.no == k->no && hash_equal(&found.root, &root) && found.item_count == 30 && !found.whole &&
       strcmp(found.request, k->request) == 0 && found.bytes == k->bytes && found.created_at > 0, "as it is");
    is_err(s, slice_find(s, db, 2, &k->digest, &found), ERR_NOT_FOUND, "but not for another version");
    is_err(s, slice_items(s, db, k, -1, 20, &items, &n), ERR_OK, "a page of it");
    is_int((int64_t)n, 20, "is full");
    is_err(s, slice_items(s, db, k, items[19].n, 20, &items, &n), ERR_OK, "the next");
    is_int((int64_t)n, 10, "has what is left");
    is_err(s, slice_has(s, db, k->no, items[0].n, &has), ERR_OK, "whether it has an item");
    ok(has, "it has");
    is_err(s, slice_has(s, db, k->no, ITEMS, &has), ERR_OK, "another");
    ok(!has, "it hasn't");
    is_err(s, slice_get(s, db, k->no, &found), ERR_OK, "by its number");
    ok(hash_equal(&found.root, &root) && found.version == 1, "it is the same");
    is_err(s, make(s, db, slice, &found), ERR_CONFLICT, "it is kept once");
    db_rollback(db);
    json_decref(v);
}

static void test_whole(struct scope *s, struct db *db)
{
    struct kept_slice k = { .version = 1, .request = "{}", .digest = sha256_of("{}", 2), .whole = true,
                            .item_count = ITEMS, .bytes = 1 };
    struct item *items;
    size_t n = 0;

    is_err(s, db_begin(s, db), ERR_OK, "a whole version");
    is_err(s, slice_hold(s, db, 1, &k.digest, &k.no), ERR_OK, "gets a number");
    is_err(s, slice_keep(s, db, &k), ERR_OK, "and no rows of items");
    is_err(s, slice_items(s, db, &k, ITEMS - 3, 10, &items, &n), ERR_OK, "but has all of the version's");
    ok(n == 2 && items[1].n == ITEMS - 1, "to the last");
    db_rollback(db);
}

/* ---- contributors */

struct weighed { const struct split_part *parts; size_t n, at; unsigned wrong; };

static err compare(struct scope *s, void *arg, void *row)
{
    struct weighed *w = arg;
    const struct contributor_weight *c = row;

    (void)s;
    w->wrong += w->at >= w->n || strcmp(w->parts[w->at].creator, c->party) != 0 ||
                (int64_t)w->parts[w->at].weight != c->weight;
    w->at++;
    return ERR_OK;
}

static void add_contributors(struct split_table *t, enum split_rule rule, const struct row *row)
{
    json_t *list = json_loads(row->contributors, 0, NULL), *one;
    size_t i;

    if (json_array_size(list) == 0 && split_table_add(t, rule, "pty_0", 1, row->size) != ERR_OK)
        abort();
    json_array_foreach(list, i, one)
        if (split_table_add(t, rule, json_string_value(json_object_get(one, "party")),
                            json_integer_value(json_object_get(one, "weight")), row->size) != ERR_OK)
            abort();
    json_decref(list);
}

static void test_weights(struct scope *s, struct db *db, const struct row *rows, const struct kept_slice *k,
                         const struct slice *slice)
{
    struct number places = { 0 };
    int64_t filled = 0, more = 0;
    uint32_t *numbers;
    size_t n;

    is_err(s, contributors_fill(s, db, 1, 0, 100, &filled), ERR_OK, "contributors become rows");
    is_err(s, contributors_fill(s, db, 1, 100, ITEMS, &more), ERR_OK, "piece by piece");
    is_err(s, db_one(s, db, &PLACES, NO_PARAMS, &number_shape, &places), ERR_OK, "counted");
    is_int(filled + more - places.n, ITEMS, "at least one an item");
    ok(places.n > ITEMS / 4, "and more of many");
    is_err(s, contributors_fill(s, db, 1, 99, 100, &filled), ERR_CONFLICT, "once");
    pick(s, slice, rows, &numbers, &n);
    for (enum split_rule rule = 0; rule < SPLIT_RULES; rule++) {
        struct split_table t = SPLIT_TABLE(s);
        struct split_part *parts;
        struct weighed w = { 0 };

        for (size_t i = 0; i < n; i++)
            add_contributors(&t, rule, &rows[numbers[i]]);
        split_table_end(&t, &parts, &w.n);
        w.parts = parts;
        for (int again = 0; again < 2; again++)
            is_err(s, slice_weigh(s, db, k->no, rule == SPLIT_PER_BYTE), ERR_OK, again ? "and again" : "weighs it");
        is_err(s, slice_weighed(s, db, k->no, rule == SPLIT_PER_BYTE, compare, &w), ERR_OK, split_rule_name(rule));
        ok(w.wrong == 0 && w.at == w.n && w.n > 1, "weighs the same by SQL and by the rules, %zu contributors", w.n);
    }
}

static void test_forgotten(struct scope *s, struct db *db, const struct kept_slice *k)
{
    struct kept_slice found;
    bool gone = true;

    is_err(s, slice_forget(s, db, 0, &gone), ERR_OK, "looks for what is older");
    ok(!gone, "there is nothing");
    is_err(s, db_begin(s, db), ERR_OK, "but in a transaction");
    is_err(s, slice_forget(s, db, clock_wall_ms() + 60000, &gone), ERR_OK, "what nobody uses");
    ok(gone, "goes");
    is_err(s, db_commit(s, db), ERR_OK, "for good");
    is_err(s, slice_find(s, db, 1, &k->digest, &found), ERR_NOT_FOUND, "it is not found any more");
    is_err(s, slice_forget(s, db, clock_wall_ms() + 60000, &gone), ERR_OK, "once");
    ok(!gone, "only");
}

/* ---- the database */

static err run(struct scope *s, struct db *db, const char *text)
{
    struct sql q = { DB_UNNAMED, text };

    return db_do(s, db, &q, NO_PARAMS, NULL);
}

static err drop(struct scope *s, struct db *admin, const char *name)
{
    TRY(run(s, admin, scope_printf(s, "DROP DATABASE IF EXISTS %s", name)));
    TRY(run(s, admin, scope_printf(s, "DROP ROLE IF EXISTS %s_api", name)));
    return run(s, admin, scope_printf(s, "DROP ROLE IF EXISTS %s_worker", name));
}

static err create(struct scope *s, struct db *admin, const char *dsn, const char **name, struct db **db)
{
    struct name n;

    TRY(db_one(s, admin, &NAME, NO_PARAMS, &name_shape, &n));
    *name = n.name;
    TRY(drop(s, admin, n.name));
    TRY(run(s, admin, scope_printf(s, "CREATE DATABASE %s ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en'"
                                      " TEMPLATE template0", n.name)));
    return db_open(s, scope_printf(s, "%s dbname=%s", dsn, n.name), "unit", db);
}

static void test_all(struct scope *s, struct db *db)
{
    struct seeded r = seeded_start();
    struct collated c = { false };
    struct row rows[ITEMS];
    struct kept_slice kept;
    struct slice slice;

    make_rows(s, &r, rows);
    is_err(s, db_one(s, db, &COLLATED, NO_PARAMS, &collated_shape, &c), ERR_OK, "asks how texts compare");
    ok(c.english, "not by their bytes here");
    if (is_err(s, fill(s, db, rows), ERR_OK, "fills")) {
        test_equal(db, &r, rows);
        test_large(s, db, rows);
        test_kept(s, db, rows, &kept, &slice);
        test_whole(s, db);
        test_weights(s, db, rows, &kept, &slice);
        test_forgotten(s, db, &kept);
    }
    for (size_t i = 0; i < ITEMS; i++)
        json_decref(rows[i].attributes);
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN"), *name = "";
    struct db *admin, *db = NULL;
    struct scope s;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about slices in SQL was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (is_err(&s, db_open(&s, dsn, "unit", &admin), ERR_OK, "connects") &&
        is_err(&s, create(&s, admin, dsn, &name, &db), ERR_OK, "makes a database")) {
        test_all(&s, db);
        db_close(db);
        is_err(&s, drop(&s, admin, name), ERR_OK, "drops it");
        db_close(admin);
    }
    scope_free(&s);
    return done_testing();
}
