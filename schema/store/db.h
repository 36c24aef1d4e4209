/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/*
 * PostgreSQL: connections, statements, shapes, transactions. The only room with libpq
 * (db*.c alone, by db_libpq.h). No function takes SQL text from outside schema/store.
 *
 * Every statement is a `struct sql` in a table beside its typed functions and
 * is prepared once per connection, on first use. Parameters and results are
 * binary. A shape binds result columns by name, type and place in a struct;
 * a column that is missing or of another type is a bug and fails ERR_INTERNAL,
 * and so is a parameter whose kind is not of the type that the server infers
 * for it (write casts: unnest($1::bytea[]); enums, numeric, int2, date are not spoken).
 *
 * Errors: ERR_BUSY (40001 40P01 55P03 57014 53xxx, and the scope's deadline: the statement was
 * canceled, not done), ERR_UNREACHABLE (connection lost before COMMIT was sent), ERR_UNKNOWN_OUTCOME (lost
 * during COMMIT or during a write that is its own transaction, or WARNING 01000), ERR_CONFLICT (23505),
 * ERR_CORRUPT (stored bytes that are not what their column promises), ERR_INTERNAL.
 * After an error inside a transaction only db_rollback() or db_savepoint_rollback() may follow.
 *
 * Every connection sets client_min_messages=warning, search_path="public, pg_temp", timezone=UTC and
 * synchronous_commit=on; those of a pool also statement_timeout=DB_STATEMENT_MS.
 */
enum sql_type {
    T_BOOL,        /* bool; SQL null is a bug */
    T_INT4,        /* int32_t; SQL null is a bug */
    T_INT8,        /* int64_t; SQL null is a bug */
    T_TEXT,        /* const char *, in the scope; NULL for SQL null */
    T_ID,          /* struct id from text; empty for SQL null */
    T_BYTES,       /* struct bytes from bytea, in the scope; p NULL for SQL null */
    T_HASH,        /* struct hash from bytea of 32 bytes; zeros for SQL null */
    T_TIME,        /* int64_t wall ms from timestamptz; INT64_MIN for SQL null, INT64_MAX for 'infinity' */
    T_JSON         /* const char * text of a json/jsonb column, in the scope */
};

struct sql { const char *name, *text; };                /* name: unique in the project, or DB_UNNAMED */
/*
 * A statement whose text depends on what was asked (a filter's) has no name: it is prepared for the one call, planned
 * for its parameters, and forgotten. `text` is still made in schema/store, of constants and parameters' numbers alone.
 * Not in a pipeline.
 */
#define DB_UNNAMED ""

struct column { const char *name; enum sql_type type; size_t offset; };
struct shape  { size_t size, n; const struct column *columns; };
#define COL(type_, member, sqltype)  { #member, sqltype, offsetof(struct type_, member) }
#define SHAPE(type_, columns_)       { sizeof(struct type_), ARRAY_LEN(columns_), columns_ }

/* Parameters. Arrays are one-dimensional; elements of bytea[] and text[] may be NULL pointers (SQL null). */
enum param_kind { PK_NULL, PK_BOOL, PK_INT4, PK_INT8, PK_TEXT, PK_BYTES, PK_TIME, PK_JSON,
                  PK_INT4S, PK_INT8S, PK_TEXTS, PK_BYTESS, PK_TIMES, PK_BOOLS };
struct sql_param {
    enum param_kind kind;
    size_t n;                                            /* bytes, or elements of an array */
    union { bool b; int32_t i4; int64_t i8; const void *p; } v;
};
#define P_NULL()        ((struct sql_param){ .kind = PK_NULL })
#define P_BOOL(x)       ((struct sql_param){ .kind = PK_BOOL, .v.b = (x) })
#define P_INT4(x)       ((struct sql_param){ .kind = PK_INT4, .v.i4 = (x) })
#define P_INT8(x)       ((struct sql_param){ .kind = PK_INT8, .v.i8 = (x) })
#define P_TEXT(x)       ((struct sql_param){ .kind = PK_TEXT, .v.p = (x) })  /* NULL: SQL null */
#define P_ID(x)         P_TEXT((x).text)
#define P_HASH(x)       P_BYTES((x)->b, HASH_SIZE) /* const struct hash * */
#define P_BYTES(p_, n_) ((struct sql_param){ .kind = PK_BYTES, .n = (n_), .v.p = (p_) })  /* p_ NULL: SQL null */
#define P_TIME(ms)      ((struct sql_param){ .kind = PK_TIME, .v.i8 = (ms) })  /* as T_TIME */
#define P_JSON(text)    ((struct sql_param){ .kind = PK_JSON, .v.p = (text) })  /* jsonb; NULL: SQL null */
#define P_INT4S(p_, n_) ((struct sql_param){ .kind = PK_INT4S, .n = (n_), .v.p = (p_) })  /* const int32_t * */
#define P_INT8S(p_, n_) ((struct sql_param){ .kind = PK_INT8S, .n = (n_), .v.p = (p_) })  /* const int64_t * */
#define P_TEXTS(p_, n_) ((struct sql_param){ .kind = PK_TEXTS, .n = (n_), .v.p = (p_) }) /* const char *const * */
#define P_BYTESS(p_, n_) ((struct sql_param){ .kind = PK_BYTESS, .n = (n_), .v.p = (p_) })  /* const struct bytes * */
#define P_TIMES(p_, n_) ((struct sql_param){ .kind = PK_TIMES, .n = (n_), .v.p = (p_) })  /* const int64_t * */
#define P_BOOLS(p_, n_) ((struct sql_param){ .kind = PK_BOOLS, .n = (n_), .v.p = (p_) })  /* const bool * */
#define PARAMS(...) ((const struct sql_param[]){ __VA_ARGS__ }), \
                    (sizeof((const struct sql_param[]){ __VA_ARGS__ }) / sizeof(struct sql_param))
