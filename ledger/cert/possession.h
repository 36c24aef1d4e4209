/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/credential.h"

/*
 * A party's statement that a key is its own: a document that the key signs. Pure.
 *
 *   "type": ["VerifiableCredential","PartyKeyStatement"], "issuer": the key's did:key, "validFrom": when it was made
 *   "credentialSubject": {"id":"urn:counterfoil:party:pty_…","log":"<origin>","salt":"…"}
 *
 * It names party and log, so that it says nothing about another party or in another market; no challenge has to be
 * fetched for it. That it is not an old one is the caller's to check.
 */
#define POSSESSION_TYPE "PartyKeyStatement"

struct possession {
    struct credential c;              /* c.issuer is the key; c.valid_until is not written */
    const char *party;                /* "pty_…" */
    const char *log;                  /* origin */
    uint8_t salt[16];
};

err possession_read(struct scope *s, const json_t *document, struct possession *out, enum refusal *why);
/* Signs one: new reference. c.id, c.valid_from, salt and time are the caller's. */
err possession_sign(struct scope *s, const struct possession *wish, const struct secret_key *key, int64_t created_ms,
                    json_t **out, enum refusal *why);
