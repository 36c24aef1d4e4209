/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/certificate.h"

enum { TRUST, CERTIFIER, CERTIFIERS, DISTRUSTED, VERSION, ADD, GET, BY_DOCUMENT, LIST, OF_DATASETS, REJECT, ISSUE,
       REVOKE, VERIFIED, DUE, TAKEN, BEHIND, ASKER, STATEMENTS };
_Static_assert(STATEMENTS == CERTIFICATE_STATEMENTS, "certificate_sql");

#define SUBJECT "v.no AS version_no, v.id AS version_id, v.dataset AS dataset_id, v.publisher," \
                " d.owner || '/' || d.name AS dataset, v.number::bigint AS number, v.root, v.item_count, v.published_at"
#define HEAD "c.no, c.id, c.certifier, c.poster, p.handle AS certifier_handle, " SUBJECT ", c.public_key," \
             " c.credential, c.document, c.state, c.reason, c.scheme, array_to_string(c.criteria, ',') AS criteria," \
             " c.valid_from, c.valid_until, c.pair, c.place::bigint AS place, coalesce(c.index, -1) AS index," \
             " coalesce(c.withdrawn, -1) AS withdrawn, c.revoked_by, c.created_at, c.decided_at, c.withdrawn_at," \
             " c.verified_at, c.flaw"
#define FROM " FROM certificate c JOIN party p ON p.id = c.certifier JOIN version v ON v.no = c.version" \
             " JOIN dataset d ON d.id = v.dataset"
#define WHOLE "SELECT " HEAD ", c.bytes, c.withdrawal" FROM
#define SHORT "SELECT " HEAD ", NULL::bytea AS bytes, NULL::bytea AS withdrawal" FROM
#define STANDS(at) "c.index IS NOT NULL AND c.decided_at <= " at " AND c.valid_from <= " at " AND c.valid_until > " at \
                   " AND (c.withdrawn_at IS NULL OR c.withdrawn_at > " at ")" \
                   " AND (c.flaw IS NULL OR c.verified_at > " at ")"
#define TRUSTED "SELECT id, handle, public_key, index, at FROM trusted_certifier"
/* The newest act of trust is that there is none. */
#define NOT_TRUSTED(party) "EXISTS (SELECT FROM certifier_trust t WHERE t.party = " party \
                           " AND t.public_key IS NULL AND NOT EXISTS" \
                           " (SELECT FROM certifier_trust n WHERE n.party = t.party AND n.no > t.no))"
