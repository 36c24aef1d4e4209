/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* The list that an allocation's entry commits to, for auditors and the publisher: each row is a leaf. */
err list_allocation_lines(struct request *rq);    /* GET /v1/allocations/{allocation}/lines */
