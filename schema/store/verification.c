/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/verification.h"

#include "schema/store/holding.h"

enum { SPAN, DUE, TELL, COUNT, ADVANCE, HOLD, RECOUNT, REOPEN, PAUSE, HOLDERS, STATEMENTS };
_Static_assert(STATEMENTS == VERIFICATION_STATEMENTS, "verification_sql");

#define COUNTS "count(*) FILTER (WHERE c.state = 'verified') AS verified," \
               " count(*) FILTER (WHERE c.state = 'unverified') AS unverified," \
               " count(*) FILTER (WHERE c.state = 'corrupt') AS corrupt," \
               " count(*) FILTER (WHERE c.state = 'missing') AS missing"
/* A probe of an index for each item of the page, whatever the tables have grown to. */
#define CONTENT_OF "CROSS JOIN LATERAL (SELECT * FROM content WHERE sha256 = i.sha256 LIMIT 1) c"
#define PAGE       "i.version = $1 AND i.n >= $2::bigint AND i.n < $3::bigint"
const struct sql verification_sql[VERIFICATION_STATEMENTS] = {
    [SPAN]    = { "verification_span",
                  "SELECT v.no AS version, v.publisher, coalesce((SELECT max(i.n) + 1 FROM item i"
                  " WHERE i.version = v.no), 0)::bigint AS items FROM version v WHERE v.id = $1" },
    [DUE]     = { "verification_due",
                  "SELECT c.sha256, c.size, c.state, c.verified_at, c.stored_at FROM item i " CONTENT_OF
                  "  LEFT JOIN LATERAL (SELECT true AS known, verified_at FROM content_upload"
                  "                      WHERE party = $4 AND sha256 = i.sha256 LIMIT 1) u ON true"
                  " WHERE " PAGE
                  "   AND CASE WHEN c.state = 'unverified' THEN true"
                  "            WHEN c.state <> 'verified' THEN c.verified_at < $6"
                  "            WHEN u.known THEN coalesce(u.verified_at < $5, true)"
                  "            ELSE c.verified_at < $5 END" },
    [TELL]    = { "verification_tell",
                  "UPDATE content_upload u SET verified_at = c.verified_at FROM item i " CONTENT_OF
                  " WHERE " PAGE " AND u.party = $4 AND u.sha256 = i.sha256 AND c.state = 'verified'"
                  "   AND coalesce(u.verified_at < $5, true)" },
    [COUNT]   = { "verification_count", "SELECT " COUNTS " FROM item i " CONTENT_OF " WHERE " PAGE },
    [ADVANCE] = { "verification_advance",
                  "UPDATE version SET checked = $2, verified = $3, corrupt = $4, missing = $5"
                  " WHERE no = $1 AND $2 >= coalesce(checked, item_count)" },
    [HOLD]    = { "verification_hold", "SELECT no FROM version WHERE no = $1 FOR NO KEY UPDATE" },
    [RECOUNT] = { "verification_recount",
                  "UPDATE version v SET verified = n.verified, corrupt = n.corrupt, missing = n.missing"
                  "  FROM (SELECT " COUNTS " FROM item i JOIN content c ON c.sha256 = i.sha256 WHERE i.version = $1) n"
                  " WHERE v.no = $1 AND coalesce(v.checked >= v.item_count, true)" },
    [REOPEN]  = { "verification_reopen",
                  "UPDATE offer o SET state = 'open' WHERE o.version = $1 AND o.state = 'paused' AND NOT " SQL_BROKEN },
    [PAUSE]   = { "verification_pause",
                  "UPDATE offer o SET state = 'paused' WHERE o.version = $1 AND o.state = 'open' AND " SQL_BROKEN },
    [HOLDERS] = { "verification_holders",
                  SQL_HOLDING " SELECT v.no, v.id FROM holding h JOIN version v ON v.no = h.version"
                  " WHERE v.state IN ('published', 'yanked')" },
};

