/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/access.h"

enum { FACTS, ADD, STATEMENTS };
_Static_assert(STATEMENTS == ACCESS_STATEMENTS, "access_sql");

/*
 * Every join to a table is a lateral probe of an index: the cost is the batch's, whatever the tables have grown to,
 * and no plan made while they were small can turn into a scan. Who asks under which license is looked up once for
 * each pair, since most of a batch is the same few. What lies beyond what was verified for the version is unverified
 * (verification.h).
 */
const struct sql access_sql[ACCESS_STATEMENTS] = {
    [FACTS] = { "access_facts",
                "WITH who AS MATERIALIZED ("
                " SELECT u.no, k.id IS NOT NULL AS key_known, k.digest AS key_digest,"
                "        coalesce('read' = ANY (k.scopes), false) AS key_reads,"
                "        k.revoked_at IS NOT NULL AS key_revoked, k.expires_at AS key_expires_at,"
                "        coalesce(p.state = 'active', false) AS party_active,"
                "        l.no IS NOT NULL AS license_known, coalesce(l.buyer = k.party, false) AS caller_is_buyer,"
                "        coalesce(l.no, -1) AS license_no, l.state AS license_state, l.valid_from, l.valid_until,"
                "        l.version, v.checked, CASE WHEN l.slice <> '{}' THEN l.slice_no END AS slice,"
                "        r.no AS clearance, r.id AS clearance_id, r.as_of, r.valid_until AS clearance_until"
                "   FROM unnest($1::text[], $2::text[]) WITH ORDINALITY u (key, license, no)"
                "   LEFT JOIN LATERAL (SELECT id, digest, scopes, party, expires_at, revoked_at"
                "                        FROM api_key WHERE id = u.key LIMIT 1) k ON true"
                "   LEFT JOIN LATERAL (SELECT state FROM party WHERE id = k.party LIMIT 1) p ON true"
                "   LEFT JOIN LATERAL (SELECT no, buyer, state, valid_from, valid_until, version, slice, slice_no"
                "                        FROM license WHERE id = u.license LIMIT 1) l ON true"
                "   LEFT JOIN LATERAL (SELECT checked FROM version WHERE no = l.version LIMIT 1) v ON true"
                "   LEFT JOIN LATERAL (SELECT no, id, as_of, valid_until FROM clearance"
                "                       WHERE license = l.no AND granted ORDER BY index DESC LIMIT 1) r ON true)"
                " SELECT a.no, w.key_known, w.key_digest, w.key_reads, w.key_revoked, w.key_expires_at,"
                "        w.party_active,"
                "        w.license_known, w.caller_is_buyer, w.license_no, w.license_state, w.valid_from,"
                "        w.valid_until,"
                "        i.n IS NOT NULL AND (w.slice IS NULL OR m.n IS NOT NULL) AS item_known,"
                "        coalesce(i.n, -1) AS item, i.sha256, coalesce(i.size, -1) AS size, i.media_type,"
                "        CASE WHEN i.n >= w.checked THEN 'unverified' ELSE c.state END AS content_state,"
                "        x.index IS NOT NULL AS window_known, coalesce(x.index, -1) AS window_index, x.at AS window_at,"
                "        w.clearance_id AS clearance, w.clearance_until, e.reason AS excluded, b.state AS withdrawn"
                "   FROM unnest($3::bigint[], $4::text[]) WITH ORDINALITY a (who, path, no)"
                "   JOIN who w ON w.no = a.who"
                "   LEFT JOIN LATERAL (SELECT n, sha256, size, media_type FROM item"
                "                       WHERE version = w.version AND path = a.path LIMIT 1) i ON true"
                "   LEFT JOIN LATERAL (SELECT n FROM slice_item WHERE slice = w.slice AND n = i.n LIMIT 1) m ON true"
                "   LEFT JOIN LATERAL (SELECT state FROM content WHERE sha256 = i.sha256 LIMIT 1) c ON true"
                "   LEFT JOIN LATERAL (SELECT reason FROM clearance_exclusion WHERE clearance = w.clearance AND n = i.n"
                "                       LIMIT 1) e ON true"
                "   LEFT JOIN LATERAL (SELECT state FROM item_withdrawal WHERE version = w.version AND n = i.n"
                "                         AND withdrawn >= w.as_of LIMIT 1) b ON true"
                "   LEFT JOIN LATERAL (SELECT index, at FROM access WHERE license = w.license_no AND item = i.n"
                "                       ORDER BY index DESC LIMIT 1) x ON true" },
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
    COL(access_facts_row, clearance,      T_TEXT),
    COL(access_facts_row, clearance_until, T_TIME),
    COL(access_facts_row, excluded,       T_TEXT),
    COL(access_facts_row, withdrawn,      T_TEXT),
};
static const struct shape facts_shape = SHAPE(access_facts_row, columns);

err access_facts_send(struct scope *s, struct db *db, const struct access_questions *q, struct pipe_result *result)
{
    *result = (struct pipe_result){ .shape = &facts_shape };
    return db_pipe(s, db, &access_sql[FACTS], PARAMS(P_TEXTS(q->keys, q->n_who), P_TEXTS(q->licenses, q->n_who),
                                                     P_INT8S(q->who, q->n), P_TEXTS(q->paths, q->n)));
}

err access_add_send(struct scope *s, struct db *db, const int64_t *licenses, const int32_t *items,
                    const int64_t *indexes,
                    size_t n, int64_t at)
{
    return db_pipe(s, db, &access_sql[ADD],
                   PARAMS(P_INT8S(licenses, n), P_INT4S(items, n), P_INT8S(indexes, n), P_TIME(at)));
}
