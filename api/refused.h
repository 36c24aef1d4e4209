/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/cert/refusal.h"
#include "schema/base/scope.h"

/*
 * A signed document that is not taken, as the caller sees it: ERR_INVALID, "code: sentence; what to do"
 * (docs/credentials.md), and the pointer below `base` ("" or "/statement"). Gives `e` as it is for other errors. ERR_OK
 * stays.
 */
err refused(struct scope *s, err e, enum refusal why, const char *base);
/*
 * The same for a reason that is the caller's own to see; `more` says what to do here, NULL: what the table says.
 */
err refuse(struct scope *s, enum refusal why, const char *pointer, const char *more);
/* Adds `sentence` and `remedy` of a stored code to what is shown; null, without a code. */
void refusal_show(json_t *shown, const char *code);
