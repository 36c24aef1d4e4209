/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/consent.h"

#include "schema/base/limits.h"

enum { KEY_GET, KEY_ADD, KEY_SET, ADD, GRANTS, COPY, GET, BY_DOCUMENT, LIST, ITEMS, ITEMS_PAGE, REJECT, FORGET, GRANT,
       SIZE, BLOCK, NEWER, BLOCK_SINCE, REVOKE, UNPRUNED, PRUNE, PRUNED, LIST_ADD, LISTS, TAKEN, BITS, PUBLISH,
       PUBLISHED, STATEMENTS };
_Static_assert(STATEMENTS == CONSENT_STATEMENTS, "consent_sql");

#define HEAD "c.no, c.id, c.creator, c.public_key, c.credential, c.document, c.state, c.reason, c.role, c.assurance," \
             " array_to_string(c.purposes, ',') AS purposes, array_to_string(c.prohibitions, ',') AS prohibitions," \
             " c.root, c.item_count, c.valid_from, c.valid_until, c.pair, c.place::bigint AS place," \
             " coalesce(c.index, -1) AS index, coalesce(c.withdrawn, -1) AS withdrawn, c.created_at, c.decided_at," \
             " c.withdrawn_at"
#define WHOLE "SELECT " HEAD ", c.bytes FROM consent c"
/* The items of some versions that rest on a consent: contributor and role as well as bytes. */
#define RESTS "INSERT INTO item_block (version, n, consent) SELECT i.version, i.n, c.no FROM consent c"
#define OF_HERS " WHERE c.no = $1 AND EXISTS (SELECT FROM item_contributor k WHERE k.version = i.version" \
                " AND k.n = i.n AND k.party = c.creator AND k.role = c.role)" \
                " ORDER BY 1, 2 ON CONFLICT DO NOTHING"
