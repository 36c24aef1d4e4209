/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/keys/sign.h"

#include "tests/unit/tap.h"

/* RFC 8032, section 7.1, tests 1 to 3. */
static const struct { const char *seed, *key, *message, *sig; } rfc8032[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
      "655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
      "b00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
      "c027beceea1ec40a" },
};

static void test_rfc8032(void)
{
    uint8_t seed[ED25519_SEED], message[8];

    for (size_t i = 0; i < ARRAY_LEN(rfc8032); i++) {
        size_t len = strlen(rfc8032[i].message) / 2;
        struct secret_key *k;
        struct public_key public;
        struct signature sig;

        ok(hex_read(rfc8032[i].seed, 64, seed, sizeof seed) && hex_read(rfc8032[i].message, len * 2, message, len),
           "RFC 8032 test %zu", i + 1);
        k = secret_key_from_seed(seed);
        public = secret_key_public(k);
        sig = key_sign(k, message, len);
        is_hex(public.b, sizeof public.b, rfc8032[i].key, "public key");
        is_hex(sig.b, sizeof sig.b, rfc8032[i].sig, "signature");
        ok(key_verify(&public, message, len, &sig), "verifies");
        for (size_t bit = 0; bit < 8 * sizeof sig.b; bit += 37) {
            struct signature other = sig;
            other.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ok(!key_verify(&public, message, len, &other), "not with bit %zu flipped", bit);
        }
        secret_key_free(k);
    }
}

static void test_keys(void)
{
    struct secret_key *a = secret_key_new(), *b = secret_key_new();
    struct public_key pa = secret_key_public(a), pb = secret_key_public(b), small = { { 1 } };
    struct signature sig = key_sign(a, "x", 1), none = { { 1 } };

    ok(memcmp(pa.b, pb.b, sizeof pa.b) != 0, "new keys differ");
    ok(key_verify(&pa, "x", 1, &sig) && !key_verify(&pb, "x", 1, &sig) && !key_verify(&pa, "y", 1, &sig),
       "a signature is of one key and one message");
    ok(!key_verify(&small, "x", 1, &none), "a key of small order signs nothing");
    secret_key_free(a);
    secret_key_free(b);
    secret_key_free(NULL);
}

static void test_digest(void)
{
    uint8_t pepper[API_PEPPER_SIZE] = { 1 }, other[API_PEPPER_SIZE] = { 2 };
    struct hash a = api_key_digest(pepper, "secret", 6), b = api_key_digest(pepper, "secret", 6);
    struct hash c = api_key_digest(other, "secret", 6), d = api_key_digest(pepper, "secres", 6);

    /* Keyed BLAKE2b-256, computed with Python's hashlib.blake2b(key=..., digest_size=32). */
    is_hex(a.b, HASH_SIZE, "9fadb2e4f85734f4cf371cb742d87fd273ca8f36856b989e90b6203b475491f9", "keyed BLAKE2b-256");
    ok(hash_equal(&a, &b) && !hash_equal(&a, &c) && !hash_equal(&a, &d), "of one pepper and one secret");
    ok(bytes_equal_constant_time("ab", "ab", 2) && !bytes_equal_constant_time("ab", "ac", 2),
       "constant-time comparison");
}

int main(void)
{
    keys_init();
    test_rfc8032();
    test_keys();
    test_digest();
    return done_testing();
}