const struct sql certificate_sql[CERTIFICATE_STATEMENTS] = {
    [TRUST]       = { "certifier_trust",
                      "INSERT INTO certifier_trust (party, public_key, index, at) VALUES ($1, $2, $3, $4)" },
    [CERTIFIER]   = { "certifier_get",
                      TRUSTED " WHERE ($1::text IS NULL OR public_key = $1) AND ($2::text IS NULL OR id = $2)" },
    [CERTIFIERS]  = { "certifier_list", TRUSTED " WHERE id > $1 ORDER BY id LIMIT $2" },
    [DISTRUSTED]  = { "certifier_distrusted", "SELECT " NOT_TRUSTED("$1") " AS yes" },
    [VERSION]     = { "certificate_version",
                      "SELECT " SUBJECT " FROM version v JOIN dataset d ON d.id = v.dataset"
                      " WHERE v.id = $1 AND v.index IS NOT NULL" },
    [ADD]         = { "certificate_add",
                      "INSERT INTO certificate (id, certifier, poster, version, public_key, credential, document,"
                      "                         bytes, scheme, criteria, valid_from, valid_until, pair, place)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING no" },
    [GET]         = { "certificate_get", WHOLE " WHERE c.id = $1" },
    [BY_DOCUMENT] = { "certificate_by_document", WHOLE " WHERE c.document = $1" },
    [LIST]        = { "certificate_list",
                      SHORT " WHERE ($1::text IS NULL OR d.owner || '/' || d.name = $1)"
                      "   AND ($2::bigint = 0 OR v.number = $2)"
                      "   AND ($3::timestamptz IS NULL OR (" STANDS("$3") "))"
                      "   AND (c.index IS NOT NULL OR $5 OR $4 IN (c.certifier, c.poster))"
                      "   AND c.id > $6 ORDER BY c.id LIMIT $7" },
    [OF_DATASETS] = { "certificate_of_datasets",
                      SHORT " WHERE v.dataset = ANY ($1::text[]) AND " STANDS("$2")
                      "   AND v.number = (SELECT max(n.number) FROM version n WHERE n.dataset = v.dataset)"
                      " ORDER BY c.id" },
    [REJECT]      = { "certificate_reject",
                      "UPDATE certificate SET state = 'rejected', reason = $2, decided_at = clock_timestamp()"
                      " WHERE no = $1 AND state = 'received'" },
    [ISSUE]       = { "certificate_issue",
                      "UPDATE certificate SET state = 'issued', index = $2, decided_at = $3, verified_at = $3"
                      " WHERE no = $1 AND state = 'received'" },
    [REVOKE]      = { "certificate_revoke",
                      "UPDATE certificate SET state = 'revoked', withdrawn = $2, withdrawn_at = $3, withdrawal = $4,"
                      "       revoked_by = CASE WHEN $4::bytea IS NULL THEN 'operator' ELSE 'certifier' END"
                      " WHERE no = $1 AND state = 'issued'" },
    [VERIFIED]    = { "certificate_verified",
                      "UPDATE certificate SET flaw = $2,"
                      "       verified_at = CASE WHEN flaw IS NOT NULL AND flaw = $2 THEN verified_at"
                      "                          ELSE clock_timestamp() END"
                      " WHERE no = $1 AND state = 'issued'" },
    [DUE]         = { "certificate_due",
                      "SELECT c.id FROM certificate c WHERE c.state = 'issued'"
                      "   AND (c.verified_at < $1 OR " NOT_TRUSTED("c.certifier") ")"
                      " ORDER BY c.verified_at LIMIT $2" },
    [TAKEN]       = { "certificate_places_taken",
                      "SELECT count(*) AS size FROM certificate WHERE pair = $1 AND state <> 'rejected'" },
    [BEHIND]      = { "behind_item",
                      "SELECT k.place, k.party, k.role, c.id AS consent, c.document, c.credential,"
                      "       array_to_string(c.purposes, ',') AS purposes,"
                      "       array_to_string(c.prohibitions, ',') AS prohibitions, c.valid_from, c.valid_until,"
                      "       c.decided_at AS granted_at, c.withdrawn_at, coalesce(c.index, -1) AS index,"
                      "       coalesce(c.withdrawn, -1) AS withdrawn, c.state"
                      "  FROM item_contributor k LEFT JOIN (consent_item x JOIN consent c ON c.no = x.consent)"
                      "    ON x.sha256 = $3 AND c.creator = k.party AND c.role = k.role AND c.index IS NOT NULL"
                      "   AND c.decided_at <= $4"
                      " WHERE k.version = $1 AND k.n = $2 ORDER BY k.place, c.no" },
    [ASKER]       = { "behind_asker",
                      "SELECT EXISTS (SELECT FROM item_contributor WHERE version = $1 AND n = $2 AND party = $3)"
                      "       AS creator,"
                      "       EXISTS (SELECT FROM license l JOIN slice c ON c.no = l.slice_no"
                      "                WHERE l.version = $1 AND l.buyer = $3 AND l.state <> 'pending' AND (c.whole"
                      "                   OR EXISTS (SELECT FROM slice_item m WHERE m.slice = c.no AND m.n = $2)))"
                      "       AS buyer" },
};

#define SUBJECT_AT(type_, prefix) \
    { "version_no", T_INT8, offsetof(struct type_, prefix no) }, \
    { "version_id", T_ID, offsetof(struct type_, prefix id) }, \
    { "dataset_id", T_ID, offsetof(struct type_, prefix dataset_id) }, \
    { "publisher", T_ID, offsetof(struct type_, prefix publisher) }, \
    { "dataset", T_TEXT, offsetof(struct type_, prefix dataset) }, \
    { "number", T_INT8, offsetof(struct type_, prefix number) }, \
    { "root", T_HASH, offsetof(struct type_, prefix root) }, \
    { "item_count", T_INT8, offsetof(struct type_, prefix item_count) }, \
    { "published_at", T_TIME, offsetof(struct type_, prefix published_at) }

static const struct column subject_columns[] = { SUBJECT_AT(certified_version, ) };
static const struct shape subject_shape = SHAPE(certified_version, subject_columns);

