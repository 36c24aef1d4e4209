/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/erasure.h"

enum { BLOCKER, FORFEITS, HOLD, CLOSE, KEYS, ADD, GET, ALL, NEXT, LOCK, ENTER, LISTS_END, LIST_PARTY, LIST_CONSENTS,
       LIST_PAYMENTS, LIST_LICENSES, LIST_CLEARANCES, LIST_REFUNDS, LIST_ALLOCATIONS, LIST_PAYOUTS, LIST_SNAPSHOTS,
       NEXT_LICENSE, LIST_ACCESSES, EACH, ENTRIES, OF, UNDER_WAY, BEGIN, PARTS, LINES = PARTS + ERASE_PARTS,
       LINES_ERASE, NAMED, END, UNHURRIED, STATEMENTS };
_Static_assert(STATEMENTS == ERASURE_STATEMENTS, "erasure_sql");

#define ERASURE "SELECT e.no, e.id, e.party, e.operator, e.reason, e.state, e.closed_index," \
                "       coalesce(e.index, -1) AS index," \
                "       (SELECT count(*) FROM erasure_entry WHERE erasure = e.no) AS entries," \
                "       (SELECT count(*) FROM erasure_entry WHERE erasure = e.no AND NOT done) AS \"left\"," \
                "       e.requested_at, e.erased_at, e.done_at FROM erasure e"
#define BALANCE " CROSS JOIN LATERAL (SELECT balance FROM posting WHERE account = a.no AND running IS NOT NULL" \
                "                      ORDER BY running DESC LIMIT 1) b WHERE a.party = $1 AND b.balance <> 0"
/*
 * The next entries that `from` finds and the erasure has not listed. What is gone already is not listed: a field by an
 * earlier erasure of somebody whom it was about, too.
 */
#define INSERT_LISTED "INSERT INTO erasure_entry (erasure, index, fields, rows, salt) SELECT $1, w.index, w.fields, "
#define SALT "substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16)"
#define LIST(from) \
    INSERT_LISTED "w.rows, " SALT \
    "   FROM (SELECT x.index, x.rows, disclosure_names(d.disclosures, x.wanted) AS fields FROM (" from ") x" \
    "           LEFT JOIN disclosure d ON d.index = x.index" \
    "          WHERE NOT EXISTS (SELECT FROM erasure_entry z WHERE z.erasure = $1 AND z.index = x.index)) w" \
    "  WHERE w.rows > 0 OR cardinality(w.fields) > 0 LIMIT $4"
