/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/clearance.h"
#include "ledger/note/note.h"

/* Clearances as the client tells of them. */
bool clear_is(const json_t *document);                          /* a TrainingClearance, by its type */
/*
 * A saved one, offline; `issuer`: did:key that must have signed it, NULL: whoever. With `key` also against its entry in
 * the log, by the receipt that `clear --out FILE` has put beside it: FILE.receipt, {"document":…,"proof":"…"}.
 * ERR_INVALID, ERR_CORRUPT.
 */
err  clear_verify(struct scope *s, const char *path, const json_t *document, const char *issuer,
                  const struct note_key *key);
