/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/store/db_libpq.h"

static void *allocate(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);

    if (!p)
        abort();
    return p;
}

static void statement_free(struct statement *st)
{
    if (!st)
        return;
    for (int i = 0; i < st->n_columns; i++)
        free(st->columns[i].name);
    free(st->columns);
    free(st->params);
    free(st->places);
    free(st);
}

void db_forget(struct db *db)
{
    for (size_t i = 0; i < db->cap_statements; i++)
        statement_free(db->statements[i]);
    statement_free(db->unnamed);
    free(db->statements);
    free(db->queue);
    free(db->copy);
    db->statements = NULL;
    db->unnamed = NULL;
    db->queue = NULL;
    db->copy = NULL;
    db->n_statements = db->cap_statements = db->n_queue = db->cap_queue = db->copy_len = db->copy_cap = 0;
}

/* The slot of q, or the empty one where it belongs. cap is a power of two and never full. */
static struct statement **slot(struct statement **table, size_t cap, const struct sql *q)
{
    size_t at = ((uintptr_t)q >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    while (table[at & (cap - 1)] && table[at & (cap - 1)]->q != q)
        at++;
    return &table[at & (cap - 1)];
}

static void remember(struct db *db, struct statement *st)
{
    if (db->n_statements * 2 >= db->cap_statements) {
        size_t cap = db->cap_statements ? db->cap_statements * 2 : 64;
        struct statement **table = allocate(cap, sizeof(*table));

        for (size_t i = 0; i < db->cap_statements; i++)
            if (db->statements[i])
                *slot(table, cap, db->statements[i]->q) = db->statements[i];
        free(db->statements);
        db->statements = table;
        db->cap_statements = cap;
    }
    *slot(db->statements, db->cap_statements, st->q) = st;
    db->n_statements++;
}

static struct statement *describe(const struct sql *q, const PGresult *r)
{
    struct statement *st = allocate(1, sizeof *st);

