/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/json/schema.h"

/* A compiled schema: what compile.c makes and schema.c walks; nobody else looks in. */
enum {
    TYPE_OBJECT = 1, TYPE_ARRAY = 2, TYPE_STRING = 4, TYPE_INTEGER = 8, TYPE_NUMBER = 16, TYPE_BOOLEAN = 32,
    TYPE_NULL = 64
};

struct property { const char *name; const struct schema *schema; bool required; };

struct schema {
    unsigned types;                              /* 0: any value, nothing else is checked but `allowed` */
    const json_t *const *allowed;                /* of enum, or the one of const; NULL: no bound */
    size_t n_allowed;
    struct property *properties;                 /* sorted by name */
    size_t n_properties, n_required;
    const struct schema *extra;                  /* of fields that are not in properties; NULL: refused */
    const struct schema *items;                  /* NULL: any */
    size_t min_items, max_items;
    size_t min_length, max_length;               /* characters */
    int64_t minimum, maximum;
    const struct schema_regex *pattern;
};

int property_compare(const void *a, const void *b);
bool schema_regex_matches(const struct schema_regex *regex, const char *text);
const char *schema_regex_text(const struct schema_regex *regex);
