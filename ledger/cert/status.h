/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/credential.h"

/*
 * Bitstring Status Lists v1.0 (W3C): one bit a credential, index 0 the most significant bit of byte 0, in a signed
 * credential of type BitstringStatusListCredential:
 *
 *   "credentialSubject": {"id":"<url>#list","type":"BitstringStatusList","statusPurpose":"revocation",
 *                         "encodedList":"u…","as_of":N,"salt":"…"}
 *
 * encodedList is "u" and base64url of the GZIP of the bits. A list has STATUS_BITS_MIN to STATUS_BITS_MAX places, a
 * multiple of 8; one that would unfold to more is given up when it does. Lists with more than one bit a place
 * (statusSize) are not understood and refused. Pure: whoever fetches a list bounds its bytes and says what time it is.
 */
#define STATUS_LIST_TYPE "BitstringStatusListCredential"

struct status_list { uint8_t *bits; size_t n; };          /* n bits, n / 8 bytes */

/* All places clear. Precondition: n within the bounds above. */
struct status_list status_list_new(struct scope *s, size_t n);
/* Preconditions: index < list->n. */
void status_set(struct status_list *list, uint64_t index, bool on);
bool status_get(const struct status_list *list, uint64_t index);

/* "u…" */
char *status_encode(struct scope *s, const struct status_list *list);
/* VALUE_INVALID (no such encoding), STATUS_LENGTH. */
enum refusal status_decode(struct scope *s, const char *text, size_t len, struct status_list *out);

struct status_credential {
    struct credential c;              /* c.id is the list's URL; c.status is empty */
    enum status_purpose purpose;
    struct status_list list;
    int64_t ttl_ms;                   /* how long it may be kept, of foreign lists; -1: not said */
    bool has_as_of;                   /* of ours: */
    uint64_t as_of;                   /* the log's size that it shows the state of */
    uint8_t salt[16];                 /* 128 random bits: the digest is public */
};

/* The market's own, as it is signed: a new reference. ERR_INVALID. */
err status_credential_json(struct scope *s, const struct status_credential *list, const char *issuer, json_t **out);
/* Ours or others': members that are not known are passed over, what is needed must be there. */
err status_credential_read(struct scope *s, const json_t *document, struct status_credential *out,
                           enum refusal *why);

/*
 * Whether a credential's entry is set in this list, which must be the one that it names (STATUS_OTHER), of an issuer
 * that the caller believes (a did:key; STATUS_OTHER), valid at `now`, signed at most max_age_ms ago (0: any age) and
 * not later than CLOCK_SKEW_MAX_MS ahead (STATUS_STALE), and have such a place (STATUS_RANGE).
 */
struct status_question {
    const struct status_credential *list;
    const struct status_entry *entry;
    const char *issuer;
    int64_t now, max_age_ms;
};
enum refusal status_ask(const struct status_question *q, bool *set);
