/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/note/note.h"

/* Property: what parses prints to a text that parses the same; to the same bytes if there was no extra line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tlog_proof t, again;
    struct scope s;
    char *note, *text;

    if (!tlog_proof_parse((const char *)data, size, &t) || memchr(t.note.p, '\0', t.note.len))
        return 0;
    if (t.note.p < data || t.note.p + t.note.len != data + size || t.proof.n > PROOF_HASHES_MAX)
        abort();
    scope_init(&s, 0);
    note = scope_strndup(&s, (const char *)t.note.p, t.note.len);
    text = tlog_proof_text(&s, t.index, &t.proof, note);
    if (!tlog_proof_parse(text, strlen(text), &again) || again.index != t.index || again.proof.n != t.proof.n ||
        memcmp(again.proof.hash, t.proof.hash, t.proof.n * sizeof *t.proof.hash) != 0 || again.note.len != t.note.len)
        abort();
    if (strlen(text) == size && memcmp(text, data, size) != 0)
        abort();
    if (strlen(text) > size)
        abort();
    scope_free(&s);
    return 0;
}
