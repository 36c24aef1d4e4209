/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/id.h"

/* A party's account as it stands: number of its last line and balance after it. */
struct balance {
    int64_t account;
    const char *kind, *currency;
    int64_t running, amount;       /* micro-units; credits positive */
};

/* One leg of a transaction; party NULL: an account of the platform. */
struct leg { const char *party, *kind; int64_t amount; };

struct payment {
    struct id id, party;
    const char *handle;            /* of the party */
    const char *license;           /* NULL: a prepaid balance was topped up */
    int64_t amount;                /* micro-units */
    const char *currency, *reference;
    int64_t index, created_at;
};
