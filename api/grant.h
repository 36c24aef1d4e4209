/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/http/http.h"
#include "schema/model/erasure.h"

/*
 * Auditors' grants: the operator lets an auditor, with all of its keys, read everybody's private fields and lists,
 * until an instant or until it takes that back.
 */
err create_grant(struct request *rq);             /* POST /v1/auditor-grants */
err list_grants(struct request *rq);              /* GET /v1/auditor-grants */
err revoke_grant(struct request *rq);             /* DELETE /v1/auditor-grants/{grant} */
json_t *grant_json(const struct auditor_grant *g);
