/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/bytes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->b, b->b, HASH_SIZE) == 0;
}

char *hash_hex(struct scope *s, const struct hash *h)
{
    char *text = scope_alloc(s, HEX_SIZE(HASH_SIZE), 1);

    hex_write(h->b, HASH_SIZE, text);
    return text;
}

bool hash_parse(const char *hex, struct hash *out)
{
    return strlen(hex) == HASH_SIZE * 2 && hex_read(hex, HASH_SIZE * 2, out->b, HASH_SIZE);
}

void hex_write(const void *bytes, size_t len, char *out)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i++) {
        *out++ = hex_digits[p[i] >> 4];
        *out++ = hex_digits[p[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hex_read(const char *hex, size_t hex_len, uint8_t *out, size_t out_len)
{
    if (hex_len != out_len * 2)
        return false;
    for (size_t i = 0; i < out_len; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static size_t base64_encode(const uint8_t *p, size_t len, char *out, const char *alphabet, bool pad)
{
    char *start = out;
    size_t i = 0;

    for (; len - i >= 3; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (i < len) {
        size_t left = len - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0);
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        if (left > 1 || pad)
            *out++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        if (pad)
            *out++ = '=';
    }
    *out = '\0';
    return (size_t)(out - start);
}

size_t base64_write(const void *bytes, size_t len, char *out)
{
    return base64_encode(bytes, len, out, base64_std, true);
}

size_t base64url_write(const void *bytes, size_t len, char *out)
{
    return base64_encode(bytes, len, out, base64_url, false);
}

/* Decodes len characters without padding; the bits left over must be zero. */
static bool base64_decode(const char *text, size_t len, const char *alphabet, uint8_t *out, size_t cap, size_t *out_len)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;

    if (len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (n == cap)
            return false;
        out[n++] = (uint8_t)(bits >> have);
        bits &= (1u << have) - 1;
    }
    *out_len = n;
    return bits == 0;
}

bool base64_read(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len)
{
    size_t end = text_len;

    if (text_len % 4 != 0)
        return false;
    while (end > 0 && text_len - end < 2 && text[end - 1] == '=')
        end--;
    return base64_decode(text, end, base64_std, out, cap, len);
}

bool base64url_read(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len)
{
    return base64_decode(text, text_len, base64_url, out, cap, len);
}

/* Length of the UTF-8 sequence at p, 0 if malformed (Unicode 15, table 3-7). */
static size_t utf8_step(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    if (p[0] == 0xed)
        high = 0x9f;
    if (p[0] == 0xf0)
        low = 0x90;
    if (p[0] == 0xf4)
        high = 0x8f;
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool utf8_valid(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;

    for (size_t i = 0, n; i < len; i += n)
        if ((n = utf8_step(p + i, len - i)) == 0)
            return false;
    return true;
}

uint16_t be16_read(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
uint32_t be32_read(const uint8_t *p) { return (uint32_t)be16_read(p) << 16 | be16_read(p + 2); }
uint64_t be64_read(const uint8_t *p) { return (uint64_t)be32_read(p) << 32 | be32_read(p + 4); }

void be16_write(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void be32_write(uint8_t *p, uint32_t v)
{
    be16_write(p, (uint16_t)(v >> 16));
    be16_write(p + 2, (uint16_t)v);
}

void be64_write(uint8_t *p, uint64_t v)
{
    be32_write(p, (uint32_t)(v >> 32));
    be32_write(p + 4, (uint32_t)v);
}

bool decimal_read(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (len == 0 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned d = (unsigned)text[i] - '0';
        if (d > 9 || v > (max - d) / 10 || (max < d))
            return false;
        v = v * 10 + d;
    }
    *out = v;
    return v <= max;
}

static void reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    char *grown;

    if (b->len + more + 1 <= b->cap)
        return;
    while (cap < b->len + more + 1)
        cap *= 2;
    grown = scope_alloc(b->s, cap, 1);
    if (b->len)
        memcpy(grown, b->p, b->len);
    b->p = grown;
    b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    reserve(b, len);
    if (len)
        memcpy(b->p + b->len, bytes, len);
    b->len += len;
    b->p[b->len] = '\0';
}

void buf_str(struct buf *b, const char *text) { buf_add(b, text, strlen(text)); }
void buf_char(struct buf *b, char c)          { buf_add(b, &c, 1); }

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do
        digits[--n] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    buf_add(b, digits + n, sizeof digits - n);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap, again;
    int len;

    va_start(ap, format);
    va_copy(again, ap);
    len = vsnprintf(NULL, 0, format, ap);
    assert(len >= 0);
    reserve(b, (size_t)len);
    vsnprintf(b->p + b->len, (size_t)len + 1, format, again);
    b->len += (size_t)len;
    va_end(again);
    va_end(ap);
}
