/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/erasure.h"

enum { BLOCKER, FORFEITS, HOLD, CLOSE, KEYS, ADD, GET, ALL, NEXT, LOCK, STATE, ENTER, LISTS,
       EACH = LISTS + ERASURE_SOURCES, ENTRIES, OF, OF_PARTY, BEGIN, PARTS, LINES = PARTS + ERASE_PARTS, LINES_ERASE,
       NAMED, END, UNHURRIED, STATEMENTS };
_Static_assert(STATEMENTS == ERASURE_STATEMENTS, "erasure_sql");

#define ERASURE "SELECT e.no, e.id, e.party, e.operator, e.reason, e.state, e.closed_index," \
                "       coalesce(e.index, -1) AS index," \
                "       (SELECT count(*) FROM erasure_entry WHERE erasure = e.no) AS entries," \
                "       (SELECT count(*) FROM erasure_entry WHERE erasure = e.no AND NOT done) AS \"left\"," \
                "       e.requested_at, e.erased_at, e.done_at FROM erasure e"
#define BALANCE " CROSS JOIN LATERAL (SELECT balance FROM posting WHERE account = a.no AND running IS NOT NULL" \
                "                      ORDER BY running DESC LIMIT 1) b WHERE a.party = $1 AND b.balance <> 0"
/*
 * The next page of what `from` finds, in the order of its keyset (id, first, second), after that of the last page: what
 * it narrows down by itself is for the plan, each row by a probe of an index. Listed is what is still there of it: some
 * may have gone by an earlier erasure of somebody whom it was about, too. One that begins again reads over what is
 * listed. $1 erasure, $2 party, $3 names of fields, $4 limit, $5 $6 $7 the keyset.
 */
#define SALT "substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16)"
#define LIST(from) \
    "WITH page AS MATERIALIZED (SELECT * FROM (SELECT " from ") x" \
    "       WHERE (id, first, second) > ($5::text, $6::bigint, $7::bigint) ORDER BY id, first, second LIMIT $4)," \
    " listed AS (INSERT INTO erasure_entry (erasure, index, fields, rows, salt)" \
    "       SELECT $1, p.index, coalesce(array_agg(f.name ORDER BY f.name COLLATE \"C\") FILTER" \
    "              (WHERE f.name IS NOT NULL), '{}'), p.rows, " SALT " FROM page p" \
    "         LEFT JOIN LATERAL (SELECT disclosures FROM disclosure WHERE index = p.index LIMIT 1) d ON true" \
    "         LEFT JOIN LATERAL (SELECT disclosure_name(t) AS name FROM" \
    "              jsonb_array_elements_text(convert_from(d.disclosures, 'UTF8')::jsonb) t OFFSET 0) f" \
    "           ON f.name = ANY (p.wanted)" \
    "        GROUP BY p.index, p.rows HAVING p.rows > 0 OR count(f.name) > 0 ON CONFLICT DO NOTHING)" \
    " SELECT (SELECT count(*) FROM page) AS n, id, first, second FROM page" \
    "  ORDER BY id DESC, first DESC, second DESC LIMIT 1"
#define NONE "0::bigint"
#define FOUND(index, rows) index " AS index, " rows " AS rows, $3::text[] AS wanted"
#define KEYSET(id, first, second) id " AS id, " first " AS first, " second " AS second, "
/* How many lines of an allocation n are the party's and still there: one at most, an account is of one currency. */
#define OWN_LINES " CROSS JOIN LATERAL (SELECT count(*) AS rows FROM creator_account c JOIN allocation_line y" \
                  "    ON y.allocation = n.no AND y.account = c.id AND y.leaf IS NULL WHERE c.party = $2) own"
