/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/payout.h"

#include "schema/store/creator_sql.h"

enum { RUN_ADD, RUN_GET, RUN_LIST, RUN_FILE, RUN_LEFT, DUE, ADD, POST, EACH, LEFT, DONE, GET, HOLD, LIST, SETTLED,
       FAILED, UNHURRIED, STATEMENTS_USED };

#define RUN    "SELECT r.no, r.id, r.operator, r.currency, r.minimum, r.rail, r.state, count(y.id) AS payouts," \
               "       coalesce(sum(y.amount), 0)::bigint AS total, coalesce(max(y.index), -1) AS last_index," \
               "       r.created_at, r.done_at FROM payout_run r LEFT JOIN payout y ON y.run = r.no"
#define PAYOUT "SELECT y.id, r.id AS run, y.account, y.party, p.handle, y.currency, y.amount, y.state, y.statement," \
               "       y.reference, y.index, coalesce(y.settled_index, -1) AS settled_index," \
               "       coalesce(y.failed_index, -1) AS failed_index, y.created_at, y.settled_at, y.failed_at" \
               "  FROM payout y JOIN payout_run r ON r.no = y.run JOIN party p ON p.id = y.party"
const struct sql payout_sql[PAYOUT_STATEMENTS] = {
    [RUN_ADD]   = { "payout_run_add",
                    "INSERT INTO payout_run (id, operator, currency, minimum, rail) VALUES ($1, $2, $3, $4, $5)" },
    [RUN_GET]   = { "payout_run_get", RUN " WHERE r.id = $1 GROUP BY r.no" },
    [RUN_LIST]  = { "payout_run_list", RUN " WHERE r.id > $1 GROUP BY r.no ORDER BY r.id LIMIT $2" },
    [RUN_FILE]  = { "payout_run_file", "SELECT file AS bytes FROM payout_run WHERE id = $1 AND file IS NOT NULL" },
    [RUN_LEFT]  = { "payout_run_left",
                    "SELECT x.account, p.handle, x.reason, x.amount, x.until FROM payout_left x"
                    "  JOIN creator_account c ON c.id = x.account JOIN party p ON p.id = c.party"
                    " WHERE x.run = $1 ORDER BY x.account COLLATE \"C\", x.reason" },
    [DUE]       = { "payouts_due",
                    "SELECT c.id AS account, c.party, p.handle, v.balance AS available,"
                    "       coalesce(h.balance, 0) AS pending, coalesce(i.balance, 0) AS in_payout,"
                    "       coalesce(" CREATOR_LINES ", 0) AS lines"
                    "  FROM creator_account c JOIN party p ON p.id = c.party AND p.state <> 'closed'"
                    CREATOR_LAST("v", "available") CREATOR_PENDING CREATOR_LAST("i", "in_payout")
                    " WHERE c.currency = $1 AND v.balance >= $2"
                    "   AND NOT EXISTS (SELECT FROM payout x WHERE x.run = $3 AND x.account = c.id)"
                    " ORDER BY c.id COLLATE \"C\"" },
    [ADD]       = { "payouts_add",
                    "INSERT INTO payout (id, run, account, party, currency, amount, statement, index, created_at)"
                    " SELECT u.id, $1, u.account, u.party, $2, u.amount, u.statement, u.index, $3"
                    "   FROM unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[])"
                    "        AS u (id, account, party, amount, statement, index)" },
    [POST]      = { "payouts_post",
                    "WITH t AS (INSERT INTO book_transaction (kind, index) SELECT 'payout', unnest($1::bigint[])"
                    "           RETURNING no, index)"
                    " INSERT INTO posting (transaction, account, amount, running, balance)"
                    " SELECT t.no, a.no, k.sign * u.amount, coalesce(l.running, 0) + 1,"
                    "        coalesce(l.balance, 0) + k.sign * u.amount"
                    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS u (index, party, amount)"
                    "   JOIN t ON t.index = u.index"
                    "  CROSS JOIN (VALUES ('available', -1), ('in_payout', 1)) k (kind, sign)"
                    "   JOIN account a ON a.party = u.party AND a.kind = k.kind AND a.currency = $4"
                    "   LEFT JOIN LATERAL (SELECT running, balance FROM posting WHERE account = a.no"
                    "     AND running IS NOT NULL ORDER BY running DESC LIMIT 1) l ON true"
                    "  WHERE coalesce(l.balance, 0) + k.sign * u.amount >= 0" },
    [EACH]      = { "payouts_each", PAYOUT " WHERE y.run = $1 ORDER BY y.account COLLATE \"C\"" },
    [LEFT]      = { "payout_left_add",
                    "INSERT INTO payout_left (run, account, reason, amount, until)"
                    " SELECT $1, c.id, k.reason, k.amount, k.until"
                    "   FROM creator_account c JOIN party p ON p.id = c.party"
                    CREATOR_LAST("v", "available") CREATOR_PENDING CREATOR_LAST("i", "in_payout")
                    " CROSS JOIN LATERAL (VALUES"
                    "  ('held', coalesce(h.balance, 0), (SELECT min(n.available_at) FROM allocation n"
                    "     JOIN allocation_line x ON x.allocation = n.no WHERE x.account = c.id"
                    "      AND n.state = 'posted' AND n.release_transaction IS NULL)),"
                    "  (CASE p.state WHEN 'closed' THEN 'closed' ELSE 'below_minimum' END,"
                    "     CASE WHEN EXISTS (SELECT FROM payout y WHERE y.run = $1 AND y.account = c.id)"
                    "     THEN 0 ELSE coalesce(v.balance, 0) END, NULL::timestamptz),"
                    "  ('in_payout', coalesce(i.balance, 0) - coalesce((SELECT y.amount FROM payout y WHERE y.run = $1"
                    "      AND y.account = c.id AND y.state = 'instructed'), 0), NULL)) k (reason, amount, until)"
                    " WHERE c.currency = $2 AND k.amount > 0" },
    [DONE]      = { "payout_run_done",
                    "UPDATE payout_run SET state = 'instructed', file = $2, done_at = clock_timestamp()"
                    " WHERE no = $1 AND state = 'running'" },
    [GET]       = { "payout_get", PAYOUT " WHERE y.id = $1 AND ($2::text IS NULL OR y.party = $2)" },
    [HOLD]      = { "payout_hold", PAYOUT " WHERE y.id = $1 FOR UPDATE OF y" },
    [LIST]      = { "payout_list",
                    PAYOUT " WHERE ($1::text IS NULL OR y.party = $1) AND ($2::text IS NULL OR r.id = $2) AND y.id > $3"
                    " ORDER BY y.id LIMIT $4" },
    [SETTLED]   = { "payout_settled",
                    "UPDATE payout SET state = 'settled', settled_index = $2, reference = $3, settled_at = $4"
                    " WHERE id = $1 AND state = 'instructed'" },
    [FAILED]    = { "payout_failed",
                    "UPDATE payout SET state = 'failed', failed_index = $2, reference = $3, failed_at = $4"
                    " WHERE id = $1 AND state IN ('instructed', 'settled')" },
    [UNHURRIED] = { "payout_unhurried", "SELECT set_config('statement_timeout', '0', true)" },
};
_Static_assert(STATEMENTS_USED == PAYOUT_STATEMENTS, "each statement has its place");

