/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/clearance.h"

#include "schema/model/job.h"

enum { ADD, SAME, PENDING, GET, NEWEST, WITHDRAWN, ITEMS_WHOLE, ITEMS_PART, AGAINST, BEGIN, FORGET_CONSENTS,
       FORGET_EXCLUSIONS, CONSENTS, JUDGED, COUNTS, LISTS, MOVED, DECIDE, STATEMENTS };
_Static_assert(STATEMENTS == CLEARANCE_STATEMENTS, "clearance_sql");

/*
 * A clearance whose job is dead is decided by nobody, until an operator retries it: then another job waits, and it is
 * pending again.
 */
#define DEAD " LEFT JOIN LATERAL (SELECT j.id FROM job j WHERE c.state = 'pending' AND j.state = 'dead'" \
             "   AND j.kind = '" JOB_CLEAR_LICENSE "' AND j.key = c.id AND NOT EXISTS (SELECT FROM job o" \
             "   WHERE o.kind = j.kind AND o.key = j.key AND o.state IN ('queued', 'running'))" \
             "   ORDER BY j.id DESC LIMIT 1) d ON true"
/* From the erasure's entry on: first the erasure says so, then the seed, before anything leads to another buyer. */
#define ERASED "(coalesce(c.seed = decode(repeat('00', 32), 'hex'), false)" \
               " OR EXISTS (SELECT FROM erasure WHERE party = l.buyer AND state = 'erasing'))"
#define SELECT "SELECT c.no, c.id, l.id AS license, l.no AS license_no, l.buyer, l.purpose, l.version," \
               " l.slice_no AS slice, z.whole, l.item_count, c.territory, c.model_class, c.project, c.wanted_until," \
               " c.requested_at, c.pass, c.seed, CASE WHEN d.id IS NULL THEN c.state ELSE 'failed' END AS state," \
               " d.id AS job, coalesce(c.as_of, -1) AS as_of, c.evaluated_at," \
               " c.valid_until, coalesce(c.cleared, -1) AS cleared, c.counts, c.reason, c.rows_root, c.document," \
               " coalesce(c.index, -1) AS index, " ERASED " AS erased FROM clearance c" \
               " JOIN license l ON l.no = c.license" \
               " JOIN slice z ON z.no = l.slice_no" DEAD
/*
 * What an item that is cleared rests on: of each contributor the first consent that clears, which is the same whenever
 * it is asked. Each join is a probe of an index, so that no plan can turn a page into a scan. The order is that of a
 * subquery's column: by that of consent_item the planner would walk its whole primary key for each contributor.
 */
#define RESTS "  LEFT JOIN LATERAL (SELECT reason FROM clearance_exclusion WHERE clearance = $2 AND n = i.n" \
              "                       LIMIT 1) e ON true" \
              "  LEFT JOIN LATERAL (SELECT string_agg(r.id, ',' ORDER BY r.id COLLATE \"C\") AS ids FROM" \
              "      (SELECT DISTINCT b.id FROM item_contributor p CROSS JOIN LATERAL" \
              "          (SELECT k.no, k.id FROM consent_item y" \
              "             CROSS JOIN LATERAL (SELECT no, id FROM consent WHERE no = y.consent AND creator = p.party" \
              "                                    AND role = p.role LIMIT 1) k" \
              "             CROSS JOIN LATERAL (SELECT FROM clearance_consent WHERE clearance = $2" \
              "                                    AND consent = y.consent AND clears LIMIT 1) x" \
              "            WHERE y.sha256 = i.sha256 ORDER BY k.no LIMIT 1) b" \
              "        WHERE p.version = i.version AND p.n = i.n) r" \
              "     WHERE e.reason IS NULL AND i.contributors <> '[]') b ON true"
#define ITEM  "SELECT i.n, i.path, i.sha256, i.size, e.reason, b.ids AS consents FROM "
#define WHICH "($5::integer = 0 OR (e.reason IS NULL) = ($5::integer = 1))"

