/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/entry/value.h"

/*
 * Property: an entry has one text. Whatever decodes prints as the very same bytes, and a
 * disclosure opened against it, if it opens, changes nothing of them.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = memchr(data, '\n', size);      /* "entry \n disclosures" */
    size_t len = cut ? (size_t)(cut - data) : size;
    struct scope s;
    struct entry e;
    struct buf b;

    scope_init(&s, 0);
    b = BUF(&s);
    if (entry_decode(&s, data, len, &e) == ERR_OK) {
        if (cut && disclosures_open(&s, &e, cut + 1, size - len - 1) != ERR_OK)
            scope_forgive(&s);
        entry_print(&b, &e);
        if (b.len != len || memcmp(b.p, data, len) != 0)
            abort();
    }
    scope_free(&s);
    return 0;
}