static const struct column run_columns[] = {
    COL(payout_run, no, T_INT8),       COL(payout_run, id, T_ID),        COL(payout_run, operator, T_ID),
    COL(payout_run, currency, T_TEXT), COL(payout_run, minimum, T_INT8), COL(payout_run, rail, T_TEXT),
    COL(payout_run, state, T_TEXT),    COL(payout_run, payouts, T_INT8), COL(payout_run, total, T_INT8),
    COL(payout_run, last_index, T_INT8), COL(payout_run, created_at, T_TIME), COL(payout_run, done_at, T_TIME),
};
static const struct shape run_shape = SHAPE(payout_run, run_columns);

static const struct column payout_columns[] = {
    COL(payout, id, T_ID),            COL(payout, run, T_ID),             COL(payout, account, T_TEXT),
    COL(payout, party, T_TEXT),       COL(payout, handle, T_TEXT),        COL(payout, currency, T_TEXT),
    COL(payout, amount, T_INT8),      COL(payout, state, T_TEXT),         COL(payout, statement, T_TEXT),
    COL(payout, reference, T_TEXT),   COL(payout, index, T_INT8),         COL(payout, settled_index, T_INT8),
    COL(payout, failed_index, T_INT8), COL(payout, created_at, T_TIME),   COL(payout, settled_at, T_TIME),
    COL(payout, failed_at, T_TIME),
};
static const struct shape payout_shape = SHAPE(payout, payout_columns);

static const struct column left_columns[] = {
    COL(payout_left, account, T_TEXT), COL(payout_left, handle, T_TEXT), COL(payout_left, reason, T_TEXT),
    COL(payout_left, amount, T_INT8),  COL(payout_left, until, T_TIME),
};
static const struct shape left_shape = SHAPE(payout_left, left_columns);

static const struct column payable_columns[] = {
    COL(payable, account, T_TEXT),   COL(payable, party, T_TEXT),   COL(payable, handle, T_TEXT),
    COL(payable, available, T_INT8), COL(payable, pending, T_INT8), COL(payable, in_payout, T_INT8),
    COL(payable, lines, T_INT8),
};
static const struct shape payable_shape = SHAPE(payable, payable_columns);

err payout_run_add(struct scope *s, struct db *db, const struct payout_run *run)
{
    err e = db_do(s, db, &payout_sql[RUN_ADD],
                  PARAMS(P_ID(run->id), P_ID(run->operator), P_TEXT(run->currency), P_INT8(run->minimum),
                         P_TEXT(run->rail)), NULL);

    if (e != ERR_CONFLICT)
        return e;
    scope_forgive(s);
    return fail_at(s, ERR_CONFLICT, "/currency", "a run in %s is under way", run->currency);
}

err payout_run_get(struct scope *s, struct db *db, const char *id, struct payout_run *out)
{
    return db_one(s, db, &payout_sql[RUN_GET], PARAMS(P_TEXT(id)), &run_shape, out);
}

