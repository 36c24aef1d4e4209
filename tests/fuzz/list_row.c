/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a row of a clearance, an allocation or a snapshot is written as the very bytes that it was read from. */
#include <stdlib.h>
#include <string.h>

#include "ledger/entry/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frontier tree = FRONTIER_EMPTY;
    char *copy = malloc(size + !size);       /* as long as the row: reading on is seen */
    struct cleared_row row;
    struct line_row line;
    struct held_row held;
    struct scope s;
    struct buf leaf;

    memcpy(copy, data, size);
    scope_init(&s, 0);
    leaf = (struct buf)BUF(&s);
    if (cleared_row_read(copy, size, &row)) {
        list_add_cleared(&tree, &leaf, &row);
        if (leaf.len != size || memcmp(leaf.p, copy, size) != 0)
            abort();
    }
    if (line_row_read(copy, size, &line)) {
        list_add_line(&tree, &leaf, &line);
        if (leaf.len != size || memcmp(leaf.p, copy, size) != 0)
            abort();
    }
    if (held_row_read(copy, size, &held)) {
        held_commitment(&leaf, &held);
        if (leaf.len != size || memcmp(leaf.p, copy, size) != 0)
            abort();
    }
    free(copy);
    scope_free(&s);
    return 0;
}
