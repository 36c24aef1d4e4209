/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/append/judge.h"
#include "schema/model/license.h"

/*
 * What a clearance would leave out of a quote's slice if the license were paid and a clearance asked for now, or when
 * the license begins: judged as clearances are (judge.h), without a trace. It binds nobody; the clearance decides.
 */
#define FORECAST_CLASSES 3             /* a clearance is for one class of models: of each, its own (model_codes) */

struct forecast_class {
    int model;                         /* place in model_codes */
    struct verdict_counts counts;
    int64_t bytes;                     /* of the items that would be cleared */
};
struct forecast {
    int64_t as_of, made_at;            /* size of the log whose state was judged, and when */
    int64_t from, until;               /* of the clearance that was supposed */
    const char *not_made;              /* why there is none; NULL: it was made */
    struct forecast_class of[FORECAST_CLASSES];
    size_t n;
};

/*
 * `q` has what was quoted, its slice weighed (slice_weigh()). `model` -1: the buyer hasn't said which class. Slices of
 * more than FORECAST_ITEMS, and those whose creators have given more than FORECAST_CONSENTS, are not judged.
 */
err forecast_make(struct scope *s, struct db *db, const struct quote *q, int model, int64_t content_window,
                  struct forecast *out);
