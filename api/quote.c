/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/auth.h"
#include "api/offer.h"
#include "api/page.h"
#include "api/price.h"
#include "api/quote_forecast.h"
#include "api/quote_split.h"
#include "api/show.h"
#include "ledger/append/slices.h"
#include "ledger/rules/slice.h"
#include "ledger/rules/verdict.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/json/shape.h"
#include "schema/store/quote.h"

struct new_quote {
    struct id offer;
    const char *purpose, *territory;
    int64_t from, until;
    json_t *slice;                /* NULL: the whole version */
    int model;                    /* place in model_codes; -1: not said */
};

static const char *const model_words[] = { "discriminative", "embedding", "generative", NULL };     /* as there */

static const struct json_member new_quote_members[] = {
    JSON_ID(new_quote, offer, "ofr", REQUIRED),
    JSON_MEMBER(new_quote, purpose, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_quote, territory, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_quote, from, JSON_INSTANT, OPTIONAL),
    JSON_MEMBER(new_quote, until, JSON_INSTANT, REQUIRED),
    JSON_MEMBER(new_quote, slice, JSON_INNER_OBJECT, OPTIONAL),
    { "model_class", JSON_WORD, OPTIONAL, JSON_PLACE(new_quote, model), model_words },
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

static json_t *quote_json(struct scope *s, const struct quote *q, const struct tariff *t)
{
    return json_pack("{s:s,s:s,s:I,s:s,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o,s:o,s:s,s:o}", "id", q->id.text,
                     "offer", q->offer.text, "revision", (json_int_t)q->revision, "dataset", q->version.dataset,
                     "version", (json_int_t)q->version.number, "purpose", q->purpose, "territory", q->territory, "from",
                     show_time(q->valid_from), "until", show_time(q->valid_until), "slice", show_json(q->slice),
                     "slice_root", show_hash(&q->slice_root), "item_count", (json_int_t)q->item_count, "bytes",
                     (json_int_t)q->bytes, "tariff", show_json((const char *)price_tariff(s, t).p), "price",
                     show_money(q->amount, q->currency), "exclusions", show_json(q->exclusions), "state", q->state,
                     "expires_at", show_time(q->expires_at));
}

/* With the split, if its slice is still there. */
static err quote_whole(struct scope *s, struct db *db, const struct quote *q, const struct offer *o, json_t **out)
{
    json_t *split = NULL;
    struct tariff t;
    const char *last;

    TRY(price_of_offer(s, o, &t));
    if (q->slice_no >= 0)
        TRY(quote_split(s, db, q, o, "", QUOTE_PARTS_SHOWN, &split, &last));
    *out = quote_json(s, q, &t);
    json_object_set_new(*out, "split", split ? split : json_null());
    json_object_set_new(*out, "forecast", quote_forecast_json(q));
    return ERR_OK;
}

/* ---- asking */

/* Why a clearance would leave an item out whose content is in this state; NULL: it wouldn't for that. */
static const char *exclusion_of(enum content_state state)
{
    switch (state) {
    case CONTENT_VERIFIED: return NULL;
    case CONTENT_CORRUPT:  return verdict_code(VERDICT_HASH_MISMATCH);
    case CONTENT_MISSING:  return verdict_code(VERDICT_CONTENT_MISSING);
    default:               return verdict_code(VERDICT_CONTENT_UNVERIFIED);
    }
}

/* By their bytes alone, of slices of any length; what consents say besides is in the forecast. */
static err exclusions_find(struct scope *s, struct db *db, struct quote *q)
{
    struct verification v;
    struct buf b = BUF(s);

    TRY(slice_verification(s, db, q->slice_no, &v));
    const struct { enum content_state state; int64_t n; } counts[] = {      /* in order of their codes */
        { CONTENT_MISSING, v.missing }, { CONTENT_UNVERIFIED, v.unverified }, { CONTENT_CORRUPT, v.corrupt },
    };
    buf_str(&b, "{");
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        if (counts[i].n > 0)
            buf_printf(&b, "%s\"%s\":%" PRId64, b.len > 1 ? "," : "", exclusion_of(counts[i].state), counts[i].n);
    buf_str(&b, "}");
    q->exclusions = b.p;
    return ERR_OK;
}

/* Cut slices take room until their quotes expire. */
static err check_room(struct scope *s, struct db *db, const struct quote *q)
{
    int64_t items;

    TRY(quote_cut_items(s, db, q->buyer.text, &items));
    return items <= QUOTED_ITEMS_MAX ? ERR_OK
         : fail(s, ERR_CONFLICT, "the slices of your open quotes hold more than %d items: accept quotes, or ask again "
                                 "when they have expired", QUOTED_ITEMS_MAX);
}

/* The slice, cut now or before, and what it costs. */
static err quote_cut(struct scope *s, struct db *db, const struct new_quote *w, const struct offer *o, struct quote *q)
{
    const struct cut_version v = { o->version.no, o->version.root, o->version.item_count, o->version.bytes };
    struct slice slice = { 0 };
    struct kept_slice k;
    struct tariff t;

    if (w->slice)
        TRY(slice_read(s, w->slice, "/slice", &slice));
    if (!slice_whole(&slice))
        TRY(check_room(s, db, q));
    TRY(price_of_offer(s, o, &t));
    TRY(slice_cut(s, db, &v, &slice, &k));
    q->slice = k.request;
    q->slice_no = k.no;
    q->slice_root = k.root;
    q->item_count = k.item_count;
    q->bytes = k.bytes;
    if (k.item_count == 0)
        return fail_at(s, ERR_INVALID, "/slice", "no item of version %" PRId64 " is in this slice", o->version.number);
    TRY(tariff_price(s, &t, (uint64_t)k.item_count, &q->amount));
    TRY(quote_weigh(s, db, q, o));
    return exclusions_find(s, db, q);
}

/* Of many items that takes seconds, which must not keep all threads busy. */
static err quote_foresee(struct request *rq, struct db *db, const struct offer *o, int model, struct quote *q)
{
    const struct app *app = rq->app;
    bool lengthy = q->item_count > FORECAST_BRIEF && q->item_count <= FORECAST_ITEMS;
    err e;

    if (lengthy) {
        TRY(app_lengthy_begin(rq));
        app_more_time(rq, QUOTE_MS);
    }
    e = quote_forecast(&rq->scope, db, o, model, judge_content_window(app->config.reverify_ms), q);
    if (lengthy)
        app_lengthy_end(rq);
    return e;
}

static err quote_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t now = clock_wall_ms();
    struct new_quote w = { .from = now, .model = -1 };
    struct offer o;
    struct quote q;
    json_t *answer;

    TRY(json_shape(s, rq->body, "", new_quote_members, ARRAY_LEN(new_quote_members), &w));
    TRY(offer_find(s, db, w.offer.text, &o));
    q = (struct quote){
        .id = id_new("qte", now), .buyer = auth_caller(rq)->party.id, .offer = o.id, .revision = o.revision,
        .version = o.version, .purpose = w.purpose, .territory = w.territory, .valid_from = w.from,
        .valid_until = w.until, .currency = o.currency, .state = "open", .created_at = now,
    };
    TRY(wish_permitted(s, &q, &o, now));
    TRY(db_begin(s, db));
    TRY(quote_cut(s, db, &w, &o, &q));
    TRY(quote_foresee(rq, db, &o, w.model, &q));
    q.expires_at = clock_wall_ms() + QUOTE_VALID_MS;
    TRY(quote_add(s, db, &q));
    TRY(db_commit(s, db));
    TRY(quote_whole(s, db, &q, &o, &answer));
    reply_json(rq, 201, answer);
    return ERR_OK;
}

