/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* Handlers of payments, by operationId. */
err record_payment(struct request *rq);
err list_payments(struct request *rq);
