/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/clearing.h"

enum { BEGIN, WHOLE, PART, LEFT_OUT, WHOLE_FORECAST, PART_FORECAST, STATEMENTS };
_Static_assert(STATEMENTS == CLEARING_STATEMENTS, "clearing_sql");

/*
 * A page costs what its items cost, whatever the planner knows of the tables: just after a publication that is nothing.
 * Each look into a table is a probe of an index for every row that there is by then, which OFFSET 0 keeps from being
 * turned round; what was found so is joined by hashes, since everything else is off (clearing_begin). Each consent is
 * looked up once a page, not once for each contributor of each item that rests on it.
 */
#define FIRST "SELECT (SELECT c.no FROM allocation n JOIN clearance c ON c.id = n.clearance" \
              "          JOIN license l ON l.no = n.license WHERE n.license = $6 AND l.amount > 0) AS first," \
              "       (SELECT checked FROM version WHERE no = $1) AS checked"
#define CODES "SELECT array_position(a.codes, 'item_not_paid') AS unpaid," \
              "       array_position(a.codes, 'hash_mismatch') AS mismatch," \
              "       array_position(a.codes, 'content_missing') AS missing," \
              "       array_position(a.codes, 'content_unverified') AS unverified," \
              "       array_position(a.codes, 'verification_stale') AS stale," \
              "       array_position(a.codes, 'consent_missing') AS none," \
              "       array_position(a.codes, 'role_missing') AS role," \
              "       array_position(a.codes, 'cleared') AS cleared FROM (SELECT $7::text[] AS codes) a"
/* Items, with what is found of their bytes and of what was paid back. */
#define ITEMS(from) \
    "SELECT m.n, m.path, m.sha256, m.size, m.contributors <> '[]' AS declared," \
    "       least(CASE WHEN u.n IS NOT NULL THEN v.unpaid END," \
    "             CASE WHEN m.n >= f.checked THEN v.unverified" \
    "                  WHEN c.state IS NULL OR c.state = 'missing' THEN v.missing" \
    "                  WHEN c.state = 'corrupt' THEN v.mismatch" \
    "                  WHEN c.state <> 'verified' OR c.verified_at IS NULL THEN v.unverified" \
    "                  WHEN date_trunc('milliseconds', c.verified_at) < $5 THEN v.stale" \
    "                  ELSE v.cleared END) AS verdict" \
    "  FROM v CROSS JOIN f CROSS JOIN (" from ") m" \
    "  LEFT JOIN LATERAL (SELECT state, verified_at FROM content WHERE sha256 = m.sha256 OFFSET 0) c ON true" \
    "  LEFT JOIN LATERAL (SELECT n FROM clearance_exclusion WHERE clearance = f.first AND n = m.n OFFSET 0) u ON true"
#define WHOLE_ITEMS "SELECT n, path, sha256, size, contributors FROM item WHERE version = $1 AND n > $3::bigint" \
                    " ORDER BY n LIMIT $4"
#define PART_ITEMS  "SELECT z.n, w.path, w.sha256, w.size, w.contributors" \
                    "  FROM (SELECT n FROM slice_item WHERE slice = $8 AND n > $3::bigint ORDER BY n LIMIT $4) z" \
                    " CROSS JOIN LATERAL (SELECT path, sha256, size, contributors FROM item" \
                    "                      WHERE version = $1 AND n = z.n OFFSET 0) w"
#define WHOLE_PEOPLE "SELECT n, place, party, role FROM item_contributor" \
                     " WHERE version = $1 AND n > $3::bigint AND n <= (SELECT max(n) FROM i)"
#define PART_PEOPLE  "SELECT i.n, w.place, w.party, w.role FROM i CROSS JOIN LATERAL" \
                     " (SELECT place, party, role FROM item_contributor WHERE version = $1 AND n = i.n OFFSET 0) w"
