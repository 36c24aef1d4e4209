/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/statement.h"

enum { STATES, OPENING, LINES, PAYOUTS, HEAD, SEEN, LEAVES };

#define LINE_OF   " FROM allocation_line x JOIN allocation n ON n.no = x.allocation"
#define EVENT(event, at, index) "SELECT y.id AS payout, '" event "' AS event, y." at " AS at, y." index " AS index," \
                                "       y.amount, coalesce(y.settled_index < $4, false) AS settled, y.statement" \
                                "  FROM payout y WHERE y.account = $1 AND y." at " >= $2" \
                                "   AND y." at " < $3 AND y." index " < $4"
const struct sql statement_sql[STATEMENT_STATEMENTS] = {
    [STATES]  = { "statement_states",
                  "SELECT c.id AS account, c.currency, (SELECT min(n.available_at)" LINE_OF " WHERE x.account = c.id"
                  "         AND n.state = 'posted' AND n.release_transaction IS NULL) AS until,"
                  "       coalesce((SELECT r.minimum FROM payout_run r WHERE r.currency = c.currency"
                  "                  ORDER BY r.no DESC LIMIT 1), 0) AS minimum"
                  "  FROM creator_account c WHERE c.party = $1 ORDER BY c.currency" },
    [OPENING] = { "statement_opening",
                  "SELECT (coalesce((SELECT sum(x.amount)" LINE_OF " WHERE x.account = $1 AND n.posted_at < $2"
                  "                     AND n.index < $3), 0)"
                  "      - coalesce((SELECT sum(amount) FROM payout WHERE account = $1 AND created_at < $2"
                  "                     AND index < $3), 0)"
                  "      + coalesce((SELECT sum(amount) FROM payout WHERE account = $1 AND failed_at < $2"
                  "                     AND failed_index < $3), 0))::bigint AS amount" },
    [LINES]   = { "statement_lines",
                  "SELECT x.n, n.posted_at AS at, n.index, n.id AS allocation, l.id AS license,"
                  "       d.owner || '/' || d.name AS dataset, o.split, coalesce(v.number, 0)::bigint AS version,"
                  "       v.id AS version_id, x.weight, x.amount, x.fee, x.place::bigint AS place, n.line_count,"
                  "       n.lines_root, x.salt, x.path" LINE_OF
                  "  JOIN license l ON l.no = n.license JOIN offer o ON o.id = l.offer"
                  "  JOIN version v ON v.no = l.version JOIN dataset d ON d.id = v.dataset"
                  " WHERE x.account = $1 AND n.posted_at >= $2 AND n.posted_at < $3 AND n.index < $4"
                  "   AND x.leaf IS NULL ORDER BY x.n LIMIT $5" },
    [PAYOUTS] = { "statement_payouts",
                  EVENT("instructed", "created_at", "index")
                  " UNION ALL " EVENT("settled", "settled_at", "settled_index")
                  " UNION ALL " EVENT("failed", "failed_at", "failed_index") " ORDER BY index LIMIT $5" },
    [HEAD]    = { "statement_head", "SELECT at FROM tree_head WHERE size <= $1 ORDER BY size DESC LIMIT 1" },
    [SEEN]    = { "statement_allocation",
                  "SELECT n.index FROM allocation n JOIN license l ON l.no = n.license"
                  " WHERE n.id = $1 AND n.state = 'posted' AND n.index < $3"
                  "   AND ($2::text IS NULL OR l.publisher = $2)" },
    [LEAVES]  = { "statement_leaves",
                  "SELECT x.place::bigint AS place, x.account, x.party, l.currency, coalesce(x.amount, 0) AS amount,"
                  "       coalesce(x.n, 0) AS n, x.salt, x.leaf IS NOT NULL AS erased, x.leaf" LINE_OF
                  "  JOIN license l ON l.no = n.license WHERE n.id = $1 AND x.place > $2::bigint"
                  " ORDER BY x.place LIMIT $3" },
};

static const struct column state_columns[] = {
    COL(creator_state, account, T_TEXT), COL(creator_state, currency, T_TEXT), COL(creator_state, until, T_TIME),
    COL(creator_state, minimum, T_INT8),
};
static const struct shape state_shape = SHAPE(creator_state, state_columns);