const struct sql consent_sql[CONSENT_STATEMENTS] = {
    [KEY_GET]     = { "party_key_get",
                      "SELECT public_key, party, statement, index, at FROM party_key WHERE public_key = $1" },
    [KEY_ADD]     = { "party_key_add",
                      "INSERT INTO party_key (public_key, party, statement, index, at) VALUES ($1, $2, $3, $4, $5)"
                      " ON CONFLICT (public_key) DO NOTHING" },
    [KEY_SET]     = { "party_key_set",
                      "UPDATE party p SET public_key = $1 WHERE p.id = $2"
                      "   AND EXISTS (SELECT FROM party_key k WHERE k.public_key = $1 AND k.party = $2)" },
    [ADD]         = { "consent_add",
                      "INSERT INTO consent (id, creator, public_key, credential, document, bytes, role, assurance,"
                      "                     purposes, prohibitions, root, item_count, valid_from, valid_until, pair,"
                      "                     place)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING no" },
    [GRANTS]      = { "consent_add_grants",
                      "INSERT INTO consent_grant (consent, purpose, model, territory)"
                      " SELECT $1, p, m, t FROM unnest($2::text[], $3::text[], $4::text[]) u (p, m, t)" },
    [COPY]        = { "consent_items_copy", "COPY consent_item (consent, sha256) FROM STDIN (FORMAT binary)" },
    [GET]         = { "consent_get", WHOLE " WHERE c.id = $1" },
    [BY_DOCUMENT] = { "consent_by_document", WHOLE " WHERE c.document = $1" },
    [LIST]        = { "consent_list",
                      "SELECT " HEAD ", NULL::bytea AS bytes FROM consent c"
                      " WHERE ($1::text IS NULL OR c.creator = $1) AND c.id > $2 ORDER BY c.id LIMIT $3" },
    [ITEMS]       = { "consent_items_each",
                      "SELECT sha256 FROM consent_item WHERE consent = $1 ORDER BY sha256" },
    [ITEMS_PAGE]  = { "consent_items",
                      "SELECT sha256 FROM consent_item WHERE consent = $1 AND sha256 > $2 ORDER BY sha256 LIMIT $3" },
    [REJECT]      = { "consent_reject",
                      "UPDATE consent SET state = 'rejected', reason = $2, decided_at = clock_timestamp()"
                      " WHERE no = $1 AND state = 'received'" },
    [FORGET]      = { "consent_forget", "DELETE FROM consent_item WHERE consent = $1" },
    [GRANT]       = { "consent_grant",
                      "UPDATE consent SET state = 'granted', index = $2, decided_at = $3"
                      " WHERE no = $1 AND state = 'received'" },
    [SIZE]        = { "consent_log_size", "SELECT max(size) AS size FROM tree_head" },
    [BLOCK]       = { "consent_block",
                      RESTS "  JOIN consent_item x ON x.consent = c.no JOIN item i ON i.sha256 = x.sha256" OF_HERS },
    [NEWER]       = { "consent_newer_items",
                      "SELECT coalesce(sum(item_count), 0)::bigint AS size FROM version WHERE index >= $1" },
    /* From the versions' side, by probes: no plan may look at all that the consent covers. */
    [BLOCK_SINCE] = { "consent_block_since",
                      RESTS " CROSS JOIN (SELECT no FROM version WHERE index >= $2) v"
                      "  CROSS JOIN LATERAL (SELECT version, n, sha256 FROM item WHERE version = v.no OFFSET 0) i"
                      "  CROSS JOIN LATERAL (SELECT FROM consent_item WHERE consent = $1 AND sha256 = i.sha256"
                      "                       LIMIT 1) x"
                      "  CROSS JOIN LATERAL (SELECT FROM item_contributor WHERE version = i.version AND n = i.n"
                      "                         AND party = c.creator AND role = c.role LIMIT 1) k"
                      " WHERE c.no = $1 ORDER BY 1, 2 ON CONFLICT DO NOTHING" },
    [REVOKE]      = { "consent_revoke",
                      "UPDATE consent SET state = 'revoked', withdrawn = $2, withdrawn_at = $3, withdrawal = $4"
                      " WHERE no = $1 AND state IN ('granted', 'suspended')" },
    [UNPRUNED]    = { "consent_unpruned",
                      "SELECT no FROM consent WHERE state = 'revoked' AND NOT pruned ORDER BY no LIMIT 1" },
    /* What is judged as of an entry before an older withdrawal is as of one before the newest, too. */
    [PRUNE]       = { "consent_prune",
                      "WITH newest AS MATERIALIZED ("
                      "  SELECT b.version, b.n, max(k.withdrawn) AS withdrawn FROM item_block m"
                      "    JOIN item_block b ON b.version = m.version AND b.n = m.n"
                      "    JOIN consent k ON k.no = b.consent AND k.state = 'revoked'"
                      "   WHERE m.consent = $1 GROUP BY b.version, b.n)"
                      " DELETE FROM item_block d USING newest w, consent k"
                      "  WHERE d.version = w.version AND d.n = w.n AND k.no = d.consent AND k.state = 'revoked'"
                      "    AND k.withdrawn < w.withdrawn" },
    [PRUNED]      = { "consent_pruned", "UPDATE consent SET pruned = true WHERE no = $1 AND state = 'revoked'" },
    [LIST_ADD]    = { "status_list_add",
                      "INSERT INTO status_list (id, pair, kind, purpose, url, places) VALUES ($1, $2, $3, $4, $5, $6)"
                      " ON CONFLICT (pair, purpose) DO NOTHING" },
    [LISTS]       = { "status_lists",
                      "SELECT l.no, l.id, l.pair, l.kind, l.purpose, l.url, l.places, coalesce(p.index, -1) AS index,"
                      "       coalesce(p.as_of, -1) AS as_of, p.valid_until, coalesce(w.changed, -1) AS changed"
                      "  FROM status_list l"
                      "  LEFT JOIN LATERAL (SELECT index, as_of, valid_until FROM status_publication"
                      "                      WHERE list = l.no ORDER BY index DESC LIMIT 1) p ON true"
                      "  LEFT JOIN LATERAL (SELECT greatest((SELECT max(withdrawn) FROM consent"
                      "                       WHERE pair = l.pair AND withdrawn IS NOT NULL),"
                      "                     (SELECT max(withdrawn) FROM certificate"
                      "                       WHERE pair = l.pair AND withdrawn IS NOT NULL)) AS changed) w ON true"
                      " ORDER BY l.kind DESC, l.pair DESC, l.purpose" },
    [TAKEN]       = { "status_places_taken",
                      "SELECT count(*) AS size FROM consent WHERE pair = $1 AND state <> 'rejected'" },
    [BITS]        = { "status_bits",
                      "SELECT (SELECT max(size) FROM tree_head) AS as_of,"
                      "       coalesce(string_agg(int4send(place), ''::bytea ORDER BY place), ''::bytea) AS places"
                      "  FROM (SELECT place, state FROM consent WHERE pair = $1 AND withdrawn IS NOT NULL"
                      "        UNION ALL SELECT place, state FROM certificate"
                      "         WHERE pair = $1 AND withdrawn IS NOT NULL) c"
                      " WHERE state = CASE $2::text WHEN 'revocation' THEN 'revoked' ELSE 'suspended' END" },
    [PUBLISH]     = { "status_publish",
                      "INSERT INTO status_publication (list, index, document, as_of, at, valid_until)"
                      " SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS"
                      "  (SELECT FROM status_publication WHERE list = $1 AND as_of >= $4)" },
    [PUBLISHED]   = { "status_published",
                      "SELECT p.list, p.index, p.document, p.as_of, p.at, p.valid_until"
                      "  FROM status_publication p JOIN status_list l ON l.no = p.list"
                      " WHERE l.id = $1 AND p.at <= $2 AND p.index < $3 ORDER BY p.at DESC, p.index DESC LIMIT 1" },
};

