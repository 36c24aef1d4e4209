/* SPDX-License-Identifier: Apache-2.0 */
#include "api/license.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/license_document.h"
#include "api/page.h"
#include "api/price.h"
#include "api/quote.h"
#include "api/show.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/life.h"
#include "schema/base/clock.h"
#include "schema/json/shape.h"
#include "schema/store/allocation.h"
#include "schema/store/books.h"
#include "schema/store/entry.h"
#include "schema/store/job.h"
#include "schema/store/license.h"
#include "schema/store/offer.h"
#include "schema/store/payment.h"
#include "schema/store/quote.h"

static json_t *license_json(const struct license *l)
{
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:o,s:s,s:o,s:s,s:o,s:o,s:o,"
                     "s:o}",
                     "id", l->id.text, "quote", l->quote.text, "offer", l->offer.text, "revision",
                     (json_int_t)l->revision, "dataset", l->version.dataset, "version", (json_int_t)l->version.number,
                     "version_id", l->version.id.text, "publisher", l->publisher_handle, "buyer", l->buyer_handle,
                     "purpose", l->purpose, "territory", l->territory, "from", show_time(l->valid_from), "until",
                     show_time(l->valid_until), "slice", show_json(l->slice), "slice_root", show_hash(&l->slice_root),
                     "item_count", (json_int_t)l->item_count, "price", show_money(l->amount, l->currency), "payment",
                     l->payment.text, "document_sha256", show_hash(&l->document), "state", l->state, "reason",
                     show_text(l->reason), "granted_at", show_time(l->granted_at), "ended_at",
                     show_time(l->ended_at), "entry", entry_link((uint64_t)l->index));
}

/*
 * With the agreement itself, for whoever may read it: buyer, publisher, auditors. The operator, who may end any
 * license, is shown what the log shows everybody.
 */
static json_t *license_whole(struct scope *s, const struct license *l, struct bytes document, const struct caller *c)
{
    static const char *const private[] = { "quote", "buyer", "price", "slice" };
    json_t *answer = license_json(l);

    if (caller_owns(c, &l->buyer) || caller_owns(c, &l->publisher) || caller_audits(c))
        json_object_set_new(answer, "document", document.p
                            ? show_json(scope_strndup(s, (const char *)document.p, document.len)) : json_null());
    else
        for (size_t i = 0; i < ARRAY_LEN(private); i++)
            json_object_del(answer, private[i]);
    return answer;
}

/* What may not be known to exist looks like what doesn't. */
static err found(struct scope *s, err e, const char *what)
{
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "you have no such %s", what);
}

/* ---- buying */

struct purchase {
    struct id quote;
    const struct caller *caller;
    const struct app *app;
};

static const struct json_member purchase_members[] = { JSON_ID(purchase, quote, "qte", REQUIRED) };

/* The quote and its offer, held, if they are still for sale. */
static err sale_find(struct scope *s, struct append_txn *t, const struct purchase *w, struct quote *q, struct offer *o)
{
    TRY(found(s, quote_hold(s, t->db, w->caller->party.id.text, w->quote.text, q), "quote"));
    if (strcmp(q->state, "accepted") == 0)
        return fail_at(s, ERR_STALE, "/quote", "the quote was accepted already");
    if (strcmp(q->state, "open") != 0 || q->expires_at <= t->at_ms)
        return fail_at(s, ERR_GONE, "/quote", "the quote has expired: ask for a new one");
    if (q->slice_no < 0)
        return fail(s, ERR_INTERNAL, "the slice of the open quote %s is gone", q->id.text);
    if (strcmp(q->slice, "{}") != 0 && append_rules_version(t) < 2)
        return fail_at(s, ERR_STALE, "/quote", "slices are licensed since rules version 2, which is not in force yet");
    TRY(offer_hold(s, t->db, q->offer.text, o));
    return quote_permitted(s, q, o, t->at_ms);
}

static err check_covered(struct scope *s, struct append_txn *t, const struct quote *q)
{
    struct price missing = { .currency = q->currency };
    int64_t balance;

    if (q->amount == 0)
        return ERR_OK;
    TRY(books_balance(s, t->db, q->buyer.text, q->currency, &balance));
    if (balance >= q->amount)
        return ERR_OK;
    missing.micro = q->amount - balance;
    return fail(s, ERR_BALANCE, "the prepaid balance lacks %s %s", price_amount(s, &missing), q->currency);
}