#define SOURCE(source, name, from) [LISTS + source] = { "erasure_list_" name, LIST(from) }
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
    [NEXT]            = { "erasure_next", ERASURE " WHERE e.state <> 'done' AND e.no > $1 ORDER BY e.no LIMIT 1" },
    [LOCK]            = { "erasure_lock", "SELECT state FROM erasure WHERE no = $1 FOR UPDATE" },
    [STATE]           = { "erasure_state", "SELECT state FROM erasure WHERE no = $1" },
    [ENTER]           = { "erasure_enter",
                          "UPDATE erasure SET state = 'erasing', index = $2, erased_at = $3"
                          " WHERE no = $1 AND state = 'preparing'" },
    SOURCE(ERASE_PARTY, "party",
           KEYSET("$2::text", "x.index", NONE) FOUND("x.index", NONE)
           "  FROM (SELECT index FROM party WHERE id = $2 UNION ALL SELECT index FROM party_key WHERE party = $2) x"),
    SOURCE(ERASE_CONSENTS, "consents",
           KEYSET("id", NONE, NONE) FOUND("index", NONE)
           "  FROM consent WHERE creator = $2 AND id > $5 AND index IS NOT NULL"),
    SOURCE(ERASE_PAYMENTS, "payments",
           KEYSET("id", NONE, NONE) FOUND("index", NONE) "  FROM payment WHERE party = $2 AND id > $5"),
    SOURCE(ERASE_BOUGHT_LICENSES, "bought",
           KEYSET("id", NONE, NONE) FOUND("index", NONE) "  FROM license WHERE buyer = $2 AND id > $5"),
    SOURCE(ERASE_SOLD_LICENSES, "sold",
           KEYSET("id", NONE, NONE) FOUND("index", NONE) "  FROM license WHERE publisher = $2 AND id > $5"),
    SOURCE(ERASE_CLEARANCES, "clearances",
           KEYSET("l.id", "c.no", NONE) FOUND("c.index", "CASE WHEN c.granted THEN c.cleared ELSE 0 END")
           "  FROM license l CROSS JOIN LATERAL (SELECT no, index, granted, cleared FROM clearance"
           "         WHERE license = l.no AND index IS NOT NULL"
           "           AND no > CASE WHEN l.id = $5::text THEN $6::bigint ELSE 0 END"
           "         ORDER BY no LIMIT $4) c WHERE l.buyer = $2 AND l.id >= $5"),
    SOURCE(ERASE_REFUNDS, "refunds",
           KEYSET("l.id", NONE, NONE) FOUND("n.refund_index", NONE)
           "  FROM license l CROSS JOIN LATERAL (SELECT refund_index FROM allocation WHERE license = l.no"
           "         AND refund_index IS NOT NULL LIMIT 1) n WHERE l.buyer = $2 AND l.id > $5"),
    SOURCE(ERASE_SOLD_ALLOCATIONS, "sold_allocations",
           KEYSET("l.id", NONE, NONE) FOUND("n.index", "own.rows")
           "  FROM license l CROSS JOIN LATERAL (SELECT no, index FROM allocation WHERE license = l.no"
           "         AND state = 'posted' LIMIT 1) n" OWN_LINES " WHERE l.publisher = $2 AND l.id > $5"),
    SOURCE(ERASE_LINES, "lines",
           KEYSET("c.id", "y.n", NONE) "n.index, 1::bigint AS rows, CASE WHEN n.sole THEN $3::text[] ELSE '{}' END"
           "       AS wanted"
           "  FROM creator_account c CROSS JOIN LATERAL (SELECT n, allocation FROM allocation_line"
           "         WHERE account = c.id AND n > CASE WHEN c.id = $5 THEN $6::bigint ELSE 0 END ORDER BY n LIMIT $4) y"
           " CROSS JOIN LATERAL (SELECT a.index, a.line_count = 1 OR l.publisher = $2 AS sole FROM allocation a"
           "         JOIN license l ON l.no = a.license WHERE a.no = y.allocation AND a.state = 'posted' LIMIT 1) n"
           " WHERE c.party = $2 AND c.id >= $5"),
    SOURCE(ERASE_PAYOUTS, "payouts",
           KEYSET("y.id", "v.index", NONE) FOUND("v.index", NONE)
           "  FROM payout y CROSS JOIN LATERAL (VALUES (y.index), (y.settled_index), (y.failed_index)) v (index)"
           " WHERE y.party = $2 AND y.id >= $5 AND v.index IS NOT NULL"),
    SOURCE(ERASE_SNAPSHOTS, "snapshots",
           KEYSET("$2::text", "s.no", NONE) FOUND("s.index", "count(*)")
           "  FROM snapshot s CROSS JOIN creator_account c JOIN snapshot_leaf f ON f.snapshot = s.no"
           "   AND f.currency = c.currency AND f.id = held_id(c.id, s.as_of)"
           " WHERE c.party = $2 AND s.no > $6::bigint AND s.index IS NOT NULL AND f.account IS NOT NULL GROUP BY s.no"),
    SOURCE(ERASE_ACCESSES, "accesses",
           KEYSET("l.id", "a.item", "a.index") FOUND("a.index", NONE)
           "  FROM license l CROSS JOIN LATERAL (SELECT item::bigint AS item, index FROM access WHERE license = l.no"
           "         AND (item, index) > (CASE WHEN l.id = $5::text THEN $6::bigint ELSE -1 END::integer,"
           "                              CASE WHEN l.id = $5::text THEN $7::bigint ELSE -1 END)"
           "         ORDER BY access.item, index LIMIT $4) a WHERE l.buyer = $2 AND l.id >= $5"),
    [EACH]            = { "erasure_each",
                          "SELECT " ENTRY " FROM erasure_entry z WHERE z.erasure = $1 ORDER BY z.index" },
    [ENTRIES]         = { "erasure_entries",
                          "SELECT " ENTRY " FROM erasure_entry z WHERE z.erasure = $1 AND z.index > $2"
                          " ORDER BY z.index LIMIT $3" },
    [OF]              = { "erasure_of", "SELECT no FROM erasure WHERE index = $1" },
    [OF_PARTY]        = { "erasure_of_party",
                          "SELECT state = 'closed' AS closed, EXISTS (SELECT FROM erasure WHERE state <> 'done'"
                          "       AND $1 IN (party, stub)) AS under_way FROM party WHERE id = $1" },
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
                          "SELECT x.allocation, n.id, x.place, c.id AS account, c.currency, x.amount, x.n, x.salt,"
                          "       x.path, n.line_count, n.index, e.root"
                          "  FROM creator_account c CROSS JOIN LATERAL (SELECT allocation, place, amount, n, salt, path"
                          "         FROM allocation_line WHERE account = c.id"
                          "          AND n < CASE WHEN c.id = $2 THEN $3::bigint ELSE 9223372036854775807 END"
                          "        ORDER BY n DESC LIMIT $4) x"
                          " CROSS JOIN LATERAL (SELECT id, line_count, index FROM allocation WHERE no = x.allocation"
                          "          LIMIT 1) n"
                          "  LEFT JOIN LATERAL (SELECT decode(convert_from(bytes, 'UTF8')::jsonb"
                          "                                   #>> '{body,lines_root}', 'hex') AS root"
                          "         FROM entry WHERE index = n.index LIMIT 1) e ON true"
                          " WHERE c.party = $1 AND c.id >= $2 ORDER BY c.id, x.n DESC LIMIT $4" },
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
    COL(line_left, allocation, T_INT8), COL(line_left, id, T_ID),           COL(line_left, place, T_INT4),
    COL(line_left, account, T_ID),      COL(line_left, currency, T_TEXT),   COL(line_left, amount, T_INT8),
    COL(line_left, n, T_INT8),          COL(line_left, salt, T_BYTES),      COL(line_left, path, T_BYTES),
    COL(line_left, line_count, T_INT8), COL(line_left, index, T_INT8),      COL(line_left, root, T_HASH),
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

