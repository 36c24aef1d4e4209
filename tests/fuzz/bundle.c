/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/tree/tile.h"

/* Property: a bundle that splits into `width` entries is, put together again, the same bytes, and of no other width. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes entries[TILE_WIDTH + 1];
    struct scope s;
    struct buf b;
    unsigned width;

    if (size == 0)
        return 0;
    width = data[0] + 1u;
    data++;
    size--;
    if (!bundle_split(data, size, width, entries))
        return 0;
    scope_init(&s, 0);
    b = BUF(&s);
    for (unsigned i = 0; i < width; i++) {
        if (entries[i].p < data || entries[i].p + entries[i].len > data + size)
            abort();
        bundle_add(&b, entries[i].p, entries[i].len);
    }
    if (b.len != size || memcmp(b.p, data, size) != 0)
        abort();
    if (bundle_split(data, size, width - 1, entries) || bundle_split(data, size, width + 1, entries))
        abort();
    scope_free(&s);
    return 0;
}