static const struct column line_columns[] = {
    COL(statement_line, n, T_INT8),          COL(statement_line, at, T_TIME),       COL(statement_line, index, T_INT8),
    COL(statement_line, allocation, T_TEXT), COL(statement_line, license, T_TEXT),
    COL(statement_line, dataset, T_TEXT),    COL(statement_line, split, T_TEXT),
    COL(statement_line, version, T_INT8),
    COL(statement_line, version_id, T_ID),   COL(statement_line, weight, T_INT8),   COL(statement_line, amount, T_INT8),
    COL(statement_line, fee, T_INT8),        COL(statement_line, place, T_INT8),
    COL(statement_line, line_count, T_INT8), COL(statement_line, lines_root, T_HASH),
    COL(statement_line, salt, T_BYTES),      COL(statement_line, path, T_BYTES),
};
static const struct shape line_shape = SHAPE(statement_line, line_columns);

static const struct column event_columns[] = {
    COL(statement_payout, payout, T_TEXT), COL(statement_payout, event, T_TEXT), COL(statement_payout, at, T_TIME),
    COL(statement_payout, index, T_INT8),  COL(statement_payout, amount, T_INT8),
    COL(statement_payout, settled, T_BOOL),
    COL(statement_payout, statement, T_TEXT),
};
static const struct shape event_shape = SHAPE(statement_payout, event_columns);

err creator_states(struct scope *s, struct db *db, const char *party, struct creator_state **out, size_t *n)
{
    return db_many(s, db, &statement_sql[STATES], PARAMS(P_TEXT(party)), &state_shape, out, n);
}

err statement_opening(struct scope *s, struct db *db, const struct statement_period *p, int64_t *amount)
{
    static const struct column column[] = { { "amount", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &statement_sql[OPENING], PARAMS(P_TEXT(p->account), P_TIME(p->from), P_INT8(p->as_of)), &shape,
                  amount);
}

err statement_lines(struct scope *s, struct db *db, const struct statement_period *p, int64_t limit,
                    struct statement_line **out, size_t *n)
{
    return db_many(s, db, &statement_sql[LINES],
                   PARAMS(P_TEXT(p->account), P_TIME(p->from), P_TIME(p->to), P_INT8(p->as_of), P_INT8(limit)),
                   &line_shape, out, n);
}

err statement_payouts(struct scope *s, struct db *db, const struct statement_period *p, int64_t limit,
                      struct statement_payout **out, size_t *n)
{
    return db_many(s, db, &statement_sql[PAYOUTS],
                   PARAMS(P_TEXT(p->account), P_TIME(p->from), P_TIME(p->to), P_INT8(p->as_of), P_INT8(limit)),
                   &event_shape, out, n);
}

err statement_head(struct scope *s, struct db *db, int64_t as_of, int64_t *at)
{
    static const struct column column[] = { { "at", T_TIME, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &statement_sql[HEAD], PARAMS(P_INT8(as_of)), &shape, at);
}

static const struct column leaf_columns[] = {
    COL(allocation_leaf, place, T_INT8),  COL(allocation_leaf, account, T_TEXT), COL(allocation_leaf, currency, T_TEXT),
    COL(allocation_leaf, amount, T_INT8), COL(allocation_leaf, n, T_INT8),       COL(allocation_leaf, salt, T_BYTES),
    COL(allocation_leaf, party, T_TEXT),
    COL(allocation_leaf, erased, T_BOOL), COL(allocation_leaf, leaf, T_HASH),
};
static const struct shape leaf_shape = SHAPE(allocation_leaf, leaf_columns);

err allocation_seen(struct scope *s, struct db *db, const char *id, const char *publisher, int64_t as_of)
{
    static const struct column column[] = { { "index", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };
    int64_t index;

    return db_one(s, db, &statement_sql[SEEN], PARAMS(P_TEXT(id), P_TEXT(publisher), P_INT8(as_of)), &shape, &index);
}

err allocation_leaves(struct scope *s, struct db *db, const char *id, int64_t after, int64_t limit,
                      struct allocation_leaf **out, size_t *n)
{
    return db_many(s, db, &statement_sql[LEAVES], PARAMS(P_TEXT(id), P_INT8(after), P_INT8(limit)), &leaf_shape, out,
                   n);
}
