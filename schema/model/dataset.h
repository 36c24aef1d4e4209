/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* Datasets, their versions, and the versions' items. */
struct dataset {
    struct id id;
    const char *owner, *name;     /* owner/name */
    struct id publisher;
    const char *title, *description, *modality;
    const char *languages;        /* comma-separated BCP 47 tags */
    const char *card;             /* Markdown */
    const char *state;            /* draft, listed, delisted */
    int64_t created_at;
    int64_t latest;               /* number of the newest published version; 0: none */
    int64_t versions;             /* published ones */
};

struct version {
    int64_t no;                   /* short number, for the tables that hang from it */
    struct id id;
    struct id dataset;
    const char *owner, *name;     /* the dataset's */
    struct id publisher;
    int64_t number;               /* 1, 2, 3 … within the dataset; 0: not published */
    const char *state;            /* draft, sealing, sealed, published, yanked */
    const char *fault;            /* of a draft: why it could not be sealed; NULL: none known */
    int64_t sealed_items;         /* while sealing: items that are sorted and numbered; else -1 */
    struct hash root, details_root;       /* zeros until sealed */
    const char *commit_id;        /* NULL until sealed */
    int64_t item_count, bytes;    /* -1 until sealed */
    int64_t verified, corrupt, missing;   /* items found so by a worker; the others are unverified */
    int64_t index;                /* entry dataset.published; -1: none */
    int64_t created_at, published_at;     /* INT64_MIN: not yet */
};

struct item {
    int32_t n;                    /* number within the version, from 0: the leaf's index in its roots */
    const char *path;
    struct hash sha256;
    int64_t size;
    const char *media_type;
    const char *attributes;       /* canonical JSON object */
    const char *contributors;     /* canonical JSON array */
    struct bytes salt;            /* of its details leaf */
    const char *state;            /* of its content */
};
