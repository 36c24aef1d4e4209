/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/migrate.h"
#include "tests/unit/tap.h"

/*
 * Against a real server: that a search reads what it finds, not the catalog. COUNTERFOIL_TEST_DSN names a database
 * that this test may fill.
 */
#define PAGES 200           /* of 8 KiB, read for a page of 20,000 datasets; they have thousands */

static const char FILL[] =
    "INSERT INTO party (id, handle, roles, index, created_at) VALUES ('pty_1', 'p1', '{publisher}', 1, now());"
    "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card, state)"
    " SELECT 'dts_' || lpad(n::text, 26, '0'), 'p1', 'd' || n, 'pty_1', 'Collection ' || n, 'A set of common things',"
    "        'text', '{en}', repeat('Much is said of it. ', 20) || CASE WHEN n % 1000 = 3 THEN ' okapi' ELSE '' END,"
    "        CASE WHEN n = 5003 THEN 'delisted' ELSE 'listed' END FROM generate_series(1, 20000) n;"
    "ANALYZE dataset";

/* The types of what every list is asked with, and values as a first page has them. */
#define TYPES "text, text, text, timestamptz, text," \
             " text[], text[], text, bigint, boolean, bigint, text, bigint, text, text"
#define VALUES "NULL, NULL, NULL, now(), NULL, NULL, NULL, 'EUR', NULL, false, -1, '%s', 11, NULL, 'okapi'"

struct line { const char *text; };
static const struct column line_columns[] = { { "QUERY PLAN", T_TEXT, offsetof(struct line, text) } };
static const struct shape line_shape = SHAPE(line, line_columns);

/* The whole plan as one text, and the pages that its top node has touched. */
static const char *explain(struct scope *s, struct db *db, const struct sql *q, const char *mode, long *pages)
{
    const char *first = strstr(q->name, "newest") ? "~" : "";
    struct buf text = BUF(s);
    struct sql run = { DB_UNNAMED, scope_printf(s, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF)"
                                                " EXECUTE %s(" VALUES ")", q->name, first) };
    struct line *lines;
    size_t n;

    *pages = 0;
    if (db_script(s, db, scope_printf(s, "SET plan_cache_mode = %s; DEALLOCATE ALL; PREPARE %s(" TYPES ") AS %s", mode,
                                      q->name, q->text)) != ERR_OK ||
        db_many(s, db, &run, NO_PARAMS, &line_shape, &lines, &n) != ERR_OK)
        return s->why.detail;
    for (size_t i = 0; i < n; i++) {
        const char *shared = strstr(lines[i].text, "Buffers: shared"), *part;

        if (shared && *pages == 0) {
            part = strstr(shared, "hit=");
            *pages += part ? strtol(part + 4, NULL, 10) : 0;
            part = strstr(shared, "read=");
            *pages += part ? strtol(part + 5, NULL, 10) : 0;
        }
        buf_printf(&text, "# %s\n", lines[i].text);
    }
    return text.p;
}

static void test_plans(struct scope *s, struct db *db)
{
    static const char *const modes[] = { "force_custom_plan", "force_generic_plan" };
    int searches = 0;

    for (size_t i = 0; i < DATASET_STATEMENTS; i++)
        for (size_t m = 0; strstr(dataset_sql[i].name, "_search_") && m < ARRAY_LEN(modes); m++) {
            long pages;
            const char *plan = explain(s, db, &dataset_sql[i], modes[m], &pages);
            bool indexed = strstr(plan, "Bitmap Index Scan on dataset_words") && !strstr(plan, "Seq Scan on dataset");

            searches++;
            ok(indexed, "%s, %s: finds by the index", dataset_sql[i].name, modes[m]);
            ok(pages > 0 && pages < PAGES, "%s, %s: touches %ld pages", dataset_sql[i].name, modes[m], pages);
            if (!indexed || pages <= 0 || pages >= PAGES)
                printf("%s", plan);
        }
    is_int(searches, 8, "each order of what is found");
}

static void test_found(struct scope *s, struct db *db)
{
    struct dataset_filter f = { .words = "okapi", .now = clock_wall_ms() };
    struct dataset_page p = { DATASET_RELEVANCE, -1, "", 7 };
    struct dataset_row *rows;
    size_t n, all = 0;
    bool rising = true;

    do {
        if (dataset_list(s, db, &f, &p, &rows, &n) != ERR_OK) {
            ok(false, "a page: %s", s->why.detail);
            return;
        }
        for (size_t i = 0; i < n; i++) {
            rising = rising && (rows[i].key > p.after_key || strcmp(rows[i].dataset.id.text, p.after) > 0);
            p.after_key = rows[i].key;
            p.after = rows[i].dataset.id.text;
        }
        all += n;
    } while (n == 7);
    ok(all == 19 && rising, "page by page all that holds the word and is listed, in order: %zu", all);
    f.words = "-okapi";
    ok(dataset_list(s, db, &f, &p, &rows, &n) == ERR_INVALID, "what names no word is refused, not searched for");
    scope_forgive(s);
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN");
    struct scope s;
    struct db *db;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about the catalog was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (db_open(&s, dsn, "test", &db) == ERR_OK) {
        ok(migrate_apply(&s, db, migrations, NULL) == ERR_OK && db_script(&s, db, FILL) == ERR_OK, "20,000 datasets");
        test_found(&s, db);
        test_plans(&s, db);
        db_close(db);
    } else {
        ok(false, "a database: %s", s.why.detail);
    }
    scope_free(&s);
    return done_testing();
}
