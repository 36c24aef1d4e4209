/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * The subset of JSON Schema that the contract uses, compiled once at load.
 *
 *   type (one, or a list such as ["string","null"])   enum   const
 *   properties  required  additionalProperties         (false unless said otherwise)
 *   items  minItems  maxItems
 *   minimum  maximum                                   integers
 *   minLength  maxLength                               characters
 *   pattern                                            POSIX ERE that reads the same as ECMA-262; matched bytewise
 *   $ref to #/components/schemas/NAME                  alone, but for annotations
 *
 * Annotations (description, title, format, default, example …) are skipped, any
 * other keyword is refused at load, and so is one beside a type it says nothing
 * about. `{}` is any value. Immutable once compiled, shared by all threads.
 */
struct schema;
struct schema_regex;

/* What compiling needs to know and what it leaves to free. */
struct schemas {
    struct scope *mem;                    /* where everything compiled lives */
    const json_t *named;                  /* components/schemas, borrowed; NULL: none */
    struct schema **compiled;             /* one for each of `named`, in its order */
    struct schema_regex *regexes;
};

/* A way down into a document: frames on the stack, printed as a JSON pointer only when something is wrong. */
struct spot { const struct spot *up; const char *key; size_t index; };      /* key NULL: an index */
char *spot_pointer(struct scope *s, const struct spot *at);                 /* RFC 6901; "" at the root */

/* Refusing a document of our own: ERR_CONFIG, the pointer in the detail too, since logs show that. */
err spot_refuse(struct scope *s, const struct spot *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Compiles all of `named`; then single schemas. Failures (ERR_CONFIG) are told in `s`. */
err  schemas_open(struct scope *s, struct schemas *set, struct scope *mem, const json_t *named, const struct spot *at);
err  schema_compile(struct scope *s, struct schemas *set, const json_t *source, const struct spot *at,
                    const struct schema **out);
void schemas_close(struct schemas *set);

/* A value against its schema: `code` with a JSON pointer and a phrase ("must be a string"). */
err schema_check(struct scope *s, err code, const struct schema *schema, const json_t *value);
/* A parameter's text, read by the schema's type: string, integer, boolean; an array stands for each of its items. */
err schema_check_text(struct scope *s, const struct schema *schema, const char *pointer, const char *text);
bool schema_is_list(const struct schema *schema);
