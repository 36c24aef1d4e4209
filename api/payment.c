/* SPDX-License-Identifier: Apache-2.0 */
#include "api/payment.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/price.h"
#include "api/show.h"
#include "schema/base/money.h"
#include "schema/json/shape.h"
#include "schema/store/books.h"
#include "schema/store/party.h"
#include "schema/store/payment.h"

static json_t *payment_json(const struct payment *p)
{
    return json_pack("{s:s,s:s,s:o,s:o,s:s,s:o,s:o}", "id", p->id.text, "party", p->handle, "license",
                     show_text(p->license), "amount", show_money(p->amount, p->currency), "reference", p->reference,
                     "created_at", show_time(p->created_at), "entry", entry_link((uint64_t)p->index));
}

/* ---- recording what was received */

struct new_payment {
    const char *party, *reference;
    json_t *amount;
    struct price price;
};

static const struct json_member new_payment_members[] = {
    JSON_MEMBER(new_payment, party, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_payment, amount, JSON_INNER_OBJECT, REQUIRED),
    JSON_MEMBER(new_payment, reference, JSON_TEXT, REQUIRED),
};

static err payer_find(struct scope *s, struct db *db, const struct new_payment *w, struct party *out)
{
    int64_t balance, sum;
    err e = party_by_handle(s, db, w->party, out);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail_at(s, ERR_NOT_FOUND, "/party", "there is no party '%s'", w->party);
    }
    TRY(e);
    if (strcmp(out->state, "closed") == 0)
        return fail_at(s, ERR_STALE, "/party", "the party is closed: send back what it still pays");
    TRY(books_balance(s, db, out->id.text, w->price.currency, &balance));
    if (!money_add(balance, w->price.micro, &sum) || sum > AMOUNT_MAX_MICRO)
        return fail_at(s, ERR_INVALID, "/amount/amount", "is more than a balance holds");
    return ERR_OK;
}

static err payment_enter(struct scope *s, struct append_txn *t, const struct payment *p, uint64_t *index)
{
    const struct price price = { p->amount, p->currency };
    struct named_value values[] = {
        { "payment", EV_TEXT(p->id.text) },
        { "amount", EV_TEXT(price_amount(s, &price)) },
        { "buyer", EV_TEXT(p->party.text) },
        { "currency", EV_TEXT(p->currency) },
        { "reference", EV_TEXT(p->reference) },
    };

    return append_entry(s, t, ENTRY_PAYMENT_RECEIVED, values, ARRAY_LEN(values), index);
}

static err payment_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct new_payment *w = state;
    const struct price *price = &w->price;
    struct party party;
    struct payment p;
    uint64_t index;

    TRY(payer_find(s, t->db, w, &party));
    p = (struct payment){ .id = id_new("pay", t->at_ms), .party = party.id, .handle = party.handle,
                          .amount = price->micro, .currency = price->currency, .reference = w->reference,
                          .created_at = t->at_ms };
    TRY(payment_enter(s, t, &p, &index));
    p.index = (int64_t)index;
    TRY(payment_add(s, t->db, &p));

    struct book_line lines[] = { { NULL, "bank", -price->micro }, { party.id.text, "prepaid", price->micro } };
    TRY(books_post(s, t->db, "topup", index, price->currency, lines, ARRAY_LEN(lines)));
    return ledgered_answer(s, t, 201, index, payment_json(&p), NULL);
}

err record_payment(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct new_payment *w = NEW(s, struct new_payment);

    TRY(json_shape(s, rq->body, "", new_payment_members, ARRAY_LEN(new_payment_members), w));
    TRY(price_read(s, w->amount, "/amount", &w->price));
    if (w->price.micro <= 0)
        return fail_at(s, ERR_INVALID, "/amount/amount", "must be more than nothing");
    return ledgered(rq, payment_decide, w);
}

/* ---- reading */

/*
 * As in the log: a payment is its buyer's and the auditors' to read, and what came from outside also the operator's,
 * who recorded it. An operator that buys itself finds its own purchases by their licenses.
 */
static enum payment_view view_of(const struct caller *c)
{
    return caller_audits(c) ? PAYMENTS_ALL : caller_is(c, "operator") ? PAYMENTS_RECEIVED : PAYMENTS_OWN;
}

static err payments_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct caller *c = auth_caller(rq);
    int64_t limit = page_limit(rq);
    struct payment *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(payment_list(s, db, view_of(c), c->party.id.text, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, payment_json(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_payments(struct request *rq)
{
    return app_with_db(rq, payments_read);
}
