/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/keys/sign.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/keys/secret.h"

_Static_assert(crypto_sign_PUBLICKEYBYTES == ED25519_PUBLIC, "size of a public key");
_Static_assert(crypto_sign_BYTES == ED25519_SIG, "size of a signature");
_Static_assert(crypto_sign_SEEDBYTES == ED25519_SEED, "size of a seed");
_Static_assert(crypto_generichash_BYTES == HASH_SIZE, "size of a digest");
_Static_assert(crypto_generichash_KEYBYTES == API_PEPPER_SIZE, "size of a pepper");

void keys_init(void)
{
    if (sodium_init() < 0)
        abort();
}

struct secret_key *secret_key_from_seed(const uint8_t seed[ED25519_SEED])
{
    struct secret_key *k = sodium_malloc(sizeof *k);
    struct public_key public;

    if (!k)
        abort();
    crypto_sign_seed_keypair(public.b, k->expanded, seed);
    if (sodium_mprotect_readonly(k) != 0)
        abort();
    return k;
}

struct secret_key *secret_key_new(void)
{
    uint8_t seed[ED25519_SEED];
    struct secret_key *k;

    randombytes_buf(seed, sizeof seed);
    k = secret_key_from_seed(seed);
    sodium_memzero(seed, sizeof seed);
    return k;
}

void secret_key_free(struct secret_key *k)
{
    sodium_free(k);     /* wipes */
}

void secret_key_seed(const struct secret_key *k, uint8_t seed[ED25519_SEED])
{
    crypto_sign_ed25519_sk_to_seed(seed, k->expanded);
}

struct public_key secret_key_public(const struct secret_key *k)
{
    struct public_key public;

    crypto_sign_ed25519_sk_to_pk(public.b, k->expanded);
    return public;
}

struct signature key_sign(const struct secret_key *k, const void *bytes, size_t len)
{
    struct signature sig;

    crypto_sign_detached(sig.b, NULL, bytes, len, k->expanded);
    return sig;
}

bool key_verify(const struct public_key *k, const void *bytes, size_t len, const struct signature *sig)
{
    return crypto_sign_verify_detached(sig->b, bytes, len, k->b) == 0;
}

struct hash api_key_digest(const uint8_t pepper[API_PEPPER_SIZE], const char *secret, size_t len)
{
    struct hash h;
    int rc = crypto_generichash(h.b, sizeof h.b, (const uint8_t *)secret, len, pepper, API_PEPPER_SIZE);

    assert(rc == 0);
    return h;
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
