/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

err show_balances(struct request *rq);            /* GET /v1/balances */
