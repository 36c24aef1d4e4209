/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/dataset.h"
#include "schema/store/db.h"

/* Datasets: owner/name and what describes them. */
#define DATASET_STATEMENTS 4
extern const struct sql dataset_sql[DATASET_STATEMENTS];

/* ERR_CONFLICT: the owner has one of this name. */
err dataset_add(struct scope *s, struct db *db, const struct dataset *d, const char *const *languages,
                size_t n_languages);
err dataset_get(struct scope *s, struct db *db, const char *owner, const char *name, struct dataset *out);
/* Listed ones in order of ids after `after` ("": from the first); NULL filters match all. */
/* certified: "true", or a criterion: a certificate that stands now says it of the newest version. */
struct dataset_filter { const char *modality, *language, *owner, *certified; };
err dataset_list(struct scope *s, struct db *db, const struct dataset_filter *f, const char *after, int64_t limit,
                 struct dataset **out, size_t *n);
/* A first version was published: the dataset appears in the catalog. */
err dataset_listed(struct scope *s, struct db *db, const char *id);
