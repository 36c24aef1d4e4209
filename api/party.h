/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* Handlers of parties and their API keys, by operationId. */
err register_party(struct request *rq);
err renew_first_key(struct request *rq);
err list_parties(struct request *rq);
err show_me(struct request *rq);
err list_keys(struct request *rq);
err create_key(struct request *rq);
err revoke_key(struct request *rq);
