/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is read can be written canonically, and reads back to the same. */
#include <stdlib.h>
#include <string.h>

#include "schema/json/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    json_t *x = NULL, *y = NULL;
    struct bytes once = { 0 }, twice = { 0 };

    scope_init(&s, 0);
    if (json_read(&s, (const char *)data, size, &x) != ERR_OK) {
        if (!strstr(s.why.detail, "line "))
            abort();
    } else {
        if (canon(&s, x, &once) != ERR_OK || json_read(&s, (const char *)once.p, once.len, &y) != ERR_OK ||
            !json_equal(x, y))
            abort();
        if (canon(&s, y, &twice) != ERR_OK || once.len != twice.len || memcmp(once.p, twice.p, once.len) != 0)
            abort();
    }
    json_decref(x);
    json_decref(y);
    scope_free(&s);
    return 0;
}
