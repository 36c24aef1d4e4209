/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/store/db_libpq.h"

/*
 * Nothing is sent before db_pipe_run(), so that a statement met for the first
 * time can still be prepared, and parameters are copied, so that a caller's
 * ids may die before it.
 */
static void push(struct db *db, struct queued item)
{
    if (db->n_queue == db->cap_queue) {
        db->cap_queue = db->cap_queue ? db->cap_queue * 2 : 16;
        db->queue = reallocarray(db->queue, db->cap_queue, sizeof *db->queue);
        if (!db->queue)
            abort();
    }
    db->queue[db->n_queue++] = item;
}

err db_pipe(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params)
{
    struct queued item = { .params = NEW(s, struct encoded) };

    assert(!db->copying && db->n_queue < DB_PIPE_MAX && strcmp(q->name, DB_UNNAMED) != 0);
    TRY(db_prepare(s, db, q, &item.st));
    TRY(value_encode(s, item.st, params, n_params, item.params));
    for (size_t i = 0; i < n_params; i++)
        if (item.params->values[i] && item.params->values[i] == params[i].v.p)     /* the caller's own bytes */
            item.params->values[i] = scope_memdup(s, item.params->values[i], (size_t)item.params->lengths[i]);
    push(db, item);
    return ERR_OK;
}

static err send_all(struct scope *s, struct db *db)
{
    static const int binary[DB_PARAMS_MAX] = { [0 ... DB_PARAMS_MAX - 1] = 1 };

    for (size_t i = 0; i < db->n_queue; i++) {
        const struct queued *item = &db->queue[i];
        TRY(db_sent(s, db, PQsendQueryPrepared(db->conn, item->st->q->name, (int)item->params->n, item->params->values,
                                               item->params->lengths, binary, 1)));
    }
    return db_sent(s, db, PQpipelineSync(db->conn));
}

static err take(struct scope *s, struct db *db, struct statement *st, PGresult *r, struct pipe_result *out)
{
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        break;
    case PGRES_PIPELINE_ABORTED:        /* a consequence of the failure before, which is recorded */
        return ERR_INTERNAL;
    default:
        return db_result_error(s, db, r, st->q->name);
    }
    if (!out)
        return ERR_OK;
    out->touched = db_touched(r);
    if (!out->shape)
        return ERR_OK;
    TRY(db_shape(s, st, out->shape));
    return db_rows(s, st, out->shape, r, &out->rows, &out->n);
}

/* Reads every answer, whatever failed, so that the connection is in step again. */
static err receive_all(struct scope *s, struct db *db, struct pipe_result *results)
{
    err first = ERR_OK;
    PGresult *r;

    for (size_t i = 0; i < db->n_queue; i++) {
        TRY(db_next(s, db, &r));
        while (r) {
            err e = take(s, db, db->queue[i].st, r, results ? &results[i] : NULL);
            PQclear(r);
            if (first == ERR_OK)
                first = e;
            TRY(db_next(s, db, &r));
        }
    }
    TRY(db_next(s, db, &r));
    if (!r || PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
        if (r && first == ERR_OK)
            first = db_result_error(s, db, r, "pipeline");
        db->healthy = false;
    }
    PQclear(r);
    return first;
}

/* The statement that says what a lost connection leaves open: COMMIT, or BEGIN without one, or what writes. */
static const char *telling(const struct db *db)
{
    const char *text = "SELECT";

    for (size_t i = 0; i < db->n_queue; i++) {
        const char *this = db->queue[i].st->q->text;

        if (strcmp(this, "COMMIT") == 0)
            return this;
        if (strncmp(text, "BEGIN", 5) != 0 && strncmp(this, "SELECT", 6) != 0)
            text = this;
    }
    return text;
}

err db_pipe_run(struct scope *s, struct db *db, struct pipe_result *results, size_t n)
{
    err e;

    assert(n == db->n_queue || !results);
    if (db->n_queue == 0)
        return ERR_OK;
    e = db_start(s, db, telling(db));
    if (e == ERR_OK && !PQenterPipelineMode(db->conn)) {
        db->healthy = false;
        e = fail(s, ERR_INTERNAL, "libpq refuses pipeline mode");
    }
    if (e == ERR_OK) {
        e = send_all(s, db);
        if (e != ERR_OK)
            db->healthy = false;        /* half of a pipeline is out there */
        else
            e = receive_all(s, db, results);
        if (db->healthy && !PQexitPipelineMode(db->conn))
            db->healthy = false;
    }
    db->n_queue = 0;
    return e == ERR_OK ? db_settle(s, db, "pipeline") : e;
}