#define PART(part, name) [PARTS + part] = { name, "SELECT " name "($1, $2) AS touched" }
#define ENTRY "z.index, array_to_string(z.fields, ',') AS fields, z.rows, z.salt"
const struct sql erasure_sql[ERASURE_STATEMENTS] = {
    [BLOCKER]         = { "erasure_blocker",
                          "SELECT code, what FROM ("
                          " SELECT 1 AS n, 'is_operator' AS code, p.handle AS what FROM party p"
                          "  WHERE p.id = $1 AND 'operator' = ANY (p.roles)"
                          " UNION ALL SELECT 2, 'license_running', id FROM license"
                          "  WHERE buyer = $1 AND state <> 'ended' AND valid_until > $2"
                          " UNION ALL SELECT 3, 'offer_open', id FROM offer"
                          "  WHERE publisher = $1 AND state <> 'withdrawn'"
                          " UNION ALL SELECT 4, 'license_sold', id FROM license"
                          "  WHERE publisher = $1 AND state <> 'ended' AND valid_until > $2"
                          " UNION ALL SELECT 5, 'consent_held', id FROM consent WHERE creator = $1"
                          "   AND state IN ('received', 'granted', 'suspended') AND valid_until > $2"
                          " UNION ALL SELECT 6, 'trusted_certifier', handle FROM trusted_certifier WHERE id = $1"
                          " UNION ALL SELECT 7, 'clearance_pending', c.id FROM clearance c"
                          "   JOIN license l ON l.no = c.license WHERE l.buyer = $1 AND c.state = 'pending'"
                          " UNION ALL SELECT 8, 'allocation_due', l.id FROM allocation n"
                          "   JOIN license l ON l.no = n.license WHERE n.state IN ('due', 'prepared')"
                          "   AND ($1 IN (l.buyer, l.publisher) OR EXISTS (SELECT FROM item_contributor"
                          "                                                 WHERE party = $1 AND version = l.version))"
                          " UNION ALL SELECT 9, CASE a.kind WHEN 'pending' THEN 'balance_held'"
                          "                     WHEN 'in_payout' THEN 'payout_under_way' ELSE 'balance' END, a.currency"
                          "   FROM account a" BALANCE " AND NOT ($3 AND a.kind IN ('prepaid', 'available'))"
                          ") x ORDER BY n LIMIT 1" },
    [FORFEITS]        = { "erasure_forfeits",
                          "SELECT a.kind, a.currency, b.balance AS amount FROM account a" BALANCE
                          "   AND a.kind IN ('prepaid', 'available') ORDER BY a.currency, a.kind" },
    [HOLD]            = { "erasure_hold", "SELECT state FROM party WHERE id = $1 FOR UPDATE" },
    [CLOSE]           = { "erasure_close", "UPDATE party SET state = 'closed' WHERE id = $1" },
    [KEYS]            = { "erasure_keys",
                          "UPDATE api_key SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE party = $1" },
    [ADD]             = { "erasure_add",
                          "INSERT INTO erasure (id, party, operator, reason, closed_index, requested_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6)" },
    [GET]             = { "erasure_get", ERASURE " WHERE e.id = $1" },
    [ALL]             = { "erasure_all", ERASURE " WHERE e.id > $1 ORDER BY e.id LIMIT $2" },
    [NEXT]            = { "erasure_next", ERASURE " WHERE e.state <> 'done' ORDER BY e.no LIMIT 1" },
    [LOCK]            = { "erasure_lock", "SELECT state FROM erasure WHERE no = $1 FOR UPDATE" },
    [ENTER]           = { "erasure_enter",
                          "UPDATE erasure SET state = 'erasing', index = $2, erased_at = $3"
                          " WHERE no = $1 AND state = 'preparing'" },
    [LISTS_END]       = { "erasure_lists_end",
                          "UPDATE clearance c SET erased = true FROM license l, erasure e"
                          " WHERE e.no = $1 AND l.buyer = e.party AND c.license = l.no" },
    [LIST_PARTY]      = { "erasure_list_party", LIST(
                             "SELECT p.index, 0::bigint AS rows, $3::text[] AS wanted FROM party p WHERE p.id = $2"
                             " UNION ALL SELECT k.index, 0, $3 FROM party_key k WHERE k.party = $2") },
    [LIST_CONSENTS]   = { "erasure_list_consents", LIST(
                             "SELECT c.index, 0::bigint AS rows, $3::text[] AS wanted FROM consent c"
                             " WHERE c.creator = $2 AND c.index IS NOT NULL") },
    [LIST_PAYMENTS]   = { "erasure_list_payments", LIST(
                             "SELECT y.index, 0::bigint AS rows, $3::text[] AS wanted FROM payment y"
                             " WHERE y.party = $2") },
    [LIST_LICENSES]   = { "erasure_list_licenses", LIST(
                             "SELECT l.index, 0::bigint AS rows, CASE WHEN l.buyer = $2 THEN $3::text[]"
                             "       ELSE $5::text[] END AS wanted FROM license l"
                             " WHERE $2 IN (l.buyer, l.publisher)") },
    [LIST_CLEARANCES] = { "erasure_list_clearances", LIST(
                             "SELECT c.index, CASE WHEN c.granted THEN c.cleared ELSE 0 END AS rows,"
                             "       $3::text[] AS wanted FROM clearance c JOIN license l ON l.no = c.license"
                             " WHERE l.buyer = $2 AND c.index IS NOT NULL") },
    [LIST_REFUNDS]    = { "erasure_list_refunds", LIST(
                             "SELECT n.refund_index AS index, 0::bigint AS rows, $3::text[] AS wanted"
                             "  FROM allocation n JOIN license l ON l.no = n.license"
                             " WHERE l.buyer = $2 AND n.refund_index IS NOT NULL") },
    [LIST_ALLOCATIONS] = { "erasure_list_allocations", LIST(
                              "SELECT n.index, count(y.place) AS rows, CASE WHEN bool_or(l.publisher = $2)"
                              "       OR (n.line_count = 1 AND count(y.place) = 1) THEN $3::text[] ELSE '{}' END"
                              "       AS wanted"
                              "  FROM (SELECT a.no FROM license l JOIN allocation a ON a.license = l.no"
                              "         WHERE l.publisher = $2"
                              "         UNION SELECT y.allocation FROM creator_account c"
                              "          JOIN allocation_line y ON y.account = c.id WHERE c.party = $2) u"
                              "  JOIN allocation n ON n.no = u.no JOIN license l ON l.no = n.license"
                              "  LEFT JOIN allocation_line y ON y.allocation = n.no AND y.party = $2 AND y.leaf IS NULL"
                              " WHERE n.state = 'posted' GROUP BY n.no, n.index, n.line_count") },
    [LIST_PAYOUTS]    = { "erasure_list_payouts", LIST(
                             "SELECT v.index, 0::bigint AS rows, $3::text[] AS wanted FROM payout y"
                             " CROSS JOIN LATERAL (VALUES (y.index), (y.settled_index), (y.failed_index)) v (index)"
                             " WHERE y.party = $2 AND v.index IS NOT NULL") },
    [LIST_SNAPSHOTS]  = { "erasure_list_snapshots", LIST(
                             "SELECT s.index, count(*) AS rows, $3::text[] AS wanted FROM creator_account c"
                             " CROSS JOIN snapshot s JOIN snapshot_leaf f ON f.snapshot = s.no"
                             "   AND f.currency = c.currency AND f.id = held_id(c.id, s.as_of)"
                             " WHERE c.party = $2 AND s.index IS NOT NULL AND f.account IS NOT NULL"
                             " GROUP BY s.index") },
    [NEXT_LICENSE]    = { "erasure_next_license",
                          "SELECT no AS license, id FROM license WHERE buyer = $1 AND id > $2 ORDER BY id LIMIT 1" },
    [LIST_ACCESSES]   = { "erasure_list_accesses",
                          "WITH page AS MATERIALIZED (SELECT a.item, a.index FROM access a WHERE a.license = $2"
                          "        AND (a.item, a.index) > ($3::integer, $4) ORDER BY a.item, a.index LIMIT $5),"
                          " listed AS (" INSERT_LISTED "0, " SALT " FROM (SELECT p.index,"
                          "        array_agg(x.name ORDER BY x.name COLLATE \"C\") AS fields"
                          "        FROM page p JOIN disclosure d ON d.index = p.index"
                          "        CROSS JOIN jsonb_array_elements_text(convert_from(d.disclosures, 'UTF8')::jsonb) t"
                          "        CROSS JOIN LATERAL (SELECT disclosure_name(t) AS name OFFSET 0) x"
                          "        WHERE x.name = ANY ($6::text[]) GROUP BY p.index) w ON CONFLICT DO NOTHING)"
                          " SELECT (SELECT count(*) FROM page) AS n, item, index FROM page"
                          "  ORDER BY item DESC, index DESC LIMIT 1" },
    [EACH]            = { "erasure_each",
                          "SELECT " ENTRY " FROM erasure_entry z WHERE z.erasure = $1 ORDER BY z.index" },
    [ENTRIES]         = { "erasure_entries",
                          "SELECT " ENTRY " FROM erasure_entry z WHERE z.erasure = $1 AND z.index > $2"
                          " ORDER BY z.index LIMIT $3" },
    [OF]              = { "erasure_of", "SELECT no FROM erasure WHERE index = $1" },
    [UNDER_WAY]       = { "erasure_under_way",
                          "SELECT EXISTS (SELECT FROM erasure WHERE state <> 'done' AND $1 IN (party, stub)) AS yes" },
    [BEGIN]           = { "erase_begin", "SELECT erase_begin($1, $2) IS NULL AS done" },
    PART(ERASE_HELD, "erase_held"),
    PART(ERASE_DISCLOSURES, "erase_disclosures"),
    PART(ERASE_WINDOWS, "erase_accesses"),
    PART(ERASE_EXCLUSIONS, "erase_exclusions"),
    PART(ERASE_DOCUMENTS, "erase_documents"),
    PART(ERASE_CLEARED, "erase_clearances"),
    PART(ERASE_JOBS, "erase_jobs"),
    PART(ERASE_WISHES, "erase_wishes"),
    PART(ERASE_BOUGHT, "erase_licenses"),
    PART(ERASE_CONSENTED, "erase_consents"),
    PART(ERASE_PAID_OUT, "erase_payouts"),
    PART(ERASE_PAID, "erase_payments"),
    PART(ERASE_ANSWERS, "erase_answers"),
    PART(ERASE_DATASETS, "erase_datasets"),
    [LINES]           = { "erasure_lines",
                          "SELECT x.allocation, x.place, x.account, l.currency, x.amount, x.n, x.salt"
                          "  FROM allocation_line x JOIN allocation n ON n.no = x.allocation"
                          "  JOIN license l ON l.no = n.license"
                          " WHERE x.account IN (SELECT id FROM creator_account WHERE party = $1) AND x.leaf IS NULL"
                          " ORDER BY x.account, x.n DESC LIMIT $2" },
    [LINES_ERASE]     = { "erase_lines",
                          "SELECT erase_lines($1, $2::bigint[], $3::integer[], $4::bytea[]) AS touched" },
    [NAMED]           = { "erase_named",
                          "SELECT party_after AS party, key_after AS key, looked_at FROM erase_named($1, $2, $3, $4)" },
    [END]             = { "erase_end", "SELECT erase_end($1) IS NULL AS done" },
    [UNHURRIED]       = { "erasure_unhurried", "SELECT set_config('statement_timeout', '0', true)" },
};

