/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/access.h"
#include "schema/store/allocation.h"
#include "schema/store/books.h"
#include "schema/store/certificate.h"
#include "schema/store/clearance.h"
#include "schema/store/clearing.h"
#include "schema/store/consent.h"
#include "schema/store/content.h"
#include "schema/store/dataset.h"
#include "schema/store/db.h"
#include "schema/store/entry.h"
#include "schema/store/erasure.h"
#include "schema/store/grant.h"
#include "schema/store/idempotency.h"
#include "schema/store/job.h"
#include "schema/store/license.h"
#include "schema/store/log.h"
#include "schema/store/made.h"
#include "schema/store/offer.h"
#include "schema/store/party.h"
#include "schema/store/payment.h"
#include "schema/store/payout.h"
#include "schema/store/quote.h"
#include "schema/store/signed_document.h"
#include "schema/store/slice.h"
#include "schema/store/snapshot.h"
#include "schema/store/statement.h"
#include "schema/store/upkeep.h"
#include "schema/store/verification.h"
#include "schema/store/version.h"
#include "schema/store/witness.h"

/* One row a noun: what `counterfoil-schema check` prepares against the real database. */
#define TABLE(noun) { #noun, noun##_sql, ARRAY_LEN(noun##_sql) }
const struct sql_table sql_tables[] = {
    TABLE(access),
    TABLE(allocation),
    TABLE(books),
    TABLE(certificate),
    TABLE(clearance),
    TABLE(clearing),
    TABLE(consent),
    TABLE(content),
    TABLE(dataset),
    TABLE(entry),
    TABLE(erasure),
    TABLE(grant),
    TABLE(idempotency),
    TABLE(job),
    TABLE(license),
    TABLE(log),
    TABLE(made),
    TABLE(offer),
    TABLE(party),
    TABLE(payment),
    TABLE(payout),
    TABLE(quote),
    TABLE(signed_document),
    TABLE(slice),
    TABLE(snapshot),
    TABLE(statement),
    TABLE(version),
    TABLE(upkeep),
    TABLE(verification),
    TABLE(witness),
    { 0 },
};
