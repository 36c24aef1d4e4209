/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/http/http.h"
#include "schema/model/certificate.h"
#include "schema/store/db.h"

/*
 * Ethical-sourcing certificates of versions. Posted by the certifier who signed one, or by the version's publisher; a
 * worker verifies it and issues it in the ledger. What is issued is everyone's to see, before that its poster's.
 */
err post_certificate(struct request *rq);         /* POST /v1/certificates */
err list_certificates(struct request *rq);        /* GET /v1/certificates */
err show_certificate(struct request *rq);         /* GET /v1/certificates/{certificate} */
err revoke_certificate(struct request *rq);       /* POST /v1/certificates/{certificate}/revoke */

/* As of an instant: received, rejected, not_begun, valid, expired, flawed, revoked. */
const char *certificate_state(const struct certificate_row *c, int64_t at);
json_t *certificate_show(const struct certificate_row *c, int64_t at);
/* The certificate that the path names, if the caller may see it. */
err certificate_named(struct request *rq, struct db *db, struct certificate_row *out);
/* ?at=, or `otherwise`: an instant that is not to come. */
err certificate_instant(struct request *rq, int64_t otherwise, int64_t *at);

/* The catalog: those that stand now of these datasets' newest versions, added to each as `certificates`. */
err certificates_add(struct scope *s, struct db *db, json_t *datasets /* each has "id" */);
/* All that were issued for a version (0: for any of the dataset's), valid or not: a new reference. */
err certificates_of_version(struct scope *s, struct db *db, const char *dataset, int64_t version, json_t **out);
