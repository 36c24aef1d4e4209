/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/cert/integrity.h"
#include "ledger/entry/codes.h"

/*
 * What all credentials have in common: the envelope of the W3C Verifiable Credentials Data Model 2.0. Pure.
 *
 *   {"@context":[CREDENTIAL_CONTEXT,OWN_CONTEXT],"id":…,"type":["VerifiableCredential",TYPE],"issuer":"did:key:…",
 *    "validFrom":…,"validUntil":…,"credentialSubject":{…},"credentialStatus":[…],"evidence":[…],"proof":{…}}
 *
 * Deny by default: what is not known here is refused, a member as well as a context, since it could restrict what the
 * rest says. Every reader verifies all proofs, one of which must be the issuer's; whether the issuer is one to trust
 * (the market's own, a certifier of the register, a creator who is known) is for the caller to say. Readers take the
 * JSON of document_read(); what they give lives in the scope and borrows nothing of it.
 *
 * Refusals are ERR_INVALID with a reason code, and a sentence and JSON pointer in the scope.
 */
#define CREDENTIAL_CONTEXT "https://www.w3.org/ns/credentials/v2"
#define OWN_CONTEXT        "https://counterfoil.example/ns/credentials/v1"
#define CREDENTIAL_TYPE    "VerifiableCredential"
#define TIME_NEVER         INT64_MAX

enum status_purpose { STATUS_REVOCATION, STATUS_SUSPENSION, STATUS_PURPOSES };
extern const struct code_list status_purpose_codes;     /* "revocation", "suspension" */

/* Where to look whether a credential still holds (Bitstring Status List v1.0, section 2.1). */
struct status_entry {
    const char *list;                 /* URL of the list's credential */
    enum status_purpose purpose;
    uint64_t index;
};

struct credential {
    const char *id;                   /* an absolute IRI, of its own */
    int64_t valid_from, valid_until;  /* wall ms; valid before valid_until; TIME_NEVER: without end */
    struct status_entry status[STATUS_PURPOSES];         /* each purpose at most once */
    size_t n_status;                  /* 0: nothing but the ledger tells of its withdrawal */
    /* Given by readers, not taken by writers: */
    struct public_key issuer_key;
    char issuer[DID_KEY_SIZE];
    int64_t signed_at;                /* `created` of the issuer's proof: a claim of the signer's */
    struct hash document;             /* SHA-256 of the canonical document, proofs included, */
    struct hash bare;                 /* and without its proof */
};

/* JSON of bytes from outside, with every number of RFC 8785. REFUSAL_MALFORMED; new reference. */
err document_read(struct scope *s, const char *text, size_t len, json_t **out, enum refusal *why);

/* Whether it is valid for the whole of [from, until): REFUSAL_NONE, NOT_YET_VALID or EXPIRED. */
enum refusal credential_when(const struct credential *c, int64_t from, int64_t until);
/* "urn:uuid:…", version 4, of random bytes. */
char *credential_uuid(struct scope *s, const uint8_t random[16]);
