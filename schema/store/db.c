/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/db.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/random.h"
#include "schema/store/db_libpq.h"

/* What every connection of ours says first; acknowledgments rest on synchronous_commit. */
#define GREETING "SET client_min_messages = warning; SET search_path = public, pg_temp; SET timezone = 'UTC'; " \
                 "SET synchronous_commit = on; SET statement_timeout = %d"

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

/* PQconnectPoll() until it is done, within DB_CONNECT_MS and the scope's deadline. */
static err connect_wait(struct scope *s, struct db *db)
{
    int64_t left = scope_left_ms(s);
    int64_t until = clock_monotonic_ms() + (left < DB_CONNECT_MS ? left : DB_CONNECT_MS);
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;

    while (want != PGRES_POLLING_OK && want != PGRES_POLLING_FAILED) {
        struct pollfd p = { .fd = PQsocket(db->conn), .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT };
        int64_t wait = until - clock_monotonic_ms();
        int n = p.fd < 0 ? -1 : poll(&p, 1, wait > 0 ? (int)wait : 0);

        if (n < 0 && p.fd >= 0 && errno == EINTR)
            continue;
        if (n == 0)
            return fail(s, ERR_UNREACHABLE, "database does not answer");
        want = n < 0 ? PGRES_POLLING_FAILED : PQconnectPoll(db->conn);
    }
    if (want == PGRES_POLLING_FAILED) {
        const char *said = PQerrorMessage(db->conn);
        return fail(s, ERR_UNREACHABLE, "cannot connect to the database: %.*s", (int)strcspn(said, "\n"), said);
    }
    return ERR_OK;
}

static err connect_start(struct scope *s, struct db *db)
{
    const char *names[] = { "dbname", "application_name", "client_encoding", NULL };
    const char *values[] = { db->dsn, db->application, "UTF8", NULL };
    char greeting[sizeof GREETING + 16];

    if (scope_left_ms(s) == 0)
        return fail(s, ERR_BUSY, "no time left before connecting");
    db->commits = db->snapshot = false;
    db->conn = PQconnectStartParams(names, values, 1);
    if (!db->conn)
        abort();
    if (PQstatus(db->conn) == CONNECTION_BAD)
        return fail(s, ERR_UNREACHABLE, "cannot connect to the database: %s", PQerrorMessage(db->conn));
    PQsetNoticeReceiver(db->conn, db_notice, db);
    TRY(connect_wait(s, db));
    if (PQsetnonblocking(db->conn, 1) != 0)
        return fail(s, ERR_INTERNAL, "libpq refuses to be non-blocking");
    db->healthy = true;
    snprintf(greeting, sizeof greeting, GREETING, db->statement_ms);
    return db_simple(s, db, greeting);
}

static void disconnect(struct db *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
    db->healthy = db->copying = false;
    db_forget(db);
}

err db_reopen(struct scope *s, struct db *db)
{
    err e;

    disconnect(db);
    e = connect_start(s, db);
    if (e != ERR_OK)
        disconnect(db);
    return e;
}

err db_connect(struct scope *s, const char *dsn, const char *application, int statement_ms, struct db **out)
{
    struct db *db = calloc(1, sizeof *db);
    err e;

    if (!db)
        abort();
    db->dsn = copy_text(dsn);
    db->application = copy_text(application);
    db->statement_ms = statement_ms;
    e = db_reopen(s, db);
    *out = db;
    if (e != ERR_OK) {
        db_close(db);
        *out = NULL;
    }
    return e;
}

err db_open(struct scope *s, const char *dsn, const char *application, struct db **out)
{
    return db_connect(s, dsn, application, 0, out);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    disconnect(db);
    free(db->dsn);
    free(db->application);
    free(db);
}

bool db_healthy(const struct db *db)
{
    return db->healthy && PQstatus(db->conn) == CONNECTION_OK;
}

/* A server that went away while nothing ran has left its last words and an end of file in the socket. */
bool db_alive(struct db *db)
{
    while (db_healthy(db)) {
        struct pollfd p = { .fd = PQsocket(db->conn), .events = POLLIN };

        if (poll(&p, 1, 0) <= 0)
            return true;
        if (!PQconsumeInput(db->conn))
            db->healthy = false;
    }
    return false;
}

int db_backend_pid(const struct db *db)
{
    return db->conn ? PQbackendPID(db->conn) : 0;
}

const char *db_sqlstate(const struct db *db)
{
    return db->sqlstate;
}

const char *db_constraint(const struct db *db)
{
    return db->constraint;
}

