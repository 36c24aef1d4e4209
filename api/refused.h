/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/refusal.h"
#include "schema/base/scope.h"

/*
 * A signed document that is not taken, as the caller sees it: ERR_INVALID, "code: sentence" (docs/credentials.md), and
 * the pointer below `base` ("" or "/statement"). Gives `e` as it is for other errors. ERR_OK stays.
 */
err refused(struct scope *s, err e, enum refusal why, const char *base);
/* The same for a reason that is the caller's own to see. */
err refuse(struct scope *s, enum refusal why, const char *pointer, const char *more);
