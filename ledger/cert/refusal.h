/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reason codes of credentials that are not taken: refusal.def. */
enum refusal {
#define REFUSAL(id, code, sentence) REFUSAL_##id,
#include "ledger/cert/refusal.def"
    REFUSALS
};

const char *refusal_code(enum refusal why);          /* "purpose_unknown"; static */
const char *refusal_sentence(enum refusal why);      /* static */
