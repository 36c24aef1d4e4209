/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/verb.h"
#include "ledger/cert/clearance.h"
#include "ledger/note/policy.h"

/* Clearances as the client tells of them. */
bool clear_is(const json_t *document);                          /* a TrainingClearance, by its type */
/*
 * A saved one, offline. With a key also against its entry in the log, by the receipt that `clear --out FILE` has put
 * beside it: FILE.receipt, {"document":…,"proof":"…"}. ERR_INVALID, ERR_CORRUPT.
 */
struct clear_options {
    const char *issuer;                  /* did:key that must have signed it; NULL: whoever */
    const struct note_key *key;          /* of the log; NULL: it is not looked at */
    const struct policy *policy;         /* that the receipt's checkpoint must meet; NULL: none; else key is there */
    const struct texts *issuers;         /* receipts of the entries that brought the issuer's keys (issuer.h) */
};
err  clear_verify(struct scope *s, const char *path, const json_t *document, const struct clear_options *o);
