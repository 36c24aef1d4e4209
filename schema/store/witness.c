/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/witness.h"

#include "schema/base/limits.h"

/* 4205: who asks the witnesses (4201 to 4204: log.c, books.c). */
enum { ELECT, NEWEST, LAST, ADD, COSIGNATURES, STATEMENTS };
_Static_assert(STATEMENTS == WITNESS_STATEMENTS, "witness_sql");

const struct sql witness_sql[WITNESS_STATEMENTS] = {
    [ELECT]  = { "witness_elect", "SELECT pg_try_advisory_lock(4205) AS won" },
    [NEWEST] = { "witness_newest", "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1" },
    [LAST]   = { "witness_last", "SELECT coalesce(max(size), 0) AS size FROM cosignature WHERE witness = $1" },
    [ADD]    = { "witness_add",
                 "INSERT INTO cosignature (size, witness, line, signed) VALUES ($1, $2, $3, $4)"
                 " ON CONFLICT DO NOTHING" },
    [COSIGNATURES] = { "witness_cosignatures",
                 "SELECT size, note, witness, line FROM cosignature JOIN checkpoint USING (size)"
                 " WHERE size BETWEEN $1 AND $2 AND witness = ANY ($3::text[])"
                 " ORDER BY size DESC, witness LIMIT $4" },
};

struct vote { bool won; };
static const struct column vote_columns[] = { COL(vote, won, T_BOOL) };
static const struct shape vote_shape = SHAPE(vote, vote_columns);

static const struct column newest_columns[] = {
    COL(newest_checkpoint, size, T_INT8), COL(newest_checkpoint, note, T_TEXT),
};
static const struct shape newest_shape = SHAPE(newest_checkpoint, newest_columns);

struct last { int64_t size; };
static const struct column last_columns[] = { COL(last, size, T_INT8) };
static const struct shape last_shape = SHAPE(last, last_columns);

static const struct column cosignature_columns[] = {
    COL(cosignature_row, size,    T_INT8),
    COL(cosignature_row, note,    T_TEXT),
    COL(cosignature_row, witness, T_TEXT),
    COL(cosignature_row, line,    T_TEXT),
};
static const struct shape cosignature_shape = SHAPE(cosignature_row, cosignature_columns);

err witness_elect(struct scope *s, struct db *db, bool *won)
{
    struct vote row;

    TRY(db_one(s, db, &witness_sql[ELECT], NO_PARAMS, &vote_shape, &row));
    *won = row.won;
    return ERR_OK;
}

err witness_newest(struct scope *s, struct db *db, struct newest_checkpoint *out)
{
    return db_one(s, db, &witness_sql[NEWEST], NO_PARAMS, &newest_shape, out);
}

err witness_last(struct scope *s, struct db *db, const char *witness, uint64_t *size)
{
    struct last row;

    TRY(db_one(s, db, &witness_sql[LAST], PARAMS(P_TEXT(witness)), &last_shape, &row));
    *size = (uint64_t)row.size;
    return ERR_OK;
}

err witness_add(struct scope *s, struct db *db, uint64_t size, const char *witness, const char *line, int64_t signed_s)
{
    return db_do(s, db, &witness_sql[ADD],
                 PARAMS(P_INT8((int64_t)size), P_TEXT(witness), P_TEXT(line), P_TIME(signed_s * 1000)), NULL);
}

err witness_cosignatures(struct scope *s, struct db *db, uint64_t from, uint64_t to, const char *const *witnesses,
                         size_t n_witnesses, struct cosignature_row **rows, size_t *n)
{
    return db_many(s, db, &witness_sql[COSIGNATURES],
                   PARAMS(P_INT8((int64_t)from), P_INT8((int64_t)to), P_TEXTS(witnesses, n_witnesses),
                          P_INT8(WITNESS_ROWS_MAX)), &cosignature_shape, rows, n);
}
