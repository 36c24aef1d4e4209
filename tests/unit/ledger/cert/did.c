/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/did.h"
#include "tests/unit/tap.h"

static void is_did(const char *hex, const char *expected)
{
    struct public_key key;
    char did[DID_KEY_SIZE];

    if (!hex_read(hex, strlen(hex), key.b, sizeof key.b))
        abort();
    did_key(&key, did);
    ok(strcmp(did, expected) == 0, "%s is %s", hex, did);
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
    return done_testing();
}
