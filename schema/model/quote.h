/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* A quote: what exactly is for sale to one buyer, at what price, until when. */
struct quote {
    struct id id, buyer, offer;
    int32_t revision;
    int64_t version_no;
    int32_t version_number;
    const char *owner, *name;      /* of the dataset */
    const char *purpose, *territory;
    int64_t from, until;           /* the license's term: [from, until) */
    const char *slice;             /* canonical JSON; {} is the whole version */
    struct hash slice_root;
    int64_t item_count, bytes;
    int64_t amount;                /* micro-units, whole minor units */
    const char *currency;
    const char *state;             /* open, accepted, expired */
    int64_t expires_at, created_at;
};
