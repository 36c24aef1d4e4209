/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/allocation.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/job.h"
#include "schema/store/slice.h"

enum { DUE, DUE_ENDED, NEXT, EXCLUDED, WEIGHTS_BY_ITEM, WEIGHTS_BY_BYTE, WEIGHING, WEIGHED, ACCOUNT, SUBACCOUNTS,
       ACCOUNTS, LINES,
       TRANSACTION, PLATFORM, POST_PLATFORM, POST_LINES, PREPARE, HOLD, ACTIVATE, ACTIVATION, HELD, RELEASED,
       UNHURRIED };

/*
 * Sums over all contributors of what was cleared, by hashes and without statistics, as schema/store/clearing.c does:
 * a look into a table is fenced by OFFSET 0, all joins but hash joins are off (WEIGHING) until the sums are there.
 */
#define UNPAID   "SELECT e.n FROM (SELECT c.no FROM allocation a JOIN clearance c ON c.id = a.clearance" \
                 "                  WHERE a.license = $2) f" \
                 " CROSS JOIN LATERAL (SELECT n FROM clearance_exclusion WHERE clearance = f.no OFFSET 0) e"
#define MADE(of, join) "SELECT c.n, c.party, " of " AS weight FROM item_contributor c" join \
                       " WHERE c.version = z.version"
#define WEIGHTS(of, join) \
    "WITH z AS MATERIALIZED (SELECT no, version, whole FROM slice WHERE no = $1)," \
    "     x AS MATERIALIZED (" UNPAID ")" \
    " SELECT m.party COLLATE \"C\" AS party, sum(m.weight)::bigint AS weight FROM (" \
    "     SELECT w.n, w.party, w.weight FROM z CROSS JOIN LATERAL (" MADE(of, join) " OFFSET 0) w WHERE z.whole" \
    "     UNION ALL" \
    "     SELECT w.n, w.party, w.weight FROM z" \
    "      CROSS JOIN LATERAL (SELECT n FROM slice_item WHERE slice = z.no OFFSET 0) y" \
    "      CROSS JOIN LATERAL (" MADE(of, join) " AND c.n = y.n OFFSET 0) w WHERE NOT z.whole) m" \
    "   LEFT JOIN x ON x.n = m.n WHERE x.n IS NULL GROUP BY m.party COLLATE \"C\" ORDER BY 1"
#define BY_HASH(value) "set_config('enable_nestloop', " value ", true)," \
                       " set_config('enable_mergejoin', " value ", true)," \
                       " set_config('enable_seqscan', " value ", true)," \
                       " set_config('enable_bitmapscan', " value ", true)"
#define LAST " LEFT JOIN LATERAL (SELECT running, balance FROM posting WHERE account = a.no AND running IS NOT NULL" \
             "                     ORDER BY running DESC LIMIT 1) o ON true"
