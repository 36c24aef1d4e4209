/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/did.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define MULTICODEC 2              /* 0xed01: an Ed25519 public key, as a varint */
#define PREFIX     "did:key:z"

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* Divides the number by 58, in place; its remainder. */
static unsigned divide(uint8_t *number, size_t len)
{
    unsigned rest = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned value = rest << 8 | number[i];

        number[i] = (uint8_t)(value / 58);
        rest = value % 58;
    }
    return rest;
}

static bool is_zero(const uint8_t *number, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (number[i])
            return false;
    return true;
}

void did_key(const struct public_key *key, char out[DID_KEY_SIZE])
{
    uint8_t number[MULTICODEC + ED25519_PUBLIC] = { 0xed, 0x01 };
    char digits[DID_KEY_SIZE];
    size_t n = 0, at = strlen(PREFIX);

    memcpy(number + MULTICODEC, key->b, ED25519_PUBLIC);
    while (!is_zero(number, sizeof number))          /* no leading zero byte: the first is 0xed */
        digits[n++] = alphabet[divide(number, sizeof number)];
    assert(at + n < DID_KEY_SIZE);
    memcpy(out, PREFIX, at);
    while (n > 0)
        out[at++] = digits[--n];
    out[at] = '\0';
}
