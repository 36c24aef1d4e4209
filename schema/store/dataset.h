/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/dataset.h"
#include "schema/store/db.h"

/* Datasets: owner/name and what describes them. */
#define DATASET_STATEMENTS 11
extern const struct sql dataset_sql[DATASET_STATEMENTS];

/* ERR_CONFLICT: the owner has one of this name. */
err dataset_add(struct scope *s, struct db *db, const struct dataset *d, const char *const *languages,
                size_t n_languages);
err dataset_get(struct scope *s, struct db *db, const char *owner, const char *name, struct dataset *out);
enum dataset_sort { DATASET_OLDEST, DATASET_NEWEST, DATASET_PRICE, DATASET_RELEVANCE };
/*
 * What NULL or 0 leaves out matches all. Purpose, territory, price and currency are those of one open offer that still
 * grants something at `now`: of the whole version, where the price is for each item.
 */
struct dataset_filter {
    const char *words;                    /* as people type them: ERR_INVALID (?q) if none of them must be there */
    const char *modality, *language, *owner;      /* a language is also its regional forms */
    const char *purpose;
    const char *const *covering, *const *members; /* territory: codes that contain it alone; codes that do together */
    size_t n_covering, n_members;
    const char *currency;
    const char *certified;                /* "true", or a criterion: a certificate that stands says it of the newest */
    bool bounded;                         /* by max_price, micro-units */
    int64_t max_price, now;
};
/* After (after_key, after) in the list's order. First page: -1 and "", with DATASET_NEWEST "~". */
struct dataset_page { enum dataset_sort sort; int64_t after_key; const char *after; int64_t limit; };
struct dataset_row { struct dataset dataset; int64_t key; };
/* Listed ones. By relevance only with words; ties by id. What was found only in its card comes last. */
err dataset_list(struct scope *s, struct db *db, const struct dataset_filter *f, const struct dataset_page *p,
                 struct dataset_row **out, size_t *n);
/* A first version was published: the dataset appears in the catalog. */
err dataset_listed(struct scope *s, struct db *db, const char *id);