const struct sql allocation_sql[ALLOCATION_STATEMENTS] = {
    [DUE]             = { "allocation_due",
                          "INSERT INTO allocation (id, license, clearance, due_at) VALUES ($1, $2, $3, $4)"
                          " ON CONFLICT (license) DO NOTHING" },
    [DUE_ENDED]       = { "allocation_due_ended",
                          "INSERT INTO allocation (id, license, due_at) SELECT $1, l.no, $3 FROM license l"
                          " WHERE l.no = $2 AND l.amount > 0 AND NOT EXISTS (SELECT FROM access WHERE license = l.no)"
                          " ON CONFLICT (license) DO NOTHING" },
    [NEXT]            = { "allocation_next",
                          "SELECT n.no, n.id, n.state, n.clearance, l.no AS license_no, l.id AS license,"
                          "       coalesce(n.items, l.item_count) AS items, coalesce(n.cleared, 0) AS cleared,"
                          "       coalesce(n.owed, 0) AS owed, coalesce(n.fee, 0) AS fee,"
                          "       coalesce(n.refund, 0) AS refund, coalesce(n.line_count, 0) AS line_count,"
                          "       n.lines_root, coalesce(n.transaction, -1) AS transaction, l.slice_no,"
                          "       l.amount AS paid, l.currency, l.buyer, l.payment, o.kind, o.amount AS price,"
                          "       o.minimum, o.split, o.fee AS fee_rule, l.revision = o.revision AS same_revision"
                          "  FROM allocation n JOIN license l ON l.no = n.license JOIN offer o ON o.id = l.offer"
                          " WHERE n.state = 'prepared' OR (n.state = 'due' AND n.no > $1)"
                          " ORDER BY n.state = 'prepared' DESC, n.no LIMIT 1" },
    [EXCLUDED]        = { "allocation_excluded",
                          "SELECT count(*) AS n FROM slice z JOIN unpaid_item x ON x.license = $2"
                          "  LEFT JOIN LATERAL (SELECT true AS there FROM slice_item"
                          "                      WHERE slice = z.no AND n = x.n LIMIT 1) m ON true"
                          " WHERE z.no = $1 AND (z.whole OR m.there)" },
    [WEIGHTS_BY_ITEM] = { "allocation_weights_by_item", WEIGHTS("c.weight", "") },
    [WEIGHTS_BY_BYTE] = { "allocation_weights_by_byte",
                          WEIGHTS("c.weight * i.size", " JOIN item i ON i.version = c.version AND i.n = c.n") },
    [WEIGHING]        = { "allocation_weighing",
                          "SELECT set_config('statement_timeout', '0', true), " BY_HASH("'off'") },
    [WEIGHED]         = { "allocation_weighed", "SELECT " BY_HASH("NULL") },
    [ACCOUNT]         = { "creator_account_open",
                          "INSERT INTO creator_account (id, party, currency)"
                          " SELECT i.id, i.party, $3 FROM unnest($1::text[], $2::text[]) AS i (id, party)"
                          " ON CONFLICT (party, currency) DO NOTHING" },
    [SUBACCOUNTS]     = { "creator_account_books",
                          "INSERT INTO account (party, kind, currency)"
                          " SELECT i.party, k.kind, $2 FROM unnest($1::text[]) AS i (party),"
                          "        (VALUES ('pending'), ('available'), ('in_payout')) k (kind)"
                          " ON CONFLICT (party, kind, currency) DO NOTHING" },
    [ACCOUNTS]        = { "creator_account_each",
                          "SELECT c.party, c.id, coalesce((SELECT max(n) FROM allocation_line WHERE account = c.id), 0)"
                          "       + 1 AS next FROM unnest($1::text[]) AS i (party)"
                          "  JOIN creator_account c ON c.party = i.party AND c.currency = $2"
                          " ORDER BY c.id COLLATE \"C\"" },
    [LINES]           = { "allocation_lines",
                          "COPY allocation_line (allocation, place, account, party, weight, amount, fee, n, salt, path)"
                          " FROM STDIN (FORMAT binary)" },
    [TRANSACTION]     = { "allocation_transaction",
                          "INSERT INTO book_transaction (kind, index) VALUES ($1, $2) RETURNING no" },
    [PLATFORM]        = { "allocation_platform",
                          "INSERT INTO account (party, kind, currency)"
                          " VALUES (NULL, 'clearing', $1), (NULL, 'fees', $1)"
                          " ON CONFLICT (party, kind, currency) DO NOTHING" },
    [POST_PLATFORM]   = { "allocation_post_platform",
                          "INSERT INTO posting (transaction, account, amount) SELECT $1, a.no, v.amount"
                          "  FROM (VALUES ('clearing', -$2::bigint), ('fees', $3::bigint)) v (kind, amount)"
                          "  JOIN account a ON a.party IS NULL AND a.kind = v.kind AND a.currency = $4"
                          " WHERE v.amount <> 0" },
    [POST_LINES]      = { "allocation_post_lines",
                          "INSERT INTO posting (transaction, account, amount, running, balance)"
                          " SELECT $1, a.no, x.amount * $5, coalesce(o.running, 0) + 1,"
                          "        coalesce(o.balance, 0) + x.amount * $5 FROM allocation_line x"
                          "   JOIN account a ON a.party = x.party AND a.kind = $3 AND a.currency = $4" LAST
                          "  WHERE x.allocation = $2" },
    [PREPARE]         = { "allocation_prepare",
                          "UPDATE allocation SET state = 'prepared', items = $2, cleared = $3, owed = $4, fee = $5,"
                          "       refund = $6, line_count = $7, lines_root = $8, transaction = $9"
                          " WHERE no = $1 AND state = 'due'" },
    [HOLD]            = { "allocation_hold", "SELECT state FROM allocation WHERE no = $1 FOR UPDATE" },
    [ACTIVATE]        = { "allocation_activate",
                          "UPDATE allocation"
                          "   SET state = CASE WHEN $2::bigint IS NULL THEN 'nothing' ELSE 'posted' END,"
                          "       index = $2, refund_index = $3, refund_id = $4, posted_at = $5, available_at = $6"
                          " WHERE no = $1 AND state = 'prepared'" },
    [ACTIVATION]      = { "allocation_activation",
                          "INSERT INTO book_activation (transaction, index) VALUES ($1, $2)" },
    [HELD]            = { "allocation_held",
                          "SELECT n.no, n.index, l.currency FROM allocation n JOIN license l ON l.no = n.license"
                          " WHERE n.state = 'posted' AND n.release_transaction IS NULL AND n.available_at <= $1"
                          "   AND NOT EXISTS (SELECT FROM allocation WHERE state = 'prepared')"
                          " ORDER BY n.available_at, n.no LIMIT 1" },
    [RELEASED]        = { "allocation_released",
                          "UPDATE allocation SET release_transaction = $2"
                          " WHERE no = $1 AND release_transaction IS NULL" },
    [UNHURRIED]       = { "allocation_unhurried", "SELECT set_config('statement_timeout', '0', true)" },
};

