/* SPDX-License-Identifier: Apache-2.0 */
#include "api/statement.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/ledgered.h"
#include "api/show.h"
#include "api/snapshot.h"
#include "ledger/entry/entry.h"
#include "ledger/rules/split.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/money.h"

/* ---- what is in it */

static int by_index(const void *left, const void *right)
{
    const struct statement_event *a = left, *b = right;

    return a->index < b->index ? -1 : a->index > b->index;
}

struct statement_event *statement_events(struct scope *s, const struct statement_account *a)
{
    struct statement_event *out = NEWS(s, struct statement_event, a->n_lines + a->n_payouts + 1);

    for (size_t i = 0; i < a->n_lines; i++)
        out[i] = (struct statement_event){ .line = &a->lines[i], .index = a->lines[i].index };
    for (size_t i = 0; i < a->n_payouts; i++)
        out[a->n_lines + i] = (struct statement_event){ .payout = &a->payouts[i], .index = a->payouts[i].index };
    qsort(out, a->n_lines + a->n_payouts, sizeof *out, by_index);
    return out;
}

int64_t statement_effect(const struct statement_event *e)
{
    if (e->line)
        return e->line->amount;
    return strcmp(e->payout->event, "instructed") == 0 ? -e->payout->amount
         : strcmp(e->payout->event, "failed") == 0     ? e->payout->amount : 0;
}

static err account_read(struct scope *s, struct db *db, const struct statement *st, struct statement_account *a)
{
    const struct statement_period p = { a->account, st->from, st->to, st->as_of };
    const struct statement_event *events;

    TRY(statement_opening(s, db, &p, &a->opening));
    TRY(statement_lines(s, db, &p, STATEMENT_LINES_MAX + 1, &a->lines, &a->n_lines));
    TRY(statement_payouts(s, db, &p, STATEMENT_LINES_MAX + 1, &a->payouts, &a->n_payouts));
    if (a->n_lines > STATEMENT_LINES_MAX || a->n_payouts > STATEMENT_LINES_MAX)
        return fail_at(s, ERR_INVALID, "?from", "the period has more than %d lines: ask for a shorter one",
                       STATEMENT_LINES_MAX);
    events = statement_events(s, a);
    a->closing = a->opening;
    for (size_t i = 0; i < a->n_lines + a->n_payouts; i++)
        if (!money_add(a->closing, statement_effect(&events[i]), &a->closing))
            return fail(s, ERR_CORRUPT, "the lines of %s don't sum", a->account);
    return ERR_OK;
}

static err accounts_read(struct scope *s, struct db *db, const char *party, struct statement *st)
{
    struct creator_state *states;

    TRY(creator_states(s, db, party, &states, &st->n));
    st->accounts = NEWS(s, struct statement_account, st->n);
    for (size_t i = 0; i < st->n; i++) {
        st->accounts[i] = (struct statement_account){ .account = states[i].account, .currency = states[i].currency };
        TRY(account_read(s, db, st, &st->accounts[i]));
    }
    return ERR_OK;
}

/* ---- as JSON */

static json_t *path_json(struct bytes path)
{
    json_t *out = json_array();

    for (size_t at = 0; at + HASH_SIZE <= path.len; at += HASH_SIZE) {
        struct hash h;
        memcpy(h.b, path.p + at, HASH_SIZE);
        json_array_append_new(out, show_hash(&h));
    }
    return out;
}

static json_t *leaf_json(const struct statement_account *a, const struct statement_line *l)
{
    char amount[MONEY_TEXT_SIZE], salt[BASE64_SIZE(SALT_SIZE)] = "";

    money_format(l->amount, a->currency, amount);
    if (l->salt.len == SALT_SIZE)
        base64url_write(l->salt.p, SALT_SIZE, salt);
    return json_pack("{s:s,s:s,s:I,s:s}", "account", a->account, "amount", amount, "n", (json_int_t)l->n, "salt", salt);
}

static err line_json(struct scope *s, const struct statement_account *a, const struct statement_line *l, json_t **out)
{
    enum split_rule rule;

    TRY(split_rule_read(s, l->split, &rule));
    *out = json_pack("{s:I,s:o,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:{s:o,s:I,s:I,s:o,s:o}}", "n",
                     (json_int_t)l->n, "at", show_time(l->at), "allocation", l->allocation, "license", l->license,
                     "dataset", l->dataset, "version", (json_int_t)l->version, "version_id", l->version_id.text, "rule",
                     split_rule_name(rule), "units", (json_int_t)l->weight, "gross",
                     show_money(l->amount + l->fee, a->currency), "fee", show_money(l->fee, a->currency), "net",
                     show_money(l->amount, a->currency), "entry", entry_link((uint64_t)l->index), "proof", "leaf",
                     leaf_json(a, l), "place", (json_int_t)l->place, "line_count", (json_int_t)l->line_count,
                     "lines_root", show_hash(&l->lines_root), "path", path_json(l->path));
    return *out ? ERR_OK : fail(s, ERR_CORRUPT, "line %lld of %s is not UTF-8", (long long)l->n, a->account);
}

