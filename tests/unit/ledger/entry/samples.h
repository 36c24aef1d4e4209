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
#define SAMPLE_CNS "cns_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_CRT "crt_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_CLR "clr_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_PYO "pyo_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_RUN "run_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define SAMPLE_FROM  "2026-11-23T10:15:30.123Z"
#define SAMPLE_UNTIL "2027-11-23T10:15:30.123Z"
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
    { ENTRY_RULES_CHANGED, { { "versions", S_JSON("{\"entry\":1,\"rules\":2}") } } },
    { ENTRY_PARTY_KEY_CHANGED, {
        { "party", S_TEXT(SAMPLE_PTY) }, { "public_key", S_TEXT("did:key:z6Mk") },
        { "person_key", S_TEXT("did:key:z6Mm") } } },
    { ENTRY_CONSENT_GRANTED, {
        { "consent", S_TEXT(SAMPLE_CNS) }, { "coverage_root", S_HASH(&sample_hash) },
        { "document", S_HASH(&sample_hash) }, { "from", S_TEXT(SAMPLE_FROM) }, { "item_count", S_COUNT(420) },
        { "purposes", S_JSON("[\"finetuning\",\"pretraining\"]") }, { "status_index", S_COUNT(131071) },
        { "until", S_TEXT(SAMPLE_UNTIL) }, { "creator", S_TEXT(SAMPLE_PTY) } } },
    { ENTRY_CONSENT_SUSPENDED, {
        { "consent", S_TEXT(SAMPLE_CNS) }, { "document", S_HASH(&sample_hash) }, { "reason", S_TEXT("holder") } } },
    { ENTRY_CONSENT_REVOKED, {
        { "consent", S_TEXT(SAMPLE_CNS) }, { "document", S_HASH(&sample_hash) }, { "reason", S_TEXT("creator") } } },
    { ENTRY_CERTIFICATE_ISSUED, {
        { "certificate", S_TEXT(SAMPLE_CRT) }, { "certifier", S_TEXT(SAMPLE_PTY) },
        { "document", S_HASH(&sample_hash) },
        { "from", S_TEXT(SAMPLE_FROM) }, { "until", S_TEXT(SAMPLE_UNTIL) }, { "version", S_TEXT(SAMPLE_VER) } } },
    { ENTRY_CERTIFICATE_REVOKED, { { "certificate", S_TEXT(SAMPLE_CRT) }, { "reason", S_TEXT("certifier") } } },
    { ENTRY_STATUS_LIST_PUBLISHED, {
        { "as_of", S_COUNT(77) }, { "document", S_HASH(&sample_hash) },
        { "list", S_TEXT("stl_01jdc5x9k2h3v8m4q7t0w6y1zr") } } },
    { ENTRY_CLEARANCE_ISSUED, {
        { "as_of", S_COUNT(77) }, { "clearance", S_TEXT(SAMPLE_CLR) },
        { "counts", S_JSON("{\"consent_missing\":3,\"consent_revoked\":2}") }, { "document", S_HASH(&sample_hash) },
        { "license", S_TEXT(SAMPLE_LIC) }, { "policy_version", S_COUNT(1) }, { "purpose", S_TEXT("pretraining") },
        { "rows_root", S_HASH(&sample_hash) }, { "until", S_TEXT(SAMPLE_UNTIL) }, { "project", S_TEXT("asr-7") } } },
    { ENTRY_CLEARANCE_DENIED, {
        { "as_of", S_COUNT(77) }, { "clearance", S_TEXT(SAMPLE_CLR) }, { "counts", S_JSON("{}") },
        { "document", S_HASH(&sample_hash) }, { "license", S_TEXT(SAMPLE_LIC) }, { "policy_version", S_COUNT(1) },
        { "purpose", S_TEXT("pretraining") }, { "project", S_TEXT("asr-7") } } },
    { ENTRY_CLEARANCE_WITHDRAWN, { { "clearance", S_TEXT(SAMPLE_CLR) }, { "license", S_TEXT(SAMPLE_LIC) } } },
    { ENTRY_REFUND_POSTED, {
        { "license", S_TEXT(SAMPLE_LIC) }, { "payment", S_TEXT(SAMPLE_PAY) },
        { "refund", S_TEXT("ref_01jdc5x9k2h3v8m4q7t0w6y1zr") }, { "amount", S_TEXT("2.50") },
        { "buyer", S_TEXT(SAMPLE_PTY) }, { "currency", S_TEXT("EUR") } } },
    { ENTRY_ALLOCATION_POSTED, {
        { "allocation", S_TEXT("alc_01jdc5x9k2h3v8m4q7t0w6y1zr") }, { "license", S_TEXT(SAMPLE_LIC) },
        { "line_count", S_COUNT(3) }, { "lines_root", S_HASH(&sample_hash) }, { "payment", S_TEXT(SAMPLE_PAY) },
        { "split_digest", S_HASH(&sample_hash) }, { "currency", S_TEXT("EUR") }, { "total", S_TEXT("9.00") } } },
    { ENTRY_PAYOUT_INSTRUCTED, {
        { "payout", S_TEXT(SAMPLE_PYO) }, { "run", S_TEXT(SAMPLE_RUN) }, { "statement_digest", S_HASH(&sample_hash) },
        { "account", S_TEXT("acc_01jdc5x9k2h3v8m4q7t0w6y1zr") }, { "amount", S_TEXT("9.00") },
        { "currency", S_TEXT("EUR") } } },
    { ENTRY_PAYOUT_SETTLED, {
        { "payout", S_TEXT(SAMPLE_PYO) }, { "run", S_TEXT(SAMPLE_RUN) }, { "reference", S_TEXT("transfer 7") } } },
    { ENTRY_PAYOUT_FAILED, {
        { "payout", S_TEXT(SAMPLE_PYO) }, { "run", S_TEXT(SAMPLE_RUN) }, { "reference", S_TEXT("account closed") } } },
    { ENTRY_PARTY_CLOSED, { { "party", S_TEXT(SAMPLE_PTY) } } },
    { ENTRY_DISCLOSURES_ERASED, {
        { "count", S_COUNT(3) }, { "reason", S_TEXT("request") }, { "root", S_HASH(&sample_hash) } } },
    { ENTRY_ISSUER_KEY_CHANGED, { { "issuer_key", S_TEXT("log.example/1/issuer+00000000+AAAA") } } },
    { ENTRY_LOG_FROZEN, { { "successor", S_JSON("{\"key\":\"k\",\"origin\":\"o\"}") } } },
    { ENTRY_BALANCES_SNAPSHOT, {
        { "as_of", S_COUNT(12) },
        { "currencies", S_JSON("{\"EUR\":{\"accounts\":2,\"root\":\"" ZERO_HASH_TEXT
                               "\",\"total\":\"340282366920938463463374607431768.211455\"},\"JPY\":{\"accounts\":1,"
                               "\"root\":\"" ZERO_HASH_TEXT "\",\"total\":\"0\"}}") } } },
};

static inline size_t sample_values(const struct sample *x)
{
    size_t n = 0;

    while (n < SAMPLE_VALUES_MAX && x->value[n].name)
        n++;
    return n;
}
