/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/grant.h"

enum { ADD, LIST, GET, REVOKE, STATEMENTS };
_Static_assert(STATEMENTS == GRANT_STATEMENTS, "grant_sql");

#define SELECT "SELECT g.no, g.id, g.party, p.handle, g.granted_by, g.granted_at, g.until, g.revoked_at" \
               "  FROM auditor_grant g JOIN party p ON p.id = g.party"
const struct sql grant_sql[GRANT_STATEMENTS] = {
    [ADD]    = { "grant_add", "INSERT INTO auditor_grant (id, party, granted_by, until) VALUES ($1, $2, $3, $4)" },
    [LIST]   = { "grant_list",
                 SELECT " WHERE ($1::text IS NULL OR g.party = $1) AND g.id > $2 ORDER BY g.id LIMIT $3" },
    [GET]    = { "grant_get", SELECT " WHERE g.id = $1" },
    [REVOKE] = { "grant_revoke",
                 "UPDATE auditor_grant SET revoked_by = coalesce(revoked_by, $2),"
                 "       revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = $1" },
};

static const struct column columns[] = {
    COL(auditor_grant, no, T_INT8),         COL(auditor_grant, id, T_ID),        COL(auditor_grant, party, T_ID),
    COL(auditor_grant, handle, T_TEXT),     COL(auditor_grant, granted_by, T_ID),
    COL(auditor_grant, granted_at, T_TIME), COL(auditor_grant, until, T_TIME),
    COL(auditor_grant, revoked_at, T_TIME),
};
static const struct shape grant_shape = SHAPE(auditor_grant, columns);

err grant_add(struct scope *s, struct db *db, const struct auditor_grant *g)
{
    return db_do(s, db, &grant_sql[ADD],
                 PARAMS(P_ID(g->id), P_ID(g->party), P_ID(g->granted_by), P_TIME(g->until)), NULL);
}

err grant_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
               struct auditor_grant **out, size_t *n)
{
    return db_many(s, db, &grant_sql[LIST], PARAMS(P_TEXT(party), P_TEXT(after), P_INT8(limit)), &grant_shape, out, n);
}

err grant_get(struct scope *s, struct db *db, const char *id, struct auditor_grant *out)
{
    return db_one(s, db, &grant_sql[GET], PARAMS(P_TEXT(id)), &grant_shape, out);
}

err grant_revoke(struct scope *s, struct db *db, const char *id, const char *by)
{
    int64_t touched;

    TRY(db_do(s, db, &grant_sql[REVOKE], PARAMS(P_TEXT(id), P_TEXT(by)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_NOT_FOUND, "there is no grant %s", id);
}
