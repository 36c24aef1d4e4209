/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/operator.h"

enum { PARTY, KEY, STATEMENTS };
_Static_assert(STATEMENTS == OPERATOR_STATEMENTS, "operator_sql");

const struct sql operator_sql[OPERATOR_STATEMENTS] = {
    [PARTY] = { "operator_party",
                "INSERT INTO party (id, handle, roles, name, contact, index, created_at)"
                " VALUES ($1, $2, '{operator}', $3, $4, $5, $6)" },
    [KEY]   = { "operator_key",
                "INSERT INTO api_key (id, party, digest, label, scopes)"
                " VALUES ($1, $2, $3, 'first key of the operator', '{read,write}')" },
};

err operator_add(struct scope *s, struct db *db, const struct operator_rows *rows)
{
    TRY(db_do(s, db, &operator_sql[PARTY],
              PARAMS(P_ID(rows->party), P_TEXT(rows->handle), P_TEXT(rows->name), P_TEXT(rows->contact),
                     P_INT8(rows->index), P_TIME(rows->at)), NULL));
    return db_do(s, db, &operator_sql[KEY], PARAMS(P_ID(rows->key), P_ID(rows->party), P_HASH(&rows->digest)), NULL);
}
