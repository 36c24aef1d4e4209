/* SPDX-License-Identifier: Apache-2.0 */
/* Property: any document either loads or is refused with the place and a reason. */
#include <stdlib.h>

#include "schema/json/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct contract *c = NULL;
    size_t n;

    scope_init(&s, 0);
    if (contract_load(&s, (const char *)data, size, &c) == ERR_OK) {
        if (!contract_operations(c, &n) || n == 0)
            abort();
    } else if (s.why.code == ERR_OK || !s.why.detail[0]) {
        abort();
    }
    contract_free(c);
    scope_free(&s);
    return 0;
}
