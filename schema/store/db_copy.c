/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/db_libpq.h"

static const char signature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";     /* and no flags, no extension */
#define SIGNATURE_LEN 19

static void gather(struct db *db, const void *bytes, size_t len)
{
    if (db->copy_len + len > db->copy_cap) {
        db->copy_cap = db->copy_len + len + DB_COPY_CHUNK;
        db->copy = realloc(db->copy, db->copy_cap);
        if (!db->copy)
            abort();
    }
    memcpy(db->copy + db->copy_len, bytes, len);
    db->copy_len += len;
}

err db_copy_begin(struct scope *s, struct db *db, const struct sql *q)
{
    PGresult *r;

    assert(!db->copying && db->n_queue == 0);
    TRY(db_start(s, db, q->text));
    TRY(db_sent(s, db, PQsendQuery(db->conn, q->text)));
    TRY(db_next(s, db, &r));
    if (PQresultStatus(r) != PGRES_COPY_IN) {
        err e = PQresultStatus(r) == PGRES_FATAL_ERROR ? db_result_error(s, db, r, q->name) :
                fail(s, ERR_INTERNAL, "%s: is no COPY FROM STDIN", q->name);
        PQclear(r);
        if (db->healthy)
            db_discard(db);
        return e;
    }
    PQclear(r);
    db->copying = true;
    db->copy_len = 0;
    gather(db, signature, SIGNATURE_LEN);
    return ERR_OK;
}

/* Waits until libpq's own buffer is out, so that memory stays bounded by one chunk. */
static err drain(struct scope *s, struct db *db)
{
    int more;

    while ((more = PQflush(db->conn)) > 0) {
        struct pollfd p = { .fd = PQsocket(db->conn), .events = POLLIN | POLLOUT };
        int64_t left = scope_left_ms(s);
        int n = poll(&p, 1, s->deadline_ms ? (int)left : -1);

        if (n == 0)
            return fail(s, ERR_BUSY, "no time left in the middle of a COPY");
        if (n < 0 && errno != EINTR)
            return db_lost(s, db, "COPY");
        if (n > 0 && (p.revents & ~POLLOUT) && !PQconsumeInput(db->conn))
            return db_lost(s, db, "COPY");
    }
    return more < 0 ? db_lost(s, db, "COPY") : ERR_OK;
}

static err send_chunk(struct scope *s, struct db *db)
{
    if (db->copy_len == 0)
        return ERR_OK;
    if (PQputCopyData(db->conn, db->copy, (int)db->copy_len) != 1)
        return db_lost(s, db, "COPY");
    db->copy_len = 0;
    return drain(s, db);
}

err db_copy_row(struct scope *s, struct db *db, const struct sql_param *params, size_t n_params)
{
    struct scope row;
    struct buf bytes = BUF(&row);
    err e;

    assert(db->copying);
    scope_init(&row, 0);        /* millions of rows: none of them may stay in the caller's scope */
    e = value_copy_row(s, params, n_params, &bytes);
    if (e == ERR_OK)
        gather(db, bytes.p, bytes.len);
    scope_free(&row);
    if (e == ERR_OK && db->copy_len >= DB_COPY_CHUNK)
        e = send_chunk(s, db);
    return e;
}

err db_copy_end(struct scope *s, struct db *db, bool keep, int64_t *rows)
{
    PGresult *r;
    err e = ERR_OK;

    assert(db->copying);
    db->copying = false;
    if (!db_healthy(db))
        return db_lost(s, db, "COPY");
    db->until_ms = s->deadline_ms;
    if (keep) {
        gather(db, "\377\377", 2);
        e = send_chunk(s, db);
    }
    if (e == ERR_OK && PQputCopyEnd(db->conn, keep ? NULL : "given up") != 1)
        e = db_lost(s, db, "COPY");
    if (e != ERR_OK) {
        db->healthy = false;
        return e;
    }
    if (!keep) {        /* the server answers with the error that was asked for */
        db->canceled = true;
        db->until_ms = clock_monotonic_ms() + DB_CANCEL_MS;
        db_discard(db);
        return db->healthy ? ERR_OK : db_lost(s, db, "COPY");
    }
    TRY(db_fetch(s, db, "COPY", &r));
    if (rows)
        *rows = db_touched(r);
    PQclear(r);
    return ERR_OK;
}
