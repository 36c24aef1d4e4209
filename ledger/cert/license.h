/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/credential.h"

/*
 * DataLicense: the agreement between a buyer and a publisher, terms included, signed by the market's issuer. Pure.
 * Its @context is CREDENTIAL_CONTEXT alone; it is valid for its term.
 *
 *   "id": "urn:counterfoil:license:lic_…",
 *   "credentialSubject": {
 *     "license": "lic_…", "log": "<origin>", "quote": "qte_…",
 *     "publisher": {"id":"pty_…","handle":"…"}, "buyer": {"id":"pty_…","handle":"…"},
 *     "offer": {"id":"ofr_…","revision":1,"terms_digest":"…","split_digest":"…","fee_digest":"…"},
 *     "items": {"dataset":"owner/name","dataset_id":"dts_…","version":1,"version_id":"ver_…","version_root":"…",
 *               "slice":{…},"slice_root":"…","item_count":420},
 *     "use": {"purpose":"pretraining","territory":"EU","from":"…","until":"…"},
 *     "price": {"amount":"12.00","currency":"EUR"}, "payment": "pay_…", "granted_at": "…",
 *     "terms": {…},                              whose SHA-256 is offer.terms_digest
 *     "salt": "…"}
 *
 * Validity is said twice, as validFrom and validUntil and in `use`, and must be the same.
 */
#define LICENSE_TYPE "DataLicense"
#define LICENSE_URN  "urn:counterfoil:license:"

struct license_side { const char *id, *handle; };            /* "pty_…" */

struct data_license {
    struct credential c;
    const char *license, *log, *quote, *payment;             /* "lic_…", origin, "qte_…", "pay_…" */
    struct license_side publisher, buyer;
    const char *offer;                                       /* "ofr_…" */
    uint64_t revision;
    struct hash terms_digest, split_digest, fee_digest;
    const char *dataset, *dataset_id, *version_id;
    uint64_t version;
    struct hash version_root, slice_root;
    uint64_t item_count;
    int purpose;                                             /* purpose_codes.code[purpose] */
    const char *territory;
    const char *amount, *currency;                           /* canonical */
    int64_t granted_at;
    uint8_t salt[16];
};

err data_license_read(struct scope *s, const json_t *document, struct data_license *out, enum refusal *why);
