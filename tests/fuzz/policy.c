/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/note/policy.h"

/*
 * Properties: a policy that parses is met by all of its witnesses; none of them meet it only if its quorum is none;
 * one more cosignature never unmakes it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy p;
    bool cosigned[POLICY_WITNESSES_MAX] = { false };
    struct scope s;
    bool before;

    scope_init(&s, 0);
    if (policy_parse(&s, (const char *)data, size, &p) == ERR_OK) {
        before = policy_met(&p, cosigned);
        if (before != (p.quorum == POLICY_NO_GROUP))
            abort();
        for (size_t i = 0; i < p.n_witnesses; i++) {
            bool now;
            cosigned[i] = true;
            now = policy_met(&p, cosigned);
            if (before && !now)
                abort();
            before = now;
        }
        if (!before)
            abort();
    }
    scope_free(&s);
    return 0;
}
