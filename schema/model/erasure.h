/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* An operator's act that gives an auditor everybody's private fields and lists to read. */
struct auditor_grant {
    int64_t no;
    struct id id;                 /* grt_… */
    struct id party;
    const char *handle;           /* of the auditor */
    struct id granted_by;
    int64_t granted_at, until;    /* INT64_MAX: until it is revoked */
    int64_t revoked_at;           /* INT64_MIN: not */
};

/* The erasure of a party, from party.closed to the last row. */
struct erasure {
    int64_t no;
    struct id id;                 /* ers_… */
    struct id party;              /* empty when it is done: then nothing leads there */
    struct id operator;
    const char *reason;           /* erasure_codes (ledger/entry/codes.h) */
    const char *state;            /* preparing, erasing, done */
    int64_t closed_index;         /* entry party.closed */
    int64_t index;                /* entry disclosures.erased; -1: not yet */
    int64_t entries;              /* that it lists so far */
    int64_t left;                 /* of these, whose disclosures are still there */
    int64_t requested_at, erased_at, done_at;         /* INT64_MIN: not yet */
};

/* An entry that an erasure lists: a leaf of its list (ledger/entry/lists.h). */
struct erased_entry {
    int64_t index, rows;
    const char *fields;           /* names, comma-separated, sorted; "": none */
    struct bytes salt;
};