static const struct column columns[] = {
    COL(erasure, no, T_INT8),         COL(erasure, id, T_ID),        COL(erasure, party, T_ID),
    COL(erasure, operator, T_ID),     COL(erasure, reason, T_TEXT),  COL(erasure, state, T_TEXT),
    COL(erasure, closed_index, T_INT8), COL(erasure, index, T_INT8), COL(erasure, entries, T_INT8),
    COL(erasure, left, T_INT8),       COL(erasure, requested_at, T_TIME), COL(erasure, erased_at, T_TIME),
    COL(erasure, done_at, T_TIME),
};
static const struct shape erasure_shape = SHAPE(erasure, columns);

static const struct column entry_columns[] = {
    COL(erased_entry, index, T_INT8), COL(erased_entry, fields, T_TEXT), COL(erased_entry, rows, T_INT8),
    COL(erased_entry, salt, T_BYTES),
};
static const struct shape entry_shape = SHAPE(erased_entry, entry_columns);

static const struct column line_columns[] = {
    COL(line_left, allocation, T_INT8), COL(line_left, place, T_INT4),  COL(line_left, account, T_TEXT),
    COL(line_left, currency, T_TEXT),   COL(line_left, amount, T_INT8), COL(line_left, n, T_INT8),
    COL(line_left, salt, T_BYTES),
};
static const struct shape line_shape = SHAPE(line_left, line_columns);

