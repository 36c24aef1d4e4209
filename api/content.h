/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* Handlers of uploads, by operationId. That the market holds the same bytes for somebody else shows nowhere. */
err head_content(struct request *rq);
err put_content(struct request *rq);
