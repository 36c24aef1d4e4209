/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/keys/sha256.h"

#include "tests/unit/tap.h"

/* FIPS 180-4 examples. */
static const struct { const char *text, *hex; } rows[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void test_pieces(void)
{
    struct sha256 c;
    struct hash whole, pieces;
    uint8_t million[1000];

    memset(million, 'a', sizeof million);
    sha256_init(&c);
    for (int i = 0; i < 1000; i++)
        sha256_add(&c, million, sizeof million);
    whole = sha256_end(&c);
    is_hex(whole.b, HASH_SIZE, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
           "a million times 'a'");
    sha256_init(&c);
    for (size_t left = 1000000, n = 1; left > 0; left -= n, n = n % 997 + 1) {
        if (n > left)
            n = left;
        sha256_add(&c, million, n);
        sha256_add(&c, NULL, 0);
    }
    pieces = sha256_end(&c);
    ok(hash_equal(&whole, &pieces), "the same in odd pieces, nothing in between");
}

/* Every length up to beyond what is padded on the stack. */
static void test_marked(void)
{
    uint8_t text[2000];
    bool same = true;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof text; len++) {
        struct hash marked = sha256_marked(0x01, len ? text : NULL, len), whole;
        struct sha256 c;

        sha256_init(&c);
        sha256_add(&c, "\x01", 1);
        sha256_add(&c, text, len);
        whole = sha256_end(&c);
        same = same && hash_equal(&marked, &whole);
    }
    ok(same, "a marked text of any length has the hash of mark and text");
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        is_hex(sha256_of(rows[i].text, strlen(rows[i].text)).b, HASH_SIZE, rows[i].hex, "SHA-256 of a published text");
    test_pieces();
    test_marked();
    return done_testing();
}
