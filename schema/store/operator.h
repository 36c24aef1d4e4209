/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/id.h"
#include "schema/store/db.h"

/* The operator's rows at the opening of the log: the first party and its first API key. */
#define OPERATOR_STATEMENTS 2
extern const struct sql operator_sql[OPERATOR_STATEMENTS];

struct operator_rows {
    struct id party, key;
    const char *handle, *name, *contact;      /* contact NULL: none */
    struct hash digest;                       /* of the key's secret part */
    int64_t index, at;                        /* entry party.registered */
};

err operator_add(struct scope *s, struct db *db, const struct operator_rows *rows);
