/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/* Content: the bytes behind a hash, stored once. Its state is what the last verification by a worker found. */
struct content {
    struct hash sha256;
    int64_t size;
    const char *state;        /* unverified, verified, corrupt, missing */
    int64_t verified_at;      /* INT64_MIN: never */
    int64_t stored_at;
};

/* Items of a version by the state of their content. */
struct verification { int64_t verified, unverified, corrupt, missing; };
