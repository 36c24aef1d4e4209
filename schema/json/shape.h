/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/*
 * Declared shapes: a table of a JSON object's members, and the struct it is read into.
 *
 * For a body that the contract has let through; what the contract cannot say (an
 * id's letters, a real date) is checked here. Strings and inner values are borrowed
 * from the object and live as long as it does. A member that is absent or null leaves
 * its place as it was, so defaults are set before; for a required one that is
 * ERR_INVALID with a pointer. Members that the table doesn't name are left alone.
 *
 *   struct wish { const char *title; int64_t version; struct id offer; json_t *terms; };
 *   static const struct json_member wish_members[] = {
 *       JSON_MEMBER(wish, title,   JSON_TEXT,   REQUIRED),
 *       JSON_MEMBER(wish, version, JSON_INT64,  OPTIONAL),
 *       JSON_ID(wish,     offer,   "ofr",       REQUIRED),
 *       JSON_MEMBER(wish, terms,   JSON_INNER_OBJECT, REQUIRED),
 *   };
 *   TRY(json_shape(s, body, "", wish_members, ARRAY_LEN(wish_members), &wish));
 */
enum json_kind {
    JSON_TEXT,            /* const char * */
    JSON_INT64,           /* int64_t */
    JSON_BOOL,            /* bool */
    JSON_IDENTITY,        /* struct id; `with` is its prefix */
    JSON_INSTANT,         /* int64_t wall ms; RFC 3339 as time_parse_lenient() reads it */
    JSON_HASH,            /* struct hash, 64 hex digits */
    JSON_WORD,            /* int: place in the NULL-terminated list `with` */
    JSON_INNER_OBJECT,    /* json_t * */
    JSON_INNER_ARRAY      /* json_t * */
};
enum json_presence { REQUIRED, OPTIONAL };

struct json_member {
    const char *name;
    enum json_kind kind;
    enum json_presence presence;
    size_t offset;
    const void *with;     /* const char * of JSON_IDENTITY, const char *const * of JSON_WORD */
};
#define JSON_PLACE(type_, member)                   offsetof(struct type_, member)
#define JSON_MEMBER(type_, member, kind_, need)     { #member, kind_, need, JSON_PLACE(type_, member), NULL }
#define JSON_ID(type_, member, prefix, need)        { #member, JSON_IDENTITY, need, JSON_PLACE(type_, member), prefix }
#define JSON_ENUM(type_, member, words, need)       { #member, JSON_WORD, need, JSON_PLACE(type_, member), words }

/* `pointer` is where the object stands in its body: "" or "/price". */
err json_shape(struct scope *s, const json_t *object, const char *pointer, const struct json_member *members, size_t n,
               void *out);