#define ALLOCATION_AT(name, member, type) { name, type, offsetof(struct allocation_task, a.member) }
static const struct column task_columns[] = {
    ALLOCATION_AT("no", no, T_INT8), ALLOCATION_AT("id", id, T_ID), ALLOCATION_AT("state", state, T_TEXT),
    ALLOCATION_AT("clearance", clearance, T_TEXT), ALLOCATION_AT("license_no", license_no, T_INT8),
    ALLOCATION_AT("license", license, T_ID), ALLOCATION_AT("items", items, T_INT8),
    ALLOCATION_AT("cleared", cleared, T_INT8), ALLOCATION_AT("owed", owed, T_INT8), ALLOCATION_AT("fee", fee, T_INT8),
    ALLOCATION_AT("refund", refund, T_INT8), ALLOCATION_AT("line_count", line_count, T_INT8),
    ALLOCATION_AT("lines_root", lines_root, T_HASH), ALLOCATION_AT("transaction", transaction, T_INT8),
    COL(allocation_task, slice_no, T_INT8), COL(allocation_task, paid, T_INT8), COL(allocation_task, currency, T_TEXT),
    COL(allocation_task, buyer, T_ID), COL(allocation_task, payment, T_ID), COL(allocation_task, kind, T_TEXT),
    COL(allocation_task, price, T_INT8), COL(allocation_task, minimum, T_INT8), COL(allocation_task, split, T_TEXT),
    COL(allocation_task, fee_rule, T_TEXT), COL(allocation_task, same_revision, T_BOOL),
};
static const struct shape task_shape = SHAPE(allocation_task, task_columns);

static const struct column share_columns[] = {
    COL(contributor_weight, party, T_TEXT), COL(contributor_weight, weight, T_INT8),
};
static const struct shape share_shape = SHAPE(contributor_weight, share_columns);

static const struct column creator_columns[] = {
    COL(creator_account, party, T_TEXT), COL(creator_account, id, T_TEXT), COL(creator_account, next, T_INT8),
};
static const struct shape creator_shape = SHAPE(creator_account, creator_columns);

