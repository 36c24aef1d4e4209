/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is read is written canonically and reads back to the same, by the ledger's rules and by I-JSON's. */
#include <stdlib.h>
#include <string.h>

#include "schema/json/canon.h"

static void check(const char *text, size_t len, struct json_rules rules)
{
    struct scope s;
    json_t *x = NULL, *y = NULL;
    struct bytes once = { 0 }, twice = { 0 };

    scope_init(&s, 0);
    if (json_read_as(&s, text, len, rules, &x) != ERR_OK) {
        if (!strstr(s.why.detail, "line "))
            abort();
    } else {
        if (canon(&s, x, &once) != ERR_OK || json_read_as(&s, (const char *)once.p, once.len, rules, &y) != ERR_OK ||
            !json_equal(x, y))
            abort();
        if (canon(&s, y, &twice) != ERR_OK || once.len != twice.len || memcmp(once.p, twice.p, once.len) != 0)
            abort();
    }
    json_decref(x);
    json_decref(y);
    scope_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((const char *)data, size, (struct json_rules){ 0 });
    check((const char *)data, size, (struct json_rules){ .any_number = true });
    return 0;
}
