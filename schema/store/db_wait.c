/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/db_libpq.h"

/* A loss leaves reads harmless; anything else that commits by itself may have happened. */
static bool reads_only(const char *text)
{
    static const char *const verbs[] = { "SELECT", "BEGIN", "SET", "LISTEN", "UNLISTEN", "ROLLBACK" };

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strncmp(text, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

err db_start(struct scope *s, struct db *db, const char *text)
{
    db->is_commit = db->commits = db->canceled = db->unconfirmed = false;
    db->sqlstate[0] = db->constraint[0] = '\0';
    if (!db_alive(db))
        return db_lost(s, db, "idle");
    if (scope_left_ms(s) == 0)
        return fail(s, ERR_BUSY, "no time left before a statement");
    db->is_commit = strcmp(text, "COMMIT") == 0;
    db->commits = db->is_commit || (PQtransactionStatus(db->conn) == PQTRANS_IDLE && !reads_only(text));
    db->until_ms = s->deadline_ms;
    if (db->is_commit && db->until_ms != 0 && scope_left_ms(s) < DB_COMMIT_MS)
        db->until_ms = clock_monotonic_ms() + DB_COMMIT_MS;
    return ERR_OK;
}

err db_lost(struct scope *s, struct db *db, const char *name)
{
    const char *said = db->conn ? PQerrorMessage(db->conn) : "";

    db->healthy = false;
    return fail(s, db->commits ? ERR_UNKNOWN_OUTCOME : ERR_UNREACHABLE, "%s: database connection lost: %.*s", name,
                (int)strcspn(said, "\n"), said);
}

err db_sent(struct scope *s, struct db *db, int sent)
{
    if (sent)
        return ERR_OK;
    if (PQstatus(db->conn) != CONNECTION_OK)
        return db_lost(s, db, "send");
    return fail(s, ERR_INTERNAL, "libpq refuses to send: %s", PQerrorMessage(db->conn));
}

/* The time is over: cancel once, then give the connection up. COMMIT is never canceled. */
static err expire(struct scope *s, struct db *db)
{
    char said[256] = "";
    PGcancel *handle;

    if (db->is_commit || db->canceled)
        return db_lost(s, db, "deadline");
    db->canceled = true;
    db->until_ms = clock_monotonic_ms() + DB_CANCEL_MS;
    handle = PQgetCancel(db->conn);
    if (handle && !PQcancel(handle, said, sizeof said))
        log_line(LOG_WARNING, "cancel refused detail=\"%s\"", said);
    PQfreeCancel(handle);
    return ERR_OK;
}

static int poll_ms(const struct db *db)
{
    int64_t left;

    if (db->until_ms == 0)
        return -1;
    left = db->until_ms - clock_monotonic_ms();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

err db_next(struct scope *s, struct db *db, PGresult **out)
{
    *out = NULL;
    for (;;) {
        struct pollfd p = { .fd = PQsocket(db->conn), .events = POLLIN };
        int more = PQflush(db->conn), n;

        if (more < 0)
            return db_lost(s, db, "send");
        if (!PQisBusy(db->conn))
            break;
        if (more)
            p.events |= POLLOUT;
        n = poll(&p, 1, poll_ms(db));
        if (n < 0 && errno != EINTR)
            return db_lost(s, db, "poll");
        if (n == 0)
            TRY(expire(s, db));
        if (n > 0 && (p.revents & ~POLLOUT) && !PQconsumeInput(db->conn))
            return db_lost(s, db, "receive");
    }
    *out = PQgetResult(db->conn);
    return ERR_OK;
}

static const struct { const char *sqlstate; err e; } outcomes[] = {
    { "40001", ERR_BUSY },          /* serialization failure */
    { "40P01", ERR_BUSY },          /* deadlock detected */
    { "55P03", ERR_BUSY },          /* lock not available */
    { "57014", ERR_BUSY },          /* query canceled */
    { "23505", ERR_CONFLICT },      /* unique violation */
};

static err outcome_of(struct db *db, const PGresult *r)
{
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = db->sqlstate, *standby = PQparameterStatus(db->conn, "in_hot_standby");
    bool gone = PQstatus(db->conn) != CONNECTION_OK || strncmp(state, "08", 2) == 0;

    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        gone = true;
    if (gone) {
        db->healthy = false;
        return db->commits ? ERR_UNKNOWN_OUTCOME : ERR_UNREACHABLE;
    }
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
        if (strcmp(state, outcomes[i].sqlstate) == 0)
            return outcomes[i].e;
    if (strncmp(state, "53", 2) == 0)       /* disk full, out of memory: rolled back, may pass */
        return ERR_BUSY;
    if (strcmp(state, "25006") == 0 && !db->snapshot && standby && strcmp(standby, "on") == 0) {
        db->healthy = false;                /* the server was demoted: connect again elsewhere */
        return ERR_UNREACHABLE;
    }
    if (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0)
        db->healthy = false;                /* the schema moved under a prepared statement: prepare anew */
    return ERR_INTERNAL;
}

err db_result_error(struct scope *s, struct db *db, const PGresult *r, const char *name)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", state ? state : "");
    snprintf(db->constraint, sizeof db->constraint, "%s", constraint ? constraint : "");
    if (!said)
        said = PQresultErrorMessage(r);
    return fail(s, outcome_of(db, r), "%s: %s %.*s%s%s", name, db->sqlstate, (int)strcspn(said, "\n"), said,
                db->constraint[0] ? " constraint=" : "", db->constraint);
}

err db_settle(struct scope *s, struct db *db, const char *name)
{
    if (db->unconfirmed && db->commits)
        return fail(s, ERR_UNKNOWN_OUTCOME, "%s: committed here, not confirmed by the standbys", name);
    return ERR_OK;
}

static bool is_error(const PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        return false;
    default:
        return true;
    }
}

static bool is_copy(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

err db_fetch(struct scope *s, struct db *db, const char *name, PGresult **out)
{
    PGresult *kept = NULL, *r;
    err e;

    *out = NULL;
    while ((e = db_next(s, db, &r)) == ERR_OK && r) {
        if (is_copy(r)) {       /* never asked for here, and would repeat for ever */
            db->healthy = false;
            PQclear(r);
            PQclear(kept);
            return fail(s, ERR_INTERNAL, "%s: is a COPY", name);
        }
        if (kept && is_error(kept)) {
            PQclear(r);
            continue;
        }
        PQclear(kept);
        kept = r;
    }
    if (e == ERR_OK && kept && is_error(kept))
        e = db_result_error(s, db, kept, name);
    if (e == ERR_OK && !kept)
        e = fail(s, ERR_INTERNAL, "%s: no result", name);
    if (e == ERR_OK)
        e = db_settle(s, db, name);
    if (e == ERR_OK)
        *out = kept;
    else
        PQclear(kept);
    return e;
}

void db_discard(struct db *db)
{
    struct scope s;
    PGresult *r;
    err e;

    scope_init(&s, 0);
    e = db->canceled ? ERR_OK : expire(&s, db);
    while (e == ERR_OK && (e = db_next(&s, db, &r)) == ERR_OK && r)
        PQclear(r);
    scope_free(&s);
}

err db_simple(struct scope *s, struct db *db, const char *text)
{
    PGresult *r;

    TRY(db_start(s, db, text));
    TRY(db_sent(s, db, PQsendQuery(db->conn, text)));
    TRY(db_fetch(s, db, strlen(text) < 80 ? text : "script", &r));
    PQclear(r);
    return ERR_OK;
}

void db_notice(void *arg, const PGresult *r)
{
    struct db *db = arg;
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE), *said = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (state && (strcmp(state, "01000") == 0 || strcmp(state, "57P01") == 0))
        db->unconfirmed = true;
    if (said)
        log_line(LOG_WARNING, "database says sqlstate=%s detail=\"%s\"", state ? state : "", said);
}