/* The entry comes before the license's own: what was paid for is recorded first. */
static err sale_pay(struct scope *s, struct append_txn *t, const struct license *l)
{
    const struct price price = { l->amount, l->currency };
    struct payment p = { .id = l->payment, .party = l->buyer, .handle = l->buyer_handle, .license = l->id.text,
                         .amount = l->amount, .currency = l->currency, .reference = l->id.text,
                         .created_at = t->at_ms };
    struct named_value values[] = {
        { "license", EV_TEXT(l->id.text) },
        { "payment", EV_TEXT(l->payment.text) },
        { "amount", EV_TEXT(price_amount(s, &price)) },
        { "buyer", EV_TEXT(l->buyer.text) },
        { "currency", EV_TEXT(l->currency) },
        { "reference", EV_TEXT(l->id.text) },
    };
    struct book_line lines[] = { { l->buyer.text, "prepaid", -l->amount }, { NULL, "clearing", l->amount } };
    uint64_t index;

    TRY(append_entry(s, t, ENTRY_PAYMENT_RECEIVED, values, ARRAY_LEN(values), &index));
    p.index = (int64_t)index;
    TRY(payment_add(s, t->db, &p));
    if (l->amount == 0)
        return ERR_OK;                       /* nothing moves */
    return books_post(s, t->db, "purchase", index, l->currency, lines, ARRAY_LEN(lines));
}

static err license_enter(struct scope *s, struct append_txn *t, const struct license *l, uint64_t *index)
{
    const struct price price = { l->amount, l->currency };
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    struct named_value values[] = {
        { "document", EV_HASH(&l->document) },
        { "from", EV_TEXT(from) },
        { "item_count", EV_COUNT((uint64_t)l->item_count) },
        { "license", EV_TEXT(l->id.text) },
        { "offer", EV_TEXT(l->offer.text) },
        { "payment", EV_TEXT(l->payment.text) },
        { "purpose", EV_TEXT(l->purpose) },
        { "revision", EV_COUNT((uint64_t)l->revision) },
        { "slice_root", EV_HASH(&l->slice_root) },
        { "territory", EV_TEXT(l->territory) },
        { "until", EV_TEXT(until) },
        { "version", EV_TEXT(l->version.id.text) },
        { "amount", EV_TEXT(price_amount(s, &price)) },
        { "buyer", EV_TEXT(l->buyer.text) },
        { "currency", EV_TEXT(l->currency) },
        { "slice", EV_JSON(((struct bytes){ (const uint8_t *)l->slice, strlen(l->slice) })) },
    };

    time_format(l->valid_from, from);
    time_format(l->valid_until, until);
    return append_entry(s, t, ENTRY_LICENSE_GRANTED, values, ARRAY_LEN(values), index);
}

/* The license that accepting this quote makes. */
static struct license license_of(const struct quote *q, const struct offer *o, const struct caller *c, int64_t at)
{
    return (struct license){
        .id = id_new("lic", at), .quote = q->id, .offer = q->offer, .revision = q->revision, .version = q->version,
        .publisher = o->publisher, .buyer = q->buyer, .publisher_handle = o->publisher_handle,
        .buyer_handle = c->party.handle, .purpose = q->purpose, .territory = q->territory,
        .valid_from = q->valid_from, .valid_until = q->valid_until, .slice = q->slice, .slice_no = q->slice_no,
        .slice_root = q->slice_root,
        .item_count = q->item_count, .amount = q->amount, .currency = q->currency, .payment = id_new("pay", at),
        .state = license_state_name(LICENSE_ACTIVE), .index = -1, .ended_index = -1, .granted_at = at,
        .ended_at = INT64_MIN,
    };
}

