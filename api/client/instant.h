/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/scope.h"

/* An instant as people write it, "2027-12-31" (its first moment, UTC) or RFC 3339, in the contract's form. */
err instant_read(struct scope *s, const char *text, const char **out);
/* The same in ms; `otherwise` if nothing was said (NULL). */
err instant_or(struct scope *s, const char *text, int64_t otherwise, int64_t *out);
