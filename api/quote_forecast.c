/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quote_forecast.h"

#include "api/price.h"
#include "api/show.h"
#include "ledger/entry/codes.h"
#include "ledger/rules/split.h"
#include "schema/json/canon.h"

/*
 * As an allocation finds it: what nobody weighs anything in is owed to nobody. A clearance that is refused refunds
 * nothing: the payment waits for one that is issued, or for the license's end.
 */
static err refund_json(struct scope *s, const struct quote *q, const struct tariff *t, enum split_rule rule,
                       const struct forecast_class *c, json_t **out)
{
    uint64_t cleared = c->counts.by[VERDICT_CLEARED];
    int64_t owed;

    TRY(tariff_owed(s, t, q->amount, (uint64_t)q->item_count, cleared, &owed));
    if (rule == SPLIT_PER_BYTE && c->bytes == 0)
        owed = 0;
    *out = cleared > 0 ? show_money(q->amount - owed, q->currency) : json_null();
    return ERR_OK;
}

static json_t *counts_json(const struct verdict_counts *c)
{
    json_t *counts = json_object();

    for (enum verdict v = 0; v < VERDICT_CLEARED; v++)
        if (c->by[v])
            json_object_set_new(counts, verdict_code(v), json_integer((json_int_t)c->by[v]));
    return counts;
}

static err classes_json(struct scope *s, const struct quote *q, const struct offer *o, const struct forecast *f,
                        json_t *list)
{
    enum split_rule rule;
    struct tariff t;

    TRY(price_of_offer(s, o, &t));
    TRY(split_rule_read(s, o->split, &rule));
    for (size_t i = 0; i < f->n; i++) {
        const struct forecast_class *c = &f->of[i];
        json_t *refund;

        TRY(refund_json(s, q, &t, rule, c, &refund));
        json_array_append_new(list, json_pack("{s:s,s:I,s:o,s:o}", "model_class", model_codes.code[c->model], "cleared",
                                              (json_int_t)c->counts.by[VERDICT_CLEARED], "excluded",
                                              counts_json(&c->counts), "refund", refund));
    }
    return ERR_OK;
}

err quote_forecast(struct scope *s, struct db *db, const struct offer *o, int model, int64_t content_window,
                   struct quote *q)
{
    json_t *list, *whole;
    struct forecast f;
    struct bytes text;
    err e;

    TRY(forecast_make(s, db, q, model, content_window, &f));
    list = json_array();
    whole = json_pack("{s:I,s:o,s:o,s:o,s:o,s:o}", "as_of", (json_int_t)f.as_of, "made_at", show_time(f.made_at),
                      "from", show_time(f.from), "until", show_time(f.until), "not_made", show_text(f.not_made),
                      "by_model_class", list);
    e = classes_json(s, q, o, &f, list);
    if (e == ERR_OK)
        e = canon(s, whole, &text);
    json_decref(whole);
    TRY(e);
    q->forecast = scope_strndup(s, (const char *)text.p, text.len);
    return ERR_OK;
}

json_t *quote_forecast_json(const struct quote *q)
{
    json_t *whole, *one;
    size_t i;

    if (!q->forecast)
        return json_null();
    whole = show_json(q->forecast);
    json_array_foreach(json_object_get(whole, "by_model_class"), i, one)
        json_object_set_new(one, "excluded", show_excluded(json_object_get(one, "excluded")));
    return whole;
}
