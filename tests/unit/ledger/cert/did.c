/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/did.h"
#include "tests/unit/tap.h"

static void is_did(const char *hex, const char *expected)
{
    struct public_key key, back;
    char did[DID_KEY_SIZE], method[DID_METHOD_SIZE];

    if (!hex_read(hex, strlen(hex), key.b, sizeof key.b))
        abort();
    did_key(&key, did);
    ok(strcmp(did, expected) == 0, "%s is %s", hex, did);
    ok(did_key_parse(did, &back) && memcmp(&back, &key, sizeof key) == 0, "and back");
    did_key_method(&key, method);
    ok(strlen(method) == 2 * strlen(did) + 1 - strlen("did:key:") && strncmp(method, did, strlen(did)) == 0 &&
       strcmp(method + strlen(did) + 1, did + strlen("did:key:")) == 0, "its method is %s", method);
    memset(&back, 0, sizeof back);
    ok(did_key_method_parse(method, &back) && memcmp(&back, &key, sizeof key) == 0, "and back");
    ok(!did_key_parse(method, &back), "a method is no did");
    ok(!did_key_method_parse(did, &back), "a did is no method");
}

/* A key, and what is not quite its method. */
#define KEY   "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"
#define OTHER "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
static const char *const bad[] = {
    "", "did:key:", "did:key:z", KEY, "did:key:" KEY "#", "did:key:" KEY "#" OTHER, "did:key:" KEY "#" KEY " ",
    "did:key:" KEY "#" KEY "#" KEY, "did:key:" KEY "?a#" KEY, "DID:key:" KEY "#" KEY, "did:web:" KEY "#" KEY,
    "did:key:" KEY "#key-1", " did:key:" KEY "#" KEY, "did:key:u7QEBAgM#u7QEBAgM",
    /* another multicodec: X25519, secp256k1 */
    "did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F#z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F",
    "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme#zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
    "did:key:z1" "6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
};

static void test_refused(void)
{
    struct public_key key;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ok(!did_key_method_parse(bad[i], &key), "no method: %s", bad[i]);
        ok(!did_key_parse(bad[i], &key), "nor a did");
    }
    ok(!did_key_parse("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs0", &key), "a digit that is none");
    ok(!did_key_parse("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs", &key), "a digit too few");
}

int main(void)
{
    struct public_key low = { { 0 } }, high;
    char did[DID_KEY_SIZE];

    /* RFC 8032, section 7.1, test 1 */
    is_did("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
           "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw");
    memset(high.b, 0xff, sizeof high.b);
    did_key(&low, did);
    ok(strncmp(did, "did:key:z6Mk", 12) == 0 && strlen(did) == 56, "the smallest key: %s", did);
    did_key(&high, did);
    ok(strncmp(did, "did:key:z6Mk", 12) == 0 && strlen(did) == 56, "the largest key: %s", did);
    test_refused();
    return done_testing();
}
