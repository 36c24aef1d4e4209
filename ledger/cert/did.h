/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/keys/sign.h"
#include "schema/base/scope.h"

/*
 * did:key of an Ed25519 public key: "did:key:z" and base58btc of 0xed 0x01 and the key's 32 bytes. Pure. It always
 * begins with "did:key:z6Mk", since the first bytes are always the same. Its one verification method is itself, "#",
 * and what follows "did:key:" once more.
 */
#define DID_KEY_SIZE    64        /* "did:key:z", 47 digits, NUL */
#define DID_METHOD_SIZE 128

void did_key(const struct public_key *key, char out[DID_KEY_SIZE]);
void did_key_method(const struct public_key *key, char out[DID_METHOD_SIZE]);

/* Strict: exactly what the two above write; false otherwise. Whether the bytes are a point says verifying. */
bool did_key_parse(const char *did, struct public_key *out);
bool did_key_method_parse(const char *method, struct public_key *out);