err erasure_blocker(struct scope *s, struct db *db, const char *party, int64_t now, bool forfeit,
                    struct erasure_blocker *out)
{
    static const struct column column[] = { COL(erasure_blocker, code, T_TEXT), COL(erasure_blocker, what, T_TEXT) };
    static const struct shape shape = SHAPE(erasure_blocker, column);

    return db_one(s, db, &erasure_sql[BLOCKER], PARAMS(P_TEXT(party), P_TIME(now), P_BOOL(forfeit)), &shape, out);
}

err erasure_forfeits(struct scope *s, struct db *db, const char *party, struct forfeit **out, size_t *n)
{
    static const struct column column[] = { COL(forfeit, kind, T_TEXT), COL(forfeit, currency, T_TEXT),
                                            COL(forfeit, amount, T_INT8) };
    static const struct shape shape = SHAPE(forfeit, column);

    return db_many(s, db, &erasure_sql[FORFEITS], PARAMS(P_TEXT(party)), &shape, out, n);
}

static const struct column state_columns[] = { { "state", T_TEXT, 0 } };
static const struct shape state_shape = { sizeof(const char *), 1, state_columns };
static const struct column touched_columns[] = { { "touched", T_INT8, 0 } };
static const struct shape touched_shape = { sizeof(int64_t), 1, touched_columns };

err erasure_hold(struct scope *s, struct db *db, const char *party, const char **state)
{
    return db_one(s, db, &erasure_sql[HOLD], PARAMS(P_TEXT(party)), &state_shape, state);
}

err erasure_add(struct scope *s, struct db *db, const struct erasure *e)
{
    TRY(db_do(s, db, &erasure_sql[CLOSE], PARAMS(P_ID(e->party)), NULL));
    TRY(db_do(s, db, &erasure_sql[KEYS], PARAMS(P_ID(e->party)), NULL));
    return db_do(s, db, &erasure_sql[ADD],
                 PARAMS(P_ID(e->id), P_ID(e->party), P_ID(e->operator), P_TEXT(e->reason), P_INT8(e->closed_index),
                        P_TIME(e->requested_at)), NULL);
}

