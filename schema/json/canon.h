/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"

/*
 * JSON as we read and hash it.
 *
 * json_read: strict reading of bytes from outside: UTF-8, no duplicate keys,
 * no NUL in strings, depth <= JSON_DEPTH_MAX, integers within +-(2^53 - 1),
 * nothing after the value. Fractions are refused for now.
 * canon: the canonical form of RFC 8785: keys sorted by UTF-16 code units,
 * shortest escapes, no white space. Everything that is hashed or signed goes
 * through here; dumping by jansson itself is for answers only.
 *
 * jansson allocates with malloc: a json_t is dropped by its owner (json_decref).
 */
err json_read(struct scope *s, const char *text, size_t len, json_t **out);       /* ERR_MALFORMED with line or byte; new reference */
err canon(struct scope *s, const json_t *value, struct bytes *out);               /* ERR_INVALID: a fraction, an integer too large */
void canon_string(struct buf *b, const char *utf8, size_t len);                   /* one quoted string, RFC 8785 section 3.2.2.2 */
/* True if `text` is exactly the canonical form of some value of our subset. */
bool canon_is(struct scope *s, const char *text, size_t len);