static const struct column columns[] = {
    COL(consent_row, no, T_INT8),           COL(consent_row, id, T_ID),           COL(consent_row, creator, T_ID),
    COL(consent_row, public_key, T_TEXT),   COL(consent_row, credential, T_TEXT), COL(consent_row, document, T_HASH),
    COL(consent_row, bytes, T_BYTES),       COL(consent_row, state, T_TEXT),      COL(consent_row, reason, T_TEXT),
    COL(consent_row, role, T_TEXT),         COL(consent_row, assurance, T_TEXT),  COL(consent_row, purposes, T_TEXT),
    COL(consent_row, prohibitions, T_TEXT), COL(consent_row, root, T_HASH),       COL(consent_row, item_count, T_INT8),
    COL(consent_row, valid_from, T_TIME),   COL(consent_row, valid_until, T_TIME), COL(consent_row, pair, T_INT8),
    COL(consent_row, place, T_INT8),        COL(consent_row, index, T_INT8),      COL(consent_row, withdrawn, T_INT8),
    COL(consent_row, created_at, T_TIME),   COL(consent_row, decided_at, T_TIME),
    COL(consent_row, withdrawn_at, T_TIME),
};
static const struct shape consent_shape = SHAPE(consent_row, columns);

static const struct column key_columns[] = {
    COL(party_key, public_key, T_TEXT), COL(party_key, party, T_ID), COL(party_key, statement, T_BYTES),
    COL(party_key, index, T_INT8),      COL(party_key, at, T_TIME),
};
static const struct shape key_shape = SHAPE(party_key, key_columns);

static const struct column list_columns[] = {
    COL(status_list_row, no, T_INT8),      COL(status_list_row, id, T_ID),     COL(status_list_row, pair, T_INT8),
    COL(status_list_row, kind, T_TEXT),
    COL(status_list_row, purpose, T_TEXT), COL(status_list_row, url, T_TEXT),  COL(status_list_row, places, T_INT4),
    COL(status_list_row, index, T_INT8),   COL(status_list_row, as_of, T_INT8),
    COL(status_list_row, valid_until, T_TIME), COL(status_list_row, changed, T_INT8),
};
static const struct shape list_shape = SHAPE(status_list_row, list_columns);

static const struct column publication_columns[] = {
    COL(status_publication, list, T_INT8),  COL(status_publication, index, T_INT8),
    COL(status_publication, document, T_HASH), COL(status_publication, as_of, T_INT8),
    COL(status_publication, at, T_TIME),    COL(status_publication, valid_until, T_TIME),
};
static const struct shape publication_shape = SHAPE(status_publication, publication_columns);

static const struct column bits_columns[] = {
    COL(status_bits, as_of, T_INT8), COL(status_bits, places, T_BYTES),
};
static const struct shape bits_shape = SHAPE(status_bits, bits_columns);

