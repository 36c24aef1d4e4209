/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* What the caller has made. */
err list_my_items(struct request *rq);            /* GET /v1/me/items */
