/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/credential.h"
#include "ledger/rules/territory.h"
#include "schema/base/money.h"

/*
 * CreatorConsentCertificate: what a creator, or who holds her rights, allows for which items. Pure.
 *
 *   "credentialSubject": {
 *     "id": "did:key:z6Mk…",                       the creator; "urn:counterfoil:party:pty_…" below L3
 *     "role": "performer",                         contributor_codes
 *     "assurance_level": "L3",
 *     "grants": [{"purpose":"pretraining","models":["generative"],"territory":["EU","GB"]}],
 *     "prohibitions": ["biometric_identification","voice_cloning"],
 *     "coverage": {"method":"sha256-merkle-rfc6962","root":"…","item_count":420},
 *                 or {"method":"sha256","sha256":"…","item_count":1}
 *     "compensation": {"amount":"0.50","currency":"EUR","per":"item"},              may be absent: no floor
 *     "withdrawal": {"effect":["no_new_access"],"notice_days":30},
 *     "text": {"lang":"en","sha256":"…"},
 *     "salt": "…"},
 *   "evidence": [{"type":["ChainOfTitle"],"sha256":"…","captured_at":"…"}]          captured_at may be absent
 *
 * Levels of assurance (who signs): L0 the platform for an importer, with ContractScan as evidence, good for previews
 * only; L1 a holder of the rights, with ChainOfTitle; L3 the creator herself, with her own key, which is then the
 * subject too. L2, a key kept for her, is not offered. voice_cloning and likeness need L3.
 *
 * A purpose has one grant at most, which it does not share with a prohibition. No purpose implies another. A consent
 * covers what its coverage names and nothing later. no_new_access is always an effect: it is how the ledger works.
 */
#define CONSENT_TYPE       "CreatorConsentCertificate"
#define PARTY_SUBJECT      "urn:counterfoil:party:"
#define CONSENT_GRANTS_MAX 16                    /* >= purpose_codes.n */

enum assurance { ASSURANCE_L0, ASSURANCE_L1, ASSURANCE_L3, ASSURANCES };
extern const struct code_list assurance_codes;          /* "L0", "L1", "L3" */
enum withdrawal_effect { EFFECT_DELETE_COPIES, EFFECT_EXCLUDE, EFFECT_NO_NEW_ACCESS, EFFECTS };
extern const struct code_list effect_codes;             /* "delete_copies", "exclude_from_next_training", … */
enum evidence_kind { EVIDENCE_CHAIN_OF_TITLE, EVIDENCE_CONSENT_CAPTURE, EVIDENCE_CONTRACT_SCAN,
                     EVIDENCE_IDENTITY_CHECK, EVIDENCE_LIVENESS_CHECK, EVIDENCES };
extern const struct code_list evidence_codes;           /* "ChainOfTitle", … */

struct consent_grant {
    int purpose;                                 /* purpose_codes.code[purpose] */
    uint32_t models;                             /* bit i: model_codes.code[i] */
    const char **territories;                    /* as written: "EU", "GB", "WORLD" */
    size_t n_territories;
    struct territory territory;                  /* all of them; not taken by writers */
};

struct consent_coverage {
    bool single;
    struct hash root;                            /* of the list; also of a single item's list of one */
    struct hash item;                            /* the single item */
    uint64_t items;
};

struct consent_floor { bool given; char currency[4]; int64_t micro; };      /* per item, in micro-units */
struct consent_evidence { enum evidence_kind kind; struct hash sha256; int64_t captured_at; };   /* -1: not said */

struct consent {
    struct credential c;
    const char *subject;                         /* did:key, or PARTY_SUBJECT and an id */
    bool subject_is_key;
    struct public_key subject_key;               /* if so */
    int role;                                    /* contributor_codes.code[role] */
    enum assurance assurance;
    struct consent_grant grant[CONSENT_GRANTS_MAX];
    size_t n_grants;
    uint32_t purposes;                           /* of the grants: bit i for purpose_codes.code[i]; not for writers */
    uint32_t prohibitions;                       /* bit i: prohibition_codes.code[i] */
    struct consent_coverage coverage;
    struct consent_floor floor;
    uint32_t effects;                            /* bit i: effect_codes.code[i] */
    unsigned notice_days;
    const char *text_lang;                       /* BCP 47, of the text that was shown, */
    struct hash text_sha256;                     /* and its digest */
    uint8_t salt[16];
    struct consent_evidence evidence[CREDENTIAL_EVIDENCE_MAX];
    size_t n_evidence;
};

/* ERR_INVALID with the reason. `document` as document_read() gave it. */
err consent_read(struct scope *s, const json_t *document, struct consent *out, enum refusal *why);
/*
 * Makes and signs one: a new reference in *out. What consent_read() would refuse is not signed: the same reasons.
 * c.id (credential_uuid()), salt and time are the caller's. `subject` NULL: the signer herself.
 */
err consent_sign(struct scope *s, const struct consent *wish, const struct secret_key *key, int64_t created_ms,
                 json_t **out, enum refusal *why);
