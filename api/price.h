/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"

/* Money as bodies and entries hold it: {"amount":"12.50","currency":"EUR"}. */
struct price { int64_t micro; const char *currency; };

/*
 * The canonical text of whole minor units, since that is what can be charged. `pointer` is where it stands in the
 * body. ERR_INVALID.
 */
err price_read(struct scope *s, const json_t *money, const char *pointer, struct price *out);
/* Canonical JSON, for an entry. */
struct bytes price_canonical(struct scope *s, const struct price *p);
/* The amount alone. */
const char *price_amount(struct scope *s, const struct price *p);
