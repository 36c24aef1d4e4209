/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A filter over items, as a tree: read, evaluated and written by ledger/rules
 * (filter.h, where the meaning is), compiled to SQL by schema/store.
 */
enum filter_op {
    FILTER_AND, FILTER_OR,        /* two or more arguments */
    FILTER_NOT,                   /* one argument */
    FILTER_EQUAL, FILTER_UNEQUAL, FILTER_LESS, FILTER_LESS_EQUAL, FILTER_GREATER, FILTER_GREATER_EQUAL,   /* a value */
    FILTER_IN,                    /* one value or more */
    FILTER_BETWEEN,               /* two: lowest and highest, both inclusive */
    FILTER_LIKE,                  /* one text: % any characters, _ one character, \ takes the next as it is */
    FILTER_IS_NULL,               /* none */
    FILTER_OPS
};

enum filter_subject { FILTER_ATTRIBUTE, FILTER_PATH, FILTER_MEDIA_TYPE, FILTER_SIZE };
enum filter_type { FILTER_TEXT, FILTER_NUMBER, FILTER_BOOLEAN };

struct filter_value {             /* the member of its leaf's type; the others are zero */
    const char *text;             /* UTF-8, NUL-terminated, without NUL inside */
    size_t len;
    double number;                /* finite */
    bool truth;
};

struct filter {
    enum filter_op op;
    struct filter *args;          /* of and, or, not; NULL in a leaf */
    size_t n_args;
    enum filter_subject subject;  /* of a leaf: what is compared, */
    const char *name;             /* and the property's name as written; NULL above a leaf */
    enum filter_type type;        /* of all its values */
    const struct filter_value *values;
    size_t n_values;
};
