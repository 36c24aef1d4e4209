/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * base58btc, the alphabet of multibase "z", for keys and signatures: quadratic, so for a few bytes only. One text for
 * one value: each leading zero byte is a leading "1", no other character is skipped.
 */
#define BASE58_BYTES_MAX 128
#define BASE58_SIZE(n)   ((n) * 138 / 100 + 2)                      /* digits and NUL of n bytes */

/* out: BASE58_SIZE(len); strlen. Precondition: len <= BASE58_BYTES_MAX. */
size_t base58_write(const void *bytes, size_t len, char *out);
/* Decodes into exactly out_len bytes, at most BASE58_BYTES_MAX; false if the text is anything else. */
bool base58_read(const char *text, size_t text_len, uint8_t *out, size_t out_len);
