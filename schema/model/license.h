/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* A license: who may use which items for what, where and until when. */
struct license {
    int64_t no;
    struct id id, quote, offer;
    int32_t revision;
    int64_t version_no;
    struct id version;             /* "ver_…" */
    int32_t version_number;
    const char *owner, *name;      /* of the dataset */
    struct id publisher, buyer;
    const char *publisher_handle, *buyer_handle;
    const char *purpose, *territory;
    int64_t from, until;           /* [from, until) */
    const char *slice;
    struct hash slice_root;
    int64_t item_count;
    int64_t amount;                /* micro-units */
    const char *currency;
    struct id payment;
    struct hash document;          /* SHA-256 of the license document */
    const char *state;             /* pending, active, suspended, ended */
    int64_t index;                 /* entry license.granted */
    const char *reason;            /* NULL: not ended */
    int64_t granted_at, ended_at;  /* INT64_MIN: not ended */
};
