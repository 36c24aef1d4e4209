/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/entry/entry.h"

/* One set of values for each type, every field present. */
#define SAMPLE_AT  INT64_C(1795428930123)
#define SAMPLE_LIC "lic_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_PTY "pty_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_OFR "ofr_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_VER "ver_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_PAY "pay_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_KEY "key_01jdc5x9k2h3v8m4q7t0w6y1zs"
#define SAMPLE_VALUES_MAX ENTRY_FIELDS_MAX

static const struct hash sample_hash = { { 0x11, 0x22, 0x33, 0xab, 0xcd, 0xef } };
static const uint8_t sample_salts[ENTRY_FIELDS_MAX][SALT_SIZE] = {
    { 0 }, { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 },
    { 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3 },
};

/* EV_… are compound literals: these are their form for static initializers. */
#define S_TEXT(t)       { .kind = V_TEXT, .v.text = (t) }
#define S_COUNT(c)      { .kind = V_COUNT, .v.count = (c) }
#define S_HASH(h)       { .kind = V_HASH, .v.hash = (h) }
#define S_JSON(t)       { .kind = V_JSON, .v.json = { (const uint8_t *)(t), sizeof(t) - 1 } }
#define ZERO_HASH_TEXT  "0000000000000000000000000000000000000000000000000000000000000000"

struct sample { enum entry_type type; struct named_value value[SAMPLE_VALUES_MAX]; };

static const struct sample samples[ENTRY_TYPES] = {
    { ENTRY_LOG_OPENED, {
        { "origin", S_TEXT("log.example/m\xc3\xa4rkte \"x\"") }, { "log_key", S_TEXT("log.example/1+00000000+AAAA") },
        { "issuer_key", S_TEXT("issuer.example/1+00000000+AAAA") }, { "versions", S_JSON("{\"entry\":1,\"rules\":1}") },
        { "predecessor", S_JSON("{\"key\":\"k\",\"origin\":\"o\",\"root\":\"" ZERO_HASH_TEXT "\",\"size\":9}") } } },
    { ENTRY_PARTY_REGISTERED, {
        { "party", S_TEXT(SAMPLE_PTY) }, { "public_key", S_TEXT("did:key:z6Mk") },
        { "roles", S_JSON("[\"buyer\",\"operator\"]") },
        { "contact", S_TEXT("a\\b@c\x7f\t\x01") }, { "name", S_TEXT("N\xe2\x82\xac") },
        { "person_key", S_TEXT("did:key:z6Mm") } } },
    { ENTRY_DATASET_PUBLISHED, {
        { "bytes", S_COUNT(0) }, { "dataset", S_TEXT("dts_01jdc5x9k2h3v8m4q7t0w6y1zr") },
        { "details_root", S_HASH(&sample_hash) }, { "item_count", S_COUNT(10) }, { "root", S_HASH(&sample_hash) },
        { "version", S_TEXT(SAMPLE_VER) } } },
    { ENTRY_OFFER_PUBLISHED, {
        { "fee_digest", S_HASH(&sample_hash) }, { "offer", S_TEXT(SAMPLE_OFR) }, { "revision", S_COUNT(1) },
        { "split_digest", S_HASH(&sample_hash) }, { "terms_digest", S_HASH(&sample_hash) },
        { "version", S_TEXT(SAMPLE_VER) },
        { "price", S_JSON("{\"amount\":\"12.50\",\"currency\":\"EUR\"}") } } },
    { ENTRY_OFFER_WITHDRAWN, { { "offer", S_TEXT(SAMPLE_OFR) }, { "revision", S_COUNT(ENTRY_COUNT_MAX) } } },
    { ENTRY_CONTENT_VERIFIED, {
        { "counts", S_JSON("{\"corrupt\":1,\"verified\":22}") }, { "results_root", S_HASH(&sample_hash) } } },
    { ENTRY_PAYMENT_RECEIVED, {
        { "license", S_TEXT(SAMPLE_LIC) }, { "payment", S_TEXT(SAMPLE_PAY) }, { "amount", S_TEXT("12.50") },
        { "buyer", S_TEXT(SAMPLE_PTY) }, { "currency", S_TEXT("EUR") }, { "reference", S_TEXT("invoice 7") } } },
    { ENTRY_LICENSE_GRANTED, {
        { "document", S_HASH(&sample_hash) }, { "from", S_TEXT("2026-11-23T10:15:30.123Z") },
        { "item_count", S_COUNT(10) },
        { "license", S_TEXT(SAMPLE_LIC) }, { "offer", S_TEXT(SAMPLE_OFR) }, { "payment", S_TEXT(SAMPLE_PAY) },
        { "purpose", S_TEXT("pretraining") }, { "revision", S_COUNT(1) }, { "slice_root", S_HASH(&sample_hash) },
        { "territory", S_TEXT("WORLD") }, { "until", S_TEXT("2027-11-23T10:15:30.123Z") },
        { "version", S_TEXT(SAMPLE_VER) },
        { "amount", S_TEXT("0") }, { "buyer", S_TEXT(SAMPLE_PTY) }, { "currency", S_TEXT("JPY") },
        { "slice", S_JSON("{}") } } },
    { ENTRY_LICENSE_ENDED, { { "license", S_TEXT(SAMPLE_LIC) }, { "reason", S_TEXT("ended_by_buyer") } } },
    { ENTRY_ACCESS_RECORDED, {
        { "clearance", S_TEXT("clr_01jdc5x9k2h3v8m4q7t0w6y1zr") }, { "license", S_TEXT(SAMPLE_LIC) },
        { "bytes", S_COUNT(12345) },
        { "item_hash", S_HASH(&sample_hash) }, { "item_number", S_COUNT(7) }, { "key", S_TEXT(SAMPLE_KEY) } } },
};

static inline size_t sample_values(const struct sample *x)
{
    size_t n = 0;

    while (n < SAMPLE_VALUES_MAX && x->value[n].name)
        n++;
    return n;
}
