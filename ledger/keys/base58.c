/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/keys/base58.h"

#include <assert.h>
#include <string.h>

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

size_t base58_write(const void *bytes, size_t len, char *out)
{
    uint8_t number[BASE58_BYTES_MAX];
    char digits[BASE58_SIZE(BASE58_BYTES_MAX)];
    size_t zeros = 0, n = 0, at = 0;

    assert(len <= sizeof number);
    memcpy(number, bytes, len);
    while (zeros < len && number[zeros] == 0)
        zeros++;
    for (size_t from = zeros; from < len;) {
        digits[n++] = alphabet[divide(number + from, len - from)];
        while (from < len && number[from] == 0)
            from++;
    }
    while (at < zeros)
        out[at++] = '1';
    while (n > 0)
        out[at++] = digits[--n];
    out[at] = '\0';
    return at;
}

/* Multiplies the number by 58 and adds a digit, in place; false if it does not fit. */
static bool push(uint8_t *number, size_t len, unsigned digit)
{
    for (size_t i = len; i-- > 0;) {
        unsigned value = number[i] * 58u + digit;

        number[i] = (uint8_t)value;
        digit = value >> 8;
    }
    return digit == 0;
}

bool base58_read(const char *text, size_t text_len, uint8_t *out, size_t out_len)
{
    size_t ones = 0, zeros = 0;

    if (out_len > BASE58_BYTES_MAX || text_len >= BASE58_SIZE(BASE58_BYTES_MAX))
        return false;
    memset(out, 0, out_len);
    for (size_t i = 0; i < text_len; i++) {
        const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;

        if (!digit || !push(out, out_len, (unsigned)(digit - alphabet)))
            return false;
    }
    while (ones < text_len && text[ones] == '1')
        ones++;
    while (zeros < out_len && out[zeros] == 0)
        zeros++;
    return ones == zeros;
}
