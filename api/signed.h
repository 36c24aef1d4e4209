/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"
#include "ledger/cert/withdrawal.h"
#include "schema/store/db.h"

/*
 * What consents and ethical-sourcing certificates have in common: each is a document that was signed elsewhere, is
 * posted once, and is withdrawn by a request that is signed as well.
 */

/*
 * add(), which stores the document of rq->work and replies. What stands in its way may be the same document, posted at
 * the same time: then again() replies with that one (ERR_NOT_FOUND: there is none), else it is ERR_CONFLICT.
 */
err signed_add_once(struct request *rq, struct db *db, err (*add)(struct request *rq, struct db *db),
                    err (*again)(struct request *rq, struct db *db));
/*
 * Whether a withdrawal counts: it is by the key that signed what it withdraws, or by the one that is `party`'s now,
 * since keys get lost. `why` is what withdrawal_fits() or sourcing_withdrawal_fits() has found.
 */
err signed_withdrawal_check(struct scope *s, struct db *db, const struct withdrawal *w, enum refusal why,
                            const struct id *party);
