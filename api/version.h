/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"
#include "schema/store/slice.h"

/* Handlers of versions and their items, by operationId. */
err list_versions(struct request *rq);
err create_version(struct request *rq);
err show_version(struct request *rq);
err put_items(struct request *rq);          /* api/draft.c */
err list_items(struct request *rq);
err publish_version(struct request *rq);

/* The page that was asked for of a slice's items, whole versions too; who may see them is the caller's to check. */
err reply_items(struct request *rq, struct db *db, const struct kept_slice *k);
/* The version that the path names; one that isn't published is its publisher's alone. */
err version_named(struct request *rq, struct db *db, struct version *out);
