/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/model/license.h"
#include "schema/store/db.h"

/* Who would get what of a quote's price: by the offer's split rule and fee, over the contributors of the slice. */

/* Sees that the quoted slice's weights are kept; ERR_INVALID if nobody has any, and there is something to split. */
err quote_weigh(struct scope *s, struct db *db, const struct quote *q, const struct offer *o);
/*
 * {rule, fee_ppm, fee, creators, contributors, weight, parts}: of the parts those after the party `after` ("": from
 * the first), at most `limit`; *last: the party of the last one shown if there are more, else NULL.
 */
err quote_split(struct scope *s, struct db *db, const struct quote *q, const struct offer *o, const char *after,
                int64_t limit, json_t **out, const char **last);
