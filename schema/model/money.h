/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
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
    const char *kind;             /* prepaid; pending, available, in_payout */
    const char *currency;
    int64_t amount;
    int64_t lines;                /* postings on the account */
};

/* What became of a license's payment. */
struct allocation {
    int64_t no;                   /* short number, for the tables that hang from it */
    struct id id;
    int64_t license_no;
    struct id license;
    const char *clearance;        /* its first one; NULL: it ended without any */
    const char *state;            /* due, prepared, posted, nothing */
    int64_t items, cleared;       /* of the slice */
    int64_t owed, fee, refund;    /* owed + refund: what was paid; owed - fee: the lines */
    int64_t line_count;
    struct hash lines_root;
    int64_t transaction;          /* of the books; -1: none */
    struct id refund_id;          /* empty: no refund */
    int64_t index, refund_index;  /* entries; -1: none */
    int64_t posted_at, available_at;
};

/* A creator's part of it, with what proves it. */
struct allocation_line {
    int32_t place;                /* in the list, sorted by account */
    const char *account, *party;
    int64_t weight;
    int64_t amount, fee;          /* net, and the share of the fee beside it */
    int64_t n;                    /* number of the account's line, from 1 */
    struct bytes salt, path;
};

struct payout_run {
    int64_t no;
    struct id id;
    struct id operator;
    const char *currency;
    int64_t minimum;
    const char *rail;             /* csv */
    const char *state;            /* running, instructed */
    int64_t payouts, total;       /* made so far */
    int64_t last_index;           /* newest entry of them; -1: none */
    int64_t created_at, done_at;
};

struct payout {
    struct id id, run;
    const char *account, *party, *handle;
    const char *currency;
    int64_t amount;
    const char *state;            /* instructed, settled, failed */
    const char *statement;        /* canonical JSON whose digest is in the entry */
    const char *reference;        /* the rail's last answer; NULL */
    int64_t index, settled_index, failed_index;       /* entries; -1: none */
    int64_t created_at, settled_at, failed_at;
};

/* What a run did not pay. */
struct payout_left {
    const char *account, *handle;
    const char *reason;           /* held, below_minimum, in_payout */
    int64_t amount;
    int64_t until;                /* when the first of it is no longer held; INT64_MIN */
};
