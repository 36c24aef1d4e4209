/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/license.h"
#include "schema/base/bytes.h"
#include "schema/model/license.h"

/*
 * The license document: the exact agreement, terms included, so that it needs nothing else to be read. A W3C
 * Verifiable Credential 2.0 in canonical JSON, without its proof: its SHA-256 is the `document` of license.granted,
 * and the issuer's proof is made over it when documents are signed. It carries 128 random bits (`salt`), since its
 * digest is public; it names log and issuer, by which a holder finds the entry and its signature.
 */
struct license_facts {
    const struct license *license;        /* `document`, `index` not used */
    const struct offer *offer;            /* in the revision that was bought */
    const char *origin;                   /* of the log */
    const char *issuer;                   /* did:key of the market */
};

err license_document(struct scope *s, const struct license_facts *f, struct bytes *out);
