/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/entry/codes.h"
#include "ledger/rules/terms.h"
#include "schema/json/canon.h"

/*
 * Property: terms that are read grant what they name and nothing else, and can be said in a sentence.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct scope *s, const struct terms *t)
{
    int64_t from = t->until - 1;

    for (size_t i = 0; i < purpose_codes.n; i++) {
        bool named = t->purposes >> i & 1;
        for (size_t j = 0; j < t->n_territories; j++)
            if ((terms_decide(t, purpose_codes.code[i], t->territories[j], from, t->until,
                              0) == TERMS_GRANTED) != named &&
                t->until > 0)
                abort();
        if (terms_decide(t, purpose_codes.code[i], "WORLD", from, t->until + 1, 0) == TERMS_GRANTED)
            abort();
    }
    if (t->purposes == 0 || t->n_territories == 0 || !terms_sentence(s, t))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct terms t;
    json_t *policy;

    scope_init(&s, 0);
    if (json_read(&s, (const char *)data, size, &policy) == ERR_OK) {
        if (terms_read(&s, policy, "", &t) == ERR_OK)
            check(&s, &t);
        json_decref(policy);
    }
    scope_free(&s);
    return 0;
}
