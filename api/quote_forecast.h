/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/append/forecast.h"

/* What a clearance would leave out of a quote, and the refund that would follow: a forecast, which binds nobody. */

/* Sets q->forecast; the quote has its slice, weighed, and its price. `model` -1: of every class of models. */
err quote_forecast(struct scope *s, struct db *db, const struct offer *o, int model, int64_t content_window,
                   struct quote *q);
/* As the contract shows it: reasons with sentence and remedy; null for quotes that are older than forecasts. */
json_t *quote_forecast_json(const struct quote *q);
