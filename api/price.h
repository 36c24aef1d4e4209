/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/rules/tariff.h"
#include "schema/base/bytes.h"
#include "schema/model/license.h"

/* Money as bodies and entries hold it: {"amount":"12.50","currency":"EUR"}. */
struct price { int64_t micro; const char *currency; };

/*
 * The canonical text of whole minor units, since that is what can be charged. `pointer` is where it stands in the
 * body. ERR_INVALID.
 */
err price_read(struct scope *s, const json_t *money, const char *pointer, struct price *out);
/* The amount alone. */
const char *price_amount(struct scope *s, const struct price *p);

/*
 * An offer's price: money, flat unless it says more: {"amount":"0.005","currency":"EUR","kind":"per_item",
 * "minimum":"5.00"}. An amount for an item may be finer than what can be charged. ERR_INVALID.
 */
err price_read_tariff(struct scope *s, const json_t *price, const char *pointer, struct tariff *out);
/* Canonical JSON, for an entry and for answers; what is flat is money alone, a minimum of 0 is left out. */
struct bytes price_tariff(struct scope *s, const struct tariff *t);
/* A stored offer's; ERR_CORRUPT. */
err price_of_offer(struct scope *s, const struct offer *o, struct tariff *out);
