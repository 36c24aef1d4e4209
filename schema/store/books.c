/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/books.h"

#include <string.h>

#include "schema/base/money.h"

enum { BALANCE, BALANCES, OPEN_ACCOUNT, ACCOUNT, TRANSACTION, POST, ADD_PAYMENT, LIST_PAYMENTS, STATEMENTS };
_Static_assert(STATEMENTS == BOOKS_STATEMENTS, "books_sql");

/* The newest line of an account is one probe of the index on (account, running). */
#define LAST_LINE "  LEFT JOIN LATERAL (SELECT running, balance FROM posting WHERE account = a.no" \
                  "                      ORDER BY running DESC NULLS LAST LIMIT 1) p ON true "
#define BALANCE_COLUMNS "SELECT a.no AS account, a.kind, a.currency, coalesce(p.running, 0) AS running," \
                        "       coalesce(p.balance, 0) AS amount FROM account a" LAST_LINE
const struct sql books_sql[BOOKS_STATEMENTS] = {
    [BALANCE]       = { "books_balance",
                        BALANCE_COLUMNS "WHERE a.party IS NOT DISTINCT FROM $1 AND a.kind = $2 AND a.currency = $3" },
    [BALANCES]      = { "books_balances", BALANCE_COLUMNS "WHERE a.party = $1 ORDER BY a.no" },
    [OPEN_ACCOUNT]  = { "books_open_account",
                        "INSERT INTO account (party, kind, currency) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING" },
    [ACCOUNT]       = { "books_account",
                        "SELECT a.no FROM account a WHERE a.party IS NOT DISTINCT FROM $1 AND a.kind = $2"
                        "   AND a.currency = $3" },
    [TRANSACTION]   = { "books_transaction",
                        "INSERT INTO book_transaction (kind, index) VALUES ($1, $2) RETURNING no" },
    [POST]          = { "books_posting",
                        "INSERT INTO posting (transaction, account, amount, running, balance)"
                        " VALUES ($1, $2, $3, $4, $5)" },
    [ADD_PAYMENT]   = { "payment_add",
                        "INSERT INTO payment (id, party, license, amount, currency, reference, index, created_at)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" },
    [LIST_PAYMENTS] = { "payment_list",
                        "SELECT m.id, m.party, p.handle, m.license, m.amount, m.currency, m.reference, m.index,"
                        "       m.created_at FROM payment m JOIN party p ON p.id = m.party"
                        " WHERE ($1::text IS NULL OR m.party = $1) AND ($2::text IS NULL OR m.id > $2)"
                        " ORDER BY m.id LIMIT $3" },
};

static const struct column balance_columns[] = {
    COL(balance, account, T_INT8), COL(balance, kind, T_TEXT), COL(balance, currency, T_TEXT),
    COL(balance, running, T_INT8), COL(balance, amount, T_INT8),
};
static const struct shape balance_shape = SHAPE(balance, balance_columns);

struct number { int64_t no; };
static const struct column number_columns[] = { COL(number, no, T_INT8) };
static const struct shape number_shape = SHAPE(number, number_columns);

static const struct column payment_columns[] = {
    COL(payment, id, T_ID),       COL(payment, party, T_ID),        COL(payment, handle, T_TEXT),
    COL(payment, license, T_TEXT), COL(payment, amount, T_INT8),    COL(payment, currency, T_TEXT),
    COL(payment, reference, T_TEXT), COL(payment, index, T_INT8),   COL(payment, created_at, T_TIME),
};
static const struct shape payment_shape = SHAPE(payment, payment_columns);

err books_balance(struct scope *s, struct db *db, const char *party, const char *kind, const char *currency,
                  struct balance *out)
{
    return db_one(s, db, &books_sql[BALANCE], PARAMS(P_TEXT(party), P_TEXT(kind), P_TEXT(currency)), &balance_shape,
                  out);
}

err books_balances(struct scope *s, struct db *db, const char *party, struct balance **out, size_t *n)
{
    return db_many(s, db, &books_sql[BALANCES], PARAMS(P_TEXT(party)), &balance_shape, out, n);
}

static err account_of(struct scope *s, struct db *db, const struct leg *leg, const char *currency, int64_t *no)
{
    struct number row;

    TRY(db_do(s, db, &books_sql[OPEN_ACCOUNT], PARAMS(P_TEXT(leg->party), P_TEXT(leg->kind), P_TEXT(currency)), NULL));
    TRY(db_one(s, db, &books_sql[ACCOUNT], PARAMS(P_TEXT(leg->party), P_TEXT(leg->kind), P_TEXT(currency)),
               &number_shape, &row));
    *no = row.no;
    return ERR_OK;
}

static err post_platform(struct scope *s, struct db *db, int64_t transaction, int64_t account, int64_t amount)
{
    struct sql_param none = P_NULL();

    return db_do(s, db, &books_sql[POST],
                 PARAMS(P_INT8(transaction), P_INT8(account), P_INT8(amount), none, none), NULL);
}

/* A party's line continues its account: the next number, the balance after it. */
static err post_party(struct scope *s, struct db *db, int64_t transaction, const struct leg *leg, const char *currency)
{
    struct balance last;
    int64_t after;

    TRY(books_balance(s, db, leg->party, leg->kind, currency, &last));
    if (!money_add(last.amount, leg->amount, &after))
        return fail(s, ERR_INVALID, "the balance would leave the range of amounts");
    if (after < 0 && strcmp(leg->kind, "prepaid") == 0)
        return fail(s, ERR_BALANCE, "the prepaid balance does not cover it: have the operator record a payment first");
    return db_do(s, db, &books_sql[POST],
                 PARAMS(P_INT8(transaction), P_INT8(last.account), P_INT8(leg->amount), P_INT8(last.running + 1),
                        P_INT8(after)), NULL);
}

err books_post(struct scope *s, struct db *db, const char *kind, uint64_t index, const char *currency,
               const struct leg *legs, size_t n)
{
    struct number transaction;
    int64_t sum = 0, account;

    for (size_t i = 0; i < n; i++)
        if (legs[i].amount == 0 || !money_add(sum, legs[i].amount, &sum))
            return fail(s, ERR_INTERNAL, "a leg of zero, or an overflow");
    if (n < 2 || sum != 0)
        return fail(s, ERR_INTERNAL, "the legs of a transaction do not balance");
    TRY(db_one(s, db, &books_sql[TRANSACTION], PARAMS(P_TEXT(kind), P_INT8((int64_t)index)), &number_shape,
               &transaction));
    for (size_t i = 0; i < n; i++) {
        TRY(account_of(s, db, &legs[i], currency, &account));
        if (legs[i].party)
            TRY(post_party(s, db, transaction.no, &legs[i], currency));
        else
            TRY(post_platform(s, db, transaction.no, account, legs[i].amount));
    }
    return ERR_OK;
}

err payment_add(struct scope *s, struct db *db, const struct payment *p)
{
    return db_do(s, db, &books_sql[ADD_PAYMENT],
                 PARAMS(P_ID(p->id), P_ID(p->party), P_TEXT(p->license), P_INT8(p->amount), P_TEXT(p->currency),
                        P_TEXT(p->reference), P_INT8(p->index), P_TIME(p->created_at)), NULL);
}

err payment_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct payment **out, size_t *n)
{
    return db_many(s, db, &books_sql[LIST_PAYMENTS], PARAMS(P_TEXT(party), P_TEXT(after), P_INT8(limit)),
                   &payment_shape, out, n);
}
