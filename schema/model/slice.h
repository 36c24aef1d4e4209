/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/model/filter.h"

/* What picks items of a version (read by ledger/rules/slice.h, where the meaning is). */
struct slice {
    struct filter *filter;        /* NULL: every item */
    bool distinct;                /* by sha256 */
    int64_t count;                /* of the sample; 0: no sample */
    const char *seed;             /* NUL-terminated; NULL without a sample */
    size_t seed_len;
};

/* A slice that was made and is kept. */
struct kept_slice {
    int64_t no;                   /* short number, for the tables that hang from it */
    int64_t version;              /* its version's */
    const char *request;          /* canonical JSON */
    struct hash digest;           /* SHA-256 of the request */
    bool whole;                   /* the request is {} */
    struct hash root;
    int64_t item_count, bytes;
    int64_t created_at;
};
