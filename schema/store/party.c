/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/party.h"

enum { ADD, GET, BY_HANDLE, LIST, KEY_ADD, KEY_RENEW, KEY_HOLDER, KEY_LIST, KEY_COUNT, KEY_REVOKE, KEY_USED };

#define PARTY "p.id, p.handle, array_to_string(p.roles, ',') AS roles, p.name, p.contact, p.public_key, p.state," \
              " p.index, p.created_at"
#define KEY   "k.id, k.party, k.digest, k.label, array_to_string(k.scopes, ',') AS scopes, k.created_at," \
              " k.expires_at, k.last_used_at, k.revoked_at"
const struct sql party_sql[PARTY_STATEMENTS] = {
    [ADD]        = { "party_add",
                     "INSERT INTO party (id, handle, roles, name, contact, public_key, index, created_at)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" },
    [GET]        = { "party_get", "SELECT " PARTY " FROM party p WHERE p.id = $1" },
    [BY_HANDLE]  = { "party_by_handle", "SELECT " PARTY " FROM party p WHERE p.handle = $1" },
    [LIST]       = { "party_list",
                     "SELECT " PARTY " FROM party p WHERE p.id > $1 AND p.index >= 0 ORDER BY p.id LIMIT $2" },
    [KEY_ADD]    = { "api_key_add",
                     "INSERT INTO api_key (id, party, digest, label, scopes, expires_at)"
                     " VALUES ($1, $2, $3, $4, $5, $6)" },
    [KEY_RENEW]  = { "api_key_renew",
                     "WITH unused AS (SELECT p.id FROM party p WHERE p.id = $2 AND NOT EXISTS"
                     "       (SELECT FROM api_key k WHERE k.party = p.id AND k.last_used_at IS NOT NULL) FOR UPDATE),"
                     " lost AS (UPDATE api_key SET revoked_at = clock_timestamp()"
                     "           WHERE party IN (SELECT id FROM unused) AND revoked_at IS NULL)"
                     " INSERT INTO api_key (id, party, digest, label, scopes, expires_at)"
                     " SELECT $1, id, $3, $4, $5, $6 FROM unused" },
    [KEY_HOLDER] = { "api_key_holder",
                     "SELECT k.id AS key_id, k.digest, k.label, array_to_string(k.scopes, ',') AS scopes,"
                     "       k.created_at AS key_created_at, k.expires_at, k.last_used_at, k.revoked_at,"
                     "       'auditor' = ANY (p.roles) AND EXISTS (SELECT FROM auditor_grant g WHERE g.party = p.id"
                     "           AND g.revoked_at IS NULL AND g.until > clock_timestamp()) AS granted, " PARTY
                     "  FROM api_key k JOIN party p ON p.id = k.party WHERE k.id = $1" },
    [KEY_LIST]   = { "api_key_list",
                     "SELECT " KEY " FROM api_key k WHERE k.party = $1 AND k.id > $2 ORDER BY k.id LIMIT $3" },
    [KEY_COUNT]  = { "api_key_count",
                     "SELECT count(*) AS live FROM api_key"
                     " WHERE party = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())" },
    [KEY_REVOKE] = { "api_key_revoke",
                     "UPDATE api_key SET revoked_at = coalesce(revoked_at, clock_timestamp())"
                     " WHERE party = $1 AND id = $2" },
    [KEY_USED]   = { "api_key_used",
                     "UPDATE api_key SET last_used_at = $2 WHERE id IN"
                     " (SELECT id FROM api_key WHERE id = ANY ($1::text[])"
                     "     AND (last_used_at IS NULL OR last_used_at < $2::timestamptz - interval '1 minute')"
                     "   ORDER BY id FOR UPDATE SKIP LOCKED)" },
};

static const struct column party_columns[] = {
    COL(party, id, T_ID),            COL(party, handle, T_TEXT), COL(party, roles, T_TEXT), COL(party, name, T_TEXT),
    COL(party, contact, T_TEXT),     COL(party, public_key, T_TEXT), COL(party, state, T_TEXT),
        COL(party, index, T_INT8),
    COL(party, created_at, T_TIME),
};
static const struct shape party_shape = SHAPE(party, party_columns);

static const struct column key_columns[] = {
    COL(api_key, id, T_ID),              COL(api_key, party, T_ID),          COL(api_key, digest, T_HASH),
    COL(api_key, label, T_TEXT),         COL(api_key, scopes, T_TEXT),       COL(api_key, created_at, T_TIME),
    COL(api_key, expires_at, T_TIME),    COL(api_key, last_used_at, T_TIME), COL(api_key, revoked_at, T_TIME),
};
static const struct shape key_shape = SHAPE(api_key, key_columns);

