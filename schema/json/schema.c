/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/json/compiled.h"

struct check { struct scope *s; err code; };

__attribute__((format(printf, 3, 4)))
static err refuse(const struct check *c, const struct spot *at, const char *format, ...)
{
    char phrase[SCOPE_DETAIL_MAX];
    va_list ap;

    va_start(ap, format);
    vsnprintf(phrase, sizeof phrase, format, ap);
    va_end(ap);
    return fail_at(c->s, c->code, spot_pointer(c->s, at), "%s", phrase);
}

static unsigned type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:  return TYPE_OBJECT;
    case JSON_ARRAY:   return TYPE_ARRAY;
    case JSON_STRING:  return TYPE_STRING;
    case JSON_INTEGER: return TYPE_INTEGER;
    case JSON_REAL:    return TYPE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:   return TYPE_BOOLEAN;
    case JSON_NULL:    return TYPE_NULL;
    }
    return 0;
}

static err refuse_type(const struct check *c, const struct schema *schema, const struct spot *at)
{
    static const struct { unsigned type; const char *phrase; } names[] = {
        { TYPE_OBJECT, "an object" }, { TYPE_ARRAY, "an array" }, { TYPE_STRING, "a string" },
        { TYPE_INTEGER, "an integer" },
        { TYPE_NUMBER, "a number" }, { TYPE_BOOLEAN, "true or false" }, { TYPE_NULL, "null" },
    };
    struct buf b = BUF(c->s);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (schema->types & names[i].type)
            buf_printf(&b, "%s%s", b.len ? " or " : "", names[i].phrase);
    return refuse(c, at, "must be %s", b.p ? b.p : "absent");
}

static err refuse_enum(const struct check *c, const struct schema *schema, const struct spot *at)
{
    struct buf b = BUF(c->s);

    for (size_t i = 0; i < schema->n_allowed; i++) {
        char *text = json_dumps(schema->allowed[i], JSON_ENCODE_ANY | JSON_COMPACT);

        buf_printf(&b, "%s%s", i ? ", " : "", text ? text : "?");
        free(text);
    }
    return refuse(c, at, "must be %s%s", schema->n_allowed > 1 ? "one of " : "", b.p ? b.p : "absent");
}

static bool allowed(const struct schema *schema, const json_t *value)
{
    for (size_t i = 0; i < schema->n_allowed; i++)
        if (json_equal(schema->allowed[i], value))
            return true;
    return !schema->allowed;
}

static bool allowed_text(const struct schema *schema, const char *text)
{
    for (size_t i = 0; i < schema->n_allowed; i++) {
        const json_t *one = schema->allowed[i];
        char digits[24];

        snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(one));
        if (json_is_integer(one) && strcmp(digits, text) == 0)
            return true;
        if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
            return true;
    }
    return !schema->allowed;
}

static size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* A string has no NUL: reading refuses them. */
static err check_string(const struct check *c, const struct schema *schema, const char *text, const struct spot *at)
{
    size_t n = schema->min_length || schema->max_length != SIZE_MAX ? characters(text) : 0;

    if (n < schema->min_length)
        return refuse(c, at, "must have at least %zu character%s", schema->min_length,
                      schema->min_length == 1 ? "" : "s");
    if (n > schema->max_length && schema->max_length != SIZE_MAX)
        return refuse(c, at, "must have at most %zu characters", schema->max_length);
    if (schema->pattern && !schema_regex_matches(schema->pattern, text))
        return refuse(c, at, "must match %s", schema_regex_text(schema->pattern));
    return ERR_OK;
}

static err check_integer(const struct check *c, const struct schema *schema, int64_t v, const struct spot *at)
{
    if (v < schema->minimum)
        return refuse(c, at, "must be at least %lld", (long long)schema->minimum);
    if (v > schema->maximum)
        return refuse(c, at, "must be at most %lld", (long long)schema->maximum);
    return ERR_OK;
}

static err check_value(const struct check *c, const struct schema *schema, const json_t *value, const struct spot *at);