const struct sql clearance_sql[CLEARANCE_STATEMENTS] = {
    [ADD]       = { "clearance_add",
                    "INSERT INTO clearance (id, license, territory, model_class, project, wanted_until, requested_at)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING no" },
    [SAME]      = { "clearance_same",
                    SELECT " WHERE c.license = $1 AND c.state = 'pending' AND d.id IS NULL AND c.territory = $2"
                    "   AND c.model_class = $3"
                    "   AND c.project IS NOT DISTINCT FROM $4 AND c.wanted_until IS NOT DISTINCT FROM $5"
                    " ORDER BY c.no LIMIT 1" },
    [PENDING]   = { "clearance_pending",
                    "SELECT count(*) AS no FROM clearance c" DEAD
                    " WHERE c.license = $1 AND c.state = 'pending' AND d.id IS NULL" },
    [GET]       = { "clearance_get", SELECT " WHERE c.id = $1 AND ($2::text IS NULL OR l.buyer = $2)" },
    [NEWEST]    = { "clearance_newest",
                    SELECT " WHERE c.license = $1 AND c.granted ORDER BY c.index DESC LIMIT 1" },
    [WITHDRAWN] = { "clearance_taken_out",
                    "SELECT count(DISTINCT b.n) AS no FROM consent k"
                    "  JOIN item_block b ON b.consent = k.no AND b.version = $2"
                    " WHERE k.withdrawn >= $3 AND k.creator IN (SELECT party FROM slice_weight WHERE slice = $4)"
                    "   AND EXISTS (SELECT FROM slice_member m WHERE m.slice = $4 AND m.n = b.n)"
                    "   AND NOT EXISTS (SELECT FROM clearance_exclusion e WHERE e.clearance = $1 AND e.n = b.n)" },
    [ITEMS_WHOLE] = { "clearance_items_whole",
                    ITEM "item i" RESTS " WHERE i.version = $1 AND i.n > $3::bigint AND " WHICH
                    " ORDER BY i.n LIMIT $4" },
    [ITEMS_PART] = { "clearance_items_part",
                    ITEM "slice_item z JOIN item i ON i.version = $1 AND i.n = z.n" RESTS
                    " WHERE z.slice = $6 AND z.n > $3::bigint AND " WHICH " ORDER BY z.n LIMIT $4" },
    [AGAINST]   = { "clearance_against",
                    "SELECT (SELECT reason FROM clearance_exclusion WHERE clearance = $1 AND n = $2) AS reason,"
                    "       (SELECT state FROM item_withdrawal WHERE version = $3 AND n = $2 AND withdrawn >= $4"
                    "         ORDER BY withdrawn LIMIT 1) AS withdrawn" },
    [BEGIN]     = { "clearance_begin",
                    "UPDATE clearance SET pass = pass + 1 WHERE no = $1 AND state = 'pending' RETURNING pass AS no" },
    [FORGET_CONSENTS]   = { "clearance_forget_consents", "DELETE FROM clearance_consent WHERE clearance = $1" },
    [FORGET_EXCLUSIONS] = { "clearance_forget_exclusions", "DELETE FROM clearance_exclusion WHERE clearance = $1" },
    [CONSENTS]  = { "clearance_consents",
                    "SELECT k.no, k.role, k.valid_from, k.valid_until, k.decided_at AS granted_at,"
                    "       k.state = 'suspended' AS suspended, k.state = 'revoked' AS revoked,"
                    "       array_to_string(k.prohibitions, ',') AS prohibitions,"
                    "       (SELECT string_agg(g.model || ' ' || g.territory, ',') FROM consent_grant g"
                    "         WHERE g.consent = k.no AND g.purpose = $2) AS grants"
                    "  FROM consent k"
                    " WHERE k.no > $3 AND k.index < $4"
                    "   AND k.creator IN (SELECT w.party FROM slice_weight w WHERE w.slice = $1)"
                    " ORDER BY k.no LIMIT $5" },
    [JUDGED]    = { "clearance_judged",
                    "INSERT INTO clearance_consent (clearance, consent, verdict, clears)"
                    " SELECT $1, u.c, u.v, u.k FROM unnest($2::bigint[], $3::integer[], $4::boolean[]) u (c, v, k)" },
    [COUNTS]    = { "clearance_counts",
                    "SELECT reason, count(*) AS items FROM clearance_exclusion WHERE clearance = $1"
                    " GROUP BY reason ORDER BY reason COLLATE \"C\"" },
    [LISTS]     = { "clearance_lists",
                    "SELECT s.url, p.document, p.at FROM status_list s CROSS JOIN LATERAL"
                    "  (SELECT document, at FROM status_publication WHERE list = s.no ORDER BY index DESC LIMIT 1) p"
                    " WHERE s.pair IN (SELECT k.pair FROM clearance_consent x JOIN consent k ON k.no = x.consent"
                    "                   WHERE x.clearance = $1) ORDER BY s.no LIMIT $2" },
    [MOVED]     = { "clearance_moved",
                    "SELECT EXISTS (SELECT FROM consent k WHERE k.withdrawn >= $2 AND EXISTS"
                    "  (SELECT FROM clearance_consent x WHERE x.clearance = $1 AND x.consent = k.no))"
                    "    OR EXISTS (SELECT FROM clearance c JOIN allocation n ON n.license = c.license"
                    "                 JOIN clearance f ON f.id = n.clearance WHERE c.no = $1 AND f.index >= $2)"
                    "    AS yes" },
    [DECIDE]    = { "clearance_decide",
                    "UPDATE clearance SET seed = $3, state = $4, as_of = $5, evaluated_at = $6, valid_until = $7,"
                    "       cleared = $8, counts = $9, reason = $10, rows_root = $11, document = $12, index = $13"
                    " WHERE no = $1 AND pass = $2 AND state = 'pending'" },
};

