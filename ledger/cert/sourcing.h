/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/credential.h"

/*
 * EthicalSourcingCertificate: what a certifier says of one dataset version. Pure.
 *
 *   "credentialSubject": {"id":"urn:counterfoil:version:ver_…","dataset":"owner/name","version":3,
 *     "version_root":"…","item_count":420,"scheme":"…",
 *     "criteria":[{"criterion":"licensed_or_owned_or_free","evidence_sha256":"…"}],"salt":"…"}
 *
 * A criterion that is named is met, as the evidence with this digest shows; one that is not named is not claimed.
 * Whether the certifier is one that the operator trusts says the caller.
 */
#define SOURCING_TYPE       "EthicalSourcingCertificate"
#define VERSION_SUBJECT     "urn:counterfoil:version:"

enum criterion { CRITERION_DUE_DILIGENCE, CRITERION_LICENSED, CRITERION_GENERATORS, CRITERION_RECORDS, CRITERIA };
extern const struct code_list criterion_codes;  /* due_diligence, licensed_or_owned_or_free, synthetic_generators_… */

struct sourcing {
    struct credential c;
    const char *version_id;                     /* "ver_…" */
    const char *dataset;                        /* "owner/name" */
    uint64_t version;                           /* its number, from 1 */
    struct hash version_root;                   /* over {path,sha256,size} */
    uint64_t item_count;
    const char *scheme;                         /* the certifier's name for its rules and their edition */
    uint32_t criteria;                          /* bit i: criterion_codes.code[i] is met */
    struct hash evidence[CRITERIA];             /* of those */
    uint8_t salt[16];
};

err sourcing_read(struct scope *s, const json_t *document, struct sourcing *out, enum refusal *why);
/* Signs one: new reference. What sourcing_read() would refuse is not signed. */
err sourcing_sign(struct scope *s, const struct sourcing *wish, const struct secret_key *key, int64_t created_ms,
                  json_t **out, enum refusal *why);
