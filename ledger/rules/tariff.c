/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/tariff.h"

#include <string.h>

#include "schema/base/limits.h"
#include "schema/base/money.h"

static const char *const names[TARIFF_KINDS] = { [TARIFF_FLAT] = "flat", [TARIFF_PER_ITEM] = "per_item" };

const char *tariff_kind_name(enum tariff_kind kind)
{
    return names[kind];
}

bool tariff_kind_parse(const char *name, enum tariff_kind *out)
{
    for (size_t i = 0; i < TARIFF_KINDS; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum tariff_kind)i;
            return true;
        }
    return false;
}

static err check(struct scope *s, const struct tariff *t)
{
    if (!currency_known(t->currency))
        return fail(s, ERR_INVALID, "%.8s is no current ISO 4217 code", t->currency);
    if (t->amount < 0 || t->amount > AMOUNT_MAX_MICRO || t->minimum < 0 || t->minimum > AMOUNT_MAX_MICRO)
        return fail(s, ERR_INVALID, "an amount is negative or too large");
    if (t->kind == TARIFF_FLAT && t->minimum != 0)
        return fail(s, ERR_INVALID, "a flat price has no minimum");
    return ERR_OK;
}

err tariff_price(struct scope *s, const struct tariff *t, uint64_t items, int64_t *price)
{
    int64_t sum = t->amount;

    TRY(check(s, t));
    if (items == 0)
        return fail(s, ERR_INVALID, "the slice is empty: no item matches, so there is nothing to buy");
    if (t->kind == TARIFF_PER_ITEM && !money_times(t->amount, items, &sum))
        return fail(s, ERR_INVALID, "the price of %llu items is too large", (unsigned long long)items);
    if (sum < t->minimum)
        sum = t->minimum;
    if (!money_round(sum, t->currency, &sum) || sum > AMOUNT_MAX_MICRO)
        return fail(s, ERR_INVALID, "the price of %llu items is too large", (unsigned long long)items);
    *price = sum;
    return ERR_OK;
}

/* paid * cleared / items in minor units, half up. */
static int64_t share(const char *currency, int64_t paid, uint64_t items, uint64_t cleared)
{
    unsigned __int128 unit = (unsigned __int128)currency_minor(currency) * items;
    unsigned __int128 part = (unsigned __int128)(uint64_t)paid * cleared;

    return (int64_t)((2 * part + unit) / (2 * unit)) * currency_minor(currency);
}

err tariff_owed(struct scope *s, const struct tariff *t, int64_t paid, uint64_t items, uint64_t cleared,
                int64_t *owed)
{
    TRY(check(s, t));
    if (paid < 0 || paid > AMOUNT_MAX_MICRO || items == 0 || items > VERSION_ITEMS_MAX || cleared > items)
        return fail(s, ERR_INVALID, "%llu of %llu items can't be cleared", (unsigned long long)cleared,
                    (unsigned long long)items);
    *owed = cleared == 0 ? 0 : paid;
    if (cleared == 0 || cleared == items)
        return ERR_OK;
    if (t->kind == TARIFF_FLAT)
        *owed = share(t->currency, paid, items, cleared);
    else
        TRY(tariff_price(s, t, cleared, owed));
    if (*owed > paid)
        *owed = paid;
    return ERR_OK;
}