static const struct column columns[] = {
    COL(clearance_row, no, T_INT8),           COL(clearance_row, id, T_ID),
    COL(clearance_row, license, T_ID),        COL(clearance_row, license_no, T_INT8),
    COL(clearance_row, buyer, T_ID),          COL(clearance_row, purpose, T_TEXT),
    COL(clearance_row, version, T_INT8),      COL(clearance_row, slice, T_INT8),
    COL(clearance_row, whole, T_BOOL),
    COL(clearance_row, item_count, T_INT8),   COL(clearance_row, territory, T_TEXT),
    COL(clearance_row, model_class, T_TEXT),  COL(clearance_row, project, T_TEXT),
    COL(clearance_row, wanted_until, T_TIME), COL(clearance_row, requested_at, T_TIME),
    COL(clearance_row, pass, T_INT8),         COL(clearance_row, seed, T_BYTES),
    COL(clearance_row, state, T_TEXT),        COL(clearance_row, job, T_TEXT),
    COL(clearance_row, as_of, T_INT8),
    COL(clearance_row, evaluated_at, T_TIME), COL(clearance_row, valid_until, T_TIME),
    COL(clearance_row, cleared, T_INT8),      COL(clearance_row, counts, T_TEXT),
    COL(clearance_row, reason, T_TEXT),       COL(clearance_row, rows_root, T_HASH),
    COL(clearance_row, document, T_HASH),     COL(clearance_row, index, T_INT8),
    COL(clearance_row, erased, T_BOOL),
};
static const struct shape row_shape = SHAPE(clearance_row, columns);

static const struct column item_columns[] = {
    COL(clearance_item, n, T_INT4),    COL(clearance_item, path, T_TEXT),   COL(clearance_item, sha256, T_HASH),
    COL(clearance_item, size, T_INT8), COL(clearance_item, reason, T_TEXT), COL(clearance_item, consents, T_TEXT),
};
static const struct shape item_shape = SHAPE(clearance_item, item_columns);

