/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"
#include "schema/model/filter.h"

/*
 * Filters: the subset of CQL2-JSON (OGC 21-065r2) that picks the items of a slice.
 *
 *   {"op":"and","args":[{"op":"=","args":[{"property":"language"},"en"]},
 *                       {"op":">=","args":[{"property":"quality"},0.8]}]}
 *
 * and, or (two arguments or more), not; = <> < <= > >= between, in, like and
 * isNull over one property, which comes first, and literals: text, numbers,
 * true, false. `path`, `media_type` (texts) and `size` (a number, bytes) are the
 * item's own; every other name is a member of its attributes at the top level,
 * to the byte. Literals of one leaf are of one type; true and false know only =,
 * <> and in; numbers lie within +-(2^53 - 1). What is not in the subset is
 * refused when it is read, with a JSON pointer to it.
 *
 * The evaluator here is normative, the SQL that schema/store makes of the same
 * tree is tested to be equal to it. Its logic has two values:
 *
 *   - A comparison, between, in or like holds if the property is there, is of
 *     the literals' type and stands in that relation. Otherwise it is false: an
 *     absent attribute, null, another type, an array, an object. Nothing is
 *     converted: "1" is not 1.
 *   - not is the plain opposite. So `language <> "en"` leaves an item without a
 *     language out, `not (language = "en")` takes it.
 *   - isNull holds if the attribute is absent or null. An item's own properties
 *     never are.
 *   - Text compares by its UTF-8 bytes without normalization, numbers as IEEE
 *     754 doubles (0 equals -0). like counts Unicode characters for _, and has
 *     no case folding.
 *
 * Depth, nodes, literals and their lengths are bounded (limits.h, FILTER_…).
 */

/*
 * `at`: JSON pointer to the filter in what was sent (read with json_read_as() and any_number). ERR_INVALID. Everything
 * in `*out` lives in the scope.
 */
err filter_read(struct scope *s, const json_t *value, const char *at, struct filter **out);

struct filter_item {
    const char *path;
    size_t path_len;
    const char *media_type;
    int64_t size;
    const json_t *attributes;     /* borrowed; NULL: none at all */
};
bool filter_match(const struct filter *f, const struct filter_item *item);

/*
 * The canonical form (RFC 8785) of the filter as it was read: order and repeats
 * stay, numbers have their shortest text. Reading it gives the same tree.
 */
void filter_canon(struct buf *b, const struct filter *f);

const char *filter_op_name(enum filter_op op);            /* "and", "<=", "isNull" */
