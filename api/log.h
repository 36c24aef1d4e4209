/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * The ledger read from outside, by operationId. Nothing is shown that no
 * checkpoint covers: what is committed but not signed yet is waited for.
 */
err list_entries(struct request *rq);
err show_entry(struct request *rq);
err show_proof(struct request *rq);
err show_consistency(struct request *rq);
err show_log_key(struct request *rq);
err show_checkpoint(struct request *rq);      /* x-fast */
err show_tile(struct request *rq);
