/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/refusal.h"

#include <assert.h>

static const struct { const char *code, *sentence; } refusals[REFUSALS] = {
#define REFUSAL(id, code_, sentence_) [REFUSAL_##id] = { code_, sentence_ },
#include "ledger/cert/refusal.def"
};

const char *refusal_code(enum refusal why)
{
    assert((unsigned)why < REFUSALS);
    return refusals[why].code;
}

const char *refusal_sentence(enum refusal why)
{
    assert((unsigned)why < REFUSALS);
    return refusals[why].sentence;
}
