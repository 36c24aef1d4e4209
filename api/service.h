/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* The service itself, by operationId. */
err show_health(struct request *rq);      /* x-fast: the process answers */
err show_ready(struct request *rq);       /* it can do all that it is for, ledgered writes included */
err show_metrics(struct request *rq);
err show_contract(struct request *rq);
err show_docs(struct request *rq);
err show_front(struct request *rq);
