/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* Handlers of the service itself, by operationId. */
err show_health(struct request *rq);
err show_ready(struct request *rq);
err show_metrics(struct request *rq);
err show_contract(struct request *rq);
err show_docs(struct request *rq);
err show_front(struct request *rq);