    st->q = q;
    st->n_params = PQnparams(r);
    st->n_columns = PQnfields(r);
    st->params = allocate((size_t)st->n_params, sizeof *st->params);
    st->columns = allocate((size_t)st->n_columns, sizeof *st->columns);
    for (int i = 0; i < st->n_params; i++)
        st->params[i] = PQparamtype(r, i);
    for (int i = 0; i < st->n_columns; i++) {
        st->columns[i].name = strdup(PQfname(r, i));
        st->columns[i].type = PQftype(r, i);
        if (!st->columns[i].name)
            abort();
    }
    return st;
}

err db_prepare(struct scope *s, struct db *db, const struct sql *q, struct statement **out)
{
    bool named = strcmp(q->name, DB_UNNAMED) != 0;
    PGresult *r;

    if (named && db->n_statements && (*out = *slot(db->statements, db->cap_statements, q)) != NULL)
        return ERR_OK;
    TRY(db_start(s, db, "SELECT"));
    TRY(db_sent(s, db, PQsendPrepare(db->conn, q->name, q->text, 0, NULL)));
    TRY(db_fetch(s, db, q->name, &r));
    PQclear(r);
    TRY(db_start(s, db, "SELECT"));
    TRY(db_sent(s, db, PQsendDescribePrepared(db->conn, q->name)));
    TRY(db_fetch(s, db, q->name, &r));
    *out = describe(q, r);
    PQclear(r);
    if (named) {
        remember(db, *out);
    } else {
        statement_free(db->unnamed);
        db->unnamed = *out;
    }
    return ERR_OK;
}

err db_shape(struct scope *s, struct statement *st, const struct shape *shape)
{
    if (st->shape == shape)
        return ERR_OK;
    free(st->places);
    st->shape = NULL;
    st->places = allocate(shape->n, sizeof *st->places);
    for (size_t i = 0; i < shape->n; i++) {
        const struct column *want = &shape->columns[i];
        int at = 0;

        while (at < st->n_columns && strcmp(st->columns[at].name, want->name) != 0)
            at++;
        if (at == st->n_columns)
            return fail(s, ERR_INTERNAL, "%s: has no column %s", st->q->name, want->name);
        if (!value_type_fits(want->type, st->columns[at].type))
            return fail(s, ERR_INTERNAL, "%s: column %s is of type %u", st->q->name, want->name,
                        st->columns[at].type);
        st->places[i] = at;
    }
    st->shape = shape;
    return ERR_OK;
}

static err send_statement(struct scope *s, struct db *db, struct statement *st, const struct sql_param *params,
                          size_t n)
{
    static const int binary[DB_PARAMS_MAX] = { [0 ... DB_PARAMS_MAX - 1] = 1 };
    struct encoded values;

    TRY(value_encode(s, st, params, n, &values));
    TRY(db_start(s, db, st->q->text));
    return db_sent(s, db, PQsendQueryPrepared(db->conn, st->q->name, (int)n, values.values, values.lengths, binary, 1));
}

static err run(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
               const struct shape *shape, struct statement **st, PGresult **r)
{
    assert(!db->copying && db->n_queue == 0);
    TRY(db_prepare(s, db, q, st));
    if (shape)
        TRY(db_shape(s, *st, shape));
    TRY(send_statement(s, db, *st, params, n_params));
    return db_fetch(s, db, q->name, r);
}

err db_one(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
           const struct shape *shape, void *out)
{
    struct statement *st;
    PGresult *r;
    err e;

    TRY(run(s, db, q, params, n_params, shape, &st, &r));
    switch (PQntuples(r)) {
    case 0:
        e = fail(s, ERR_NOT_FOUND, "there is no such thing, or none that is yours to see");
        break;
    case 1:
        e = value_row(s, st, shape, r, 0, false, out);
        break;
    default:
        e = fail(s, ERR_INTERNAL, "%s: %d rows for one", q->name, PQntuples(r));
    }
    PQclear(r);
    return e;
}

err db_rows(struct scope *s, const struct statement *st, const struct shape *shape, const PGresult *r, void **out,
            size_t *n)
{
    size_t rows = (size_t)PQntuples(r);
    char *at;

    if (rows > DB_ROWS_MAX)
        return fail(s, ERR_INTERNAL, "%s: %zu rows", st->q->name, rows);
    *n = rows;
    *out = at = scope_alloc(s, shape->size * rows, _Alignof(max_align_t));
    for (size_t i = 0; i < rows; i++)
        TRY(value_row(s, st, shape, r, (int)i, false, at + i * shape->size));
    return ERR_OK;
}

err db_many(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
            const struct shape *shape, void *out_rows, size_t *n_rows)
{
    struct statement *st;
    PGresult *r;
    err e;

    TRY(run(s, db, q, params, n_params, shape, &st, &r));
    e = db_rows(s, st, shape, r, out_rows, n_rows);
    PQclear(r);
    return e;
}

int64_t db_touched(PGresult *r)
{
    const char *text = PQcmdTuples(r);

    return *text ? strtoll(text, NULL, 10) : 0;
}

err db_do(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
          int64_t *touched)
{
    struct statement *st;
    PGresult *r;

    TRY(run(s, db, q, params, n_params, NULL, &st, &r));
    if (touched)
        *touched = db_touched(r);
    PQclear(r);
    return ERR_OK;
}

/* One result of single-row mode. */
static err each_result(struct scope *s, struct db *db, const struct statement *st, const PGresult *r, void *row,
                       err (*each)(struct scope *s, void *arg, void *row), void *arg)
{
    switch (PQresultStatus(r)) {
    case PGRES_SINGLE_TUPLE:
        TRY(value_row(s, st, st->shape, r, 0, true, row));
        return each(s, arg, row);
    case PGRES_TUPLES_OK:       /* the empty one at the end */
        return ERR_OK;
    default:
        return db_result_error(s, db, r, st->q->name);
    }
}

err db_each(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
            const struct shape *shape, void *row, err (*each)(struct scope *s, void *arg, void *row), void *arg)
{
    struct statement *st;
    PGresult *r;
    err e;

    assert(!db->copying && db->n_queue == 0);
    TRY(db_prepare(s, db, q, &st));
    TRY(db_shape(s, st, shape));
    TRY(send_statement(s, db, st, params, n_params));
    if (!PQsetSingleRowMode(db->conn)) {
        db->healthy = false;
        return fail(s, ERR_INTERNAL, "%s: libpq refuses single-row mode", q->name);
    }
    while ((e = db_next(s, db, &r)) == ERR_OK && r) {
        e = each_result(s, db, st, r, row, each, arg);
        PQclear(r);
        if (e != ERR_OK)
            break;
    }
    if (e != ERR_OK) {
        if (db->healthy)
            db_discard(db);
        return e;
    }
    return db_settle(s, db, q->name);
}

/* Privileges are looked at when a plan starts, and EXPLAIN starts one without running it. */
static err explain(struct scope *s, struct db *db, const struct sql *q)
{
    struct statement *st;
    struct buf text = BUF(s);

    TRY(db_prepare(s, db, q, &st));
    buf_printf(&text, "EXPLAIN EXECUTE \"%s\"", q->name);
    for (int i = 0; i < st->n_params; i++)
        buf_str(&text, i ? ", NULL" : " (NULL");
    if (st->n_params)
        buf_char(&text, ')');
    return db_simple(s, db, text.p);
}

static err copy_and_give_up(struct scope *s, struct db *db, const struct sql *q)
{
    TRY(db_copy_begin(s, db, q));
    return db_copy_end(s, db, false, NULL);
}

err db_describe(struct scope *s, struct db *db, const struct sql *q, struct buf *out)
{
    struct statement *st;

    if (strncmp(q->text, "COPY ", 5) == 0) {
        buf_printf(out, "%s COPY\n", q->name);
        return ERR_OK;
    }
    TRY(db_prepare(s, db, q, &st));
    buf_printf(out, "%s ", q->name);
    for (int i = 0; i < st->n_params; i++)
        buf_printf(out, "%s%u", i ? "," : "", st->params[i]);
    for (int i = 0; i < st->n_columns; i++)
        buf_printf(out, "%s%s:%u", i ? "," : " ", st->columns[i].name, st->columns[i].type);
    buf_char(out, '\n');
    return ERR_OK;
}

err db_check(struct scope *s, struct db *db, const struct sql *q)
{
    err e = strncmp(q->text, "COPY ", 5) == 0 ? copy_and_give_up(s, db, q) : explain(s, db, q);

    if (e != ERR_OK && strcmp(db->sqlstate, "42501") == 0) {
        scope_forgive(s);
        return fail(s, ERR_FORBIDDEN, "%s: this role may not run it", q->name);
    }
    return e;
}
