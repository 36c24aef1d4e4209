/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * Tariffs: what an offer asks for a slice. All amounts are micro-units
 * (schema/base/money.h) of one currency.
 *
 *   flat       `amount` for the slice, whatever it holds;
 *   per item   `amount` for each item, which may be finer than a minor unit, and `minimum` at least.
 *
 * The sum is rounded half up to the currency's minor unit, once; that amount is
 * quoted, paid and split.
 */
enum tariff_kind { TARIFF_FLAT, TARIFF_PER_ITEM, TARIFF_KINDS };

struct tariff {
    enum tariff_kind kind;
    const char *currency;         /* ISO 4217 */
    int64_t amount;               /* for the slice, or for an item; 0: free */
    int64_t minimum;              /* of the quote, per item only; 0: none */
};

const char *tariff_kind_name(enum tariff_kind kind);              /* "flat", "per_item" */
bool tariff_kind_parse(const char *name, enum tariff_kind *out);

/*
 * Price of a slice of `items`, in whole minor units. ERR_INVALID: an empty
 * slice, an unknown currency, a negative amount, a minimum of a flat price, or
 * more than AMOUNT_MAX_MICRO.
 */
err tariff_price(struct scope *s, const struct tariff *t, uint64_t items, int64_t *price);

/*
 * What stays owed of `paid`, the tariff's price for `items`, if only `cleared`
 * of them were cleared; the rest is refunded. None: nothing is owed, all of
 * them: all. Per item: the price of those that are left, the minimum included;
 * flat: their share of what was paid. Rounded half up to the minor unit, never
 * more than paid, and never less if more is cleared.
 */
err tariff_owed(struct scope *s, const struct tariff *t, int64_t paid, uint64_t items, uint64_t cleared,
                int64_t *owed);
