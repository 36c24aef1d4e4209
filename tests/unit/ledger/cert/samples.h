/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One of each credential, for the tests of this room, the fuzz targets and the interop program. Nothing random: keys
 * are made of a byte, times are fixed.
 */
#include <stdlib.h>
#include <string.h>

#include "ledger/cert/clearance.h"
#include "ledger/cert/consent.h"
#include "ledger/cert/coverage.h"
#include "ledger/cert/sourcing.h"
#include "ledger/cert/status.h"
#include "ledger/cert/withdrawal.h"
#include "ledger/keys/sha256.h"

#define SAMPLE_NOW   INT64_C(1795428000000)         /* 2026-11-23T10:00:00Z */
#define SAMPLE_DAY   INT64_C(86400000)
#define SAMPLE_LIST  "https://market.example/v1/status-lists/1"
#define SAMPLE_PAUSE "https://market.example/v1/status-lists/2"
#define SAMPLE_INDEX 94567

#define SAMPLE __attribute__((unused)) static

SAMPLE struct secret_key *sample_key(uint8_t n)
{
    uint8_t seed[ED25519_SEED];

    memset(seed, n, sizeof seed);
    return secret_key_from_seed(seed);
}

SAMPLE struct hash sample_hash(const char *of)
{
    return sha256_of(of, strlen(of));
}

SAMPLE void sample_did(const struct secret_key *key, char out[DID_KEY_SIZE])
{
    struct public_key public = secret_key_public(key);

    did_key(&public, out);
}

SAMPLE struct credential sample_envelope(const char *id)
{
    return (struct credential){ .id = id, .valid_from = SAMPLE_NOW - SAMPLE_DAY,
                                .valid_until = SAMPLE_NOW + 700 * SAMPLE_DAY };
}

SAMPLE struct consent sample_consent(void)
{
    static const char *places[] = { "EU", "GB" }, *world[] = { "WORLD" };
    struct consent w = {
        .c = sample_envelope("urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c001"),
        .role = 5, .assurance = ASSURANCE_L3, .n_grants = 2,
        .grant = { { .purpose = 5, .models = 4, .territories = places, .n_territories = 2 },
                   { .purpose = 1, .models = 7, .territories = world, .n_territories = 1 } },
        .prohibitions = 1u | 1u << 9,
        .coverage = { .root = sample_hash("root"), .items = 420 },
        .floor = { .given = true, .currency = "EUR", .micro = 500000 },
        .effects = 7, .notice_days = 30, .text_lang = "en", .text_sha256 = sample_hash("text"), .salt = { 1, 2, 3 },
        .n_evidence = 1,
        .evidence = { { EVIDENCE_CONSENT_CAPTURE, sample_hash("capture"), SAMPLE_NOW - SAMPLE_DAY } },
    };

    w.c.n_status = 2;
    w.c.status[0] = (struct status_entry){ SAMPLE_LIST, STATUS_REVOCATION, SAMPLE_INDEX };
    w.c.status[1] = (struct status_entry){ SAMPLE_PAUSE, STATUS_SUSPENSION, 23452 };
    return w;
}

SAMPLE struct status_credential sample_list(struct scope *s)
{
    struct status_credential w = { .c = sample_envelope(SAMPLE_LIST), .purpose = STATUS_REVOCATION,
                                   .list = status_list_new(s, STATUS_BITS_MIN), .has_as_of = true, .as_of = 77,
                                   .salt = { 4 } };

    w.c.valid_until = SAMPLE_NOW + SAMPLE_DAY;
    return w;
}

SAMPLE struct withdrawal sample_withdrawal(const struct consent *consent)
{
    return (struct withdrawal){
        .c = { .id = "urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c002", .valid_from = SAMPLE_NOW },
        .consent = consent->c.id, .consent_sha256 = consent->c.document, .action = WITHDRAWAL_REVOKE, .salt = { 5 },
    };
}

SAMPLE struct sourcing sample_sourcing(void)
{
    return (struct sourcing){
        .c = sample_envelope("urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c003"),
        .version_id = "ver_01jdc5x9k2h3v8m4q7t0w6y1zr", .dataset = "acme/voices-en", .version = 3,
        .version_root = sample_hash("version"), .item_count = 420, .scheme = "Sourcing rules, 2026 edition",
        .criteria = 1 | 2, .evidence = { sample_hash("diligence"), sample_hash("licenses") }, .salt = { 6 },
    };
}

SAMPLE struct clearance sample_clearance(void)
{
    struct clearance w = {
        .c = sample_envelope(NULL), .clearance = "clr_01jdc5x9k2h3v8m4q7t0w6y1zr",
        .license = "lic_01jdc5x9k2h3v8m4q7t0w6y1zr", .log = "counterfoil.example/00000000", .as_of = 77,
        .evaluated_at = SAMPLE_NOW, .policy_version = 2, .dataset = "acme/voices-en",
        .version_id = "ver_01jdc5x9k2h3v8m4q7t0w6y1zr", .version = 3, .slice_root = sample_hash("slice"),
        .item_count = 420, .purpose = 5, .territory = "DE", .model = 2, .project = "asr-7", .cleared = 418,
        .cleared_root = sample_hash("cleared"), .rows_root = sample_hash("rows"), .n_lists = 1,
        .list = { { SAMPLE_LIST, sample_hash("list"), SAMPLE_NOW } }, .salt = { 7 },
    };

    w.excluded[2] = 2;                               /* consent_revoked */
    w.c.valid_until = SAMPLE_NOW + SAMPLE_DAY;
    return w;
}

/*
 * Puts a JSON value at a JSON pointer ("" in place of the last name appends to an array; NULL takes away). Aborts if
 * there is no such place.
 */
SAMPLE void sample_edit(json_t *document, const char *pointer, const char *value)
{
    json_t *at = document, *new = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
    char name[64];
    size_t len;

    if (value && !new)
        abort();
    for (pointer++; (len = strcspn(pointer, "/")), pointer[len]; pointer += len + 1) {
        memcpy(name, pointer, len);
        name[len] = '\0';
        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10)) : json_object_get(at, name);
    }
    if (json_is_array(at) && *pointer) {
        if ((new ? json_array_set_new(at, strtoul(pointer, NULL, 10), new)
                 : json_array_remove(at, strtoul(pointer, NULL, 10))) != 0)
            abort();
    } else if (json_is_array(at)) {
        json_array_append_new(at, new);
    } else if ((new ? json_object_set_new(at, pointer, new) : json_object_del(at, pointer)) != 0) {
        abort();
    }
}

/* A deep copy with one edit, signed anew by `key`: wrong in nothing but the edit. */
SAMPLE json_t *sample_resigned(const json_t *document, const char *pointer, const char *value,
                               const struct secret_key *key)
{
    json_t *copy = json_deep_copy(document), *out = NULL;
    struct scope s;

    scope_init(&s, 0);
    json_object_del(copy, "proof");
    sample_edit(copy, pointer, value);
    if (integrity_sign(&s, copy, key, SAMPLE_NOW, &out) != ERR_OK)
        abort();
    json_decref(copy);
    scope_free(&s);
    return out;
}
