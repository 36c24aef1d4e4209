/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The ground of this room's tests: a fresh database beside the one that
 * COUNTERFOIL_TEST_DSN names (keyword form, by a role that may create databases), a real
 * signer process, an opened log, one publisher's items under one buyer's license.
 * The program is its own signer: `main` begins with ground_signer().
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ledger/append/append.h"
#include "ledger/append/ask.h"
#include "ledger/append/genesis.h"
#include "ledger/keys/sha256.h"
#include "ledger/signer/program.h"
#include "ledger/tree/tile.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/log.h"
#include "schema/store/migrate.h"
#include "tests/unit/tap.h"

#define ITEMS 2000
#define KEY_ID      "key_00000000000000000000000001"
#define KEY_REVOKED "key_00000000000000000000000002"
#define KEY_FOREIGN "key_00000000000000000000000003"
#define CLEARANCE   "clr_00000000000000000000000001"
#define LICENSE     "lic_00000000000000000000000001"
#define LICENSE_END "lic_00000000000000000000000002"

struct ground {
    struct scope scope;
    char *admin, *dsn, *name, *dir, *socket;
    pid_t signer;
};

/* Not static: a shared `static` would be unused in some of the programs. */
__attribute__((unused)) static void ground_signer(int argc, char **argv)
{
    keys_init();
    if (argc > 1 && strcmp(argv[1], "signer") == 0)
        exit(signer_program(argc - 1, argv + 1));
}

__attribute__((unused)) static int ran(const char *const argv[])
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);      /* not by stdio: what the parent has buffered is its own */

        if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
            _exit(126);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