static const struct column span_columns[] = {
    COL(version_span, version, T_INT8), COL(version_span, items, T_INT8), COL(version_span, publisher, T_TEXT),
};
static const struct shape span_shape = SHAPE(version_span, span_columns);
static const struct column due_columns[] = {
    COL(content, sha256, T_HASH),      COL(content, size, T_INT8),      COL(content, state, T_TEXT),
    COL(content, verified_at, T_TIME), COL(content, stored_at, T_TIME),
};
static const struct shape due_shape = SHAPE(content, due_columns);
static const struct column count_columns[] = {
    COL(verification, verified, T_INT8), COL(verification, unverified, T_INT8), COL(verification, corrupt, T_INT8),
    COL(verification, missing, T_INT8),
};
static const struct shape count_shape = SHAPE(verification, count_columns);
static const struct column holder_columns[] = { COL(version_holder, no, T_INT8), COL(version_holder, id, T_ID) };
static const struct shape holder_shape = SHAPE(version_holder, holder_columns);

err verification_span(struct scope *s, struct db *db, const char *version_id, struct version_span *out)
{
    return db_one(s, db, &verification_sql[SPAN], PARAMS(P_TEXT(version_id)), &span_shape, out);
}

err verification_due(struct scope *s, struct db *db, const struct version_span *v, const struct version_page *p,
                     struct content **out, size_t *n)
{
    return db_many(s, db, &verification_sql[DUE],
                   PARAMS(P_INT8(v->version), P_INT8(p->from), P_INT8(p->to), P_TEXT(v->publisher),
                          P_TIME(p->fresh_ms), P_TIME(p->broken_ms)), &due_shape, out, n);
}

err verification_pass(struct scope *s, struct db *db, const struct version_span *v, const struct version_page *p,
                      struct verification *seen)
{
    struct verification page;

    TRY(db_do(s, db, &verification_sql[TELL],
              PARAMS(P_INT8(v->version), P_INT8(p->from), P_INT8(p->to), P_TEXT(v->publisher), P_TIME(p->fresh_ms)),
              NULL));
    TRY(db_one(s, db, &verification_sql[COUNT], PARAMS(P_INT8(v->version), P_INT8(p->from), P_INT8(p->to)),
               &count_shape, &page));
    seen->verified += page.verified;
    seen->unverified += page.unverified;
    seen->corrupt += page.corrupt;
    seen->missing += page.missing;
    return db_do(s, db, &verification_sql[ADVANCE],
                 PARAMS(P_INT8(v->version), P_INT8(p->to), P_INT8(seen->verified), P_INT8(seen->corrupt),
                        P_INT8(seen->missing)), NULL);
}

/* The row is held first: what two count at a time, the later snapshot must have written last. */
static err recount(struct scope *s, struct db *db, int64_t version_no)
{
    TRY(db_do(s, db, &verification_sql[HOLD], PARAMS(P_INT8(version_no)), NULL));
    TRY(db_do(s, db, &verification_sql[RECOUNT], PARAMS(P_INT8(version_no)), NULL));
    TRY(db_do(s, db, &verification_sql[REOPEN], PARAMS(P_INT8(version_no)), NULL));
    TRY(db_do(s, db, &verification_sql[PAUSE], PARAMS(P_INT8(version_no)), NULL));
    return db_commit(s, db);
}

err verification_recount(struct scope *s, struct db *db, int64_t version_no)
{
    err e;

    TRY(db_begin(s, db));
    e = recount(s, db, version_no);
    if (e != ERR_OK)
        db_rollback(db);
    return e;
}

err verification_holders(struct scope *s, struct db *db, const struct bytes *hashes, size_t n_hashes,
                         struct version_holder **out, size_t *n)
{
    return db_many(s, db, &verification_sql[HOLDERS], PARAMS(P_BYTESS(hashes, n_hashes)), &holder_shape, out, n);
}
