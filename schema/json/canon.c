/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/canon.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/limits.h"

void canon_string(struct buf *b, const char *utf8, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
    size_t from = 0;

    buf_char(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)utf8[i];
        char escape[6] = { '\\', (char)c };
        size_t n = 2;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        if (c < 0x20 && letters[c]) {
            escape[1] = letters[c];
        } else if (c < 0x20) {
            memcpy(escape, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
            n = 6;
        }
        buf_add(b, utf8 + from, i - from);
        buf_add(b, escape, n);
        from = i + 1;
    }
    buf_add(b, utf8 + from, len - from);
    buf_char(b, '"');
}

struct member { const char *name; size_t len; const json_t *value; };

/*
 * UTF-8 bytes order as UTF-16 code units do, but for U+E000 to U+FFFF (lead
 * bytes EE, EF), which follow the surrogates of everything above (F0 to F4).
 */
static int weight(char c)
{
    unsigned char u = (unsigned char)c;

    return u == 0xee || u == 0xef ? u + 0x10 : u;
}

static int member_compare(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    size_t n = a->len < b->len ? a->len : b->len;

    for (size_t i = 0; i < n; i++)
        if (a->name[i] != b->name[i])
            return weight(a->name[i]) - weight(b->name[i]);
    return a->len < b->len ? -1 : a->len > b->len;
}

static err value_add(struct buf *b, const json_t *value, unsigned depth);

static err object_add(struct buf *b, const json_t *value, unsigned depth)
{
    json_t *object = (json_t *)value;      /* jansson's iterators want it writable, and don't write */
    size_t n = json_object_size(object), i = 0;
    struct member *members = NEWS(b->s, struct member, n);

    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
        members[i++] = (struct member){ json_object_iter_key(at), json_object_iter_key_len(at),
                                       json_object_iter_value(at) };
    qsort(members, n, sizeof *members, member_compare);
    buf_char(b, '{');
    for (i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        canon_string(b, members[i].name, members[i].len);
        buf_char(b, ':');
        TRY(value_add(b, members[i].value, depth));
    }
    buf_char(b, '}');
    return ERR_OK;
}

static err array_add(struct buf *b, const json_t *value, unsigned depth)
{
    buf_char(b, '[');
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i > 0)
            buf_char(b, ',');
        TRY(value_add(b, json_array_get(value, i), depth));
    }
    buf_char(b, ']');
    return ERR_OK;
}

static err integer_add(struct buf *b, json_int_t v)
{
    if (v > JSON_INTEGER_MAX || v < -JSON_INTEGER_MAX)
        return fail(b->s, ERR_INVALID, "an integer beyond 2^53 - 1 has no canonical form");
    if (v < 0)
        buf_char(b, '-');
    buf_u64(b, (uint64_t)(v < 0 ? -v : v));
    return ERR_OK;
}

static void real_add(struct buf *b, double v)
{
    char text[NUMBER_TEXT_SIZE];

    buf_add(b, text, number_write(v, text));          /* jansson's reals are finite */
}

static err value_add(struct buf *b, const json_t *value, unsigned depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (depth >= JSON_DEPTH_MAX)
            return fail(b->s, ERR_INVALID, "a value nested deeper than %d has no canonical form here", JSON_DEPTH_MAX);
        return json_is_object(value) ? object_add(b, value, depth + 1) : array_add(b, value, depth + 1);
    case JSON_STRING:
        canon_string(b, json_string_value(value), json_string_length(value));
        return ERR_OK;
    case JSON_INTEGER:
        return integer_add(b, json_integer_value(value));
    case JSON_REAL:
        real_add(b, json_real_value(value));
        return ERR_OK;
    case JSON_TRUE:
        buf_str(b, "true");
        return ERR_OK;
    case JSON_FALSE:
        buf_str(b, "false");
        return ERR_OK;
    case JSON_NULL:
        buf_str(b, "null");
        return ERR_OK;
    }
    return fail(b->s, ERR_INTERNAL, "a value of an unknown type");
}

err canon(struct scope *s, const json_t *value, struct bytes *out)
{
    struct buf b = BUF(s);

    if (!value)
        return fail(s, ERR_INVALID, "the value is missing");
    TRY(value_add(&b, value, 0));
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return ERR_OK;
}

bool canon_is(struct scope *s, const char *text, size_t len)
{
    struct scope own;
    struct bytes again = { 0 };
    json_t *value = NULL;
    bool same;

    (void)s;
    scope_init(&own, 0);
    same = json_read_as(&own, text, len, (struct json_rules){ .any_number = true }, &value) == ERR_OK &&
           canon(&own, value, &again) == ERR_OK && again.len == len &&
           memcmp(again.p, text, len) == 0;
    json_decref(value);
    scope_free(&own);
    return same;
}
