/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/receipt.h"
#include "api/client/verify.h"

/*
 * Documents that the log commits to: an entry has their digest as its `document`. The entry's receipt lies beside the
 * file, as FILE.receipt, or is given by --receipt.
 */
struct issued {
    const char *path;                    /* of the document */
    enum entry_type types[2];            /* of the entry; the same twice if there is but one */
    struct hash digest;
    const char *by;                      /* did:key of who signed it, if that is to be the issuer; NULL: a party */
    int column;                          /* where words begin in a line of what is told */
};

/*
 * Lays it against its entry, if the log's key was said, and against the issuer's key of the entry's time, if --issuer-
 * entry was. *found: that was done, and *out is the receipt; else what was not looked at is told. ERR_CONFIG: a
 * document of the issuer's without a receipt, or none of those given names the document.
 */
err issued_check(struct scope *s, const struct verify_with *with, const struct issued *what, bool *found,
                 struct receipt *out);

/* Keeps an answer's `credential` in the file, and the receipt of its `entry` in FILE.receipt; replaces both. */
err issued_keep(struct scope *s, struct market *m, const char *path, const json_t *answer);
