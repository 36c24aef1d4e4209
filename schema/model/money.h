/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/id.h"

/* Payments and balances. Amounts are micro-units. */
struct payment {
    struct id id;
    struct id party;              /* whose balance */
    const char *handle;           /* the party's */
    const char *license;          /* what was paid; NULL: the balance was topped up */
    int64_t amount;
    const char *currency;
    const char *reference;        /* the operator's, or the license */
    int64_t index;                /* entry payment.received */
    int64_t created_at;
};

struct balance {
    const char *kind;             /* prepaid */
    const char *currency;
    int64_t amount;
    int64_t lines;                /* postings on the account */
};
