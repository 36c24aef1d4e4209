/* SPDX-License-Identifier: Apache-2.0 */
/* Property: canon_is() says yes to exactly the texts that canon() makes. */
#include <stdlib.h>
#include <string.h>

#include "schema/json/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    json_t *x = NULL;
    struct bytes form = { 0 };
    bool said, is = false;

    scope_init(&s, 0);
    said = canon_is(&s, (const char *)data, size);
    if (json_read_as(&s, (const char *)data, size, (struct json_rules){ .any_number = true }, &x) == ERR_OK &&
        canon(&s, x, &form) == ERR_OK) {
        is = form.len == size && memcmp(form.p, data, size) == 0;
        if (!canon_is(&s, (const char *)form.p, form.len))
            abort();
    }
    if (said != is)
        abort();
    json_decref(x);
    scope_free(&s);
    return 0;
}