static err purchase_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct purchase *w = state;
    struct bytes document;
    struct license l;
    struct quote q;
    struct offer o;
    uint64_t index;
    char issuer[DID_KEY_SIZE];

    TRY(sale_find(s, t, w, &q, &o));
    TRY(check_covered(s, t, &q));
    l = license_of(&q, &o, w->caller, t->at_ms);
    TRY(append_issuer(s, t, issuer));
    TRY(license_document(s, &(struct license_facts){ &l, &o, w->app->origin, issuer }, &document));
    l.document = sha256_of(document.p, document.len);
    TRY(sale_pay(s, t, &l));
    TRY(license_enter(s, t, &l, &index));
    l.index = (int64_t)index;
    TRY(append_document(s, t, index, &l.document, document));
    TRY(quote_accept(s, t->db, q.id.text));
    TRY(license_add(s, t->db, &l));
    return ledgered_answer(s, t, 201, index, license_whole(s, &l, document, w->caller), NULL);
}

err create_license(struct request *rq)
{
    struct purchase *w = NEW(&rq->scope, struct purchase);

    TRY(json_shape(&rq->scope, rq->body, "", purchase_members, ARRAY_LEN(purchase_members), w));
    w->caller = auth_caller(rq);
    w->app = rq->app;
    return ledgered(rq, purchase_decide, w);
}

/* ---- ending */

struct ending { const char *id; const struct caller *caller; };

static err ending_of(struct scope *s, const struct ending *w, const struct license *l, enum license_event *event)
{
    enum license_state state, next;

    if (caller_owns(w->caller, &l->buyer))
        *event = LICENSE_END_BY_BUYER;
    else if (caller_owns(w->caller, &l->publisher))
        *event = LICENSE_END_BY_PUBLISHER;
    else if (caller_is(w->caller, "operator"))
        *event = LICENSE_END_BY_OPERATOR;
    else
        return fail(s, ERR_FORBIDDEN, "only its buyer, its publisher or the operator ends a license");
    if (!license_state_parse(l->state, &state) || !license_step(state, *event, &next))
        return fail(s, ERR_STALE, "the license is %s", l->state);
    return ERR_OK;
}

static err end_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct ending *w = state;
    enum license_event event = LICENSE_EVENTS;
    struct bytes document;
    const char *reason;
    struct license l;
    uint64_t index;

    TRY(found(s, license_hold(s, t->db, w->id, caller_whose(w->caller), &l), "license"));
    TRY(ending_of(s, w, &l, &event));
    reason = license_ending(event);

    struct named_value values[] = { { "license", EV_TEXT(l.id.text) }, { "reason", EV_TEXT(reason) } };
    TRY(append_entry(s, t, ENTRY_LICENSE_ENDED, values, ARRAY_LEN(values), &index));
    TRY(license_end(s, t->db, w->id, index, reason, t->at_ms));
    if (append_rules_version(t) >= 2)
        TRY(allocation_due_ended(s, t->db, l.no, t->at_ms));
    TRY(license_get(s, t->db, w->id, NULL, &l));
    TRY(document_get(s, t->db, &l.document, &document));
    return ledgered_answer(s, t, 200, index, license_whole(s, &l, document, w->caller), NULL);
}

err end_license(struct request *rq)
{
    struct ending *w = NEW(&rq->scope, struct ending);

    *w = (struct ending){ match_path(&rq->match, "license"), auth_caller(rq) };
    return ledgered_then(rq, end_decide, w, job_notify);
}

/* ---- reading */

static err license_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct bytes document;
    struct license l;
    json_t *answer;
    err e = ERR_OK;

    TRY(found(s, license_get(s, db, match_path(&rq->match, "license"), caller_whose(auth_caller(rq)), &l), "license"));
    e = document_get(s, db, &l.document, &document);
    if (e == ERR_NOT_FOUND) {                    /* erased with one of its two parties */
        scope_forgive(s);
        document = (struct bytes){ 0 };
        e = ERR_OK;
    }
    TRY(e);
    answer = license_whole(s, &l, document, auth_caller(rq));
    if (json_object_get(answer, "document")) {
        json_object_set_new(answer, "credential", json_null());
        e = credential_add(rq, db, &l.document, (uint64_t)l.index, answer);
    }
    if (e != ERR_OK) {
        json_decref(answer);
        return e;
    }
    reply_covered(rq, answer);
    return ERR_OK;
}

err show_license(struct request *rq)
{
    return covered_read(rq, license_read);
}

static err licenses_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    struct license *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(license_list(s, db, auth_caller(rq)->party.id.text, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, license_json(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_licenses(struct request *rq)
{
    return app_with_db(rq, licenses_read);
}