/* Consents that cover them, of those that were judged. */
#define COVERS   "SELECT i.n, w.consent FROM i CROSS JOIN LATERAL" \
                 " (SELECT consent FROM consent_item WHERE sha256 = i.sha256 OFFSET 0) w WHERE i.declared"
#define CONSENTS(found) \
                 "SELECT d.consent, k.id, k.creator, k.role, w.verdict + 1 AS verdict, w.clears" \
                 "  FROM (SELECT DISTINCT consent FROM y) d CROSS JOIN LATERAL (" found ") w" \
                 " CROSS JOIN LATERAL (SELECT id, creator, role FROM consent WHERE no = d.consent OFFSET 0) k"
#define KEPT     "SELECT verdict, clears FROM clearance_consent WHERE clearance = $2 AND consent = d.consent OFFSET 0"
/* Of a forecast in arrays, the consents sorted; what the rest would rest on is nobody's business yet. */
#define GIVEN(verdicts) "SELECT (" verdicts "::integer[])[h.place] AS verdict, false AS clears" \
                        "  FROM (SELECT width_bucket(d.consent, $2::bigint[]) AS place OFFSET 0) h" \
                        " WHERE ($2::bigint[])[h.place] = d.consent"
/* Of each contributor the best verdict, and the first consent that clears, as clearance_items() finds it again. */
#define CONTRIBUTORS(people) \
    "SELECT p.n, p.place, max(CASE WHEN g.role = p.role THEN g.verdict WHEN g.n IS NOT NULL THEN v.role" \
    "                              ELSE v.none END) AS verdict," \
    "       min(g.consent) FILTER (WHERE g.clears AND g.role = p.role) AS consent" \
    "  FROM v CROSS JOIN (" people ") p" \
    "  LEFT JOIN (SELECT y.n, x.consent, x.creator, x.role, x.verdict, x.clears FROM y JOIN x USING (consent)) g" \
    "    ON g.n = p.n AND g.creator = p.party" \
    " GROUP BY p.n, p.place"
#define RESTS "SELECT b.n, min(b.verdict) AS verdict," \
              "       string_agg(DISTINCT x.id COLLATE \"C\", ',' ORDER BY x.id COLLATE \"C\") AS ids" \
              "  FROM b LEFT JOIN x ON x.consent = b.consent GROUP BY b.n"
#define PAGE(items, people, found) \
    "WITH v AS MATERIALIZED (" CODES "), f AS MATERIALIZED (" FIRST ")," \
    "     i AS MATERIALIZED (" ITEMS(items) "), y AS MATERIALIZED (" COVERS ")," \
    "     x AS MATERIALIZED (" CONSENTS(found) "), b AS MATERIALIZED (" CONTRIBUTORS(people) ")," \
    "     t AS MATERIALIZED (" RESTS ")" \
    " SELECT i.n, i.path, i.sha256, i.size, ($7::text[])[nullif(o.verdict, v.cleared)] AS reason," \
    "        CASE WHEN i.declared AND o.verdict = v.cleared THEN t.ids END AS consents" \
    "   FROM v CROSS JOIN i LEFT JOIN t ON t.n = i.n" \
    "  CROSS JOIN LATERAL (SELECT least(i.verdict, CASE WHEN i.declared THEN coalesce(t.verdict, v.none) END)" \
    "                             AS verdict) o" \
    "  ORDER BY i.n"

const struct sql clearing_sql[CLEARING_STATEMENTS] = {
    [BEGIN]    = { "clearing_begin",
                   "SELECT set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true),"
                   "       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),"
                   "       set_config('jit', 'off', true), set_config('work_mem', '16MB', true)" },
    [WHOLE]    = { "clearing_page_whole", PAGE(WHOLE_ITEMS, WHOLE_PEOPLE, KEPT) },
    [PART]     = { "clearing_page_part", PAGE(PART_ITEMS, PART_PEOPLE, KEPT) },
    [LEFT_OUT] = { "clearing_left_out",
                   "INSERT INTO clearance_exclusion (clearance, n, reason)"
                   " SELECT $1, u.n, u.reason FROM unnest($2::integer[], $3::text[]) u (n, reason)" },
    [WHOLE_FORECAST] = { "clearing_forecast_whole", PAGE(WHOLE_ITEMS, WHOLE_PEOPLE, GIVEN("$8")) },
    [PART_FORECAST]  = { "clearing_forecast_part", PAGE(PART_ITEMS, PART_PEOPLE, GIVEN("$9")) },
};

