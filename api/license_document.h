/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/model/license.h"

/*
 * The license document: the exact agreement as canonical JSON, terms included, so that it needs nothing else to be
 * read. Its SHA-256 is the `document` of license.granted; the issuer's proof is made over it and isn't part of it.
 * It names log and issuer, by which a holder finds the entry and its signature. Members: docs/formats.md.
 */
#define LICENSE_DOCUMENT_TYPE "urn:counterfoil:license:1"

struct license_facts {
    const struct license *license;        /* `document`, `index` not used */
    const struct offer *offer;            /* in the revision that was bought */
    const char *origin;                   /* of the log */
    const char *issuer;                   /* did:key of the market */
};

err license_document(struct scope *s, const struct license_facts *f, struct bytes *out);