static const struct column against_columns[] = {
    COL(clearance_against, reason, T_TEXT), COL(clearance_against, withdrawn, T_TEXT),
};
static const struct shape against_shape = SHAPE(clearance_against, against_columns);

static const struct column consent_columns[] = {
    COL(clearance_consent, no, T_INT8),          COL(clearance_consent, role, T_TEXT),
    COL(clearance_consent, valid_from, T_TIME),  COL(clearance_consent, valid_until, T_TIME),
    COL(clearance_consent, granted_at, T_TIME),  COL(clearance_consent, suspended, T_BOOL),
    COL(clearance_consent, revoked, T_BOOL),     COL(clearance_consent, prohibitions, T_TEXT),
    COL(clearance_consent, grants, T_TEXT),
};
static const struct shape consent_shape = SHAPE(clearance_consent, consent_columns);

static const struct column count_columns[] = {
    COL(clearance_count, reason, T_TEXT), COL(clearance_count, items, T_INT8),
};
static const struct shape count_shape = SHAPE(clearance_count, count_columns);

static const struct column status_columns[] = {
    COL(clearance_status, url, T_TEXT), COL(clearance_status, document, T_HASH), COL(clearance_status, at, T_TIME),
};
static const struct shape status_shape = SHAPE(clearance_status, status_columns);

struct number { int64_t no; };
static const struct column number_columns[] = { COL(number, no, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);

struct answer { bool yes; };
static const struct column answer_columns[] = { COL(answer, yes, T_BOOL) };
static const struct shape answer_shape = SHAPE(answer, answer_columns);

/* ---- asking */

err clearance_add(struct scope *s, struct db *db, struct clearance_row *c)
{
    return db_one(s, db, &clearance_sql[ADD],
                  PARAMS(P_ID(c->id), P_INT8(c->license_no), P_TEXT(c->territory), P_TEXT(c->model_class),
                         P_TEXT(c->project), P_TIME(c->wanted_until), P_TIME(c->requested_at)), &number_shape, &c->no);
}

err clearance_same(struct scope *s, struct db *db, const struct clearance_row *asked, struct clearance_row *out)
{
    return db_one(s, db, &clearance_sql[SAME],
                  PARAMS(P_INT8(asked->license_no), P_TEXT(asked->territory), P_TEXT(asked->model_class),
                         P_TEXT(asked->project), P_TIME(asked->wanted_until)), &row_shape, out);
}

err clearance_pending(struct scope *s, struct db *db, int64_t license_no, int64_t *n)
{
    return db_one(s, db, &clearance_sql[PENDING], PARAMS(P_INT8(license_no)), &number_shape, n);
}

/* ---- reading */

err clearance_get(struct scope *s, struct db *db, const char *id, const char *buyer, struct clearance_row *out)
{
    return db_one(s, db, &clearance_sql[GET], PARAMS(P_TEXT(id), P_TEXT(buyer)), &row_shape, out);
}

err clearance_newest(struct scope *s, struct db *db, int64_t license_no, struct clearance_row *out)
{
    return db_one(s, db, &clearance_sql[NEWEST], PARAMS(P_INT8(license_no)), &row_shape, out);
}

err clearance_taken_out(struct scope *s, struct db *db, const struct clearance_row *c, int64_t *items)
{
    return db_one(s, db, &clearance_sql[WITHDRAWN],
                  PARAMS(P_INT8(c->no), P_INT8(c->version), P_INT8(c->as_of), P_INT8(c->slice)), &number_shape, items);
}

err clearance_items(struct scope *s, struct db *db, const struct clearance_row *c, enum clearance_which which,
                    int64_t after, int64_t limit, struct clearance_item **out, size_t *n)
{
    *n = 0;
    if (c->reason && which == CLEARANCE_KEPT)
        return ERR_OK;
    if (c->reason)                    /* no item has a row of its own: none is left out, as far as the statement sees */
        which = CLEARANCE_ALL;
    if (c->whole)
        TRY(db_many(s, db, &clearance_sql[ITEMS_WHOLE],
                    PARAMS(P_INT8(c->version), P_INT8(c->no), P_INT8(after), P_INT8(limit), P_INT4((int32_t)which)),
                    &item_shape, out, n));
    else
        TRY(db_many(s, db, &clearance_sql[ITEMS_PART],
                    PARAMS(P_INT8(c->version), P_INT8(c->no), P_INT8(after), P_INT8(limit), P_INT4((int32_t)which),
                           P_INT8(c->slice)), &item_shape, out, n));
    for (size_t i = 0; c->reason && i < *n; i++) {
        (*out)[i].reason = c->reason;
        (*out)[i].consents = NULL;
    }
    return ERR_OK;
}

err clearance_against(struct scope *s, struct db *db, const struct clearance_row *c, int32_t item,
                      struct clearance_against *out)
{
    return db_one(s, db, &clearance_sql[AGAINST],
                  PARAMS(P_INT8(c->no), P_INT4(item), P_INT8(c->version), P_INT8(c->as_of)), &against_shape, out);
}

/* ---- a pass */

err clearance_begin(struct scope *s, struct db *db, int64_t no, int64_t *pass)
{
    err e = db_one(s, db, &clearance_sql[BEGIN], PARAMS(P_INT8(no)), &number_shape, pass);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, ERR_STALE, "the clearance is decided");
    }
    TRY(e);
    TRY(db_do(s, db, &clearance_sql[FORGET_CONSENTS], PARAMS(P_INT8(no)), NULL));
    return db_do(s, db, &clearance_sql[FORGET_EXCLUSIONS], PARAMS(P_INT8(no)), NULL);
}