#define NO_PARAMS NULL, 0

struct db;                                               /* one connection */

/* Opens with the libpq connection string of a process (`dsn` may hold passfile=…, never a password). */
err  db_open(struct scope *s, const char *dsn, const char *application, struct db **out);
void db_close(struct db *db);                            /* NULL is fine; aborts an open transaction by closing */
bool db_healthy(const struct db *db);                    /* false after a lost connection */
err  db_reopen(struct scope *s, struct db *db);          /* closes and connects again; prepared statements start anew */
int  db_backend_pid(const struct db *db);
const char *db_sqlstate(const struct db *db);            /* of the last statement's error, or "" */
const char *db_constraint(const struct db *db);          /* that the last statement violated, or "" */

/* Exactly one row: 0 is ERR_NOT_FOUND, 2 is our bug. */
err db_one(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
           const struct shape *shape, void *out);
/* Zero to DB_ROWS_MAX rows, an array in the scope. */
err db_many(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
            const struct shape *shape, void *out_rows /* type ** */, size_t *n_rows);
/* Rows touched (NULL: not wanted). */
err db_do(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
          int64_t *touched);
/*
 * Rows one by one without holding them all (libpq single-row mode); `each` stops it by an error and must not use
 * this connection. Texts and bytes of `row` live until `each` returns.
 */
err db_each(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params,
            const struct shape *shape, void *row /* reused */,
            err (*each)(struct scope *s, void *arg, void *row), void *arg);

/*
 * Pipelines: several statements, one round trip. Each sees its own snapshot, as
 * statements sent one by one do (READ COMMITTED). The first failure fails the rest; outside a
 * transaction they are one of their own. Nothing is sent before db_pipe_run(); parameters are copied into `s`,
 * which must last until then. `results` is NULL or one for each statement, with the shapes filled in.
 * db_rollback() forgets what is queued.
 *   db_pipe(db, q, PARAMS(...));  …  db_pipe_run(s, db, results, n)
 */
struct pipe_result { const struct shape *shape /* NULL: rows not wanted */; void *rows; size_t n; int64_t touched; };
err db_pipe(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n_params);
err db_pipe_run(struct scope *s, struct db *db, struct pipe_result *results, size_t n);

/*
 * COPY t (columns) FROM STDIN (FORMAT binary): `q` is the COPY statement, rows are given as params, whose kinds
 * must be the columns' types. db_copy_end() always follows a begin that succeeded; keep false gives the rows up
 * and, like every failed statement, the transaction.
 */
err db_copy_begin(struct scope *s, struct db *db, const struct sql *q);
err db_copy_row(struct scope *s, struct db *db, const struct sql_param *params, size_t n_params);
err db_copy_end(struct scope *s, struct db *db, bool keep, int64_t *rows);

/* Transactions, READ COMMITTED. */
err  db_begin(struct scope *s, struct db *db);
err  db_begin_snapshot(struct scope *s, struct db *db);  /* REPEATABLE READ, READ ONLY */
/* Never canceled: waits past the deadline, DB_COMMIT_MS in all, and is ERR_UNKNOWN_OUTCOME then. */
err  db_commit(struct scope *s, struct db *db);
void db_rollback(struct db *db);                         /* a broken connection is left unhealthy */
/* To a savepoint "op" that a statement has opened; releases it. */
err  db_savepoint_rollback(struct scope *s, struct db *db);
/* Runs work in a transaction, again on 40001 and 40P01 up to DB_RETRIES_MAX times. */
err  db_transact(struct scope *s, struct db *db, err (*work)(struct scope *s, struct db *db, void *arg), void *arg);

/*
 * LISTEN; waits up to timeout_ms (-1: for ever) for a notification or until `wake_fd` (-1: none) is readable: true.
 * A lost connection waits the time out and is false; see db_healthy(). What this session notified itself doesn't count.
 */
err  db_listen(struct scope *s, struct db *db, const char *channel);
err  db_unlisten(struct scope *s, struct db *db, const char *channel);
bool db_wait_notify(struct db *db, int wake_fd, int timeout_ms);

/*
 * Pool: `size` connections of one process, opened when first needed, replaced when broken.
 * db_take waits until one is free or the scope's deadline passes (ERR_BUSY). Thread-safe.
 */
struct db_pool;
err  db_pool_open(struct scope *s, const char *dsn, const char *application, size_t size, struct db_pool **out);
void db_pool_close(struct db_pool *p);
err  db_take(struct scope *s, struct db_pool *p, struct db **out);
void db_give(struct db_pool *p, struct db *db);

/*
 * For counterfoil-schema. db_check() prepares one statement and has it planned, without running it:
 * ERR_FORBIDDEN if this role may not run it. db_script() runs several statements without parameters or rows.
 */
err  db_script(struct scope *s, struct db *db, const char *text);
err  db_check(struct scope *s, struct db *db, const struct sql *q);
/*
 * One line: name, parameters and columns of a statement as the server infers them, by the numbers of their types:
 * "party_get 25 id:25,roles:1009". COPY is not described: "part_copy COPY".
 */
err  db_describe(struct scope *s, struct db *db, const struct sql *q, struct buf *out);

/* Every statement table of the room, for `check`: NULL-terminated list of { name of the noun, table, length }. */
struct sql_table { const char *noun; const struct sql *statements; size_t n; };
extern const struct sql_table sql_tables[];
