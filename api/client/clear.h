/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/clearance.h"

/* Clearances as the client tells of them. */
void clear_tell(struct scope *s, const json_t *clearance);      /* the market's answer */
bool clear_is(const json_t *document);                          /* a TrainingClearance, by its type */
/* A saved one, offline; `issuer`: did:key that must have signed it, NULL: whoever. ERR_INVALID. */
err  clear_verify(struct scope *s, const char *path, const json_t *document, const char *issuer);