static json_t *payout_json(const struct statement_account *a, const struct statement_payout *p)
{
    json_t *j = json_pack("{s:s,s:s,s:o,s:o,s:o}", "payout", p->payout, "event", p->event, "at", show_time(p->at),
                          "amount", show_money(p->amount, a->currency), "entry", entry_link((uint64_t)p->index));

    if (strcmp(p->event, "instructed") == 0)
        json_object_set_new(j, "statement", show_json(p->statement));
    return j;
}

static err account_json(struct scope *s, struct db *db, const struct statement *st, const struct statement_account *a,
                        json_t **out)
{
    json_t *lines = json_array(), *payouts = json_array(), *line, *proof;
    err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < a->n_lines; i++) {
        e = line_json(s, a, &a->lines[i], &line);
        if (e == ERR_OK)
            json_array_append_new(lines, line);
    }
    for (size_t i = 0; i < a->n_payouts; i++) {
        json_array_append_new(payouts, payout_json(a, &a->payouts[i]));
    }
    *out = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o}", "account", a->account, "currency", a->currency, "opening",
                     show_money(a->opening, a->currency), "lines", lines, "payouts", payouts, "closing",
                     show_money(a->closing, a->currency));
    if (e == ERR_OK && st->snapshot) {
        e = snapshot_proof(s, db, st->snapshot, a->account, a->currency, &proof);
        if (e == ERR_OK)
            json_object_set_new(*out, "proof", proof);
    }
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}

static err statement_json(struct request *rq, struct db *db, const struct statement *st)
{
    json_t *accounts = json_array(), *one, *snapshot = NULL;
    struct scope *s = &rq->scope;
    err e = st->snapshot ? snapshot_json(s, db, st->snapshot, &snapshot) : ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < st->n; i++) {
        e = account_json(s, db, st, &st->accounts[i], &one);
        if (e == ERR_OK)
            json_array_append_new(accounts, one);
    }
    if (e != ERR_OK) {
        json_decref(accounts);
        json_decref(snapshot);
        return e;
    }
    reply_json(rq, 200, json_pack("{s:s,s:o,s:o,s:I,s:b,s:o,s:o*}", "party", st->party, "from", show_time(st->from),
                                  "to", show_time(st->to), "as_of", (json_int_t)st->as_of, "closed", st->closed,
                                  "accounts", accounts, "snapshot", snapshot));
    return ERR_OK;
}

/* ---- answering */

static err period_read(struct request *rq, struct statement *st)
{
    struct scope *s = &rq->scope;
    const char *from = match_query(&rq->match, "from"), *to = match_query(&rq->match, "to");

    st->from = 0;
    st->to = clock_wall_ms();
    if (from && !time_parse_lenient(from, &st->from))
        return fail_at(s, ERR_INVALID, "?from", "must be a time like 2026-11-01T00:00:00Z");
    if (to && !time_parse_lenient(to, &st->to))
        return fail_at(s, ERR_INVALID, "?to", "must be a time like 2026-12-01T00:00:00Z");
    if (st->from < 0 || st->from >= st->to)
        return fail_at(s, ERR_INVALID, "?to", "must be later than `from`");
    return ERR_OK;
}

static void reply_text_of(struct request *rq, const struct statement *st, const char *format)
{
    struct buf out = BUF(&rq->scope);
    bool csv = strcmp(format, "csv") == 0;

    if (csv)
        statement_csv(&out, st);
    else
        statement_journal(&out, st);
    reply_bytes(rq, 200, csv ? "text/csv; charset=utf-8" : "text/plain; charset=utf-8", out.p, out.len);
}

/* The statement ends where the newest snapshot was taken: every line before that is in it, and none later. */
static err end_at_snapshot(struct scope *s, struct db *db, struct statement *st)
{
    struct snapshot *newest = NEW(s, struct snapshot);
    err e = snapshot_newest(s, db, st->as_of, newest);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail_at(s, e, "?snapshot", "there is no snapshot yet: one is taken daily and before payouts");
    }
    TRY(e);
    st->snapshot = newest;
    st->as_of = newest->as_of;
    return ERR_OK;
}

static err statement_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct app *app = rq->app;
    const char *format = match_query(&rq->match, "format");
    struct statement st = { .party = auth_caller(rq)->party.handle, .as_of = (int64_t)append_signed_size(app->append) };
    int64_t head;

    TRY(period_read(rq, &st));
    TRY(db_begin_snapshot(s, db));
    if (match_query(&rq->match, "snapshot"))
        TRY(end_at_snapshot(s, db, &st));
    TRY(statement_head(s, db, st.as_of, &head));
    st.closed = st.to <= head;
    TRY(accounts_read(s, db, auth_caller(rq)->party.id.text, &st));
    if (!format || strcmp(format, "json") == 0)
        return statement_json(rq, db, &st);
    reply_text_of(rq, &st, format);
    return ERR_OK;
}

err show_statement(struct request *rq)
{
    return app_with_db(rq, statement_read);
}
