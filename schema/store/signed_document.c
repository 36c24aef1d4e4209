/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/signed_document.h"

enum { GET, ADD, STATEMENTS };
_Static_assert(STATEMENTS == SIGNED_DOCUMENT_STATEMENTS, "signed_document_sql");

const struct sql signed_document_sql[SIGNED_DOCUMENT_STATEMENTS] = {
    [GET] = { "signed_document_get", "SELECT bytes FROM signed_document WHERE hash = $1" },
    [ADD] = { "signed_document_add",
              "INSERT INTO signed_document (hash, bytes) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING" },
};

static const struct column column[] = { { "bytes", T_BYTES, 0 } };
static const struct shape shape = { sizeof(struct bytes), 1, column };

err signed_document_get(struct scope *s, struct db *db, const struct hash *hash, struct bytes *out)
{
    return db_one(s, db, &signed_document_sql[GET], PARAMS(P_HASH(hash)), &shape, out);
}

err signed_document_add(struct scope *s, struct db *db, const struct hash *hash, struct bytes bytes)
{
    return db_do(s, db, &signed_document_sql[ADD], PARAMS(P_HASH(hash), P_BYTES(bytes.p, bytes.len)), NULL);
}
