/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/books.h"

#include <assert.h>

enum { ACCOUNT, TRANSACTION, POST, BALANCE, BALANCES, HOLD, KEEP, LET_GO };

#define LAST " FROM posting WHERE account = a.no AND running IS NOT NULL ORDER BY running DESC LIMIT 1"
const struct sql books_sql[BOOKS_STATEMENTS] = {
    [ACCOUNT]     = { "books_account",
                      "INSERT INTO account (party, kind, currency) SELECT $1::text, $2::text, $3::text"
                      " WHERE NOT EXISTS (SELECT FROM account WHERE party IS NOT DISTINCT FROM $1::text AND kind = $2"
                      "                      AND currency = $3)" },
    [TRANSACTION] = { "books_transaction", "INSERT INTO book_transaction (kind, index) VALUES ($1, $2) RETURNING no" },
    [POST]        = { "books_post",
                      "INSERT INTO posting (transaction, account, amount, running, balance)"
                      " SELECT $1, a.no, $5, CASE WHEN a.party IS NOT NULL THEN coalesce(l.running, 0) + 1 END,"
                      "        CASE WHEN a.party IS NOT NULL THEN coalesce(l.balance, 0) + $5 END"
                      "   FROM account a LEFT JOIN LATERAL (SELECT running, balance" LAST ") l ON true"
                      "  WHERE a.party IS NOT DISTINCT FROM $2::text AND a.kind = $3 AND a.currency = $4" },
    [BALANCE]     = { "books_balance",
                      "SELECT coalesce((SELECT (SELECT balance" LAST ") FROM account a"
                      "  WHERE a.party = $1 AND a.kind = 'prepaid' AND a.currency = $2), 0) AS amount" },
    [BALANCES]    = { "books_balances",
                      "SELECT a.kind, a.currency, coalesce(l.balance, 0) AS amount, coalesce(l.running, 0) AS lines"
                      "  FROM account a LEFT JOIN LATERAL (SELECT p.running, p.balance FROM posting p"
                      "   JOIN book_transaction t ON t.no = p.transaction"
                      "   LEFT JOIN book_activation x ON x.transaction = t.no"
                      "  WHERE p.account = a.no AND p.running IS NOT NULL AND coalesce(t.index, x.index) IS NOT NULL"
                      "  ORDER BY p.running DESC LIMIT 1) l ON true"
                      " WHERE a.party = $1 ORDER BY a.kind, a.currency" },
    [HOLD]        = { "books_hold", "SELECT pg_try_advisory_xact_lock(4204) AS held" },
    [KEEP]        = { "books_keep", "SELECT pg_try_advisory_lock(4204) AS held" },
    [LET_GO]      = { "books_let_go", "SELECT pg_advisory_unlock(4204) AS held" },
};

static const struct column columns[] = {
    COL(balance, kind, T_TEXT), COL(balance, currency, T_TEXT), COL(balance, amount, T_INT8),
        COL(balance, lines, T_INT8),
};
static const struct shape balance_shape = SHAPE(balance, columns);

err books_post(struct scope *s, struct db *db, const char *kind, uint64_t index, const char *currency,
               const struct book_line *lines, size_t n)
{
    static const struct column column[] = { { "no", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };
    int64_t no, touched, sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += lines[i].amount;
    assert(sum == 0);
    TRY(db_one(s, db, &books_sql[TRANSACTION], PARAMS(P_TEXT(kind), P_INT8((int64_t)index)), &shape, &no));
    for (size_t i = 0; i < n; i++) {
        const struct book_line *l = &lines[i];

        TRY(db_do(s, db, &books_sql[ACCOUNT], PARAMS(P_TEXT(l->party), P_TEXT(l->kind), P_TEXT(currency)), NULL));
        TRY(db_do(s, db, &books_sql[POST],
                  PARAMS(P_INT8(no), P_TEXT(l->party), P_TEXT(l->kind), P_TEXT(currency), P_INT8(l->amount)),
                      &touched));
        if (touched != 1)
            return fail(s, ERR_CORRUPT, "no account %s in %s to post on", l->kind, currency);
    }
    return ERR_OK;
}

err books_balance(struct scope *s, struct db *db, const char *party, const char *currency, int64_t *amount)
{
    static const struct column column[] = { { "amount", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &books_sql[BALANCE], PARAMS(P_TEXT(party), P_TEXT(currency)), &shape, amount);
}

err books_balances(struct scope *s, struct db *db, const char *party, struct balance **out, size_t *n)
{
    return db_many(s, db, &books_sql[BALANCES], PARAMS(P_TEXT(party)), &balance_shape, out, n);
}

static const struct column held_columns[] = { { "held", T_BOOL, 0 } };
static const struct shape held_shape = { sizeof(bool), 1, held_columns };

static err held_or_busy(struct scope *s, bool held)
{
    return held ? ERR_OK : fail(s, ERR_BUSY, "creators' accounts are being written: try again");
}

err books_hold(struct scope *s, struct db *db)
{
    bool held;

    TRY(db_one(s, db, &books_sql[HOLD], NO_PARAMS, &held_shape, &held));
    return held_or_busy(s, held);
}

err books_keep(struct scope *s, struct db *db)
{
    bool held;

    TRY(db_one(s, db, &books_sql[KEEP], NO_PARAMS, &held_shape, &held));
    return held_or_busy(s, held);
}

err books_let_go(struct scope *s, struct db *db)
{
    bool held;

    return db_one(s, db, &books_sql[LET_GO], NO_PARAMS, &held_shape, &held);
}
