/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quote.h"

#include <string.h>

#include "api/auth.h"
#include "api/offer.h"
#include "api/show.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/money.h"
#include "schema/json/shape.h"
#include "schema/store/quote.h"

struct new_quote {
    struct id offer;
    const char *purpose, *territory;
    int64_t from, until;
};

/* `slice` is {} or absent, says the contract: the whole version. */
static const struct json_member new_quote_members[] = {
    JSON_ID(new_quote, offer, "ofr", REQUIRED),
    JSON_MEMBER(new_quote, purpose, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_quote, territory, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_quote, from, JSON_INSTANT, OPTIONAL),
    JSON_MEMBER(new_quote, until, JSON_INSTANT, REQUIRED),
};

/* Where a quote's wish has what a rule denies. */
static const char *const at_fault[TERMS_VERDICTS] = {
    [TERMS_PERIOD_EMPTY] = "/until", [TERMS_PERIOD_OVER] = "/until", [TERMS_PURPOSE_NOT_GRANTED] = "/purpose",
    [TERMS_TERRITORY_NOT_GRANTED] = "/territory", [TERMS_TERM_NOT_GRANTED] = "/until",
};

static err decide(struct scope *s, const struct quote *q, const struct offer *o, int64_t now,
                  enum terms_verdict *verdict)
{
    struct terms terms;

    TRY(offer_for_sale(s, o));
    if (q->revision != o->revision)
        return fail(s, ERR_STALE, "the offer has a new revision: ask for a new quote");
    TRY(offer_terms(s, o, &terms));
    *verdict = terms_decide(&terms, q->purpose, q->territory, q->valid_from, q->valid_until, now);
    return ERR_OK;
}

err quote_permitted(struct scope *s, const struct quote *q, const struct offer *o, int64_t now)
{
    enum terms_verdict v;

    TRY(decide(s, q, o, now, &v));
    return v == TERMS_GRANTED ? ERR_OK : fail(s, terms_error(v), "%s: %s", terms_code(v), terms_reason(v));
}

/* The same for a wish, which has places to point to. */
static err wish_permitted(struct scope *s, const struct quote *q, const struct offer *o, int64_t now)
{
    enum terms_verdict v;

    if (q->valid_from < now - QUOTE_PAST_MS)
        return fail_at(s, ERR_INVALID, "/from", "must not lie in the past; leave it out for \"from now on\"");
    TRY(decide(s, q, o, now, &v));
    return v == TERMS_GRANTED ? ERR_OK
                              : fail_at(s, terms_error(v), at_fault[v], "%s: %s", terms_code(v), terms_reason(v));
}

static json_t *quote_json(const struct quote *q)
{
    return json_pack("{s:s,s:s,s:I,s:s,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:s,s:o}", "id", q->id.text, "offer",
                     q->offer.text, "revision", (json_int_t)q->revision, "dataset", q->version.dataset, "version",
                     (json_int_t)q->version.number, "purpose", q->purpose, "territory", q->territory, "from",
                     show_time(q->valid_from), "until", show_time(q->valid_until), "slice", show_json(q->slice),
                     "slice_root", show_hash(&q->slice_root), "item_count", (json_int_t)q->item_count, "bytes",
                     (json_int_t)q->bytes, "price", show_money(q->amount, q->currency), "state", q->state,
                     "expires_at", show_time(q->expires_at));
}

static err quote_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t now = clock_wall_ms();
    struct new_quote w = { .from = now };
    struct offer o;
    struct quote q;

    TRY(json_shape(s, rq->body, "", new_quote_members, ARRAY_LEN(new_quote_members), &w));
    TRY(offer_find(s, db, w.offer.text, &o));
    q = (struct quote){
        .id = id_new("qte", now), .buyer = auth_caller(rq)->party.id, .offer = o.id, .revision = o.revision,
        .version = o.version, .purpose = w.purpose, .territory = w.territory, .valid_from = w.from,
        .valid_until = w.until, .slice = "{}", .slice_root = o.version.root, .item_count = o.version.item_count,
        .bytes = o.version.bytes, .currency = o.currency, .state = "open", .expires_at = now + QUOTE_VALID_MS,
        .created_at = now,
    };
    TRY(wish_permitted(s, &q, &o, now));
    if (!money_round(o.amount, o.currency, &q.amount))
        return fail(s, ERR_CORRUPT, "the stored price of %s cannot be rounded", o.id.text);
    TRY(quote_add(s, db, &q));
    reply_json(rq, 201, quote_json(&q));
    return ERR_OK;
}

err create_quote(struct request *rq)
{
    return app_with_db(rq, quote_make);
}

static err quote_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct quote q;
    err e = quote_get(s, db, auth_caller(rq)->party.id.text, match_path(&rq->match, "quote"), &q);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, e, "you have no such quote");
    }
    TRY(e);
    reply_json(rq, 200, quote_json(&q));
    return ERR_OK;
}

err show_quote(struct request *rq)
{
    return app_with_db(rq, quote_read);
}
