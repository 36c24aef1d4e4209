/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"

/* An entry of the log as it is kept and served. */
struct entry_row {
    int64_t index;
    struct hash leaf;
    struct bytes bytes;           /* canonical JSON: what is hashed */
    struct bytes disclosures;     /* JSON array of base64url texts; p NULL: none, or erased */
    int64_t erased;               /* entry disclosures.erased that took some or all of them; -1: none */
    const char *buyer, *publisher;        /* of the license or payment it is about; a consent's creator */
};
