/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/note/add_checkpoint.h"

/* Property: one text for one request. What parses prints to the very same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct add_checkpoint rq;
    struct buf note;
    struct scope s;
    char *again;

    if (!add_checkpoint_parse((const char *)data, size, &rq))
        return 0;
    if (memchr(data, '\0', size))
        return 0;                     /* a text with a NUL can't be printed; note_split refuses it */
    scope_init(&s, 0);
    note = BUF(&s);
    buf_add(&note, rq.note.p, rq.note.len);
    again = add_checkpoint_text(&s, rq.old_size, &rq.proof, note.p);
    if (strlen(again) != size || memcmp(again, data, size) != 0)
        abort();
    scope_free(&s);
    return 0;
}