err create_quote(struct request *rq)
{
    app_more_time(rq, QUOTE_MS);
    return app_with_db(rq, quote_make);
}

/* ---- reading */

/* The caller's quote that the path names, and its offer. */
static err quote_named(struct request *rq, struct db *db, struct quote *q, struct offer *o)
{
    struct scope *s = &rq->scope;
    err e = quote_get(s, db, auth_caller(rq)->party.id.text, match_path(&rq->match, "quote"), q);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, e, "you have no such quote");
    }
    TRY(e);
    return offer_find(s, db, q->offer.text, o);
}

static err quote_read(struct request *rq, struct db *db)
{
    struct quote q;
    struct offer o;
    json_t *answer;

    TRY(quote_named(rq, db, &q, &o));
    TRY(quote_whole(&rq->scope, db, &q, &o, &answer));
    reply_json(rq, 200, answer);
    return ERR_OK;
}

err show_quote(struct request *rq)
{
    return app_with_db(rq, quote_read);
}

/* Of a list that hangs from a quote. */
static err quote_listed(struct request *rq, struct db *db, struct quote *q, struct offer *o)
{
    TRY(quote_named(rq, db, q, o));
    return q->slice_no >= 0 ? ERR_OK
         : fail(&rq->scope, ERR_GONE, "the quote has expired, and its list is gone: ask for a new one");
}

/* What is not bought yet shows no hashes, by which guesses of its bytes could be tested, and nobody's name. */
static json_t *item_json(const struct item *i)
{
    return json_pack("{s:i,s:s,s:I,s:s,s:o}", "n", (int)i->n, "path", i->path, "size", (json_int_t)i->size,
                     "media_type", i->media_type, "exclusion",
                     show_text(exclusion_of(content_state_parse(i->state))));
}

static err items_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq), after;
    struct kept_slice k;
    struct quote q;
    struct offer o;
    struct item *rows;
    char last[24];
    json_t *data;
    size_t n;

    TRY(page_after_number(rq, -1, &after));
    TRY(quote_listed(rq, db, &q, &o));
    TRY(slice_get(s, db, q.slice_no, &k));
    TRY(slice_items(s, db, &k, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, item_json(&rows[i]));
    if (n > (size_t)limit)
        snprintf(last, sizeof last, "%d", rows[limit - 1].n);
    reply_page(rq, data, n > (size_t)limit ? last : NULL);
    return ERR_OK;
}

err list_quote_items(struct request *rq)
{
    return app_with_db(rq, items_read);
}

static err split_read(struct request *rq, struct db *db)
{
    const char *after, *last;
    struct quote q;
    struct offer o;
    json_t *split, *parts;

    TRY(page_after(rq, &after));
    TRY(quote_listed(rq, db, &q, &o));
    TRY(quote_split(&rq->scope, db, &q, &o, after, page_limit(rq), &split, &last));
    parts = json_incref(json_object_get(split, "parts"));
    json_decref(split);
    reply_page(rq, parts, last);
    return ERR_OK;
}

err list_quote_split(struct request *rq)
{
    return app_with_db(rq, split_read);
}
