/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * What stood behind an item at an instant: its contributors' consents and its version's ethical-sourcing certificates,
 * each with its entries. For auditors, the operator, the publisher, a buyer who licensed the item, who isn't told who
 * its creators are, and a creator, who sees her own consents. For others there is no such item.
 */
err show_behind(struct request *rq);      /* GET /v1/datasets/{owner}/{name}/versions/{version}/behind/{path} */