err erasure_next(struct scope *s, struct db *db, int64_t after, struct erasure *out)
{
    return db_one(s, db, &erasure_sql[NEXT], PARAMS(P_INT8(after)), &erasure_shape, out);
}

err erasure_state(struct scope *s, struct db *db, int64_t no, const char **state)
{
    return db_one(s, db, &erasure_sql[STATE], PARAMS(P_INT8(no)), &state_shape, state);
}

err erasure_enter(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &erasure_sql[ENTER], PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the erasure was entered by somebody else");
}

err erasure_lock(struct scope *s, struct db *db, int64_t no, const char **state)
{
    TRY(db_do(s, db, &erasure_sql[UNHURRIED], NO_PARAMS, NULL));
    return db_one(s, db, &erasure_sql[LOCK], PARAMS(P_INT8(no)), &state_shape, state);
}

err erasure_list(struct scope *s, struct db *db, const struct erasure *e, enum erasure_source source,
                 const char *const *fields, size_t n_fields, struct erasure_place *at, int64_t limit, int64_t *read)
{
    static const struct column column[] = { COL(erasure_place, id, T_ID), COL(erasure_place, first, T_INT8),
                                            COL(erasure_place, second, T_INT8), COL(erasure_place, n, T_INT8) };
    static const struct shape shape = SHAPE(erasure_place, column);
    err got = db_one(s, db, &erasure_sql[LISTS + source],
                     PARAMS(P_INT8(e->no), P_ID(e->party), P_TEXTS(fields, n_fields), P_INT8(limit),
                            P_TEXT(at->id.text), P_INT8(at->first), P_INT8(at->second)), &shape, at);

    *read = got == ERR_OK ? at->n : 0;
    if (got == ERR_NOT_FOUND)
        scope_forgive(s);
    return got == ERR_NOT_FOUND ? ERR_OK : got;
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

err erasure_of(struct scope *s, struct db *db, const char *party, struct erasure_of *out)
{
    static const struct column column[] = { COL(erasure_of, closed, T_BOOL), COL(erasure_of, under_way, T_BOOL) };
    static const struct shape shape = SHAPE(erasure_of, column);

    return db_one(s, db, &erasure_sql[OF_PARTY], PARAMS(P_TEXT(party)), &shape, out);
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

err erasure_lines(struct scope *s, struct db *db, const struct erasure *e, struct erasure_place *at, int64_t limit,
                  struct line_left **out, size_t *n)
{
    TRY(db_many(s, db, &erasure_sql[LINES],
                PARAMS(P_ID(e->party), P_TEXT(at->id.text), P_INT8(at->first), P_INT8(limit)), &line_shape, out, n));
    if (*n > 0)
        *at = (struct erasure_place){ .id = (*out)[*n - 1].account, .first = (*out)[*n - 1].n };
    return ERR_OK;
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
