/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/shape.h"

#include <string.h>

#include "schema/base/clock.h"

/* Each reads `value` into `place`; NULL, or what it should have been. */
static const char *text_read(const json_t *value, const struct json_member *m, void *place)
{
    (void)m;
    if (!json_is_string(value))
        return "must be a string";
    *(const char **)place = json_string_value(value);
    return NULL;
}

static const char *int64_read(const json_t *value, const struct json_member *m, void *place)
{
    (void)m;
    if (!json_is_integer(value))
        return "must be an integer";
    *(int64_t *)place = json_integer_value(value);
    return NULL;
}

static const char *bool_read(const json_t *value, const struct json_member *m, void *place)
{
    (void)m;
    if (!json_is_boolean(value))
        return "must be true or false";
    *(bool *)place = json_is_true(value);
    return NULL;
}

static const char *id_read(const json_t *value, const struct json_member *m, void *place)
{
    const char *text = json_string_value(value);

    return text && id_parse(text, m->with, place) ? NULL : "must be an id of its kind";
}

static const char *instant_read(const json_t *value, const struct json_member *m, void *place)
{
    const char *text = json_string_value(value);

    (void)m;
    return text && time_parse_lenient(text, place) ? NULL : "must be a real instant such as 2026-11-23T10:15:30.123Z";
}

static const char *hash_read(const json_t *value, const struct json_member *m, void *place)
{
    const char *text = json_string_value(value);

    (void)m;
    return text && hash_parse(text, place) ? NULL : "must be 64 lower-case hex digits";
}

static const char *word_read(const json_t *value, const struct json_member *m, void *place)
{
    const char *const *words = m->with, *text = json_string_value(value);

    for (int i = 0; text && words[i]; i++)
        if (strcmp(words[i], text) == 0) {
            *(int *)place = i;
            return NULL;
        }
    return "must be a word of its list";
}

static const char *object_read(const json_t *value, const struct json_member *m, void *place)
{
    (void)m;
    *(json_t **)place = (json_t *)value;
    return json_is_object(value) ? NULL : "must be an object";
}

static const char *array_read(const json_t *value, const struct json_member *m, void *place)
{
    (void)m;
    *(json_t **)place = (json_t *)value;
    return json_is_array(value) ? NULL : "must be an array";
}

static const char *(*const readers[])(const json_t *value, const struct json_member *m, void *place) = {
    [JSON_TEXT] = text_read,
    [JSON_INT64] = int64_read,
    [JSON_BOOL] = bool_read,
    [JSON_IDENTITY] = id_read,
    [JSON_INSTANT] = instant_read,
    [JSON_HASH] = hash_read,
    [JSON_WORD] = word_read,
    [JSON_INNER_OBJECT] = object_read,
    [JSON_INNER_ARRAY] = array_read,
};

err json_shape(struct scope *s, const json_t *object, const char *pointer, const struct json_member *members, size_t n,
               void *out)
{
    if (!json_is_object(object))
        return fail_at(s, ERR_INVALID, pointer, "must be an object");
    for (size_t i = 0; i < n; i++) {
        const struct json_member *m = &members[i];
        const json_t *value = json_object_get(object, m->name);
        const char *fault = NULL;

        if (value && !json_is_null(value))
            fault = readers[m->kind](value, m, (char *)out + m->offset);
        else if (m->presence == REQUIRED)
            fault = "is required";
        if (fault)
            return fail_at(s, ERR_INVALID, scope_printf(s, "%s/%s", pointer, m->name), "%s", fault);
    }
    return ERR_OK;
}
