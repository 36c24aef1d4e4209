/* SPDX-License-Identifier: Apache-2.0 */
#include "api/price.h"

#include <string.h>

#include "schema/base/money.h"
#include "schema/json/shape.h"

struct money { const char *amount, *currency; };
static const struct json_member money_members[] = {
    JSON_MEMBER(money, amount, JSON_TEXT, REQUIRED),
    JSON_MEMBER(money, currency, JSON_TEXT, REQUIRED),
};

static err amount_read(struct scope *s, const char *text, const char *currency, const char *at, bool whole,
                       int64_t *out)
{
    if (!money_parse(text, currency, out))
        return fail_at(s, ERR_INVALID, at, "must be written with the %d decimals of %s", currency_exponent(currency),
                       currency);
    if (whole && !money_is_whole(*out, currency))
        return fail_at(s, ERR_INVALID, at, "is finer than what can be charged in %s: %d decimals", currency,
                       currency_exponent(currency));
    return ERR_OK;
}

static err currency_read(struct scope *s, const char *currency, const char *pointer)
{
    return currency_known(currency) ? ERR_OK : fail_at(s, ERR_INVALID, scope_printf(s, "%s/currency", pointer),
                                                       "is no current ISO 4217 code");
}

err price_read(struct scope *s, const json_t *money, const char *pointer, struct price *out)
{
    struct money m;

    TRY(json_shape(s, money, pointer, money_members, ARRAY_LEN(money_members), &m));
    TRY(currency_read(s, m.currency, pointer));
    TRY(amount_read(s, m.amount, m.currency, scope_printf(s, "%s/amount", pointer), true, &out->micro));
    out->currency = m.currency;
    return ERR_OK;
}

const char *price_amount(struct scope *s, const struct price *p)
{
    return amount_text(s, p->micro, p->currency);
}

/* Canonical JSON, for an entry. */
static struct bytes canonical(struct scope *s, const struct price *p)
{
    /* digits, a point and capital letters: nothing here is ever escaped */
    const char *text = scope_printf(s, "{\"amount\":\"%s\",\"currency\":\"%s\"}", price_amount(s, p), p->currency);

    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* ---- tariffs */

struct asked { const char *amount, *currency, *kind, *minimum; };
static const struct json_member asked_members[] = {
    JSON_MEMBER(asked, amount, JSON_TEXT, REQUIRED),
    JSON_MEMBER(asked, currency, JSON_TEXT, REQUIRED),
    JSON_MEMBER(asked, kind, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(asked, minimum, JSON_TEXT, OPTIONAL),
};

err price_read_tariff(struct scope *s, const json_t *price, const char *pointer, struct tariff *out)
{
    struct asked a = { .kind = tariff_kind_name(TARIFF_FLAT) };

    TRY(json_shape(s, price, pointer, asked_members, ARRAY_LEN(asked_members), &a));
    *out = (struct tariff){ .currency = a.currency };
    if (!tariff_kind_parse(a.kind, &out->kind))
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/kind", pointer), "is no kind of price");
    TRY(currency_read(s, a.currency, pointer));
    TRY(amount_read(s, a.amount, a.currency, scope_printf(s, "%s/amount", pointer), out->kind == TARIFF_FLAT,
                    &out->amount));
    if (!a.minimum)
        return ERR_OK;
    if (out->kind == TARIFF_FLAT)
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/minimum", pointer), "a flat price has none");
    return amount_read(s, a.minimum, a.currency, scope_printf(s, "%s/minimum", pointer), true, &out->minimum);
}

struct bytes price_tariff(struct scope *s, const struct tariff *t)
{
    const struct price amount = { t->amount, t->currency }, minimum = { t->minimum, t->currency };
    struct buf b = BUF(s);

    if (t->kind == TARIFF_FLAT)
        return canonical(s, &amount);
    buf_printf(&b, "{\"amount\":\"%s\",\"currency\":\"%s\",\"kind\":\"%s\"", price_amount(s, &amount), t->currency,
               tariff_kind_name(t->kind));
    if (t->minimum)
        buf_printf(&b, ",\"minimum\":\"%s\"", price_amount(s, &minimum));
    buf_str(&b, "}");
    return (struct bytes){ (const uint8_t *)b.p, b.len };
}

err price_of_offer(struct scope *s, const struct offer *o, struct tariff *out)
{
    *out = (struct tariff){ .currency = o->currency, .amount = o->amount, .minimum = o->minimum };
    return tariff_kind_parse(o->kind, &out->kind) ? ERR_OK
         : fail(s, ERR_CORRUPT, "the stored price of %s is of no known kind", o->id.text);
}