__attribute__((unused)) static void sql(const char *dsn, const char *text)
{
    const char *const argv[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", text, NULL };

    if (ran(argv) != 0) {
        fprintf(stderr, "psql failed: %s\n", text);
        abort();
    }
}

__attribute__((unused)) static void signer_start(struct ground *g)
{
    g->signer = fork();
    if (g->signer == 0) {
        const char *const argv[] = { "/proc/self/exe", "signer", "serve", "--dir",
                                     scope_printf(&g->scope, "%s/log", g->dir),
                               "--socket", g->socket, NULL };
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    for (int i = 0; i < 500 && access(g->socket, F_OK) != 0; i++)
        usleep(10000);
}

__attribute__((unused)) static void signer_stop(struct ground *g)
{
    if (g->signer <= 0)
        return;
    kill(g->signer, SIGKILL);
    waitpid(g->signer, NULL, 0);
    unlink(g->socket);
    g->signer = 0;
}

__attribute__((unused)) static bool ground_make(struct ground *g)
{
    static int grounds;
    const char *admin = getenv("COUNTERFOIL_TEST_DSN");
    char dir[] = "/tmp/cf-append-XXXXXX";

    *g = (struct ground){ 0 };
    scope_init(&g->scope, 0);
    if (!admin) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set");
        return false;
    }
    if (!mkdtemp(dir))
        abort();
    g->admin = scope_strdup(&g->scope, admin);
    g->dir = scope_strdup(&g->scope, dir);
    g->socket = scope_printf(&g->scope, "%s/s", dir);
    g->name = scope_printf(&g->scope, "cf_append_%d_%d", (int)getpid(), grounds++);
    g->dsn = scope_printf(&g->scope, "%s dbname=%s", admin, g->name);
    const char *const init[] = { "/proc/self/exe", "signer", "init", "--origin", "test.example/log",
                           "--dir", scope_printf(&g->scope, "%s/log", dir), NULL };
    if (ran(init) != 0)
        abort();
    signer_start(g);
    return true;
}

__attribute__((unused)) static void ground_database(struct ground *g)
{
    struct scope s;
    struct db *db;

    sql(g->admin, scope_printf(&g->scope, "CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0", g->name));
    scope_init(&s, 0);
    if (db_open(&s, g->dsn, "test", &db) != ERR_OK || migrate_apply(&s, db, migrations, NULL) != ERR_OK) {
        log_why(LOG_ERROR, "apply", &s);
        abort();
    }
    db_close(db);
    scope_free(&s);
}

__attribute__((unused)) static void ground_seed(struct ground *g)
{
    sql(g->dsn,
        "INSERT INTO party (id, handle, roles, index, created_at) VALUES"
        " ('pty_pub', 'pub', '{publisher}', 1, now()), ('pty_buy', 'buy', '{buyer}', 1, now()),"
        " ('pty_foe', 'foe', '{buyer}', 1, now());"
        "INSERT INTO api_key (id, party, digest, label, scopes, revoked_at) VALUES"
        " ('" KEY_ID "', 'pty_buy', sha256('secret'), '', '{read}', NULL),"
        " ('" KEY_REVOKED "', 'pty_buy', sha256('secret'), '', '{read}', now()),"
        " ('" KEY_FOREIGN "', 'pty_foe', sha256('secret'), '', '{read}', NULL);"
        "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card) VALUES"
        " ('dts_1', 'pub', 'set', 'pty_pub', '', '', 'text', '{}', '');"
        "INSERT INTO version (id, dataset, publisher, state) VALUES ('ver_1', 'dts_1', 'pty_pub', 'published');"
        "INSERT INTO content (sha256, size, state)"
        " SELECT sha256(i::text::bytea), i, CASE i WHEN 1 THEN 'corrupt' WHEN 2 THEN 'unverified' ELSE 'verified' END"
        "   FROM generate_series(0, 1999) i;"
        "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
        " SELECT 1, i, 'item/' || i, sha256(i::text::bytea), i, 'text/plain', '{}', '[]',"
        "  '\\x00000000000000000000000000000000'"
        "   FROM generate_series(0, 1999) i;"
        "INSERT INTO slice (no, version, request, digest, whole, root, item_count, bytes)"
        " VALUES (1, 1, '{}', sha256('{}'), true, sha256(''), 1, 1);"
        "INSERT INTO offer (id, revision, version, publisher, terms, split, fee, amount, currency, index, created_at)"
        " VALUES ('ofr_1', 1, 1, 'pty_pub', '{\"permission\":[{\"constraint\":[{\"leftOperand\":\"dateTime\","
        "\"rightOperand\":{\"@value\":\"2100-01-01T00:00:00Z\"}}]}]}', '{}', '{}', 0, 'EUR', 1, now());"
        "INSERT INTO quote (id, buyer, offer, revision, version, purpose, territory, valid_from, valid_until, slice,"
        " slice_root, item_count, bytes, amount, currency, expires_at, created_at)"
        " SELECT 'qte_' || i, 'pty_buy', 'ofr_1', 1, 1, 'pretraining', 'WORLD', now(), now() + '1 year', '{}',"
        "  sha256(''), 1, 1, 0, 'EUR', now(), now() FROM generate_series(1, 2) i;"
        "INSERT INTO license (id, quote, offer, revision, version, publisher, buyer, purpose, territory, valid_from,"
        " valid_until, slice, slice_root, item_count, amount, currency, payment, document, state, index, granted_at,"
        " slice_no)"
        " SELECT 'lic_0000000000000000000000000' || i, 'qte_' || i, 'ofr_1', 1, 1, 'pty_pub', 'pty_buy', 'pretraining',"
        "  'WORLD', now() - interval '1 day', now() + interval '1 year', '{}', sha256(''), 1, 0, 'EUR', 'pay_1',"
        "  sha256(''),"
        "  CASE i WHEN 1 THEN 'active' ELSE 'ended' END, 1, now(), 1 FROM generate_series(1, 2) i;"
        "INSERT INTO clearance (id, license, territory, model_class, requested_at, seed, state, as_of, evaluated_at,"
        " valid_until, cleared, counts, rows_root, document, index)"
        " VALUES ('" CLEARANCE "', 1, 'WORLD', 'generative', now(), sha256('seed'), 'cleared', 1, now(),"
        "  now() + '1 day', 2000, '{}', sha256(''), sha256('clearance'), 1);"
        "CREATE TABLE mark (id text PRIMARY KEY, n bigint NOT NULL);");
}

__attribute__((unused)) static err ground_open(struct ground *g, struct scope *s)
{
    struct genesis first = {
        .dsn = g->dsn, .application = "test", .signer_socket = g->socket,
        .handle = "op", .name = "Operator", .key = id_new("key", clock_wall_ms()),
    };

    TRY(genesis_begin(s, &first));
    return genesis_finish(s, &first);
}

__attribute__((unused)) static struct append *ground_append(struct ground *g, bool with_signer)
{
    struct append_config config = { g->dsn, "test", with_signer ? g->socket : NULL };
    struct append *a = NULL;
    struct scope s;

    scope_init(&s, 0);
    if (append_open(&s, &config, &a) != ERR_OK) {
        log_why(LOG_ERROR, "append_open", &s);
        abort();
    }
    scope_free(&s);
    return a;
}

/* The whole ground, or false (said) without a database. */
__attribute__((unused)) static bool ground_up(struct ground *g)
{
    struct scope s;

    if (!ground_make(g))
        return false;
    ground_database(g);
    scope_init(&s, 0);
    if (ground_open(g, &s) != ERR_OK) {
        log_why(LOG_ERROR, "open", &s);
        abort();
    }
    scope_free(&s);
    ground_seed(g);
    return true;
}

__attribute__((unused)) static void ground_down(struct ground *g)
{
    const char *const remove[] = { "rm", "-rf", g->dir, NULL };

    signer_stop(g);
    sql(g->admin, scope_printf(&g->scope, "DROP DATABASE IF EXISTS %s", g->name));
    sql(g->admin, scope_printf(&g->scope, "DROP ROLE IF EXISTS %s_api, %s_worker", g->name, g->name));
    ran(remove);
    scope_free(&g->scope);
}

/* ---- a session of the test's own */

__attribute__((unused)) static struct db *session(struct ground *g)
{
    struct db *db;
    struct scope s;

    scope_init(&s, 0);
    if (db_open(&s, g->dsn, "tester", &db) != ERR_OK)
        abort();
    scope_free(&s);
    return db;
}

struct number { int64_t n; };
static const struct column number_columns[] = { COL(number, n, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);

__attribute__((unused)) static int64_t number_of(struct db *db, const struct sql *q)
{
    struct number row = { -1 };
    struct scope s;

    scope_init(&s, 0);
    if (db_one(&s, db, q, NO_PARAMS, &number_shape, &row) != ERR_OK) {
        log_why(LOG_ERROR, q->name, &s);
        abort();
    }
    scope_free(&s);
    return row.n;
}

__attribute__((unused)) static void run_sql(struct db *db, const struct sql *q)
{
    struct scope s;

    scope_init(&s, 0);
    if (db_do(&s, db, q, NO_PARAMS, NULL) != ERR_OK) {
        log_why(LOG_ERROR, q->name, &s);
        abort();
    }
    scope_free(&s);
}

/* ---- operations and accesses that are waited for together */

struct crowd { pthread_mutex_t lock; pthread_cond_t all; size_t waiting; };
#define CROWD { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

struct task {
    struct append_op op;
    struct append_access access;
    struct append_wait wait;
    struct scope scope;
    struct crowd *crowd;
    size_t entries;              /* to append */
    const char *mark;            /* id to insert into `mark`; NULL: none */
    const struct sql *also;      /* to run first */
    err refuse;                  /* at the end */
    char key[64];
    err e;
    int decided;
    bool done;
    int64_t took_ms;
};

__attribute__((unused)) static void crowd_done(struct task *t, err e)
{
    struct crowd *c = t->crowd;

    pthread_mutex_lock(&c->lock);
    if (t->done)
        abort();                 /* called back twice */
    t->e = e;
    t->done = true;
    t->took_ms += clock_monotonic_ms();
    c->waiting--;
    pthread_cond_broadcast(&c->all);
    pthread_mutex_unlock(&c->lock);
}

__attribute__((unused)) static void op_done(struct append_op *op, err e)         { crowd_done(op->arg, e); }
__attribute__((unused)) static void access_done(struct append_access *x, err e)  { crowd_done(x->arg, e); }
__attribute__((unused)) static void wait_done(struct append_wait *w, err e)      { crowd_done(w->arg, e); }

static const struct sql mark_sql = { "test_mark", "INSERT INTO mark (id, n) VALUES ($1, $2)" };

__attribute__((unused)) static err task_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct task *task = arg;
    uint64_t index = 0;

    task->decided++;
    if (task->also)
        TRY(db_do(s, t->db, task->also, NO_PARAMS, NULL));
    for (size_t i = 0; i < task->entries; i++) {
        struct id offer = id_new("ofr", t->at_ms);
        struct named_value values[] = { { "offer", EV_TEXT(offer.text) }, { "revision", EV_COUNT(i + 1) } };

        TRY(append_entry(s, t, ENTRY_OFFER_WITHDRAWN, values, ARRAY_LEN(values), &index));
    }
    if (task->mark)
        TRY(db_do(s, t->db, &mark_sql, PARAMS(P_TEXT(task->mark), P_INT8((int64_t)index)), NULL));
    if (task->refuse != ERR_OK)
        return fail(s, task->refuse, "refused by the test");
    t->op->status = 201;
    t->op->answer = scope_printf(s, "{\"index\":%llu}", (unsigned long long)index);
    return ERR_OK;
}

__attribute__((unused)) static void crowd_join(struct crowd *c, struct task *t, int64_t timeout_ms)
{
    scope_init(&t->scope, timeout_ms);
    t->crowd = c;
    t->took_ms = -clock_monotonic_ms();
    pthread_mutex_lock(&c->lock);
    c->waiting++;
    pthread_mutex_unlock(&c->lock);
}

__attribute__((unused)) static void task_submit(struct append *a, struct crowd *c, struct task *t, int64_t timeout_ms)
{
    crowd_join(c, t, timeout_ms);
    t->op.scope = &t->scope;
    t->op.decide = task_decide;
    t->op.done = op_done;
    t->op.arg = t;
    if (*t->key) {
        t->op.idempotent.party = "pty_buy";
        t->op.idempotent.key = t->key;
    }
    append_submit(a, &t->op);
}

__attribute__((unused)) static void access_submit(struct append *a, struct crowd *c, struct task *t, const char *key,
                                                  const char *license, const char *path, int64_t timeout_ms)
{
    crowd_join(c, t, timeout_ms);
    t->access.scope = &t->scope;
    t->access.key_id = key;
    t->access.key_digest = sha256_of("secret", 6);
    t->access.license_id = license;
    t->access.path = path;
    t->access.done = access_done;
    t->access.arg = t;
    append_access_submit(a, &t->access);
}

__attribute__((unused)) static void crowd_wait(struct crowd *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->waiting > 0)
        pthread_cond_wait(&c->all, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

__attribute__((unused)) static void tasks_free(struct task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scope_free(&tasks[i].scope);
    memset(tasks, 0, n * sizeof *tasks);
}

__attribute__((unused)) static size_t crowd_left(struct crowd *c)
{
    size_t waiting;

    pthread_mutex_lock(&c->lock);
    waiting = c->waiting;
    pthread_mutex_unlock(&c->lock);
    return waiting;
}

/* Until so many of the crowd are left, or for long; whether so many are. */
__attribute__((unused)) static bool crowd_shrinks(struct crowd *c, size_t to)
{
    for (int i = 0; i < 3000 && crowd_left(c) > to; i++)
        usleep(10000);
    return crowd_left(c) == to;
}

static const struct sql lock_log = { "test_lock", "SELECT pg_advisory_lock(4201)" };
static const struct sql unlock_log = { "test_unlock", "SELECT pg_advisory_unlock(4201)" };
static const struct sql at_the_lock = {
    "test_at_the_lock", "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = 4201"
                        "   AND NOT granted AND database = (SELECT oid FROM pg_database"
                        "                                    WHERE datname = current_database())" };

/* Until the committer waits for the log's lock, which we hold: what it decides next is chosen. */
__attribute__((unused)) static bool lock_waited_for(struct db *db)
{
    int i = 0;

    for (; i < 3000 && number_of(db, &at_the_lock) == 0; i++)
        usleep(10000);
    return i < 3000;
}

/* One operation of one entry, waited for. */
__attribute__((unused)) static err one(struct append *a, int64_t timeout_ms)
{
    struct crowd c = CROWD;
    struct task t = { .entries = 1 };
    err e;

    task_submit(a, &c, &t, timeout_ms);
    crowd_wait(&c);
    e = t.e;
    scope_free(&t.scope);
    return e;
}

/* ---- the whole tree, from the entries' bytes */

struct stored { int64_t index; struct bytes bytes; struct hash leaf; };
static const struct column stored_columns[] = {
    COL(stored, index, T_INT8), COL(stored, bytes, T_BYTES), COL(stored, leaf, T_HASH)
};
static const struct shape stored_shape = SHAPE(stored, stored_columns);
static const struct sql stored_sql = { "test_stored", "SELECT index, bytes, leaf FROM entry ORDER BY index" };

struct rebuilt { struct frontier f; const struct log_view *view; bool good; };

__attribute__((unused)) static err rebuild(struct scope *s, void *arg, void *row)
{
    struct stored *e = row;
    struct rebuilt *r = arg;
    struct hash leaf = leaf_hash(e->bytes.p, e->bytes.len), root;
    struct entry decoded;

    r->good = r->good && (uint64_t)e->index == r->f.size && hash_equal(&leaf, &e->leaf) &&
              entry_decode(s, e->bytes.p, e->bytes.len, &decoded) == ERR_OK;
    frontier_append(&r->f, leaf);
    root = frontier_root(&r->f);
    if ((int64_t)r->f.size == r->view->size)
        r->good = r->good && hash_equal(&root, &r->view->root);
    if ((int64_t)r->f.size == r->view->signed_size)
        r->good = r->good && hash_equal(&root, &r->view->signed_root);
    return ERR_OK;
}

/* Entries without gaps give head and checkpoint, every head, and the stored subtrees. */
__attribute__((unused)) static bool tree_sound(struct db *db)
{
    struct rebuilt r = { .f = FRONTIER_EMPTY, .good = true };
    struct log_view view;
    struct frontier loaded;
    struct hash_source source = append_hash_source(db);
    struct stored row;
    struct scope s;
    struct hash a, b;
    bool good;

    scope_init(&s, 0);
    r.view = &view;
    good = log_view(&s, db, &view) == ERR_OK &&
           db_each(&s, db, &stored_sql, NO_PARAMS, &stored_shape, &row, rebuild, &r) == ERR_OK &&
           (int64_t)r.f.size == view.size && frontier_load(&s, &source, r.f.size, &loaded) == ERR_OK;
    if (good) {
        a = frontier_root(&r.f);
        b = frontier_root(&loaded);
        good = hash_equal(&a, &b) && hash_equal(&a, &view.root);
    }
    if (!good || !r.good)
        log_why(LOG_ERROR, "tree", &s);
    scope_free(&s);
    return good && r.good;
}