static const struct column columns[] = {
    COL(certificate_row, no, T_INT8),            COL(certificate_row, id, T_ID),
    COL(certificate_row, certifier, T_ID),       COL(certificate_row, poster, T_ID),
    COL(certificate_row, certifier_handle, T_TEXT), SUBJECT_AT(certificate_row, version.),
    COL(certificate_row, public_key, T_TEXT),    COL(certificate_row, credential, T_TEXT),
    COL(certificate_row, document, T_HASH),      COL(certificate_row, state, T_TEXT),
    COL(certificate_row, reason, T_TEXT),        COL(certificate_row, scheme, T_TEXT),
    COL(certificate_row, criteria, T_TEXT),      COL(certificate_row, valid_from, T_TIME),
    COL(certificate_row, valid_until, T_TIME),   COL(certificate_row, pair, T_INT8),
    COL(certificate_row, place, T_INT8),         COL(certificate_row, index, T_INT8),
    COL(certificate_row, withdrawn, T_INT8),     COL(certificate_row, revoked_by, T_TEXT),
    COL(certificate_row, created_at, T_TIME),    COL(certificate_row, decided_at, T_TIME),
    COL(certificate_row, withdrawn_at, T_TIME),  COL(certificate_row, verified_at, T_TIME),
    COL(certificate_row, flaw, T_TEXT),          COL(certificate_row, bytes, T_BYTES),
    COL(certificate_row, withdrawal, T_BYTES),
};
static const struct shape certificate_shape = SHAPE(certificate_row, columns);

static const struct column certifier_columns[] = {
    COL(trusted_certifier, id, T_ID),      COL(trusted_certifier, handle, T_TEXT),
    COL(trusted_certifier, public_key, T_TEXT), COL(trusted_certifier, index, T_INT8),
    COL(trusted_certifier, at, T_TIME),
};
static const struct shape certifier_shape = SHAPE(trusted_certifier, certifier_columns);

static const struct column behind_columns[] = {
    COL(behind_row, place, T_INT4),       COL(behind_row, party, T_ID),        COL(behind_row, role, T_TEXT),
    COL(behind_row, consent, T_ID),       COL(behind_row, document, T_HASH),   COL(behind_row, credential, T_TEXT),
    COL(behind_row, purposes, T_TEXT),    COL(behind_row, prohibitions, T_TEXT), COL(behind_row, valid_from, T_TIME),
    COL(behind_row, valid_until, T_TIME), COL(behind_row, granted_at, T_TIME), COL(behind_row, withdrawn_at, T_TIME),
    COL(behind_row, index, T_INT8),       COL(behind_row, withdrawn, T_INT8),  COL(behind_row, state, T_TEXT),
};
static const struct shape behind_shape = SHAPE(behind_row, behind_columns);

static const struct column asker_columns[] = {
    COL(behind_asker, creator, T_BOOL), COL(behind_asker, buyer, T_BOOL),
};
static const struct shape asker_shape = SHAPE(behind_asker, asker_columns);

static const struct column no_column[] = { { "no", T_INT8, 0 } };
static const struct shape no_shape = { sizeof(int64_t), 1, no_column };
static const struct column size_column[] = { { "size", T_INT8, 0 } };
static const struct shape size_shape = { sizeof(int64_t), 1, size_column };
static const struct column yes_column[] = { { "yes", T_BOOL, 0 } };
static const struct shape yes_shape = { sizeof(bool), 1, yes_column };
static const struct column due_columns[] = { COL(certificate_due, id, T_ID) };
static const struct shape due_shape = SHAPE(certificate_due, due_columns);

/* ---- whom the operator trusts */

err certifier_trust(struct scope *s, struct db *db, const struct id *party, const char *public_key, uint64_t index,
                    int64_t at)
{
    return db_do(s, db, &certificate_sql[TRUST],
                 PARAMS(P_ID(*party), P_TEXT(public_key), P_INT8((int64_t)index), P_TIME(at)), NULL);
}

err certifier_get(struct scope *s, struct db *db, const char *public_key, const char *id,
                  struct trusted_certifier *out)
{
    return db_one(s, db, &certificate_sql[CERTIFIER], PARAMS(P_TEXT(public_key), P_TEXT(id)), &certifier_shape, out);
}

err certifier_list(struct scope *s, struct db *db, const char *after, int64_t limit, struct trusted_certifier **out,
                   size_t *n)
{
    return db_many(s, db, &certificate_sql[CERTIFIERS], PARAMS(P_TEXT(after), P_INT8(limit)), &certifier_shape, out,
                   n);
}

err certifier_distrusted(struct scope *s, struct db *db, const char *id, bool *yes)
{
    return db_one(s, db, &certificate_sql[DISTRUSTED], PARAMS(P_TEXT(id)), &yes_shape, yes);
}

/* ---- posting */

err certificate_version(struct scope *s, struct db *db, const char *version_id, struct certified_version *out)
{
    return db_one(s, db, &certificate_sql[VERSION], PARAMS(P_TEXT(version_id)), &subject_shape, out);
}

