/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/keys/sign.h"
#include "schema/base/scope.h"

/*
 * did:key of an Ed25519 public key: "did:key:z" and base58btc of 0xed 0x01 and the key's 32 bytes. Pure. It always
 * begins with "did:key:z6Mk", since the first bytes are always the same.
 */
#define DID_KEY_SIZE 64           /* "did:key:z", 47 digits, NUL */

void did_key(const struct public_key *key, char out[DID_KEY_SIZE]);
