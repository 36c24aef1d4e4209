/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/access.h"

enum { FACTS, ADD, STATEMENTS };
_Static_assert(STATEMENTS == ACCESS_STATEMENTS, "access_sql");

/*
 * Every join is a lateral probe of a unique index: the cost is the batch's, whatever the tables have grown to,
 * and no plan made while they were small can turn into a scan.
 */
const struct sql access_sql[ACCESS_STATEMENTS] = {
    [FACTS] = { "access_facts",
                "SELECT a.no,"
                "       k.id IS NOT NULL AS key_known, k.digest AS key_digest,"
                "       coalesce('read' = ANY (k.scopes), false) AS key_reads,"
                "       k.revoked_at IS NOT NULL AS key_revoked, k.expires_at AS key_expires_at,"
                "       coalesce(p.state = 'active', false) AS party_active,"
                "       l.no IS NOT NULL AS license_known, coalesce(l.buyer = k.party, false) AS caller_is_buyer,"
                "       coalesce(l.no, -1) AS license_no, l.state AS license_state, l.valid_from, l.valid_until,"
                "       i.n IS NOT NULL AS item_known, coalesce(i.n, -1) AS item, i.sha256,"
                "       coalesce(i.size, -1) AS size, i.media_type, c.state AS content_state,"
                "       w.index IS NOT NULL AS window_known, coalesce(w.index, -1) AS window_index, w.at AS window_at"
                "  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY a (key, license, path, no)"
                "  LEFT JOIN LATERAL (SELECT id, digest, scopes, party, expires_at, revoked_at"
                "                       FROM api_key WHERE id = a.key LIMIT 1) k ON true"
                "  LEFT JOIN LATERAL (SELECT state FROM party WHERE id = k.party LIMIT 1) p ON true"
                "  LEFT JOIN LATERAL (SELECT no, buyer, state, valid_from, valid_until, version"
                "                       FROM license WHERE id = a.license LIMIT 1) l ON true"
                "  LEFT JOIN LATERAL (SELECT n, sha256, size, media_type FROM item"
                "                      WHERE version = l.version AND path = a.path LIMIT 1) i ON true"
                "  LEFT JOIN LATERAL (SELECT state FROM content WHERE sha256 = i.sha256 LIMIT 1) c ON true"
                "  LEFT JOIN LATERAL (SELECT index, at FROM access WHERE license = l.no AND item = i.n"
                "                      ORDER BY index DESC LIMIT 1) w ON true" },
    [ADD]   = { "access_add",
                "INSERT INTO access (license, item, index, at)"
                " SELECT license, item, index, $4"
                "   FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) u (license, item, index)" },
};

static const struct column columns[] = {
    COL(access_facts_row, no,             T_INT8),
    COL(access_facts_row, key_known,      T_BOOL),
    COL(access_facts_row, key_digest,     T_HASH),
    COL(access_facts_row, key_reads,      T_BOOL),
    COL(access_facts_row, key_revoked,    T_BOOL),
    COL(access_facts_row, key_expires_at, T_TIME),
    COL(access_facts_row, party_active,   T_BOOL),
    COL(access_facts_row, license_known,  T_BOOL),
    COL(access_facts_row, caller_is_buyer, T_BOOL),
    COL(access_facts_row, license_no,     T_INT8),
    COL(access_facts_row, license_state,  T_TEXT),
    COL(access_facts_row, valid_from,     T_TIME),
    COL(access_facts_row, valid_until,    T_TIME),
    COL(access_facts_row, item_known,     T_BOOL),
    COL(access_facts_row, item,           T_INT4),
    COL(access_facts_row, sha256,         T_HASH),
    COL(access_facts_row, size,           T_INT8),
    COL(access_facts_row, media_type,     T_TEXT),
    COL(access_facts_row, content_state,  T_TEXT),
    COL(access_facts_row, window_known,   T_BOOL),
    COL(access_facts_row, window_index,   T_INT8),
    COL(access_facts_row, window_at,      T_TIME),
};
static const struct shape facts_shape = SHAPE(access_facts_row, columns);

err access_facts_send(struct scope *s, struct db *db, const char *const *key_ids, const char *const *licenses,
                      const char *const *paths, size_t n, struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &facts_shape };
    return db_pipe(s, db, &access_sql[FACTS], PARAMS(P_TEXTS(key_ids, n), P_TEXTS(licenses, n), P_TEXTS(paths, n)));
}

err access_add_send(struct scope *s, struct db *db, const int64_t *licenses, const int32_t *items,
                    const int64_t *indexes,
                    size_t n, int64_t at)
{
    return db_pipe(s, db, &access_sql[ADD],
                   PARAMS(P_INT8S(licenses, n), P_INT4S(items, n), P_INT8S(indexes, n), P_TIME(at)));
}
