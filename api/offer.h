/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"
#include "ledger/rules/terms.h"
#include "schema/model/license.h"
#include "schema/store/db.h"

/* Handlers of offers, by operationId. */
err publish_offer(struct request *rq);
err list_offers(struct request *rq);
err show_offer(struct request *rq);
err withdraw_offer(struct request *rq);

err offer_find(struct scope *s, struct db *db, const char *id, struct offer *out);      /* ERR_NOT_FOUND, saying so */
/* The stored terms again; ERR_CORRUPT if they are none. */
err offer_terms(struct scope *s, const struct offer *o, struct terms *out);
/* ERR_OK for an open offer; ERR_STALE for a paused one, ERR_GONE for a withdrawn one. */
err offer_for_sale(struct scope *s, const struct offer *o);