err certificate_add(struct scope *s, struct db *db, struct certificate_row *c, const char *const *criteria,
                    size_t n_criteria)
{
    err e = db_one(s, db, &certificate_sql[ADD],
                   PARAMS(P_ID(c->id), P_ID(c->certifier), P_ID(c->poster), P_INT8(c->version.no),
                          P_TEXT(c->public_key), P_TEXT(c->credential), P_HASH(&c->document),
                          P_BYTES(c->bytes.p, c->bytes.len), P_TEXT(c->scheme), P_TEXTS(criteria, n_criteria),
                          P_TIME(c->valid_from), P_TIME(c->valid_until), P_INT8(c->pair), P_INT4((int32_t)c->place)),
                   &no_shape, &c->no);

    if (e != ERR_CONFLICT)
        return e;
    scope_forgive(s);
    return fail(s, ERR_CONFLICT, "the certificate's id or its place in the status list is taken: sign another one");
}

/* ---- reading */

err certificate_get(struct scope *s, struct db *db, const char *id, struct certificate_row *out)
{
    return db_one(s, db, &certificate_sql[GET], PARAMS(P_TEXT(id)), &certificate_shape, out);
}

err certificate_by_document(struct scope *s, struct db *db, const struct hash *document, struct certificate_row *out)
{
    return db_one(s, db, &certificate_sql[BY_DOCUMENT], PARAMS(P_HASH(document)), &certificate_shape, out);
}

err certificate_list(struct scope *s, struct db *db, const struct certificate_filter *f, const char *after,
                     int64_t limit, struct certificate_row **out, size_t *n)
{
    return db_many(s, db, &certificate_sql[LIST],
                   PARAMS(P_TEXT(f->dataset), P_INT8(f->version), P_TIME(f->at), P_TEXT(f->party), P_BOOL(f->all),
                          P_TEXT(after), P_INT8(limit)), &certificate_shape, out, n);
}

err certificate_of_datasets(struct scope *s, struct db *db, const char *const *datasets, size_t n_datasets,
                            int64_t at, struct certificate_row **out, size_t *n)
{
    return db_many(s, db, &certificate_sql[OF_DATASETS], PARAMS(P_TEXTS(datasets, n_datasets), P_TIME(at)),
                   &certificate_shape, out, n);
}

/* ---- deciding */

static err one_touched(struct scope *s, int64_t touched)
{
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the certificate is in another state by now");
}

err certificate_reject(struct scope *s, struct db *db, int64_t no, const char *reason)
{
    int64_t touched;

    TRY(db_do(s, db, &certificate_sql[REJECT], PARAMS(P_INT8(no), P_TEXT(reason)), &touched));
    return one_touched(s, touched);
}

err certificate_issue(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &certificate_sql[ISSUE], PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at)), &touched));
    return one_touched(s, touched);
}

err certificate_revoke(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, struct bytes request)
{
    int64_t touched;

    TRY(db_do(s, db, &certificate_sql[REVOKE],
              PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at), P_BYTES(request.p, request.len)), &touched));
    return one_touched(s, touched);
}

err certificate_verified(struct scope *s, struct db *db, int64_t no, const char *flaw)
{
    return db_do(s, db, &certificate_sql[VERIFIED], PARAMS(P_INT8(no), P_TEXT(flaw)), NULL);
}

err certificate_due(struct scope *s, struct db *db, int64_t before, int64_t limit, struct certificate_due **out,
                    size_t *n)
{
    return db_many(s, db, &certificate_sql[DUE], PARAMS(P_TIME(before), P_INT8(limit)), &due_shape, out, n);
}

/* ---- status list */

err certificate_places_taken(struct scope *s, struct db *db, int64_t pair, int64_t *taken)
{
    return db_one(s, db, &certificate_sql[TAKEN], PARAMS(P_INT8(pair)), &size_shape, taken);
}

/* ---- what stood behind an item */

err behind_item(struct scope *s, struct db *db, int64_t version, int32_t n, const struct hash *sha256, int64_t at,
                struct behind_row **out, size_t *rows)
{
    return db_many(s, db, &certificate_sql[BEHIND],
                   PARAMS(P_INT8(version), P_INT4(n), P_HASH(sha256), P_TIME(at)), &behind_shape, out, rows);
}

err behind_asker(struct scope *s, struct db *db, int64_t version, int32_t n, const char *party,
                 struct behind_asker *out)
{
    return db_one(s, db, &certificate_sql[ASKER], PARAMS(P_INT8(version), P_INT4(n), P_TEXT(party)), &asker_shape,
                  out);
}
