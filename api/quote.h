/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"
#include "schema/model/license.h"

/* Handlers of quotes, by operationId. A quote is not in the ledger: it promises nothing but a price. */
err create_quote(struct request *rq);
err show_quote(struct request *rq);
err list_quote_items(struct request *rq);
err list_quote_split(struct request *rq);

/* Whether the offer sells this quote's use at `now`: ERR_GONE, ERR_STALE, ERR_TERMS, ERR_INVALID, saying why. */
err quote_permitted(struct scope *s, const struct quote *q, const struct offer *o, int64_t now);