err clearance_consents(struct scope *s, struct db *db, const struct clearance_row *c, int64_t as_of, int64_t after,
                       int64_t limit, struct clearance_consent **out, size_t *n)
{
    return db_many(s, db, &clearance_sql[CONSENTS],
                   PARAMS(P_INT8(c->slice), P_TEXT(c->purpose), P_INT8(after), P_INT8(as_of), P_INT8(limit)),
                   &consent_shape, out, n);
}

err clearance_judged(struct scope *s, struct db *db, int64_t no, const int64_t *consents, const int32_t *verdicts,
                     const bool *clears, size_t n)
{
    return db_do(s, db, &clearance_sql[JUDGED],
                 PARAMS(P_INT8(no), P_INT8S(consents, n), P_INT4S(verdicts, n), P_BOOLS(clears, n)), NULL);
}

err clearance_counts(struct scope *s, struct db *db, int64_t no, struct clearance_count **out, size_t *n)
{
    return db_many(s, db, &clearance_sql[COUNTS], PARAMS(P_INT8(no)), &count_shape, out, n);
}

err clearance_lists(struct scope *s, struct db *db, int64_t no, int64_t limit, struct clearance_status **out,
                    size_t *n)
{
    return db_many(s, db, &clearance_sql[LISTS], PARAMS(P_INT8(no), P_INT8(limit)), &status_shape, out, n);
}

/* ---- under the ledger's lock */

err clearance_moved(struct scope *s, struct db *db, int64_t no, int64_t as_of, bool *yes)
{
    return db_one(s, db, &clearance_sql[MOVED], PARAMS(P_INT8(no), P_INT8(as_of)), &answer_shape, yes);
}

err clearance_decide(struct scope *s, struct db *db, const struct clearance_row *c)
{
    int64_t touched;

    TRY(db_do(s, db, &clearance_sql[DECIDE],
              PARAMS(P_INT8(c->no), P_INT8(c->pass), P_BYTES(c->seed.p, c->seed.len), P_TEXT(c->state),
                     P_INT8(c->as_of), P_TIME(c->evaluated_at), P_TIME(c->valid_until), P_INT8(c->cleared),
                     P_TEXT(c->counts), P_TEXT(c->reason), P_HASH(&c->rows_root), P_HASH(&c->document),
                     P_INT8(c->index)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the clearance is decided, or a newer pass has begun");
}