static const struct column no_column[] = { { "no", T_INT8, 0 } };
static const struct column size_column[] = { { "size", T_INT8, 0 } };
static const struct shape no_shape = { sizeof(int64_t), 1, no_column };
static const struct shape size_shape = { sizeof(int64_t), 1, size_column };
static const struct column sha256_column[] = { { "sha256", T_HASH, 0 } };
static const struct shape sha256_shape = { sizeof(struct hash), 1, sha256_column };

/* ---- keys of parties */

err party_key_get(struct scope *s, struct db *db, const char *public_key, struct party_key *out)
{
    return db_one(s, db, &consent_sql[KEY_GET], PARAMS(P_TEXT(public_key)), &key_shape, out);
}

err party_key_set(struct scope *s, struct db *db, const struct party_key *k)
{
    int64_t touched;

    TRY(db_do(s, db, &consent_sql[KEY_ADD],
              PARAMS(P_TEXT(k->public_key), P_ID(k->party), P_BYTES(k->statement.p, k->statement.len),
                     P_INT8(k->index), P_TIME(k->at)), NULL));
    TRY(db_do(s, db, &consent_sql[KEY_SET], PARAMS(P_TEXT(k->public_key), P_ID(k->party)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_CONFLICT, "this key is another party's");
}

/* ---- posting */

err consent_add(struct scope *s, struct db *db, struct consent_row *c, const char *const *purposes, size_t n_purposes,
                const char *const *prohibitions, size_t n_prohibitions)
{
    err e = db_one(s, db, &consent_sql[ADD],
                   PARAMS(P_ID(c->id), P_ID(c->creator), P_TEXT(c->public_key), P_TEXT(c->credential),
                          P_HASH(&c->document), P_BYTES(c->bytes.p, c->bytes.len), P_TEXT(c->role),
                          P_TEXT(c->assurance), P_TEXTS(purposes, n_purposes), P_TEXTS(prohibitions, n_prohibitions),
                          P_HASH(&c->root), P_INT8(c->item_count), P_TIME(c->valid_from), P_TIME(c->valid_until),
                          P_INT8(c->pair), P_INT4((int32_t)c->place)), &no_shape, &c->no);

    if (e != ERR_CONFLICT)
        return e;
    scope_forgive(s);
    return fail(s, ERR_CONFLICT, "the certificate's id or its place in the status lists is taken: sign another one");
}

err consent_add_grants(struct scope *s, struct db *db, int64_t no, const struct consent_grant_rows *g)
{
    return db_do(s, db, &consent_sql[GRANTS],
                 PARAMS(P_INT8(no), P_TEXTS(g->purpose, g->n), P_TEXTS(g->model, g->n), P_TEXTS(g->territory, g->n)),
                 NULL);
}

err consent_items_begin(struct scope *s, struct db *db)
{
    return db_copy_begin(s, db, &consent_sql[COPY]);
}

err consent_items_row(struct scope *s, struct db *db, int64_t no, const struct hash *sha256)
{
    return db_copy_row(s, db, PARAMS(P_INT8(no), P_HASH(sha256)));
}

/* ---- reading */

err consent_get(struct scope *s, struct db *db, const char *id, struct consent_row *out)
{
    return db_one(s, db, &consent_sql[GET], PARAMS(P_TEXT(id)), &consent_shape, out);
}

err consent_by_document(struct scope *s, struct db *db, const struct hash *document, struct consent_row *out)
{
    return db_one(s, db, &consent_sql[BY_DOCUMENT], PARAMS(P_HASH(document)), &consent_shape, out);
}

err consent_list(struct scope *s, struct db *db, const char *creator, const char *after, int64_t limit,
                 struct consent_row **out, size_t *n)
{
    return db_many(s, db, &consent_sql[LIST], PARAMS(P_TEXT(creator), P_TEXT(after), P_INT8(limit)), &consent_shape,
                   out, n);
}

err consent_items_each(struct scope *s, struct db *db, int64_t no,
                       err (*each)(struct scope *s, void *arg, void *sha256), void *arg)
{
    struct hash row;

    return db_each(s, db, &consent_sql[ITEMS], PARAMS(P_INT8(no)), &sha256_shape, &row, each, arg);
}

err consent_items(struct scope *s, struct db *db, int64_t no, struct bytes after, int64_t limit, struct hash **out,
                  size_t *n)
{
    return db_many(s, db, &consent_sql[ITEMS_PAGE],
                   PARAMS(P_INT8(no), P_BYTES(after.p, after.len), P_INT8(limit)), &sha256_shape, out, n);
}

/* ---- deciding */

static err one_touched(struct scope *s, int64_t touched)
{
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the consent is in another state by now");
}

err consent_reject(struct scope *s, struct db *db, int64_t no, const char *reason)
{
    int64_t touched;

    TRY(db_do(s, db, &consent_sql[REJECT], PARAMS(P_INT8(no), P_TEXT(reason)), &touched));
    TRY(one_touched(s, touched));
    return db_do(s, db, &consent_sql[FORGET], PARAMS(P_INT8(no)), NULL);
}

err consent_grant(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &consent_sql[GRANT], PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at)), &touched));
    return one_touched(s, touched);
}

