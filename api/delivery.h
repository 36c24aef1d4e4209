/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * Delivery: the items of a license, and their bytes, recorded before the first one flows.
 *
 * Every GET is authorized anew, under the ledger's lock, also one that asks for a range or with If-None-Match: an
 * answer of 206, 304 or 416 rests on the same entry, which a license, item and window share. HEAD is no access: it
 * is decided by the same rules, from committed rows, and leaves no trace. Handlers by operationId.
 */

/* x-fast: needs no database itself, the key is checked with the rest (ledger/append). */
err get_item(struct request *rq);
/* For the buyer, the publisher and auditors, whatever the license's state. */
err list_license_items(struct request *rq);