static const struct column held_columns[] = {
    COL(held_allocation, no, T_INT8), COL(held_allocation, index, T_INT8), COL(held_allocation, currency, T_TEXT),
};
static const struct shape held_shape = SHAPE(held_allocation, held_columns);

err allocation_due(struct scope *s, struct db *db, int64_t license_no, const char *clearance, int64_t at)
{
    struct id id = id_new("alc", at);
    int64_t made;

    TRY(db_do(s, db, &allocation_sql[DUE],
              PARAMS(P_ID(id), P_INT8(license_no), P_TEXT(clearance), P_TIME(at)), &made));
    return made ? job_enqueue(s, db, JOB_ALLOCATE, "due", "{}", INT64_MIN, NULL) : ERR_OK;
}

err allocation_due_ended(struct scope *s, struct db *db, int64_t license_no, int64_t at)
{
    struct id id = id_new("alc", at);
    int64_t made;

    TRY(db_do(s, db, &allocation_sql[DUE_ENDED], PARAMS(P_ID(id), P_INT8(license_no), P_TIME(at)), &made));
    return made ? job_enqueue(s, db, JOB_ALLOCATE, "due", "{}", INT64_MIN, NULL) : ERR_OK;
}

err allocation_next(struct scope *s, struct db *db, int64_t after, struct allocation_task *out)
{
    return db_one(s, db, &allocation_sql[NEXT], PARAMS(P_INT8(after)), &task_shape, out);
}

