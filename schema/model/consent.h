/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* Consents of creators, and the market's status lists. Lists of words are comma-separated text, sorted. */
struct consent_row {
    int64_t no;
    struct id id;                 /* cns_… */
    struct id creator;            /* whose consent */
    const char *public_key;       /* did:key that signed it */
    const char *credential;       /* id of the certificate */
    struct hash document;         /* SHA-256 of the certificate, proofs included */
    struct bytes bytes;           /* canonical JSON; empty in lists */
    const char *state;            /* received, rejected, granted, suspended, revoked */
    const char *reason;           /* why it was rejected, or NULL */
    const char *role, *assurance, *purposes, *prohibitions;
    struct hash root;             /* of what it covers */
    int64_t item_count;
    int64_t valid_from, valid_until;      /* INT64_MAX: without end */
    int64_t pair, place;          /* in the status lists */
    int64_t index;                /* entry consent.granted; -1: none */
    int64_t withdrawn;            /* entry consent.revoked or consent.suspended; -1: none */
    int64_t created_at, decided_at, withdrawn_at;      /* INT64_MIN: not yet */
};

struct status_list_row {
    int64_t no;
    struct id id;                 /* stl_… */
    int64_t pair;
    const char *kind;             /* consent, certificate: whose places */
    const char *purpose;          /* revocation, suspension */
    const char *url;
    int32_t places;
    int64_t index;                /* of the newest publication; -1: none */
    int64_t as_of;
    int64_t valid_until;          /* of that */
    int64_t changed;              /* newest withdrawal of its pair; -1: none */
};