err payout_run_list(struct scope *s, struct db *db, const char *after, int64_t limit, struct payout_run **out,
                    size_t *n)
{
    return db_many(s, db, &payout_sql[RUN_LIST], PARAMS(P_TEXT(after), P_INT8(limit)), &run_shape, out, n);
}

err payout_run_file(struct scope *s, struct db *db, const char *id, struct bytes *out)
{
    static const struct column column[] = { { "bytes", T_BYTES, 0 } };
    static const struct shape shape = { sizeof(struct bytes), 1, column };

    return db_one(s, db, &payout_sql[RUN_FILE], PARAMS(P_TEXT(id)), &shape, out);
}

err payout_run_left(struct scope *s, struct db *db, int64_t run, struct payout_left **out, size_t *n)
{
    return db_many(s, db, &payout_sql[RUN_LEFT], PARAMS(P_INT8(run)), &left_shape, out, n);
}

err payouts_due(struct scope *s, struct db *db, const struct payout_run *run, int64_t least,
                err (*each)(struct scope *s, void *arg, void *payable), void *arg)
{
    struct payable row;

    TRY(db_do(s, db, &payout_sql[UNHURRIED], NO_PARAMS, NULL));
    return db_each(s, db, &payout_sql[DUE], PARAMS(P_TEXT(run->currency), P_INT8(least), P_INT8(run->no)),
                   &payable_shape, &row, each, arg);
}

err payouts_add(struct scope *s, struct db *db, const struct payout_run *run, const struct payout *p, size_t n)
{
    const char **ids = NEWS(s, const char *, n), **accounts = NEWS(s, const char *, n);
    const char **parties = NEWS(s, const char *, n), **statements = NEWS(s, const char *, n);
    int64_t *amounts = NEWS(s, int64_t, n), *indexes = NEWS(s, int64_t, n), posted;

    for (size_t i = 0; i < n; i++) {
        ids[i] = p[i].id.text;
        accounts[i] = p[i].account;
        parties[i] = p[i].party;
        statements[i] = p[i].statement;
        amounts[i] = p[i].amount;
        indexes[i] = p[i].index;
    }
    TRY(db_do(s, db, &payout_sql[ADD],
              PARAMS(P_INT8(run->no), P_TEXT(run->currency), P_TIME(p->created_at), P_TEXTS(ids, n),
                     P_TEXTS(accounts, n), P_TEXTS(parties, n), P_INT8S(amounts, n), P_TEXTS(statements, n),
                     P_INT8S(indexes, n)), NULL));
    TRY(db_do(s, db, &payout_sql[POST],
              PARAMS(P_INT8S(indexes, n), P_TEXTS(parties, n), P_INT8S(amounts, n), P_TEXT(run->currency)), &posted));
    return posted == (int64_t)(2 * n) ? ERR_OK : fail(s, ERR_STALE, "an account has less than its payout");
}

err payouts_each(struct scope *s, struct db *db, int64_t run, err (*each)(struct scope *s, void *arg, void *payout),
                 void *arg)
{
    struct payout row;

    return db_each(s, db, &payout_sql[EACH], PARAMS(P_INT8(run)), &payout_shape, &row, each, arg);
}

err payout_run_done(struct scope *s, struct db *db, const struct payout_run *run, struct bytes file)
{
    int64_t touched;

    TRY(db_do(s, db, &payout_sql[LEFT], PARAMS(P_INT8(run->no), P_TEXT(run->currency)), NULL));
    TRY(db_do(s, db, &payout_sql[DONE], PARAMS(P_INT8(run->no), P_BYTES(file.p, file.len)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the run was ended by somebody else");
}

err payout_get(struct scope *s, struct db *db, const char *id, const char *party, struct payout *out)
{
    return db_one(s, db, &payout_sql[GET], PARAMS(P_TEXT(id), P_TEXT(party)), &payout_shape, out);
}

err payout_hold(struct scope *s, struct db *db, const char *id, struct payout *out)
{
    return db_one(s, db, &payout_sql[HOLD], PARAMS(P_TEXT(id)), &payout_shape, out);
}

err payout_list(struct scope *s, struct db *db, const char *party, const char *run, const char *after, int64_t limit,
                struct payout **out, size_t *n)
{
    return db_many(s, db, &payout_sql[LIST], PARAMS(P_TEXT(party), P_TEXT(run), P_TEXT(after), P_INT8(limit)),
                   &payout_shape, out, n);
}

err payout_settle(struct scope *s, struct db *db, const char *id, uint64_t index, const char *reference, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &payout_sql[SETTLED],
              PARAMS(P_TEXT(id), P_INT8((int64_t)index), P_TEXT(reference), P_TIME(at)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the payout was answered already");
}

err payout_fail(struct scope *s, struct db *db, const char *id, uint64_t index, const char *reference, int64_t at)
{
    int64_t touched;

    TRY(db_do(s, db, &payout_sql[FAILED],
              PARAMS(P_TEXT(id), P_INT8((int64_t)index), P_TEXT(reference), P_TIME(at)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the payout was answered already");
}
