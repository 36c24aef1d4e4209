/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is a receipt is written and taken apart again as the same. */
#include <stdlib.h>
#include <string.h>

#include "ledger/entry/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receipt_parts parts, again;
    struct bytes text;
    struct scope s;

    scope_init(&s, 0);
    if (receipt_parts_read(&s, (const char *)data, size, &parts) == ERR_OK) {
        if (receipt_parts_text(&s, parts.document, parts.proof, &text) != ERR_OK ||
            receipt_parts_read(&s, (const char *)text.p, text.len, &again) != ERR_OK)
            abort();
        if (again.entry.len != parts.entry.len || memcmp(again.entry.p, parts.entry.p, parts.entry.len) != 0 ||
            again.proof.len != parts.proof.len || memcmp(again.proof.p, parts.proof.p, parts.proof.len) != 0)
            abort();
    }
    scope_free(&s);
    return 0;
}
