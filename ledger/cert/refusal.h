/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/scope.h"

/* Reason codes of credentials that are not taken: refusal.def. */
enum refusal {
#define REFUSAL(id, code, sentence, remedy) REFUSAL_##id,
#include "ledger/cert/refusal.def"
    REFUSALS
};

const char *refusal_code(enum refusal why);          /* "purpose_unknown"; static */
const char *refusal_sentence(enum refusal why);      /* static */
const char *refusal_remedy(enum refusal why);        /* what to do; static */
bool refusal_parse(const char *code, enum refusal *out);
/* "code: sentence; remedy" */
const char *refusal_text(struct scope *s, enum refusal why);
