/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/* Parties: persons and organizations, and the API keys that act for them. Lists of words are comma-separated text. */
struct party {
    struct id id;
    const char *handle;           /* short public name: the owner in owner/name */
    const char *roles;            /* "operator,publisher", sorted */
    const char *name, *contact;   /* private; contact may be NULL */
    const char *public_key;       /* did:key; NULL: none known */
    const char *state;            /* active, suspended, closed */
    int64_t index;                /* entry party.registered */
    int64_t created_at;
};

struct api_key {
    struct id id;
    struct id party;
    struct hash digest;           /* keyed BLAKE2b-256 of the secret part */
    const char *label;
    const char *scopes;           /* "read,write" */
    int64_t created_at, expires_at, last_used_at, revoked_at;     /* INT64_MIN: never */
};
