/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/*
 * Offers, quotes, licenses. Each carries what its reader needs of the version it
 * is about, so that showing one is one query. Amounts are micro-units.
 */
struct sold_version {             /* the version that is offered, quoted, licensed */
    int64_t no;
    struct id id;
    int64_t number;
    const char *dataset;          /* "owner/name" */
    struct id dataset_id;
    struct hash root;
    int64_t item_count, bytes;
};

struct offer {
    struct id id;
    int64_t revision;
    struct sold_version version;
    struct id publisher;
    const char *publisher_handle;
    const char *terms, *split, *fee;      /* canonical JSON */
    const char *kind;             /* flat, per_item (ledger/rules/tariff.h) */
    int64_t amount, minimum;      /* of a slice or an item; of a quote, 0: none */
    const char *currency;
    const char *state;            /* open, paused, withdrawn */
    int64_t index;                /* entry offer.published of this revision */
    int64_t created_at, withdrawn_at;
};

struct quote {
    struct id id;
    struct id buyer;
    struct id offer;
    int64_t revision;
    struct sold_version version;
    const char *purpose, *territory;
    int64_t valid_from, valid_until;
    const char *slice;            /* canonical JSON of the request */
    int64_t slice_no;             /* -1: it expired, and its list is gone */
    struct hash slice_root;
    int64_t item_count, bytes;
    const char *exclusions;       /* canonical JSON: count by reason, of what is known now */
    const char *forecast;         /* canonical JSON (api/quote_forecast.h); NULL: older than forecasts */
    int64_t amount;
    const char *currency;
    const char *state;            /* open, accepted, expired */
    int64_t expires_at, created_at;
};

struct license {
    int64_t no;
    struct id id;
    struct id quote, offer;
    int64_t revision;
    struct sold_version version;
    struct id publisher, buyer;
    const char *publisher_handle, *buyer_handle;
    const char *purpose, *territory;
    int64_t valid_from, valid_until;
    const char *slice;
    int64_t slice_no;
    struct hash slice_root;
    int64_t item_count;
    int64_t amount;
    const char *currency;
    struct id payment;
    struct hash document;         /* SHA-256 of the license document */
    const char *state;            /* pending, active, suspended, ended */
    int64_t index, ended_index;   /* entries license.granted, license.ended; -1: none */
    const char *reason;           /* of the end; NULL */
    int64_t granted_at, ended_at;
};
