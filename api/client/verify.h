/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/verb.h"
#include "ledger/note/policy.h"

/*
 * `counterfoil verify`: files and folders, offline. What is wanted is what the reader has said; what a file needs
 * beside it and is not there is ERR_CONFIG, what does not hold ERR_INVALID, ERR_MALFORMED or ERR_CORRUPT. Each says
 * what was wanted, what was found and what to do.
 */
struct verify_with {
    const struct note_key *key;          /* of the log; NULL: not said */
    const char *folder_key;              /* the same, as a text */
    const struct policy *policy;         /* that every checkpoint must meet; NULL: none */
    const char *issuer;                  /* did:key that must have signed a credential; NULL: whoever */
    const char *status_issuer;           /* the same of the status lists */
    const struct texts *receipts;        /* files: receipts of entries that name documents, */
    const struct texts *issuers;         /* of the entries that brought the issuer's keys (issuer.h) */
    const struct texts *status;          /* files of status lists */
};

/* One file, by what is in it. What was found wrong in a statement is told and counted in *findings. */
err verify_file(struct scope *s, const char *path, const struct verify_with *with, uint64_t *findings);
/* A pulled folder; the same. */
err verify_folder(struct scope *s, const char *path, const struct verify_with *with, uint64_t *findings);
