/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/license.h"

/*
 * TrainingClearance: the market's verdict whether the items of a license may be used for its purpose now. Pure.
 *
 *   "id": "urn:counterfoil:clearance:clr_…",
 *   "credentialSubject": {
 *     "id": "urn:counterfoil:license:lic_…",
 *     "log": "<origin>", "as_of": N,               the log's size when it was decided
 *     "evaluated_at": "…", "policy_version": 2,
 *     "items": {"dataset":"owner/name","version":3,"version_id":"ver_…","slice_root":"…","item_count":420},
 *     "use": {"purpose":"pretraining","territory":"EU","model_class":"generative","project":"…"},    project may miss
 *     "verdict": "cleared_with_exclusions",
 *     "cleared": {"item_count":418,"root":"…"},     list root over the items that are cleared, as of a version
 *     "excluded": [{"reason":"consent_revoked","item_count":2}],
 *     "rows_root": "…",                             list root over {item,consents,salt}
 *     "status_lists": [{"url":"…","sha256":"…","fetched_at":"…"}],
 *     "salt": "…"}
 *
 * The verdict follows from the counts, and must: cleared if nothing is excluded, refused if nothing is cleared. Every
 * item of the slice is either. Valid for a short time only, from validFrom to validUntil; a withdrawal since then wins.
 */
#define CLEARANCE_TYPE    "TrainingClearance"
#define CLEARANCE_URN     "urn:counterfoil:clearance:"
#define CLEARANCE_REASONS_MAX 32                 /* >= exclusion_codes.n */

enum clearance_verdict { CLEARANCE_CLEARED, CLEARANCE_EXCLUSIONS, CLEARANCE_REFUSED, CLEARANCE_VERDICTS };
extern const struct code_list clearance_verdict_codes;      /* cleared, cleared_with_exclusions, refused */

struct clearance_list { const char *url; struct hash sha256; int64_t fetched_at; };

struct clearance {
    struct credential c;                         /* c.id is written from `clearance` */
    const char *clearance, *license;             /* "clr_…", "lic_…" */
    const char *log;                             /* origin */
    uint64_t as_of;
    int64_t evaluated_at;
    uint64_t policy_version;
    const char *dataset, *version_id;
    uint64_t version;
    struct hash slice_root;
    uint64_t item_count;
    int purpose;                                 /* purpose_codes.code[purpose] */
    const char *territory;
    int model;                                   /* model_codes.code[model] */
    const char *project;                         /* NULL: not said */
    enum clearance_verdict verdict;              /* written from the counts */
    uint64_t cleared;
    struct hash cleared_root;
    uint64_t excluded[CLEARANCE_REASONS_MAX];    /* items by exclusion_codes */
    struct hash rows_root;
    struct clearance_list list[CREDENTIAL_LISTS_MAX];
    size_t n_lists;
    uint8_t salt[16];
};

err clearance_read(struct scope *s, const json_t *document, struct clearance *out, enum refusal *why);
/* The document without its proof, as the log commits to it and the signer signs it: new reference. ERR_INVALID. */
err clearance_json(struct scope *s, const struct clearance *w, const char *issuer, json_t **out);
