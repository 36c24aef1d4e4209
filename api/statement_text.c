/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "api/statement.h"
#include "schema/base/clock.h"
#include "schema/base/money.h"

/* ---- CSV (RFC 4180). No field holds a comma, a quote or what a spreadsheet takes for a formula but amounts. */

#define HEADER "kind,at,account,currency,n,license,dataset,version,units,gross,fee,amount,balance,payout,entry\r\n"

struct amounts {
    char gross[MONEY_TEXT_SIZE], fee[MONEY_TEXT_SIZE], amount[MONEY_TEXT_SIZE], balance[MONEY_TEXT_SIZE];
};

static void csv_total(struct buf *out, const struct statement_account *a, const char *kind, int64_t at, int64_t amount)
{
    char when[TIME_TEXT_SIZE], text[MONEY_TEXT_SIZE];

    time_format(at, when);
    money_format(amount, a->currency, text);
    buf_printf(out, "%s,%s,%s,%s,,,,,,,,,%s,,\r\n", kind, when, a->account, a->currency, text);
}

static void csv_event(struct buf *out, const struct statement_account *a, const struct statement_event *e,
                      int64_t balance)
{
    const struct statement_line *l = e->line;
    const struct statement_payout *p = e->payout;
    char when[TIME_TEXT_SIZE];
    struct amounts m;

    time_format(l ? l->at : p->at, when);
    money_format(statement_effect(e), a->currency, m.amount);
    money_format(balance, a->currency, m.balance);
    if (l) {
        money_format(l->amount + l->fee, a->currency, m.gross);
        money_format(l->fee, a->currency, m.fee);
        buf_printf(out, "line,%s,%s,%s,%" PRId64 ",%s,%s,%" PRId64 ",%" PRId64 ",%s,%s,%s,%s,,%" PRId64 "\r\n", when,
                   a->account, a->currency, l->n, l->license, l->dataset, l->version, l->weight, m.gross, m.fee,
                   m.amount, m.balance, l->index);
    } else {
        buf_printf(out, "payout_%s,%s,%s,%s,,,,,,,,%s,%s,%s,%" PRId64 "\r\n", p->event, when, a->account, a->currency,
                   m.amount, m.balance, p->payout, p->index);
    }
}

void statement_csv(struct buf *out, const struct statement *st)
{
    buf_printf(out, HEADER);
    for (size_t i = 0; i < st->n; i++) {
        const struct statement_account *a = &st->accounts[i];
        const struct statement_event *events = statement_events(out->s, a);
        int64_t balance = a->opening;

        csv_total(out, a, "opening", st->from, a->opening);
        for (size_t k = 0; k < a->n_lines + a->n_payouts; k++) {
            balance += statement_effect(&events[k]);
            csv_event(out, a, &events[k], balance);
        }
        csv_total(out, a, "closing", st->to, a->closing);
    }
}

/* ---- a journal */

/* All six decimals, so that no micro-unit hides behind what a program displays. */
static void put_amount(struct buf *out, const char *currency, int64_t micro)
{
    uint64_t size = micro < 0 ? -(uint64_t)micro : (uint64_t)micro;

    buf_printf(out, "%s %s%" PRIu64 ".%06" PRIu64, currency, micro < 0 ? "-" : "", size / MICRO, size % MICRO);
}

static void put_posting(struct buf *out, const char *account, const char *currency, int64_t micro)
{
    buf_printf(out, "    %s  ", account);
    put_amount(out, currency, micro);
}

/* On the creator's account, with the balance that it leaves. */
static void put_own(struct buf *out, const struct statement_account *a, int64_t micro, int64_t balance)
{
    buf_printf(out, "    assets:market:%s  ", a->account);
    put_amount(out, a->currency, micro);
    buf_printf(out, " = ");
    put_amount(out, a->currency, balance);
    buf_printf(out, "\n");
}

static void put_line(struct buf *out, const struct statement_account *a, const struct statement_line *l,
                     int64_t balance)
{
    buf_printf(out, " * (entry %" PRId64 ") %s for %s\n", l->index, l->allocation, l->license);
    put_own(out, a, l->amount, balance);
    put_posting(out, "expenses:platform fee", a->currency, l->fee);
    buf_printf(out, "\n    income:licenses:%s  ", l->dataset);
    put_amount(out, a->currency, -(l->amount + l->fee));
    buf_printf(out, "\n\n");
}

static void put_payout(struct buf *out, const struct statement_account *a, const struct statement_payout *p,
                       int64_t effect, int64_t balance)
{
    buf_printf(out, " * (entry %" PRId64 ") %s %s\n", p->index, p->payout, p->event);
    if (effect)
        put_own(out, a, effect, balance);
    else
        put_posting(out, "assets:bank", a->currency, p->amount);
    buf_printf(out, effect ? "" : "\n");
    put_posting(out, effect > 0 && p->settled ? "assets:bank" : "assets:in payout", a->currency,
                effect ? -effect : -p->amount);
    buf_printf(out, "\n\n");
}

static void put_account(struct buf *out, const struct statement *st, const struct statement_account *a)
{
    const struct statement_event *events = statement_events(out->s, a);
    int64_t balance = a->opening;
    char when[TIME_TEXT_SIZE];

    time_format(st->from, when);
    buf_printf(out, "%.10s * opening balance\n", when);
    put_own(out, a, a->opening, a->opening);
    put_posting(out, "equity:opening", a->currency, -a->opening);
    buf_printf(out, "\n\n");
    for (size_t k = 0; k < a->n_lines + a->n_payouts; k++) {
        int64_t effect = statement_effect(&events[k]);

        balance += effect;
        time_format(events[k].line ? events[k].line->at : events[k].payout->at, when);
        buf_printf(out, "%.10s", when);
        if (events[k].line)
            put_line(out, a, events[k].line, balance);
        else
            put_payout(out, a, events[k].payout, effect, balance);
    }
}

void statement_journal(struct buf *out, const struct statement *st)
{
    char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];

    time_format(st->from, from);
    time_format(st->to, to);
    buf_printf(out, "; statement of %s from %s to %s, as of entry %" PRId64 "\n\n", st->party, from, to, st->as_of);
    for (size_t i = 0; i < st->n; i++)
        buf_printf(out, "commodity %s 1000.000000\n", st->accounts[i].currency);
    buf_printf(out, "\n");
    for (size_t i = 0; i < st->n; i++)
        put_account(out, st, &st->accounts[i]);
}
