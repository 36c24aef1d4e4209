/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/signing.h"
#include "ledger/signer/vault.h"

/* What a signer has been asked since it started. */
struct tally {
    uint64_t questions, signatures, repeats, late, other_size, frozen, alarms, documents, refused, malformed;
};

/*
 * The answer to one frame's body. Everything a client can send gets an answer
 * (malformed: *last is set, nothing more is read from this client); an error
 * is the state's, and means that the process must end.
 */
err signer_answer_make(struct scope *s, struct vault *v, struct tally *t, const char *body, size_t len, char **answer,
                       bool *last);