err allocation_excluded(struct scope *s, struct db *db, const struct allocation_task *t, int64_t *n)
{
    static const struct column column[] = { { "n", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &allocation_sql[EXCLUDED], PARAMS(P_INT8(t->slice_no), P_INT8(t->a.license_no)), &shape, n);
}

err allocation_weights(struct scope *s, struct db *db, const struct allocation_task *t, bool per_byte,
                       err (*each)(struct scope *s, void *arg, void *contributor_weight), void *arg)
{
    struct contributor_weight row;

    TRY(db_do(s, db, &allocation_sql[WEIGHING], NO_PARAMS, NULL));
    TRY(db_each(s, db, &allocation_sql[per_byte ? WEIGHTS_BY_BYTE : WEIGHTS_BY_ITEM],
                PARAMS(P_INT8(t->slice_no), P_INT8(t->a.license_no)), &share_shape, &row, each, arg));
    return db_do(s, db, &allocation_sql[WEIGHED], NO_PARAMS, NULL);
}

err creator_accounts_open(struct scope *s, struct db *db, const char *currency, const char *const *parties,
                          const char *const *ids, size_t n)
{
    TRY(db_do(s, db, &allocation_sql[ACCOUNT], PARAMS(P_TEXTS(ids, n), P_TEXTS(parties, n), P_TEXT(currency)), NULL));
    return db_do(s, db, &allocation_sql[SUBACCOUNTS], PARAMS(P_TEXTS(parties, n), P_TEXT(currency)), NULL);
}

err creator_accounts_each(struct scope *s, struct db *db, const char *currency, const char *const *parties, size_t n,
                          err (*each)(struct scope *s, void *arg, void *creator_account), void *arg)
{
    struct creator_account row;

    return db_each(s, db, &allocation_sql[ACCOUNTS], PARAMS(P_TEXTS(parties, n), P_TEXT(currency)), &creator_shape,
                   &row, each, arg);
}

err allocation_lines_begin(struct scope *s, struct db *db)
{
    return db_copy_begin(s, db, &allocation_sql[LINES]);
}

err allocation_line(struct scope *s, struct db *db, int64_t allocation, const struct allocation_line *l)
{
    return db_copy_row(s, db, PARAMS(P_INT8(allocation), P_INT4(l->place), P_TEXT(l->account), P_TEXT(l->party),
                                     P_INT8(l->weight), P_INT8(l->amount), P_INT8(l->fee), P_INT8(l->n),
                                     P_BYTES(l->salt.p, l->salt.len), P_BYTES(l->path.p, l->path.len)));
}

err allocation_lines_end(struct scope *s, struct db *db, bool keep)
{
    return db_copy_end(s, db, keep, NULL);
}

static err new_transaction(struct scope *s, struct db *db, const char *kind, struct sql_param index, int64_t *no)
{
    static const struct column column[] = { { "no", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &allocation_sql[TRANSACTION], PARAMS(P_TEXT(kind), index), &shape, no);
}

static err post_lines(struct scope *s, struct db *db, int64_t transaction, int64_t allocation, const char *kind,
                      const char *currency, int64_t sign)
{
    return db_do(s, db, &allocation_sql[POST_LINES],
                 PARAMS(P_INT8(transaction), P_INT8(allocation), P_TEXT(kind), P_TEXT(currency), P_INT8(sign)), NULL);
}

err allocation_prepare(struct scope *s, struct db *db, const struct allocation *a, const char *currency)
{
    int64_t transaction = -1, touched;

    if (a->owed > 0) {
        TRY(db_do(s, db, &allocation_sql[PLATFORM], PARAMS(P_TEXT(currency)), NULL));
        TRY(new_transaction(s, db, "allocation", P_NULL(), &transaction));
        TRY(db_do(s, db, &allocation_sql[POST_PLATFORM],
                  PARAMS(P_INT8(transaction), P_INT8(a->owed), P_INT8(a->fee), P_TEXT(currency)), NULL));
        TRY(post_lines(s, db, transaction, a->no, "pending", currency, 1));
    }
    struct sql_param posted = transaction < 0 ? P_NULL() : P_INT8(transaction);
    TRY(db_do(s, db, &allocation_sql[PREPARE],
              PARAMS(P_INT8(a->no), P_INT8(a->items), P_INT8(a->cleared), P_INT8(a->owed), P_INT8(a->fee),
                     P_INT8(a->refund), P_INT8(a->line_count), P_HASH(&a->lines_root), posted), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the allocation was prepared by somebody else");
}

err allocation_hold(struct scope *s, struct db *db, int64_t no, const char **state)
{
    static const struct column column[] = { { "state", T_TEXT, 0 } };
    static const struct shape shape = { sizeof(const char *), 1, column };

    return db_one(s, db, &allocation_sql[HOLD], PARAMS(P_INT8(no)), &shape, state);
}

err allocation_activate(struct scope *s, struct db *db, const struct allocation *a)
{
    struct sql_param index = a->index < 0 ? P_NULL() : P_INT8(a->index);
    struct sql_param refund = a->refund_index < 0 ? P_NULL() : P_INT8(a->refund_index);
    int64_t touched;

    if (a->transaction >= 0)
        TRY(db_do(s, db, &allocation_sql[ACTIVATION], PARAMS(P_INT8(a->transaction), index), NULL));
    TRY(db_do(s, db, &allocation_sql[ACTIVATE],
              PARAMS(P_INT8(a->no), index, refund, P_TEXT(*a->refund_id.text ? a->refund_id.text : NULL),
                     P_TIME(a->posted_at), P_TIME(a->available_at)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the allocation is not prepared");
}

err allocation_held(struct scope *s, struct db *db, int64_t now, struct held_allocation *out)
{
    return db_one(s, db, &allocation_sql[HELD], PARAMS(P_TIME(now)), &held_shape, out);
}

err allocation_release(struct scope *s, struct db *db, const struct held_allocation *h)
{
    int64_t transaction, touched;

    TRY(db_do(s, db, &allocation_sql[UNHURRIED], NO_PARAMS, NULL));
    TRY(new_transaction(s, db, "release", P_INT8(h->index), &transaction));
    TRY(post_lines(s, db, transaction, h->no, "pending", h->currency, -1));
    TRY(post_lines(s, db, transaction, h->no, "available", h->currency, 1));
    TRY(db_do(s, db, &allocation_sql[RELEASED], PARAMS(P_INT8(h->no), P_INT8(transaction)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "it was released by somebody else");
}
