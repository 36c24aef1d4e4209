/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/keys/base58.h"
#include "tests/unit/tap.h"

/* From the draft "The Base58 Encoding Scheme", section 5, and leading zeros. */
static const struct { const char *hex, *text; } rows[] = {
    { "", "" },
    { "00", "1" },
    { "0000", "11" },
    { "61", "2g" },
    { "626262", "a3gV" },
    { "48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U" },
    { "54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e",
      "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z" },
    { "0000287fb4cd", "11233QC4" },
    { "ffffffffffffffff", "jpXCZedGfVQ" },
};

static void test_rows(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[64], back[64];
        char text[BASE58_SIZE(64)];
        size_t len = strlen(rows[i].hex) / 2;

        hex_read(rows[i].hex, len * 2, bytes, len);
        is_int((int64_t)base58_write(bytes, len, text), (int64_t)strlen(rows[i].text), "as many digits");
        is_str(text, rows[i].text, rows[i].hex);
        ok(base58_read(text, strlen(text), back, len) && memcmp(back, bytes, len) == 0, "and back");
        ok(!base58_read(text, strlen(text), back, len + 1), "one byte more is another number");
        ok(len == 0 || !base58_read(text, strlen(text), back, len - 1), "and one less");
    }
}

static void test_refused(void)
{
    static const char *const bad[] = { "0", "O", "I", "l", "2g ", " 2g", "2g\n", "2-g", "z6Mk\xc3\xa4" };
    uint8_t out[BASE58_BYTES_MAX + 1], full[BASE58_BYTES_MAX];
    char text[BASE58_SIZE(BASE58_BYTES_MAX) + 1];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        for (size_t n = 0; n < 8; n++)
            if (base58_read(bad[i], strlen(bad[i]), out, n))
                ok(false, "%s is taken for %zu bytes", bad[i], n);
    ok(true, "letters outside the alphabet");
    ok(!base58_read("2g\0", 3, out, 1), "NUL is no digit");
    memset(full, 0xff, sizeof full);
    ok(base58_write(full, sizeof full, text) < BASE58_SIZE(BASE58_BYTES_MAX), "the longest fits");
    ok(base58_read(text, strlen(text), out, sizeof full) && memcmp(out, full, sizeof full) == 0, "and is read back");
    memset(text, '1', sizeof text);
    ok(!base58_read(text, sizeof text, out, sizeof full), "more digits than that are refused unread");
    ok(!base58_read("1", 1, out, BASE58_BYTES_MAX + 1), "and more bytes");
}

int main(void)
{
    test_rows();
    test_refused();
    return done_testing();
}
