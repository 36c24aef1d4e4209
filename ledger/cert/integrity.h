/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/cert/did.h"
#include "ledger/cert/refusal.h"
#include "ledger/keys/sign.h"
#include "schema/base/bytes.h"
#include "schema/base/limits.h"

/*
 * Data Integrity proofs of the suite eddsa-jcs-2022 (W3C, Data Integrity EdDSA Cryptosuites v1.0, section 3.3). Pure.
 *
 *   "proof": {"@context":…,"created":"…","cryptosuite":"eddsa-jcs-2022","proofPurpose":"assertionMethod",
 *             "proofValue":"z…","type":"DataIntegrityProof","verificationMethod":"did:key:z6Mk…#z6Mk…"}
 *
 * Ed25519 over 64 bytes: SHA-256 of the canonical configuration (the proof without proofValue, with the document's
 * @context), then SHA-256 of the canonical document (without its proof). A holder may append contexts to the
 * document: the proof's own are put back before hashing. What they mean is the reader's affair.
 *
 * Only did:key is a verification method here, only assertionMethod a purpose, and `created` must be there. Anything
 * else in a proof (expires, domain, challenge, previousProof) would restrict it in a way that is not evaluated here:
 * refused. Of several proofs every one must verify.
 */
#define INTEGRITY_DATA_SIZE (2 * HASH_SIZE)

struct integrity {
    struct public_key key;
    char did[DID_KEY_SIZE];           /* of the key */
    int64_t created;                  /* wall ms */
    struct signature signature;
};

/*
 * Signs: *out is the document with its proof, a new reference that shares nothing with `document`. The same key,
 * document and time give the same bytes. ERR_INVALID: no object, no @context, or signed already.
 */
err integrity_sign(struct scope *s, const json_t *document, const struct secret_key *key, int64_t created_ms,
                   json_t **out);

/*
 * The same in two halves, for a key that is elsewhere: what is to be signed, and the document with the signature over
 * it. The second verifies: ERR_INVALID if the signature is not one.
 */
err integrity_begin(struct scope *s, const json_t *document, const struct public_key *key, int64_t created_ms,
                    json_t **config, uint8_t data[INTEGRITY_DATA_SIZE]);
err integrity_end(struct scope *s, const json_t *document, const json_t *config, const struct signature *signature,
                  json_t **out);

/*
 * Verifies all proofs of a document (one, or an array of up to INTEGRITY_PROOFS_MAX). ERR_INVALID with the reason:
 * PROOF_MISSING, PROOF_INVALID, CONTEXT_UNKNOWN, SIGNATURE_INVALID, MALFORMED (what has no canonical form).
 */
struct integrities { struct integrity proof[INTEGRITY_PROOFS_MAX]; size_t n; };
err integrity_verify(struct scope *s, const json_t *document, struct integrities *out, enum refusal *why);

/* The bytes that are signed, of a configuration with its context and a document without proof. ERR_INVALID. */
err integrity_data(struct scope *s, const json_t *config, const json_t *document, uint8_t out[INTEGRITY_DATA_SIZE]);
/* SHA-256 of the canonical form: of a whole document as it was accepted, or without its proof. ERR_INVALID. */
err document_digest(struct scope *s, const json_t *document, bool with_proof, struct hash *out);
