/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/id.h"

/* An offer: a version, terms and a price (docs/data.md). Texts live in the scope that read it. */
struct offer {
    struct id id;
    int32_t revision;
    int64_t version_no;
    struct id version;             /* "ver_…" */
    int32_t version_number;
    const char *owner, *name;      /* of the dataset */
    struct id dataset, publisher;
    const char *handle;            /* of the publisher */
    const char *terms, *split, *fee;   /* canonical JSON */
    int64_t amount;                /* micro-units */
    const char *currency;
    const char *state;             /* open, paused, withdrawn */
    int64_t index;                 /* entry offer.published */
    int64_t created_at, withdrawn_at;  /* INT64_MIN: not withdrawn */
};
