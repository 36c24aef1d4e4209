/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/refusal.h"

#include <assert.h>
#include <string.h>

static const struct { const char *code, *sentence, *remedy; } refusals[REFUSALS] = {
#define REFUSAL(id, code_, sentence_, remedy_) [REFUSAL_##id] = { code_, sentence_, remedy_ },
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

const char *refusal_remedy(enum refusal why)
{
    assert((unsigned)why < REFUSALS);
    return refusals[why].remedy;
}

bool refusal_parse(const char *code, enum refusal *out)
{
    for (enum refusal why = 0; why < REFUSALS; why++)
        if (strcmp(refusals[why].code, code) == 0) {
            *out = why;
            return true;
        }
    return false;
}

const char *refusal_text(struct scope *s, enum refusal why)
{
    return scope_printf(s, "%s: %s; %s", refusal_code(why), refusal_sentence(why), refusal_remedy(why));
}