err db_begin(struct scope *s, struct db *db)
{
    assert(!db->conn || PQtransactionStatus(db->conn) == PQTRANS_IDLE || !db->healthy);
    db->snapshot = false;
    return db_simple(s, db, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
}

err db_begin_snapshot(struct scope *s, struct db *db)
{
    db->snapshot = true;
    return db_simple(s, db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

err db_commit(struct scope *s, struct db *db)
{
    PGresult *r;
    bool done;

    TRY(db_start(s, db, "COMMIT"));
    TRY(db_sent(s, db, PQsendQuery(db->conn, "COMMIT")));
    TRY(db_fetch(s, db, "COMMIT", &r));
    done = strcmp(PQcmdStatus(r), "COMMIT") == 0;
    PQclear(r);
    if (!done)      /* the server answers ROLLBACK to the COMMIT of a failed transaction */
        return fail(s, ERR_INTERNAL, "COMMIT of a transaction in which a statement had failed");
    return ERR_OK;
}

void db_rollback(struct db *db)
{
    struct scope s;

    db->n_queue = 0;
    if (!db->healthy || PQtransactionStatus(db->conn) == PQTRANS_IDLE)
        return;
    if (PQtransactionStatus(db->conn) == PQTRANS_ACTIVE) {      /* a COPY or pipeline left in the middle */
        db->healthy = false;
        return;
    }
    scope_init(&s, DB_CANCEL_MS);
    if (db_simple(&s, db, "ROLLBACK") != ERR_OK)
        db->healthy = false;
    scope_free(&s);
}

err db_script(struct scope *s, struct db *db, const char *text)
{
    return db_simple(s, db, text);
}

/* Back to the savepoint and without it, as if it had never been opened. */
err db_savepoint_rollback(struct scope *s, struct db *db)
{
    db->n_queue = 0;
    return db_simple(s, db, "ROLLBACK TO SAVEPOINT op; RELEASE SAVEPOINT op");
}

static bool worth_repeating(const struct db *db)
{
    return strcmp(db->sqlstate, "40001") == 0 || strcmp(db->sqlstate, "40P01") == 0;
}

err db_transact(struct scope *s, struct db *db, err (*work)(struct scope *s, struct db *db, void *arg), void *arg)
{
    for (int tries = 0;; tries++) {
        char sqlstate[sizeof db->sqlstate];
        uint8_t noise;
        err e;

        TRY(db_begin(s, db));
        e = work(s, db, arg);
        if (e == ERR_OK)
            e = db_commit(s, db);
        if (e == ERR_OK)
            return ERR_OK;
        memcpy(sqlstate, db->sqlstate, sizeof sqlstate);
        db_rollback(db);
        memcpy(db->sqlstate, sqlstate, sizeof sqlstate);
        if (e != ERR_BUSY || !worth_repeating(db) || tries == DB_RETRIES_MAX || scope_left_ms(s) == 0)
            return e;
        scope_forgive(s);
        random_bytes(&noise, 1);        /* two that deadlocked must not meet again */
        poll(NULL, 0, noise % (2 << tries));
    }
}

static err on_channel(struct scope *s, struct db *db, const char *command, const char *channel)
{
    char *quoted = db_healthy(db) ? PQescapeIdentifier(db->conn, channel, strlen(channel)) : NULL;
    char *text;

    if (!quoted)
        return db_lost(s, db, command);
    text = scope_printf(s, "%s %s", command, quoted);
    PQfreemem(quoted);
    return db_simple(s, db, text);
}

err db_listen(struct scope *s, struct db *db, const char *channel)
{
    return on_channel(s, db, "LISTEN", channel);
}

err db_unlisten(struct scope *s, struct db *db, const char *channel)
{
    return on_channel(s, db, "UNLISTEN", channel);
}

/* What this session said itself is no news to it. */
static bool notified(struct db *db)
{
    PGnotify *n;
    bool any = false;

    while ((n = PQnotifies(db->conn)) != NULL) {
        any = any || n->be_pid != PQbackendPID(db->conn);
        PQfreemem(n);
    }
    return any;
}

bool db_wait_notify(struct db *db, int wake_fd, int timeout_ms)
{
    int64_t until = clock_monotonic_ms() + timeout_ms;

    for (;;) {
        int64_t left = until - clock_monotonic_ms();
        struct pollfd p[2] = { { .fd = -1, .events = POLLIN }, { .fd = wake_fd, .events = POLLIN } };
        bool alive = db_alive(db);

        if (alive && notified(db))
            return true;
        if (alive)
            p[0].fd = PQsocket(db->conn);
        /* A lost connection still waits here, so that a caller's loop is never a busy one. */
        if (poll(p, 2, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0) == 0)
            return false;
        if (p[1].revents)
            return true;
    }
}
