/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* The verdict that a license's items may be used now. What is not decided yet has -1, INT64_MIN, NULL or zeros. */
#define CLEARANCE_SEED 32

struct clearance_row {
    int64_t no;
    struct id id;                 /* clr_… */
    struct id license;
    int64_t license_no;
    struct id buyer;              /* of the license, */
    const char *purpose;          /* whose purpose it is */
    int64_t version, slice;       /* numbers of both */
    bool whole;                   /* the slice is all of the version */
    int64_t item_count;           /* of the slice */
    const char *territory, *model_class;
    const char *project;          /* NULL: not said */
    int64_t wanted_until;         /* INT64_MIN: as long as clearances are given */
    int64_t requested_at;
    int64_t pass;                 /* number of the newest pass over the items */
    struct bytes seed;            /* of the salts; CLEARANCE_SEED bytes, none until it is decided */
    const char *state;            /* pending, cleared, cleared_with_exclusions, refused; failed: its job is dead */
    const char *job;              /* that job, which the operator may retry; NULL */
    int64_t as_of, evaluated_at, valid_until;
    int64_t cleared;              /* items */
    const char *counts;           /* canonical JSON: items left out, by reason */
    const char *reason;           /* of every item alike, or NULL */
    struct hash rows_root, document;
    int64_t index;                /* entry clearance.issued or clearance.denied */
    bool erased;                  /* with its licensee: there is no list of its items any more */
};

/* One item of its slice. */
struct clearance_item {
    int32_t n;
    const char *path;
    struct hash sha256;
    int64_t size;
    const char *reason;           /* why it is left out; NULL: it is cleared */
    const char *consents;         /* that it rests on: ids, comma-separated, sorted; NULL: none */
};
