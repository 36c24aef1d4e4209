/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/scope.h"

/*
 * Bytes, their text forms (hex, base64 of RFC 4648), UTF-8, and a growing
 * buffer in a scope. Decoders are strict: one text for one value (lower-case
 * hex, canonical base64), anything else is false.
 */
#define HASH_SIZE 32               /* SHA-256 */

struct hash  { uint8_t b[HASH_SIZE]; };
struct bytes { const uint8_t *p; size_t len; };          /* borrowed */

bool hash_equal(const struct hash *a, const struct hash *b);
char *hash_hex(struct scope *s, const struct hash *h);   /* 64 digits */
bool  hash_parse(const char *hex, struct hash *out);     /* exactly 64 lowercase digits */

#define HEX_SIZE(n) ((n) * 2 + 1)
void hex_write(const void *bytes, size_t len, char *out);              /* out: HEX_SIZE(len) */
bool hex_read(const char *hex, size_t hex_len, uint8_t *out, size_t out_len);  /* hex_len == 2 * out_len */

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
size_t base64_write(const void *bytes, size_t len, char *out);         /* padded; strlen; out: BASE64_SIZE(len) */
size_t base64url_write(const void *bytes, size_t len, char *out);      /* no padding; the same size suffices */
/* Decodes text of text_len; false if malformed, not canonical, or longer than cap. */
bool   base64_read(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len);
bool   base64url_read(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len);

bool utf8_valid(const char *text, size_t len);           /* RFC 3629: no surrogates, no overlong forms; NUL allowed */

uint16_t be16_read(const uint8_t *p);
uint32_t be32_read(const uint8_t *p);
uint64_t be64_read(const uint8_t *p);
void     be16_write(uint8_t *p, uint16_t v);
void     be32_write(uint8_t *p, uint32_t v);
void     be64_write(uint8_t *p, uint64_t v);

/* A decimal without sign or leading zero, at most max; false otherwise. */
bool decimal_read(const char *text, size_t len, uint64_t max, uint64_t *out);

/* A text or byte buffer that grows in its scope; `p` is NUL-terminated when non-NULL. */
struct buf { struct scope *s; char *p; size_t len, cap; };
#define BUF(scope_) ((struct buf){ .s = (scope_) })
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
