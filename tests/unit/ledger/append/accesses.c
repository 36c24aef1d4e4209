/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/append/ground.h"

/* Accesses: decided set-based, recorded once a window, each refusal its own. */

static const struct sql count_accesses = { "test_accesses", "SELECT count(*) AS n FROM access" };

#define ASKED 1200

static void test_window(struct append *a, struct db *db)
{
    static const struct sql age = { "test_age", "UPDATE access SET at = at - interval '24 hours 1 second'" };
    struct crowd c = CROWD;
    struct task t[3] = { 0 };

    access_submit(a, &c, &t[0], KEY_ID, LICENSE, "item/10", 5000);
    crowd_wait(&c);
    ok(t[0].e == ERR_OK && t[0].access.outcome == ACCESS_RECORDED, "a first access is recorded");
    ok(t[0].access.index < append_signed_size(a), "and signed when it is answered");
    ok(t[0].access.size == 10, "with the item's size");
    is_str(t[0].access.media_type, "text/plain", "and media type");
    struct hash want = sha256_of("10", 2);
    ok(hash_equal(&t[0].access.sha256, &want), "and hash");
    access_submit(a, &c, &t[1], KEY_ID, LICENSE, "item/10", 5000);
    crowd_wait(&c);
    ok(t[1].e == ERR_OK && t[1].access.outcome == ACCESS_IN_WINDOW, "a second one is in its window");
    is_int((int64_t)t[1].access.index, (int64_t)t[0].access.index, "and has its entry");
    run_sql(db, &age);
    access_submit(a, &c, &t[2], KEY_ID, LICENSE, "item/10", 5000);
    crowd_wait(&c);
    ok(t[2].e == ERR_OK && t[2].access.outcome == ACCESS_RECORDED && t[2].access.index > t[0].access.index,
       "after 24 hours it is recorded anew");
    tasks_free(t, 3);
}

static void test_refusals(struct append *a, struct db *db)
{
    static const char long_path[ITEM_PATH_MAX + 2] = { [0 ... ITEM_PATH_MAX] = 'x' };
    static const struct { const char *key, *license, *path; err want; } rows[] = {
        { KEY_ID, LICENSE, "item/20", ERR_OK },
        { "key_00000000000000000000000009", LICENSE, "item/21", ERR_UNAUTHENTICATED },
        { KEY_REVOKED, LICENSE, "item/22", ERR_UNAUTHENTICATED },
        { KEY_FOREIGN, LICENSE, "item/23", ERR_NOT_FOUND },
        { KEY_ID, "lic_00000000000000000000000009", "item/24", ERR_NOT_FOUND },
        { KEY_ID, LICENSE_END, "item/25", ERR_LICENSE_ENDED },
        { KEY_ID, LICENSE, "item/1", ERR_CONTENT_CORRUPT },
        { KEY_ID, LICENSE, "item/2", ERR_CONTENT_UNVERIFIED },
        { KEY_ID, LICENSE, "item/none", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, "'); DROP TABLE access; --", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, "{\"a\",NULL,\\\"}", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, "\xf0\x9f\x8d\x80/\xe2\x80\xae", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, "bad \xff utf-8", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, "", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, long_path, ERR_NOT_FOUND },
        { "key_1", LICENSE, "item/26", ERR_UNAUTHENTICATED },
        { KEY_ID, "'", "item/27", ERR_NOT_FOUND },
        { KEY_ID, LICENSE, "item/28", ERR_OK },
    };
    static struct task t[ARRAY_LEN(rows) + 1];
    struct crowd c = CROWD;
    int64_t before = number_of(db, &count_accesses);

    run_sql(db, &lock_log);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        access_submit(a, &c, &t[i], rows[i].key, rows[i].license, rows[i].path, 5000);
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        is_str(err_name(t[i].e), err_name(rows[i].want), rows[i].path[0] ? rows[i].path : "(empty path)");
    is_int(number_of(db, &count_accesses), before + 2, "only what was granted is recorded");
    tasks_free(t, ARRAY_LEN(rows));
    crowd_join(&c, &t[0], 5000);
    t[0].access = (struct append_access){ .scope = &t[0].scope, .key_id = KEY_ID, .license_id = LICENSE,
                                         .path = "item/29",
                                          .done = access_done, .arg = &t[0] };
    append_access_submit(a, &t[0].access);
    crowd_wait(&c);
    is_int(t[0].e, ERR_UNAUTHENTICATED, "another secret");
    tasks_free(t, 1);
}

static void test_many(struct append *a, struct db *db)
{
    static struct task t[ASKED];
    static char paths[ASKED][24];
    struct crowd c = CROWD;
    int64_t before = number_of(db, &count_accesses);
    size_t recorded = 0;
    bool good = true;

    run_sql(db, &lock_log);
    for (size_t i = 0; i < ASKED; i++) {
        snprintf(paths[i], sizeof paths[i], "item/%zu", 100 + i / 2);     /* each item twice */
        access_submit(a, &c, &t[i], KEY_ID, LICENSE, paths[i], 10000);
    }
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    for (size_t i = 0; i < ASKED; i++) {
        good = good && t[i].e == ERR_OK && t[i].access.index == t[i ^ 1].access.index;
        recorded += t[i].access.outcome == ACCESS_RECORDED;
    }
    ok(good && recorded == ASKED / 2, "%d accesses, each item asked twice, share entries", ASKED);
    is_int(number_of(db, &count_accesses), before + ASKED / 2, "one row for each");
    ok(tree_sound(db), "the tree is sound over several tiles");
    tasks_free(t, ASKED);
}

static void test_with_operations(struct append *a, struct db *db)
{
    static const struct sql revoke = { "test_revoke", "UPDATE api_key SET revoked_at = now() WHERE id = '" KEY_ID "'" };
    static const struct sql restore = { "test_restore",
                                       "UPDATE api_key SET revoked_at = NULL WHERE id = '" KEY_ID "'" };
    struct task t[4] = { 0 };
    struct crowd c = CROWD;

    run_sql(db, &lock_log);
    t[0].entries = 1;
    task_submit(a, &c, &t[0], 60000);
    ok(lock_waited_for(db), "a batch waits for the lock");
    t[1].entries = 3;
    access_submit(a, &c, &t[2], KEY_ID, LICENSE, "item/30", 60000);
    task_submit(a, &c, &t[1], 60000);
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    ok(t[1].e == ERR_OK && t[2].e == ERR_OK && t[2].access.index == t[1].op.first_index + 3,
       "operations come before accesses in a batch");
    run_sql(db, &lock_log);
    access_submit(a, &c, &t[3], KEY_ID, LICENSE, "item/31", 60000);
    ok(lock_waited_for(db), "an access waits for the lock");
    run_sql(db, &revoke);
    run_sql(db, &unlock_log);
    crowd_wait(&c);
    is_int(t[3].e, ERR_UNAUTHENTICATED, "a key revoked while its access waited for the lock");
    run_sql(db, &restore);
    tasks_free(t, 4);
}

int main(int argc, char **argv)
{
    struct ground g;
    struct append *a;
    struct db *db;

    ground_signer(argc, argv);
    log_open("test", LOG_INFO);
    if (!ground_up(&g))
        return done_testing();
    a = ground_append(&g, true);
    db = session(&g);
    test_window(a, db);
    test_refusals(a, db);
    test_many(a, db);
    test_with_operations(a, db);
    append_close(a, 2000);
    ok(tree_sound(db), "the tree is sound");
    db_close(db);
    ground_down(&g);
    return done_testing();
}
