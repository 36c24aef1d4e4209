/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"

/*
 * JSON as we read and hash it.
 *
 * json_read: strict reading of bytes from outside: UTF-8, no duplicate keys,
 * no NUL and no lone surrogate in strings, strings <= JSON_STRING_MAX, depth
 * <= JSON_DEPTH_MAX, at most JSON_VALUES_MAX values, integers within
 * +-(2^53 - 1), nothing after the value. Fractions and exponents are refused
 * for now. Depth, count and numbers are checked before anything is built.
 * canon: the canonical form of RFC 8785: keys sorted by UTF-16 code units,
 * shortest escapes, no white space. Everything that is hashed or signed goes
 * through here; dumping by jansson itself is for answers only.
 *
 * jansson allocates with malloc: a json_t is dropped by its owner (json_decref).
 */
#define JSON_INTEGER_MAX INT64_C(9007199254740991)     /* 2^53 - 1, RFC 7493 section 2.2 */

/* ERR_MALFORMED with line and byte; new reference */
err json_read(struct scope *s, const char *text, size_t len, json_t **out);
/*
 * The same for texts of our own with another bound for the depth: the contract's schemas nest deeper than
 * bodies may.
 */
err json_read_deep(struct scope *s, const char *text, size_t len, unsigned depth_max, json_t **out);
/* ERR_INVALID: a fraction, an integer too large, too deep */
err canon(struct scope *s, const json_t *value, struct bytes *out);
/* one quoted string, RFC 8785 section 3.2.2.2 */
void canon_string(struct buf *b, const char *utf8, size_t len);
/* True if `text` is exactly the canonical form of some value of our subset. Leaves s->why alone. */
bool canon_is(struct scope *s, const char *text, size_t len);
