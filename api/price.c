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

err price_read(struct scope *s, const json_t *money, const char *pointer, struct price *out)
{
    const char *at = scope_printf(s, "%s/amount", pointer);
    struct money m;

    TRY(json_shape(s, money, pointer, money_members, ARRAY_LEN(money_members), &m));
    if (!currency_known(m.currency))
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/currency", pointer), "is no current ISO 4217 code");
    if (!money_parse(m.amount, m.currency, &out->micro))
        return fail_at(s, ERR_INVALID, at, "must be written with the %d decimals of %s",
                       currency_exponent(m.currency), m.currency);
    if (!money_is_whole(out->micro, m.currency))
        return fail_at(s, ERR_INVALID, at, "is finer than what can be charged in %s: %d decimals", m.currency,
                       currency_exponent(m.currency));
    out->currency = m.currency;
    return ERR_OK;
}

const char *price_amount(struct scope *s, const struct price *p)
{
    char text[MONEY_TEXT_SIZE];

    money_format(p->micro, p->currency, text);
    return scope_strdup(s, text);
}

struct bytes price_canonical(struct scope *s, const struct price *p)
{
    /* digits, a point and capital letters: nothing here is ever escaped */
    const char *text = scope_printf(s, "{\"amount\":\"%s\",\"currency\":\"%s\"}", price_amount(s, p), p->currency);

    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}
