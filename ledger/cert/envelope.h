/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/credential.h"
#include "ledger/cert/part.h"

/*
 * The envelope, read and written for all kinds of credentials. Private to ledger/cert.
 */
struct envelope_kind {
    const char *type;                 /* beside VerifiableCredential */
    bool foreign;                     /* made by others too: their members and further contexts are passed over */
    bool bare;                        /* CREDENTIAL_CONTEXT is its only one */
    bool ends;                        /* validUntil is required */
    bool evidence;                    /* may have evidence */
};

/* Proofs, members, contexts, types, issuer, validity and status; the rest is in the members of `whole`. */
err envelope_read(const struct part *whole, const struct envelope_kind *kind, struct credential *out);

/*
 * The document without proof. Steals subject and evidence (NULL: none). NULL if out of memory or not UTF-8.
 * `issuer` is the did:key of who will sign.
 */
json_t *envelope_json(const struct envelope_kind *kind, const struct credential *c, const char *issuer,
                      json_t *subject, json_t *evidence);

json_t *time_json(int64_t wall_ms);
json_t *hash_json(const struct hash *h);
json_t *salt_json(const uint8_t salt[16]);
/* The codes of a mask, in the list's order. */
json_t *codes_json(const struct code_list *list, uint32_t mask);
