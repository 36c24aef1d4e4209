/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random filters and random attributes by a seed: few names and values, so that
 * they meet, and odd ones among them, so that they differ where it matters.
 */
#include <jansson.h>

#include "schema/base/bytes.h"
#include "tests/unit/tap.h"

struct seeded { uint64_t state; };

__attribute__((unused)) static uint64_t seeded_next(struct seeded *r)        /* splitmix64 */
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

__attribute__((unused)) static uint64_t seeded_below(struct seeded *r, uint64_t n)
{
    return seeded_next(r) % n;
}

/* COUNTERFOIL_SEED repeats a failure; it is printed. */
__attribute__((unused)) static struct seeded seeded_start(void)
{
    const char *text = getenv("COUNTERFOIL_SEED");
    uint64_t seed = 20260101;

    if (text && !decimal_read(text, strlen(text), UINT64_MAX, &seed))
        abort();
    printf("# COUNTERFOIL_SEED=%" PRIu64 "\n", seed);
    return (struct seeded){ seed };
}

#define RANDOM_NAMES 8
static const char *const random_names[RANDOM_NAMES + 3] = {
    "language", "quality", "a b", "\xc3\xa9t\xc3\xa9", "x'\"\\", "$1", "n", "deep", "path", "size", "media_type",
};
/* NFC and NFD, U+FFFF against an astral character, case, what LIKE knows, digits, prefixes of one another */
static const char *const random_texts[] = {
    "", "en", "EN", "en-GB", "e", "de", "\xc3\xa9", "e\xcc\x81", "\xef\xbf\xbf", "\xf0\x9f\x98\x80", "Z", "a", "100%",
    "a_b", "a\\b", "1", "true", "null", "'; --", "\x7f", "\n", "z",
};
static const double random_numbers[] = {
    0, 1, -1, 0.1, 0.2, 0.30000000000000004, 0.3, 0.8, 1e-7, 5e-324, 1.5, -2.25, 4294967296.0, 9007199254740991.0,
    -9007199254740991.0, 123456.789, 1e15, 100,
};
static const char *const random_patterns[] = {
    "%", "_", "__", "e%", "%e", "%n%", "e_", "%\\%", "a\\_b", "%\\\\%", "\xc3\xa9", "_\xcc\x81", "%_%", "%%", "",
    "_%_", "en-__", "%-%B", "\\e\\n",
};

__attribute__((unused)) static json_t *random_text(struct seeded *r)
{
    return json_string(random_texts[seeded_below(r, ARRAY_LEN(random_texts))]);
}

__attribute__((unused)) static json_t *random_number(struct seeded *r)
{
    double v = random_numbers[seeded_below(r, ARRAY_LEN(random_numbers))];

    return v == (double)(int64_t)v && seeded_below(r, 4) ? json_integer((json_int_t)v) : json_real(v);
}

__attribute__((unused)) static json_t *random_literal(struct seeded *r, unsigned type)
{
    return type == 0 ? random_text(r) : type == 1 ? random_number(r) : json_boolean(seeded_below(r, 2));
}

/* Attributes of an item: every name may be absent, null, of any type, an array or an object. */
__attribute__((unused)) static json_t *random_attributes(struct seeded *r)
{
    json_t *o = json_object();

    for (size_t i = 0; i < ARRAY_LEN(random_names); i++)
        switch (seeded_below(r, 12)) {
        case 0: case 1: break;
        case 2: json_object_set_new(o, random_names[i], json_null()); break;
        case 3: json_object_set_new(o, random_names[i], json_pack("[o]", random_text(r))); break;
        case 4: json_object_set_new(o, random_names[i], json_pack("{s:o}", "language", random_text(r))); break;
        case 5: json_object_set_new(o, random_names[i], json_real(seeded_below(r, 2) ? 1e300 : -1e21)); break;
        default: json_object_set_new(o, random_names[i], random_literal(r, (unsigned)seeded_below(r, 3)));
        }
    return o;
}

/* An item's path: all are different, their order is not that of their numbers. */
__attribute__((unused)) static const char *random_path(struct scope *s, struct seeded *r, size_t n)
{
    return scope_printf(s, "%s%zu/%s", seeded_below(r, 2) ? "\xc3\xa9" : "d", n % 7,
                        scope_printf(s, "%" PRIu64 "-%zu%s", seeded_below(r, 1000), n,
                                     seeded_below(r, 3) ? "" : "\xf0\x9f\x98\x80"));
}

__attribute__((unused)) static json_t *random_leaf(struct seeded *r)
{
    static const char *const compare[] = { "=", "<>", "<", "<=", ">", ">=", "between", "in", "like", "isNull" };
    size_t name = seeded_below(r, ARRAY_LEN(random_names));
    unsigned type = name == RANDOM_NAMES + 1 ? 1 : name >= RANDOM_NAMES ? 0 : (unsigned)seeded_below(r, 3);
    size_t op = seeded_below(r, ARRAY_LEN(compare));
    json_t *args = json_pack("[{s:s}]", "property", random_names[name]);

    if ((type == 2 && op >= 2 && op <= 6) || (type != 0 && op == 8))
        op = 0;
    if (op <= 6)
        json_array_append_new(args, random_literal(r, type));
    if (op == 6)
        json_array_append_new(args, random_literal(r, type));
    if (op == 8)
        json_array_append_new(args, json_string(random_patterns[seeded_below(r, ARRAY_LEN(random_patterns))]));
    if (op == 7) {
        json_t *list = json_array();
        for (size_t n = 1 + seeded_below(r, 5); n > 0; n--)
            json_array_append_new(list, random_literal(r, type));
        json_array_append_new(args, list);
    }
    return json_pack("{s:s, s:o}", "op", compare[op], "args", args);
}

__attribute__((unused)) static json_t *random_filter(struct seeded *r, unsigned depth)
{
    uint64_t kind = depth == 0 ? 3 : seeded_below(r, 5);
    json_t *args = kind < 3 ? json_array() : NULL;

    if (kind >= 3)
        return random_leaf(r);
    for (size_t n = kind == 2 ? 1 : 2 + seeded_below(r, 3); n > 0; n--)
        json_array_append_new(args, random_filter(r, depth - 1));
    return json_pack("{s:s, s:o}", "op", kind == 0 ? "and" : kind == 1 ? "or" : "not", "args", args);
}