static const struct property *find(const struct schema *schema, const char *name)
{
    struct property wanted = { .name = name };

    if (schema->n_properties == 0)
        return NULL;
    return bsearch(&wanted, schema->properties, schema->n_properties, sizeof wanted, property_compare);
}

static err check_object(const struct check *c, const struct schema *schema, const json_t *value, const struct spot *at)
{
    json_t *object = (json_t *)value;      /* jansson's iterators want it writable, and don't write */
    size_t required = 0;

    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct spot here = { at, json_object_iter_key(i), 0 };
        const struct property *p = find(schema, here.key);

        if (!p && !schema->extra)
            return refuse(c, &here, "is not a field of this object");
        TRY(check_value(c, p ? p->schema : schema->extra, json_object_iter_value(i), &here));
        required += p && p->required;
    }
    for (size_t i = 0; required < schema->n_required && i < schema->n_properties; i++) {
        struct spot here = { at, schema->properties[i].name, 0 };

        if (schema->properties[i].required && !json_object_get(value, here.key))
            return refuse(c, &here, "is required");
    }
    return ERR_OK;
}

static err check_array(const struct check *c, const struct schema *schema, const json_t *value, const struct spot *at)
{
    size_t n = json_array_size(value);

    if (n < schema->min_items)
        return refuse(c, at, "must have at least %zu item%s", schema->min_items, schema->min_items == 1 ? "" : "s");
    if (n > schema->max_items)
        return refuse(c, at, "must have at most %zu items", schema->max_items);
    for (size_t i = 0; schema->items && i < n; i++) {
        struct spot here = { at, NULL, i };

        TRY(check_value(c, schema->items, json_array_get(value, i), &here));
    }
    return ERR_OK;
}

static err check_value(const struct check *c, const struct schema *schema, const json_t *value, const struct spot *at)
{
    unsigned type = type_of(value);

    if (schema->types && !(schema->types & type))
        return refuse_type(c, schema, at);
    if (!allowed(schema, value))
        return refuse_enum(c, schema, at);
    if (!schema->types)
        return ERR_OK;
    switch (type) {
    case TYPE_OBJECT:  return check_object(c, schema, value, at);
    case TYPE_ARRAY:   return check_array(c, schema, value, at);
    case TYPE_STRING:  return check_string(c, schema, json_string_value(value), at);
    case TYPE_INTEGER: return check_integer(c, schema, json_integer_value(value), at);
    default:           return ERR_OK;
    }
}

err schema_check(struct scope *s, err code, const struct schema *schema, const json_t *value)
{
    struct check c = { s, code };

    return check_value(&c, schema, value, NULL);
}

bool schema_is_list(const struct schema *schema)
{
    return schema->types & TYPE_ARRAY;
}

static bool integer_read(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t v;

    if (!decimal_read(text + negative, strlen(text + negative), INT64_MAX, &v))
        return false;
    *out = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

static err check_text(const struct check *c, const struct schema *schema, const char *text)
{
    int64_t v;

    if (schema->types & TYPE_ARRAY)
        return schema->items ? check_text(c, schema->items, text) : ERR_OK;
    if (schema->types & TYPE_BOOLEAN && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        return ERR_OK;
    if (schema->types & TYPE_INTEGER && integer_read(text, &v))
        return allowed_text(schema, text) ? check_integer(c, schema, v, NULL) : refuse_enum(c, schema, NULL);
    if (schema->types && !(schema->types & TYPE_STRING))
        return refuse_type(c, schema, NULL);
    if (!allowed_text(schema, text))
        return refuse_enum(c, schema, NULL);
    return check_string(c, schema, text, NULL);
}

err schema_check_text(struct scope *s, const struct schema *schema, const char *pointer, const char *text)
{
    struct check c = { s, ERR_INVALID };
    bool first = s->why.code == ERR_OK;
    err e = check_text(&c, schema, text);

    if (e != ERR_OK && first)
        snprintf(s->why.pointer, sizeof s->why.pointer, "%s", pointer);
    return e;
}
