/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "schema/base/limits.h"
#include "schema/store/entry.h"
#include "schema/store/migrate.h"

/* Against a real server: COUNTERFOIL_TEST_DSN names a database that this test may fill. */
#define ENTRIES 25000
#define EVERY   9000      /* one of so many is rare */

static const struct sql FILL = { "e_fill",
    "INSERT INTO entry (index, type, bytes) SELECT i, CASE i % 9000 WHEN 7 THEN 'rare' ELSE 'usual' END, '{}'"
    "  FROM generate_series(0, 24999) i" };

/* Every rare entry once, in order, whatever the pages look like; gives how many pages it took. */
static int walk(struct scope *s, struct db *db, const char *type, int64_t limit, size_t *found)
{
    uint64_t from = 0, next;
    bool bounded = true, ordered = true;
    int64_t before = -1;
    int pages = 0;

    *found = 0;
    do {
        struct entry_row *rows;
        size_t n;

        if (!ok(entry_list(s, db, from, ENTRIES, type, limit, &rows, &n, &next) == ERR_OK, "page %d", pages))
            return 0;
        for (size_t i = 0; i < n; before = rows[i++].index)
            ordered = ordered && rows[i].index > before && rows[i].index >= (int64_t)from;
        bounded = bounded && next > from && next - from <= ENTRIES_LOOKED_AT && n <= (size_t)limit;
        *found += n;
        from = next;
    } while (++pages < ENTRIES && from < ENTRIES);
    ok(bounded, "no page reads more than it may");
    ok(ordered, "and none repeats another");
    return pages;
}

static void test_lists(struct scope *s, struct db *db)
{
    struct entry_row *rows;
    size_t n, found;
    uint64_t next;
    int pages = walk(s, db, "rare", 10, &found);

    ok(pages == (ENTRIES + ENTRIES_LOOKED_AT - 1) / ENTRIES_LOOKED_AT, "a rare type takes %d pages", pages);
    ok(found == ENTRIES / EVERY + 1, "and is found: %zu", found);
    walk(s, db, NULL, LIST_LIMIT_MAX, &found);
    ok(found == ENTRIES, "all of them: %zu", found);
    pages = walk(s, db, "rare", 1, &found);
    ok(found == ENTRIES / EVERY + 1, "one by one: %zu in %d pages", found, pages);
    ok(entry_list(s, db, ENTRIES, ENTRIES, NULL, 10, &rows, &n, &next) == ERR_OK && n == 0 && next == ENTRIES,
       "nothing lies behind the end");
    ok(entry_list(s, db, ENTRIES + 5, ENTRIES, NULL, 10, &rows, &n, &next) == ERR_OK && n == 0 && next == ENTRIES,
       "nor far behind it");
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN");
    struct scope s;
    struct db *db;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about lists of entries was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (ok(db_open(&s, dsn, "unit", &db) == ERR_OK, "connects")) {
        ok(migrate_apply(&s, db, migrations, NULL) == ERR_OK, "a schema of its own");
        ok(db_do(&s, db, &FILL, NO_PARAMS, NULL) == ERR_OK, "entries");
        test_lists(&s, db);
        db_close(db);
    }
    scope_free(&s);
    return done_testing();
}
