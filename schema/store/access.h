/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"
#include "schema/store/db.h"

/*
 * Accesses: the facts that decide them and the rows that remember them, both
 * for many at a time. The facts are read after the log's lock was taken, so
 * that an access and the end of a license or key have one order.
 */
#define ACCESS_STATEMENTS 2
extern const struct sql access_sql[ACCESS_STATEMENTS];

/* Facts of one asked access; what is not there has its `…_known` false. */
struct access_facts_row {
    int64_t no;                   /* place in the arrays, from 1 */
    bool key_known;
    struct hash key_digest;
    bool key_reads;               /* its scopes have `read` */
    bool key_revoked;
    int64_t key_expires_at;       /* INT64_MIN: never */
    bool party_active;            /* the key's */
    bool license_known;
    bool caller_is_buyer;         /* the key's party is the license's */
    int64_t license_no;           /* -1: unknown */
    const char *license_state;    /* NULL: unknown */
    int64_t valid_from, valid_until;
    bool item_known;              /* in the license's slice of its version */
    int32_t item;                 /* -1: unknown */
    struct hash sha256;
    int64_t size;
    const char *media_type, *content_state;       /* NULL: unknown, no content stored */
    bool window_known;            /* an access of that license and item was recorded before: the newest one's */
    int64_t window_index, window_at;
    const char *clearance;        /* the newest one issued for the license, its id; NULL: none */
    int64_t clearance_until;
    const char *excluded;         /* why that leaves the item out; NULL: it doesn't */
    const char *withdrawn;        /* revoked or suspended since: a consent that the item rests on; NULL: none */
};

/* Who asks under which license, each pair once, and what is asked: `who` is the place of a pair, from 1. */
struct access_questions {
    const char **keys, **licenses;    /* n_who */
    const int64_t *who;               /* n */
    const char **paths;               /* n; all texts must be UTF-8 */
    size_t n_who, n;
};
/* n rows in any order. */
err access_facts_send(struct scope *s, struct db *db, const struct access_questions *q, struct pipe_result *result);
err access_add_send(struct scope *s, struct db *db, const int64_t *licenses, const int32_t *items,
                    const int64_t *indexes, size_t n, int64_t at);
