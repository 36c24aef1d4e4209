/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/random.h"
#include "tests/unit/ledger/append/ground.h"

/*
 * Backends are terminated at random moments, in COMMIT too, under two committers
 * in one process and a signer that is killed now and then. Whoever is not answered
 * repeats with the same key; in the end every wish is there exactly once.
 */
#define CLIENTS 12
#define WISHES  40
#define TRIES   200

static const struct sql cut_sql = {
    "test_cut", "SELECT count(pg_terminate_backend(pid)) AS n FROM"
    " (SELECT pid FROM pg_stat_activity WHERE application_name = 'test' AND datname = current_database()"
    "   ORDER BY random() LIMIT 1) p" };
static const struct sql count_marks = { "test_marks", "SELECT count(*) AS n FROM mark" };
static const struct sql count_entries = { "test_entries", "SELECT count(*) AS n FROM entry" };
static const struct sql count_wrong = {
    "test_wrong", "SELECT count(*) AS n FROM mark m LEFT JOIN entry e ON e.index = m.n"
                  " WHERE e.type IS DISTINCT FROM 'offer.withdrawn'" };
static const struct sql count_accesses = { "test_accesses", "SELECT count(*) AS n FROM access" };

struct client {
    pthread_t thread;
    struct append *a;
    int no;
    uint64_t index[WISHES];
    int64_t access_index[WISHES];
    int unknown, not_done, failed;
};

static void count(struct client *c, err e)
{
    c->unknown += e == ERR_UNKNOWN_OUTCOME;
    c->not_done += e == ERR_BUSY || e == ERR_UNREACHABLE;
    c->failed += e != ERR_OK && e != ERR_UNKNOWN_OUTCOME && e != ERR_BUSY && e != ERR_UNREACHABLE;
}

static err wish(struct client *c, int i)
{
    struct crowd crowd = CROWD;
    struct task t = { .entries = 1 };
    char mark[32];
    err e;

    snprintf(mark, sizeof mark, "c%d-%d", c->no, i);
    snprintf(t.key, sizeof t.key, "key-%s", mark);
    t.mark = mark;
    task_submit(c->a, &crowd, &t, 3000);
    crowd_wait(&crowd);
    e = t.e;
    if (e == ERR_OK)
        c->index[i] = t.op.first_index;
    count(c, e);
    if (e != ERR_OK && err_fault(e) != FAULT_RETRY)
        log_why(LOG_ERROR, mark, &t.scope);
    scope_free(&t.scope);
    return e;
}

static err fetch(struct client *c, int i)
{
    struct crowd crowd = CROWD;
    struct task t = { 0 };
    char path[32];
    err e;

    snprintf(path, sizeof path, "item/%d", 100 + c->no * WISHES + i);
    access_submit(c->a, &crowd, &t, KEY_ID, LICENSE, path, 3000);
    crowd_wait(&crowd);
    e = t.e;
    if (e == ERR_OK)
        c->access_index[i] = (int64_t)t.access.index;
    count(c, e);
    scope_free(&t.scope);
    return e;
}

static void *client_main(void *arg)
{
    struct client *c = arg;

    for (int i = 0; i < WISHES; i++) {
        for (int tries = 0; wish(c, i) != ERR_OK && tries < TRIES; tries++)
            usleep(10000);
        for (int tries = 0; fetch(c, i) != ERR_OK && tries < TRIES; tries++)
            usleep(10000);
    }
    return NULL;
}

struct at { const char *id; int64_t n; };
static const struct column at_columns[] = { COL(at, id, T_TEXT), COL(at, n, T_INT8) };
static const struct shape at_shape = SHAPE(at, at_columns);
static const struct sql marks_sql = { "test_mark_rows", "SELECT id, n FROM mark" };

static bool acknowledged_are_there(struct db *db, struct client *clients)
{
    struct at *rows;
    struct scope s;
    size_t n;
    bool good;

    scope_init(&s, 0);
    good = db_many(&s, db, &marks_sql, NO_PARAMS, &at_shape, &rows, &n) == ERR_OK && n == CLIENTS * WISHES;
    for (size_t i = 0; good && i < n; i++) {
        char *dash;
        long client = strtol(rows[i].id + 1, &dash, 10), no = strtol(dash + 1, NULL, 10);

        good = *dash == '-' && client >= 0 && client < CLIENTS && no >= 0 && no < WISHES &&
               clients[client].index[no] == (uint64_t)rows[i].n;
    }
    scope_free(&s);
    return good;
}

static bool finished(struct client *clients, struct db *db)
{
    (void)clients;
    return number_of(db, &count_marks) == CLIENTS * WISHES && number_of(db, &count_accesses) >= CLIENTS * WISHES;
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS];
    struct ground g;
    struct append *a[2];
    struct append_state state;
    struct db *db;
    int cuts = 0, unknown = 0, not_done = 0, failed = 0;

    ground_signer(argc, argv);
    log_open("test", LOG_ERROR);
    if (!ground_up(&g))
        return done_testing();
    a[0] = ground_append(&g, true);
    a[1] = ground_append(&g, true);
    db = session(&g);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].a = a[i % 2];
        clients[i].no = i;
        pthread_create(&clients[i].thread, NULL, client_main, &clients[i]);
    }
    for (int i = 0; i < 1500 && !finished(clients, db); i++) {
        uint16_t noise;

        random_bytes(&noise, sizeof noise);
        usleep(500 + noise % 20000);
        cuts += (int)number_of(db, &cut_sql);
        if (i % 40 == 39) {
            signer_stop(&g);
            signer_start(&g);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        unknown += clients[i].unknown;
        not_done += clients[i].not_done;
        failed += clients[i].failed;
    }
    printf("# %d backends terminated, %d outcomes unknown, %d not done\n", cuts, unknown, not_done);
    is_int(failed, 0, "no other failure");
    is_int(number_of(db, &count_marks), CLIENTS * WISHES, "every wish is there once");
    is_int(number_of(db, &count_entries), 2 + CLIENTS * WISHES + number_of(db, &count_accesses), "and so is its entry");
    is_int(number_of(db, &count_wrong), 0, "at the index that it was given");
    ok(acknowledged_are_there(db, clients), "which is the one that was acknowledged");
    is_int(number_of(db, &count_accesses), CLIENTS * WISHES, "every access is recorded once");
    ok(tree_sound(db), "the tree is sound");
    for (int i = 0; i < 2; i++) {
        append_state(a[i], &state);
        ok(!state.halted, "nothing halted %s", state.halt_why);
        append_close(a[i], 2000);
    }
    db_close(db);
    ground_down(&g);
    return done_testing();
}
