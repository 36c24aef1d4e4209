/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"
#include "schema/store/db.h"
#include "schema/store/dataset.h"

/* Handlers of the catalog, by operationId. */
err list_datasets(struct request *rq);
err create_dataset(struct request *rq);
err show_dataset(struct request *rq);

/* The dataset that the path names, if the caller may know of it (a draft is its publisher's alone). */
err dataset_named(struct request *rq, struct db *db, struct dataset *out);
/* The same for its publisher only, to change it. */
err dataset_owned(struct request *rq, struct db *db, struct dataset *out);
