/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/note/note.h"

/* Property: one text for one checkpoint. What parses prints to the very same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint c;
    struct scope s;
    char *again;

    if (!checkpoint_parse((const char *)data, size, &c))
        return 0;
    scope_init(&s, 0);
    again = checkpoint_text(&s, &c);
    if (strlen(again) != size || memcmp(again, data, size) != 0 || c.size > TREE_SIZE_MAX || !note_name_valid(c.origin))
        abort();
    scope_free(&s);
    return 0;
}
