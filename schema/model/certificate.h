/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* Ethical-sourcing certificates and who may give them. Lists of words are comma-separated text, sorted. */
struct trusted_certifier {
    struct id id;
    const char *handle;
    const char *public_key;       /* did:key */
    int64_t index, at;            /* entry and time of the operator's act */
};

struct certified_version {
    int64_t no;
    struct id id, dataset_id, publisher;
    const char *dataset;          /* "owner/name" */
    int64_t number;
    struct hash root;
    int64_t item_count;
    int64_t published_at;
};

struct certificate_row {
    int64_t no;
    struct id id;                 /* crt_… */
    struct id certifier, poster;
    const char *certifier_handle;
    struct certified_version version;
    const char *public_key;       /* did:key that signed it */
    const char *credential;       /* id of the certificate */
    struct hash document;         /* SHA-256 of the certificate, proofs included */
    struct bytes bytes;           /* canonical JSON; empty in lists */
    const char *state;            /* received, rejected, issued, revoked */
    const char *reason;           /* why it was rejected, or NULL */
    const char *scheme, *criteria;
    int64_t valid_from, valid_until;
    int64_t pair, place;          /* in the status lists */
    int64_t index;                /* entry certificate.issued; -1: none */
    int64_t withdrawn;            /* entry certificate.revoked; -1: none */
    struct bytes withdrawal;      /* the certifier's signed request; empty in lists, and if there is none */
    const char *revoked_by;       /* certifier, operator; NULL */
    int64_t created_at, decided_at, withdrawn_at, verified_at;      /* INT64_MIN: not yet */
    const char *flaw;             /* what a worker found wrong at verified_at; NULL */
};

/* A contributor of an item, and a consent of hers that covers it; consent.text empty: she has none. */
struct behind_row {
    int32_t place;                /* of the contributor, among the item's */
    struct id party;
    const char *role;
    struct id consent;            /* cns_… */
    struct hash document;
    const char *credential, *purposes, *prohibitions;
    int64_t valid_from, valid_until, granted_at, withdrawn_at;      /* INT64_MIN: not withdrawn */
    int64_t index, withdrawn;     /* entries; -1: none */
    const char *state;            /* of the consent now: granted, suspended, revoked */
};
