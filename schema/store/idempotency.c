/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/idempotency.h"

enum { FIND, STORE, FORGET, STATEMENTS };
_Static_assert(STATEMENTS == IDEMPOTENCY_STATEMENTS, "idempotency_sql");

const struct sql idempotency_sql[IDEMPOTENCY_STATEMENTS] = {
    [FIND]   = { "idempotency_find",
                 "SELECT fingerprint, status, answer, coalesce(index, -1) AS index, expires_at"
                 "  FROM idempotency WHERE party = $1 AND key = $2" },
    [STORE]  = { "idempotency_store",
                 "INSERT INTO idempotency (party, key, fingerprint, status, answer, index, expires_at)"
                 " VALUES ($1, $2, $3, $4, $5, nullif($6::bigint, -1), $7)" },
    [FORGET] = { "idempotency_forget",
                 "DELETE FROM idempotency WHERE party = $1 AND key = $2 AND expires_at <= $3" },
};

static const struct column columns[] = {
    COL(idempotency_row, fingerprint, T_HASH),
    COL(idempotency_row, status,      T_INT4),
    COL(idempotency_row, answer,      T_TEXT),
    COL(idempotency_row, index,       T_INT8),
    COL(idempotency_row, expires_at,  T_TIME),
};
static const struct shape idempotency_shape = SHAPE(idempotency_row, columns);

err idempotency_find_send(struct scope *s, struct db *db, const char *party, const char *key,
                          struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &idempotency_shape };
    return db_pipe(s, db, &idempotency_sql[FIND], PARAMS(P_TEXT(party), P_TEXT(key)));
}

err idempotency_store_send(struct scope *s, struct db *db, const char *party, const char *key,
                           const struct idempotency_row *row)
{
    return db_pipe(s, db, &idempotency_sql[STORE],
                   PARAMS(P_TEXT(party), P_TEXT(key), P_HASH(&row->fingerprint), P_INT4(row->status),
                          P_TEXT(row->answer), P_INT8(row->index), P_TIME(row->expires_at)));
}

err idempotency_forget(struct scope *s, struct db *db, const char *party, const char *key, int64_t now)
{
    return db_do(s, db, &idempotency_sql[FORGET], PARAMS(P_TEXT(party), P_TEXT(key), P_TIME(now)), NULL);
}
