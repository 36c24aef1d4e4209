/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/http/http.h"
#include "schema/model/consent.h"
#include "schema/store/db.h"

/*
 * Consents of creators. Posted as JSON Lines: the certificate, then what it covers, {"sha256":"…"} a line, sorted;
 * for a single item none. Certificates of level L3 only: the creator's own key, registered before.
 */
err post_consent(struct request *rq);             /* POST /v1/consents */
err list_consents(struct request *rq);            /* GET /v1/consents */
err show_consent(struct request *rq);             /* GET /v1/consents/{consent} */
err list_coverage(struct request *rq);            /* GET /v1/consents/{consent}/coverage */
err revoke_consent(struct request *rq);           /* POST /v1/consents/{consent}/revoke */

json_t *consent_show(const struct consent_row *c);
/* The consent that the path names: its creator's, an auditor's or the operator's to see. */
err consent_named(struct request *rq, struct db *db, struct consent_row *out);
