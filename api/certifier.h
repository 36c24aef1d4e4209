/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * The register of certifiers whom the operator trusts. A certifier registers its key itself, privately; the operator
 * who trusts it makes it public by a party.key_changed of his own, and takes it back by one without a key.
 */
err trust_certifier(struct request *rq);          /* POST /v1/certifiers */
err list_certifiers(struct request *rq);          /* GET /v1/certifiers */