static const struct column item_columns[] = {
    COL(clearance_item, n, T_INT4),    COL(clearance_item, path, T_TEXT),   COL(clearance_item, sha256, T_HASH),
    COL(clearance_item, size, T_INT8), COL(clearance_item, reason, T_TEXT), COL(clearance_item, consents, T_TEXT),
};
static const struct shape item_shape = SHAPE(clearance_item, item_columns);

err clearing_begin(struct scope *s, struct db *db)
{
    return db_do(s, db, &clearing_sql[BEGIN], NO_PARAMS, NULL);
}

static err page(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                int64_t after, int64_t limit, struct clearance_item **out, size_t *n)
{
    int64_t fresh = r->now - r->content_window;

    if (c->whole)
        return db_many(s, db, &clearing_sql[WHOLE],
                       PARAMS(P_INT8(c->version), P_INT8(c->no), P_INT8(after), P_INT8(limit), P_TIME(fresh),
                              P_INT8(c->license_no), P_TEXTS(r->codes, r->n)), &item_shape, out, n);
    return db_many(s, db, &clearing_sql[PART],
                   PARAMS(P_INT8(c->version), P_INT8(c->no), P_INT8(after), P_INT8(limit), P_TIME(fresh),
                          P_INT8(c->license_no), P_TEXTS(r->codes, r->n), P_INT8(c->slice)), &item_shape, out, n);
}

static err leave_out(struct scope *s, struct db *db, int64_t clearance, const struct clearance_item *items, size_t n)
{
    const char **reasons = NEWS(s, const char *, n);
    int32_t *numbers = NEWS(s, int32_t, n);
    size_t out = 0;

    for (size_t i = 0; i < n; i++)
        if (items[i].reason) {
            numbers[out] = items[i].n;
            reasons[out++] = items[i].reason;
        }
    if (out == 0)
        return ERR_OK;
    return db_do(s, db, &clearing_sql[LEFT_OUT],
                 PARAMS(P_INT8(clearance), P_INT4S(numbers, out), P_TEXTS(reasons, out)), NULL);
}

err clearing_page(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                  int64_t after, int64_t limit, struct clearance_item **out, size_t *n)
{
    TRY(page(s, db, c, r, after, limit, out, n));
    return *n > 0 ? leave_out(s, db, c->no, *out, *n) : ERR_OK;
}

err clearing_forecast(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                      const struct clearing_found *f, int64_t after, int64_t limit, struct clearance_item **out,
                      size_t *n)
{
    int64_t fresh = r->now - r->content_window;

    if (c->whole)
        return db_many(s, db, &clearing_sql[WHOLE_FORECAST],
                       PARAMS(P_INT8(c->version), P_INT8S(f->consents, f->n), P_INT8(after), P_INT8(limit),
                              P_TIME(fresh), P_INT8(c->license_no), P_TEXTS(r->codes, r->n),
                              P_INT4S(f->verdicts, f->n)), &item_shape, out, n);
    return db_many(s, db, &clearing_sql[PART_FORECAST],
                   PARAMS(P_INT8(c->version), P_INT8S(f->consents, f->n), P_INT8(after), P_INT8(limit), P_TIME(fresh),
                          P_INT8(c->license_no), P_TEXTS(r->codes, r->n), P_INT8(c->slice),
                          P_INT4S(f->verdicts, f->n)), &item_shape, out, n);
}