err erasure_get(struct scope *s, struct db *db, const char *id, struct erasure *out)
{
    return db_one(s, db, &erasure_sql[GET], PARAMS(P_TEXT(id)), &erasure_shape, out);
}

err erasure_all(struct scope *s, struct db *db, const char *after, int64_t limit, struct erasure **out, size_t *n)
{
    return db_many(s, db, &erasure_sql[ALL], PARAMS(P_TEXT(after), P_INT8(limit)), &erasure_shape, out, n);
}

err erasure_next(struct scope *s, struct db *db, struct erasure *out)
{
    return db_one(s, db, &erasure_sql[NEXT], NO_PARAMS, &erasure_shape, out);
}

err erasure_enter(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, bool *yes)
{
    int64_t touched;

    TRY(db_do(s, db, &erasure_sql[ENTER], PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at)), &touched));
    *yes = touched == 1;
    return *yes ? db_do(s, db, &erasure_sql[LISTS_END], PARAMS(P_INT8(no)), NULL) : ERR_OK;
}

err erasure_lock(struct scope *s, struct db *db, int64_t no, const char **state)
{
    TRY(db_do(s, db, &erasure_sql[UNHURRIED], NO_PARAMS, NULL));
    return db_one(s, db, &erasure_sql[LOCK], PARAMS(P_INT8(no)), &state_shape, state);
}

err erasure_list(struct scope *s, struct db *db, const struct erasure *e, enum erasure_source source,
                 const struct erasure_fields *f, int64_t limit, int64_t *listed)
{
    if (source == ERASE_LICENSES)
        return db_do(s, db, &erasure_sql[LIST_LICENSES],
                     PARAMS(P_INT8(e->no), P_ID(e->party), P_TEXTS(f->first, f->n_first), P_INT8(limit),
                            P_TEXTS(f->second, f->n_second)), listed);
    return db_do(s, db, &erasure_sql[LIST_PARTY + source],
                 PARAMS(P_INT8(e->no), P_ID(e->party), P_TEXTS(f->first, f->n_first), P_INT8(limit)), listed);
}

/* A page of the license that the cursor is in. */
static err list_accesses_page(struct scope *s, struct db *db, const struct erasure *e, const struct erasure_fields *f,
                              struct access_place *at, int64_t limit, int64_t *read)
{
    static const struct column column[] = { COL(access_place, n, T_INT8), COL(access_place, item, T_INT4),
                                            COL(access_place, index, T_INT8) };
    static const struct shape shape = SHAPE(access_place, column);
    struct access_place last = { .n = 0 };
    err got = db_one(s, db, &erasure_sql[LIST_ACCESSES],
                     PARAMS(P_INT8(e->no), P_INT8(at->license), P_INT4(at->item), P_INT8(at->index), P_INT8(limit),
                            P_TEXTS(f->first, f->n_first)), &shape, &last);

    if (got == ERR_NOT_FOUND)
        scope_forgive(s);
    else
        TRY(got);
    *read = last.n;
    at->item = last.item;
    at->index = last.index;
    if (last.n < limit)
        at->license = 0;
    return ERR_OK;
}

/* *at.license 0: none is left. */
static err list_accesses_license(struct scope *s, struct db *db, const struct erasure *e, struct access_place *at)
{
    static const struct column column[] = { COL(access_place, license, T_INT8), COL(access_place, id, T_ID) };
    static const struct shape shape = SHAPE(access_place, column);
    struct access_place next = { .license = 0 };
    err got = db_one(s, db, &erasure_sql[NEXT_LICENSE], PARAMS(P_ID(e->party), P_TEXT(at->id.text)), &shape, &next);

    if (got == ERR_NOT_FOUND)
        scope_forgive(s);
    else
        TRY(got);
    *at = (struct access_place){ .license = got == ERR_OK ? next.license : 0, .id = next.id, .item = -1, .index = -1 };
    return ERR_OK;
}

