/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/store/db.h"

/* Documents of the market with the issuer's proof, by the digest of the document without it (made in ledger/append). */
#define SIGNED_DOCUMENT_STATEMENTS 2
extern const struct sql signed_document_sql[SIGNED_DOCUMENT_STATEMENTS];

/* ERR_NOT_FOUND: not signed yet. */
err signed_document_get(struct scope *s, struct db *db, const struct hash *hash, struct bytes *out);
/* A repeat changes nothing. */
err signed_document_add(struct scope *s, struct db *db, const struct hash *hash, struct bytes bytes);