err consent_log_size(struct scope *s, struct db *db, uint64_t *size)
{
    int64_t v;

    TRY(db_one(s, db, &consent_sql[SIZE], NO_PARAMS, &size_shape, &v));
    *size = (uint64_t)v;
    return ERR_OK;
}

err consent_block(struct scope *s, struct db *db, int64_t no, uint64_t *size)
{
    TRY(consent_log_size(s, db, size));
    return db_do(s, db, &consent_sql[BLOCK], PARAMS(P_INT8(no)), NULL);
}

err consent_newer_items(struct scope *s, struct db *db, uint64_t size, int64_t *items)
{
    return db_one(s, db, &consent_sql[NEWER], PARAMS(P_INT8((int64_t)size)), &size_shape, items);
}

err consent_block_since(struct scope *s, struct db *db, int64_t no, uint64_t size)
{
    return db_do(s, db, &consent_sql[BLOCK_SINCE], PARAMS(P_INT8(no), P_INT8((int64_t)size)), NULL);
}

err consent_revoke(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, struct bytes request)
{
    int64_t touched;

    TRY(db_do(s, db, &consent_sql[REVOKE],
              PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at), P_BYTES(request.p, request.len)), &touched));
    return one_touched(s, touched);
}

err consent_prune(struct scope *s, struct db *db, bool *more)
{
    int64_t no;
    err e = db_one(s, db, &consent_sql[UNPRUNED], NO_PARAMS, &no_shape, &no);

    *more = e == ERR_OK;
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    TRY(db_do(s, db, &consent_sql[PRUNE], PARAMS(P_INT8(no)), NULL));
    return db_do(s, db, &consent_sql[PRUNED], PARAMS(P_INT8(no)), NULL);
}

/* ---- status lists */

err status_list_add(struct scope *s, struct db *db, const struct status_list_row *l)
{
    return db_do(s, db, &consent_sql[LIST_ADD],
                 PARAMS(P_ID(l->id), P_INT8(l->pair), P_TEXT(l->kind), P_TEXT(l->purpose), P_TEXT(l->url),
                        P_INT4(l->places)), NULL);
}

err status_lists(struct scope *s, struct db *db, struct status_list_row **out, size_t *n)
{
    return db_many(s, db, &consent_sql[LISTS], NO_PARAMS, &list_shape, out, n);
}

err status_places_taken(struct scope *s, struct db *db, int64_t pair, int64_t *taken)
{
    return db_one(s, db, &consent_sql[TAKEN], PARAMS(P_INT8(pair)), &size_shape, taken);
}

err status_bits(struct scope *s, struct db *db, int64_t pair, const char *purpose, struct status_bits *out)
{
    return db_one(s, db, &consent_sql[BITS], PARAMS(P_INT8(pair), P_TEXT(purpose)), &bits_shape, out);
}

err status_publish(struct scope *s, struct db *db, const struct status_publication *p)
{
    int64_t touched;

    TRY(db_do(s, db, &consent_sql[PUBLISH],
              PARAMS(P_INT8(p->list), P_INT8(p->index), P_HASH(&p->document), P_INT8(p->as_of), P_TIME(p->at),
                     P_TIME(p->valid_until)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "this state of the list, or a newer one, is published already");
}

err status_published(struct scope *s, struct db *db, const char *list, int64_t at, uint64_t size,
                     struct status_publication *out)
{
    return db_one(s, db, &consent_sql[PUBLISHED], PARAMS(P_TEXT(list), P_TIME(at), P_INT8((int64_t)size)),
                  &publication_shape, out);
}
