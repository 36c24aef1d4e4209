/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * The body of POST <prefix>/add-checkpoint (C2SP tlog-witness), for the log that sends it and the witness that reads
 * it: "old N", the consistency proof's hashes, a blank line, the checkpoint's note. Pure; one text for one request.
 */
#define WITNESS_SIZE_TYPE "text/x.tlog.size"      /* of a 409 that says the witness's size, in decimal and a newline */

struct add_checkpoint {
    uint64_t old_size;
    struct proof proof;
    struct bytes note;                /* borrowed; not looked at */
};

char *add_checkpoint_text(struct scope *s, uint64_t old_size, const struct proof *p, const char *note);
bool  add_checkpoint_parse(const char *text, size_t len, struct add_checkpoint *out);
/* The body of such a 409. */
bool  witness_size_parse(const char *text, size_t len, uint64_t *size);
