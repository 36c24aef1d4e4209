/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * Handlers of payouts, by operationId. A run is made by a worker; the operator hands its file to a bank, and tells
 * what became of each payout.
 */
err create_payout_run(struct request *rq);        /* POST /v1/payout-runs */
err list_payout_runs(struct request *rq);         /* GET /v1/payout-runs */
err show_payout_run(struct request *rq);          /* GET /v1/payout-runs/{run} */
err get_payout_file(struct request *rq);          /* GET /v1/payout-runs/{run}/file */
err list_payouts(struct request *rq);             /* GET /v1/payouts */
err show_payout(struct request *rq);              /* GET /v1/payouts/{payout} */
err settle_payout(struct request *rq);            /* POST /v1/payouts/{payout}/settle */
err fail_payout(struct request *rq);              /* POST /v1/payouts/{payout}/fail */
