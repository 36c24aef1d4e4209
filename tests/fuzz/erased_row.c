/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in lists for what was erased, as an auditor's source hands it out. Property: a row of an erasure is
 * written as the very bytes that it was read from; what is left of a line or of a snapshot's leaf says nothing but its
 * values.
 */
#include <stdlib.h>
#include <string.h>

#include "ledger/entry/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct buf *written, const char *text, size_t size)
{
    if (written->len != size || memcmp(written->p, text, size) != 0)
        abort();
}

static void hashed(struct buf *b, const char *name, const struct hash *h)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    hex_write(h->b, HASH_SIZE, hex);
    buf_printf(b, "\"%s\":\"%s\"", name, hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frontier tree = FRONTIER_EMPTY;
    char *copy = malloc(size + !size);       /* as long as the row: reading on is seen */
    struct erased_held held;
    struct erased_row row;
    struct hash leaf;
    struct scope s;
    struct buf text;

    memcpy(copy, data, size);
    scope_init(&s, 0);
    text = (struct buf)BUF(&s);
    if (erased_row_read(copy, size, &row)) {
        list_add_erased(&tree, &text, &row);
        same(&text, copy, size);
    }
    if (erased_line_read(copy, size, &leaf)) {
        text.len = 0;
        buf_char(&text, '{');
        hashed(&text, "leaf", &leaf);
        buf_char(&text, '}');
        same(&text, copy, size);
    }
    if (erased_held_read(copy, size, &held)) {
        text.len = 0;
        buf_char(&text, '{');
        hashed(&text, "commitment", &held.commitment);
        buf_char(&text, ',');
        hashed(&text, "id", &held.id);
        buf_printf(&text, ",\"sum\":\"%s\"}", held.sum);
        same(&text, copy, size);
    }
    free(copy);
    scope_free(&s);
    return 0;
}