#define AT(name, member, type) { name, type, offsetof(struct key_holder, member) }
static const struct column holder_columns[] = {
    AT("key_id", key.id, T_ID),                     AT("digest", key.digest, T_HASH),
    AT("label", key.label, T_TEXT),                 AT("scopes", key.scopes, T_TEXT),
    AT("key_created_at", key.created_at, T_TIME),   AT("expires_at", key.expires_at, T_TIME),
    AT("last_used_at", key.last_used_at, T_TIME),   AT("revoked_at", key.revoked_at, T_TIME),
    AT("id", party.id, T_ID),                       AT("handle", party.handle, T_TEXT),
    AT("roles", party.roles, T_TEXT),               AT("name", party.name, T_TEXT),
    AT("contact", party.contact, T_TEXT),           AT("public_key", party.public_key, T_TEXT),
    AT("state", party.state, T_TEXT),               AT("index", party.index, T_INT8),
    AT("created_at", party.created_at, T_TIME),     AT("granted", granted, T_BOOL),
};
static const struct shape holder_shape = SHAPE(key_holder, holder_columns);

err party_add(struct scope *s, struct db *db, const struct party *p, const char *const *roles, size_t n_roles)
{
    err e = db_do(s, db, &party_sql[ADD],
                  PARAMS(P_ID(p->id), P_TEXT(p->handle), P_TEXTS(roles, n_roles), P_TEXT(p->name), P_TEXT(p->contact),
                         P_TEXT(p->public_key), P_INT8(p->index), P_TIME(p->created_at)), NULL);

    if (e != ERR_CONFLICT)
        return e;
    scope_forgive(s);
    return fail_at(s, ERR_CONFLICT, "/handle", "the handle %s is taken", p->handle);
}

err party_get(struct scope *s, struct db *db, const char *id, struct party *out)
{
    return db_one(s, db, &party_sql[GET], PARAMS(P_TEXT(id)), &party_shape, out);
}

err party_by_handle(struct scope *s, struct db *db, const char *handle, struct party *out)
{
    return db_one(s, db, &party_sql[BY_HANDLE], PARAMS(P_TEXT(handle)), &party_shape, out);
}

err party_list(struct scope *s, struct db *db, const char *after, int64_t limit, struct party **out, size_t *n)
{
    return db_many(s, db, &party_sql[LIST], PARAMS(P_TEXT(after), P_INT8(limit)), &party_shape, out, n);
}

err api_key_add(struct scope *s, struct db *db, const struct api_key *k, const char *const *scopes, size_t n_scopes)
{
    return db_do(s, db, &party_sql[KEY_ADD],
                 PARAMS(P_ID(k->id), P_ID(k->party), P_HASH(&k->digest), P_TEXT(k->label), P_TEXTS(scopes, n_scopes),
                        P_TIME(k->expires_at)), NULL);
}

err api_key_renew(struct scope *s, struct db *db, const char *handle, struct api_key *k, const char *const *scopes,
                  size_t n_scopes)
{
    struct party party;
    int64_t touched;

    TRY(party_by_handle(s, db, handle, &party));
    k->party = party.id;
    TRY(db_do(s, db, &party_sql[KEY_RENEW],
              PARAMS(P_ID(k->id), P_ID(k->party), P_HASH(&k->digest), P_TEXT(k->label), P_TEXTS(scopes, n_scopes),
                     P_TIME(k->expires_at)), &touched));
    return touched == 1 ? ERR_OK
         : fail(s, ERR_STALE, "'%s' has used a key: a party makes its further keys itself", handle);
}

err api_key_holder(struct scope *s, struct db *db, const char *key_id, struct key_holder *out)
{
    TRY(db_one(s, db, &party_sql[KEY_HOLDER], PARAMS(P_TEXT(key_id)), &holder_shape, out));
    out->key.party = out->party.id;
    return ERR_OK;
}

err api_key_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct api_key **out, size_t *n)
{
    return db_many(s, db, &party_sql[KEY_LIST], PARAMS(P_TEXT(party), P_TEXT(after), P_INT8(limit)), &key_shape, out,
                   n);
}

err api_key_count(struct scope *s, struct db *db, const char *party, int64_t *live)
{
    static const struct column column[] = { { "live", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &party_sql[KEY_COUNT], PARAMS(P_TEXT(party)), &shape, live);
}

err api_key_revoke(struct scope *s, struct db *db, const char *party, const char *key_id)
{
    int64_t touched;

    TRY(db_do(s, db, &party_sql[KEY_REVOKE], PARAMS(P_TEXT(party), P_TEXT(key_id)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_NOT_FOUND, "no such key of yours");
}

err api_key_used(struct scope *s, struct db *db, const char *const *key_ids, size_t n, int64_t at)
{
    return db_do(s, db, &party_sql[KEY_USED], PARAMS(P_TEXTS(key_ids, n), P_TIME(at)), NULL);
}
