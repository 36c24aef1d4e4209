/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/client/verb.h"
#include "schema/base/bytes.h"

/*
 * Saved credentials, offline: consents with their coverage, certificates of sourcing, status lists, requests of
 * withdrawal, statements of keys. `status` names files of status lists, to see whether a credential was revoked;
 * `status_issuer` is who must have signed these. Without it a list only says what it says, and whose word that is.
 */
struct credential_options { const char *issuer, *status_issuer; const struct texts *status; };

/* Whether the file is one of them, or would be: its first document is of type VerifiableCredential. */
bool credential_is(struct scope *s, struct bytes text);
/* ERR_INVALID: its code, and why. */
err  credential_verify(struct scope *s, const char *path, struct bytes text, const struct credential_options *o);
