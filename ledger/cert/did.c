/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/did.h"

#include <stdbool.h>
#include <string.h>

#include "ledger/keys/base58.h"

#define MULTICODEC 2              /* 0xed01: an Ed25519 public key, as a varint */
#define SCHEME     "did:key:"
#define PREFIX     SCHEME "z"

void did_key(const struct public_key *key, char out[DID_KEY_SIZE])
{
    uint8_t number[MULTICODEC + ED25519_PUBLIC] = { 0xed, 0x01 };

    _Static_assert(sizeof PREFIX - 1 + BASE58_SIZE(sizeof number) <= DID_KEY_SIZE, "a did:key must fit");
    memcpy(number + MULTICODEC, key->b, ED25519_PUBLIC);
    memcpy(out, PREFIX, sizeof PREFIX);
    base58_write(number, sizeof number, out + strlen(PREFIX));
}

void did_key_method(const struct public_key *key, char out[DID_METHOD_SIZE])
{
    char did[DID_KEY_SIZE];
    size_t len;

    did_key(key, did);
    len = strlen(did);
    memcpy(out, did, len);
    out[len] = '#';
    memcpy(out + len + 1, did + strlen(SCHEME), len - strlen(SCHEME) + 1);
}

static bool parse(const char *did, size_t len, struct public_key *out)
{
    uint8_t number[MULTICODEC + ED25519_PUBLIC];
    size_t prefix = strlen(PREFIX);

    if (len < prefix || memcmp(did, PREFIX, prefix) != 0 ||
        !base58_read(did + prefix, len - prefix, number, sizeof number) || number[0] != 0xed || number[1] != 0x01)
        return false;
    memcpy(out->b, number + MULTICODEC, ED25519_PUBLIC);
    return true;
}

bool did_key_parse(const char *did, struct public_key *out)
{
    return parse(did, strlen(did), out);
}

bool did_key_method_parse(const char *method, struct public_key *out)
{
    char again[DID_METHOD_SIZE];
    size_t len = strcspn(method, "#");

    if (!parse(method, len, out))
        return false;
    did_key_method(out, again);
    return strcmp(method, again) == 0;
}
