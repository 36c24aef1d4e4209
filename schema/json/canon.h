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
 * +-(2^53 - 1), nothing after the value. Fractions and exponents are refused:
 * the ledger's entries have none. Depth, count and numbers are checked before
 * anything is built.
 * json_read_as: the same by other rules. With `any_number` numbers are IEEE
 * doubles (RFC 7493, section 2.2): one too large for a double is refused, and so
 * is a whole one beyond 2^53 - 1 unless it is written as the shortest text of
 * its double, since it would silently become another number. A number that is
 * whole and within +-(2^53 - 1) is a JSON_INTEGER however it was written ("5.0",
 * "1e3", "-0"), any other a JSON_REAL: what is read equals its canonical form
 * read again.
 * canon: the canonical form of RFC 8785: keys sorted by UTF-16 code units,
 * shortest escapes, numbers as ECMAScript prints them, no white space. Everything
 * that is hashed or signed goes through here; dumping by jansson itself is for
 * answers only.
 *
 * jansson allocates with malloc: a json_t is dropped by its owner (json_decref).
 */
#define JSON_INTEGER_MAX INT64_C(9007199254740991)     /* 2^53 - 1, RFC 7493 section 2.2 */

struct json_rules {
    unsigned depth_max;           /* 0: JSON_DEPTH_MAX */
    size_t string_max;            /* bytes of one string; 0: JSON_STRING_MAX */
    size_t values_max;            /* values in the text; 0: JSON_VALUES_MAX */
    bool any_number;              /* fractions, exponents and all doubles too */
};

/* ERR_MALFORMED with line and byte; new reference */
err json_read(struct scope *s, const char *text, size_t len, json_t **out);
err json_read_as(struct scope *s, const char *text, size_t len, struct json_rules rules, json_t **out);
/* ERR_INVALID: an integer too large, too deep, or NULL: what json_object_get() gives of a member that isn't there */
err canon(struct scope *s, const json_t *value, struct bytes *out);
/* one quoted string, RFC 8785 section 3.2.2.2 */
void canon_string(struct buf *b, const char *utf8, size_t len);
/*
 * A double as RFC 8785, section 3.2.2.3 writes it, which is ECMAScript's Number::toString: the fewest digits that
 * give the same double again, and of these the nearest; NUL-terminated; its length. Precondition: finite. Whatever
 * the locale.
 */
#define NUMBER_TEXT_SIZE 32
size_t number_write(double v, char out[NUMBER_TEXT_SIZE]);
/* True if `text` is exactly the canonical form of some value, numbers of all kinds included. Leaves s->why alone. */
bool canon_is(struct scope *s, const char *text, size_t len);
