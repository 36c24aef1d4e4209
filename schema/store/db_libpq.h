/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>

#include "schema/base/limits.h"
#include "schema/store/db.h"

/*
 * Private to schema/store/db*.c: the only header that includes libpq.
 *
 * A command's life: db_start() (is the connection alive, is there time left,
 * what would a loss mean), PQsend…(), db_next() until it yields NULL,
 * db_settle(). The connection is non-blocking throughout; db_next() waits in
 * poll() so that the scope's deadline holds, and cancels when it passes.
 */
struct statement {
    const struct sql *q;
    int n_params, n_columns;
    Oid *params;                       /* as the server inferred them */
    struct { char *name; Oid type; } *columns;
    const struct shape *shape;         /* checked against this one, NULL: none yet */
    int *places;                       /* result column of each of the shape's */
};

struct encoded {                       /* parameters as libpq wants them; all binary */
    size_t n;
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
};

struct queued { struct statement *st; struct encoded *params; };

struct db {
    PGconn *conn;
    char *dsn, *application;
    int statement_ms;                  /* 0: no statement_timeout */
    bool healthy;
    bool snapshot;                     /* the open transaction is a read-only one */
    /* the command that runs */
    bool commits;                      /* a loss now leaves the outcome unknown */
    bool is_commit;                    /* COMMIT itself: never canceled */
    bool canceled;
    bool unconfirmed;                  /* WARNING 01000 or 57P01 arrived while it ran */
    int64_t until_ms;                  /* on the monotonic clock, 0: forever */
    char sqlstate[6];                  /* of the last error */
    char constraint[64];
    /* prepared statements, by the address of their struct sql; open addressing */
    struct statement **statements;
    size_t n_statements, cap_statements;
    struct statement *unnamed;         /* the newest of DB_UNNAMED */
    struct queued *queue;              /* db_pipe() */
    size_t n_queue, cap_queue;
    char *copy;                        /* DB_COPY_CHUNK and one row */
    size_t copy_len, copy_cap;
    bool copying;
};

/* db.c */
err db_connect(struct scope *s, const char *dsn, const char *application, int statement_ms, struct db **out);
bool db_alive(struct db *db);                  /* reads what lies in the socket: false if the server has gone */

/* db_wait.c */
err db_start(struct scope *s, struct db *db, const char *text);
err db_sent(struct scope *s, struct db *db, int sent);     /* of a PQsend…() */
err db_next(struct scope *s, struct db *db, PGresult **out);   /* NULL: the command is over */
err db_fetch(struct scope *s, struct db *db, const char *name, PGresult **out);   /* the one result; PQclear() it */
err db_settle(struct scope *s, struct db *db, const char *name);
err db_result_error(struct scope *s, struct db *db, const PGresult *r, const char *name);
err db_lost(struct scope *s, struct db *db, const char *name);
void db_discard(struct db *db);                /* cancels what runs and reads it to its end */
err db_simple(struct scope *s, struct db *db, const char *text);
void db_notice(void *db, const PGresult *r);   /* libpq's notice receiver */

/* db_statement.c */
err db_prepare(struct scope *s, struct db *db, const struct sql *q, struct statement **out);
err db_shape(struct scope *s, struct statement *st, const struct shape *shape);
err db_rows(struct scope *s, const struct statement *st, const struct shape *shape, const PGresult *r, void **out,
            size_t *n);
int64_t db_touched(PGresult *r);
void db_forget(struct db *db);                 /* statements, queue and COPY of a connection that is gone */

/* db_value.c */
err value_encode(struct scope *s, const struct statement *st, const struct sql_param *params, size_t n,
                 struct encoded *out);
err value_copy_row(struct scope *s, const struct sql_param *params, size_t n, struct buf *out);
bool value_type_fits(enum sql_type type, Oid oid);
/* `borrow`: texts and bytes point into the result instead of the scope. */
err value_row(struct scope *s, const struct statement *st, const struct shape *shape, const PGresult *r, int row,
              bool borrow, void *out);
