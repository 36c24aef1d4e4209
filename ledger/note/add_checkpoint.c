/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/add_checkpoint.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/note/signing.h"

#define OLD "old "
#define OLD_LEN (sizeof OLD - 1)

char *add_checkpoint_text(struct scope *s, uint64_t old_size, const struct proof *p, const char *note)
{
    struct buf b = BUF(s);
    char line[BASE64_SIZE(HASH_SIZE)];

    buf_printf(&b, OLD "%" PRIu64 "\n", old_size);
    for (size_t i = 0; i < p->n; i++) {
        base64_write(p->hash[i].b, HASH_SIZE, line);
        buf_printf(&b, "%s\n", line);
    }
    buf_printf(&b, "\n%s", note);
    return b.p;
}

bool add_checkpoint_parse(const char *text, size_t len, struct add_checkpoint *out)
{
    const char *end = text + len, *eol, *blank;

    if (len > ADD_CHECKPOINT_BYTES_MAX || len < OLD_LEN || memcmp(text, OLD, OLD_LEN) != 0)
        return false;
    eol = memchr(text, '\n', len);
    if (!eol || !decimal_read(text + OLD_LEN, (size_t)(eol - text) - OLD_LEN, TREE_SIZE_MAX, &out->old_size))
        return false;
    blank = memmem(eol, (size_t)(end - eol), "\n\n", 2);
    if (!blank || !proof_lines_parse(eol + 1, (size_t)(blank - eol), &out->proof))
        return false;
    out->note = (struct bytes){ (const uint8_t *)blank + 2, (size_t)(end - blank) - 2 };
    return out->note.len > 0 && out->note.p[out->note.len - 1] == '\n';
}

bool witness_size_parse(const char *text, size_t len, uint64_t *size)
{
    return len > 1 && text[len - 1] == '\n' && decimal_read(text, len - 1, TREE_SIZE_MAX, size);
}
