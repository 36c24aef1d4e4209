/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/client/verify.h"
#include "ledger/cert/status.h"
#include "ledger/entry/entry.h"

/*
 * Saved credentials, offline: those that parties sign (consents with their coverage, certificates of sourcing,
 * requests of withdrawal, statements of keys) and the issuer's (licenses, clearances, status lists). What a credential
 * says of itself is checked in any case; against the log it is laid by the receipt of its entry (issued.h).
 */
struct credential_file {
    const char *path;
    struct bytes rest;                   /* what follows the document: a consent's coverage */
    const struct verify_with *with;
    enum refusal why;                    /* of a document that was refused */
};

/* Whether the file is one of them, or would be: its first document is of type VerifiableCredential. */
bool credential_is(struct scope *s, struct bytes text);
/* ERR_INVALID: its code, and why. */
err  credential_verify(struct scope *s, const char *path, struct bytes text, const struct verify_with *with);

/* The issuer's: credential_issued.c */
err credential_license(struct scope *s, const json_t *document, struct credential_file *f);
err credential_clearance(struct scope *s, const json_t *document, struct credential_file *f);
err credential_list(struct scope *s, const json_t *document, struct credential_file *f);

/* Who has signed it and for how long, told; ERR_INVALID: not by whom the reader wants. */
err credential_by(struct scope *s, const struct credential *c, const struct verify_with *with);
/* ERR_INVALID: it is over, or not valid yet. */
err credential_now(struct scope *s, const struct credential *c);
/* Of a list that answers for another credential: against its own entry and issuer, if the log's key was said. */
err credential_list_logged(struct scope *s, const char *path, const struct status_credential *list,
                           const struct verify_with *with);
