/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * Erasure of a party, by the operator: the party is closed by an entry at once; a worker lists what goes, enters the
 * list's root, and deletes it (docs/operating.md says what goes and what stays).
 */
err create_erasure(struct request *rq);           /* POST /v1/erasures */
err list_erasures(struct request *rq);            /* GET /v1/erasures */
err show_erasure(struct request *rq);             /* GET /v1/erasures/{erasure} */
err list_erased(struct request *rq);              /* GET /v1/entries/{index}/erased */