err erasure_list_accesses(struct scope *s, struct db *db, const struct erasure *e, const struct erasure_fields *f,
                          struct access_place *at, int64_t limit, int64_t *read)
{
    for (*read = 0; *read == 0;) {
        if (at->license == 0)
            TRY(list_accesses_license(s, db, e, at));
        if (at->license == 0)
            return ERR_OK;
        TRY(list_accesses_page(s, db, e, f, at, limit, read));
    }
    return ERR_OK;
}

err erasure_each(struct scope *s, struct db *db, int64_t no,
                 err (*each)(struct scope *s, void *arg, void *erased_entry), void *arg)
{
    struct erased_entry row;

    return db_each(s, db, &erasure_sql[EACH], PARAMS(P_INT8(no)), &entry_shape, &row, each, arg);
}

err erasure_entries(struct scope *s, struct db *db, int64_t index, int64_t after, int64_t limit,
                    struct erased_entry **out, size_t *n)
{
    static const struct column column[] = { { "no", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };
    int64_t no;

    TRY(db_one(s, db, &erasure_sql[OF], PARAMS(P_INT8(index)), &shape, &no));
    return db_many(s, db, &erasure_sql[ENTRIES], PARAMS(P_INT8(no), P_INT8(after), P_INT8(limit)), &entry_shape, out,
                   n);
}

err erasure_under_way(struct scope *s, struct db *db, const char *party, bool *yes)
{
    static const struct column column[] = { { "yes", T_BOOL, 0 } };
    static const struct shape shape = { sizeof(bool), 1, column };

    return db_one(s, db, &erasure_sql[UNDER_WAY], PARAMS(P_TEXT(party)), &shape, yes);
}

/* A function that ends without a word. */
static err call(struct scope *s, struct db *db, const struct sql *q, const struct sql_param *params, size_t n)
{
    static const struct column column[] = { { "done", T_BOOL, 0 } };
    static const struct shape shape = { sizeof(bool), 1, column };
    bool done;

    return db_one(s, db, q, params, n, &shape, &done);
}

err erase_begin(struct scope *s, struct db *db, int64_t no, const struct id *stub)
{
    return call(s, db, &erasure_sql[BEGIN], PARAMS(P_INT8(no), P_TEXT(stub->text)));
}

err erase_part(struct scope *s, struct db *db, int64_t no, enum erase_part part, int64_t limit, int64_t *touched)
{
    return db_one(s, db, &erasure_sql[PARTS + part], PARAMS(P_INT8(no), P_INT8(limit)), &touched_shape, touched);
}

err erasure_lines(struct scope *s, struct db *db, const struct erasure *e, int64_t limit, struct line_left **out,
                  size_t *n)
{
    return db_many(s, db, &erasure_sql[LINES], PARAMS(P_ID(e->party), P_INT8(limit)), &line_shape, out, n);
}

err erase_lines(struct scope *s, struct db *db, int64_t no, const struct line_left *lines, const struct hash *leaves,
                size_t n)
{
    int64_t *allocations = NEWS(s, int64_t, n), touched;
    struct bytes *hashes = NEWS(s, struct bytes, n);
    int32_t *places = NEWS(s, int32_t, n);

    for (size_t i = 0; i < n; i++) {
        allocations[i] = lines[i].allocation;
        places[i] = lines[i].place;
        hashes[i] = (struct bytes){ leaves[i].b, HASH_SIZE };
    }
    TRY(db_one(s, db, &erasure_sql[LINES_ERASE],
               PARAMS(P_INT8(no), P_INT8S(allocations, n), P_INT4S(places, n), P_BYTESS(hashes, n)), &touched_shape,
               &touched));
    return touched == (int64_t)n ? ERR_OK : fail(s, ERR_STALE, "lines were erased by somebody else");
}

err erase_named(struct scope *s, struct db *db, int64_t no, struct answer_place *at, int64_t limit, int64_t *looked_at)
{
    static const struct column column[] = { COL(answer_place, party, T_TEXT), COL(answer_place, key, T_TEXT),
                                            COL(answer_place, looked_at, T_INT8) };
    static const struct shape shape = SHAPE(answer_place, column);

    TRY(db_one(s, db, &erasure_sql[NAMED],
               PARAMS(P_INT8(no), P_INT8(limit), P_TEXT(at->party), P_TEXT(at->key)), &shape, at));
    *looked_at = at->looked_at;
    return ERR_OK;
}

err erase_end(struct scope *s, struct db *db, int64_t no)
{
    return call(s, db, &erasure_sql[END], PARAMS(P_INT8(no)));
}
