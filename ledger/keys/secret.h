/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sodium.h>

#include "ledger/keys/sign.h"

/* What a secret key is made of: for the files of this room only. Lives in sodium_malloc'ed memory. */
struct secret_key { uint8_t expanded[crypto_sign_SECRETKEYBYTES]; };

/* The seed that the key was made from; the caller wipes it. */
void secret_key_seed(const struct secret_key *k, uint8_t seed[ED25519_SEED]);
