/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/canon.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/limits.h"

/*
 * One pass over the bytes before jansson sees them: whatever could cost stack,
 * memory or precision is refused here. The grammar itself is jansson's affair;
 * where the text is no JSON, this pass may see nonsense and must only stay in
 * its bounds.
 */
struct pass {
    struct scope *s;
    const char *text, *at, *end;
    unsigned depth;
    size_t values;
    struct json_rules rules;
};

/* Where `p` is, as people count: lines and bytes in the line from 1. */
static err refuse(const struct pass *r, const char *p, const char *what)
{
    size_t line = 1, byte = 1;

    for (const char *c = r->text; c < p; c++) {
        byte++;
        if (*c == '\n') {
            line++;
            byte = 1;
        }
    }
    return fail(r->s, ERR_MALFORMED, "%s at line %zu, byte %zu", what, line, byte);
}

static err pass_string(struct pass *r)
{
    const char *start = r->at++;

    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' && r->end - r->at > 1 ? 2 : 1;
    if (r->at >= r->end)
        return refuse(r, start, "a string that does not end");
    if ((size_t)(r->at - start - 1) > r->rules.string_max)
        return refuse(r, start, "a string that is too long");
    r->at++;
    return ERR_OK;
}

/* A whole number that doubles have only where it is the one that they print. */
static bool is_double(const char *text, size_t len)
{
    char again[NUMBER_TEXT_SIZE], copy[NUMBER_TEXT_SIZE];
    double v;

    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    v = strtod(copy, NULL);
    return isfinite(v) && number_write(v, again) == len && memcmp(again, text, len) == 0;
}

static err pass_number(struct pass *r)
{
    const char *start = r->at;
    bool whole = true, large = false;
    int64_t v = 0;

    if (*r->at == '-')
        r->at++;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        v = large ? v : v * 10 + (*r->at - '0');
        large = large || v > JSON_INTEGER_MAX;
        if (large && !r->rules.any_number)
            return refuse(r, start, "an integer beyond 2^53 - 1");
    }
    if (r->at < r->end && (*r->at == '.' || *r->at == 'e' || *r->at == 'E'))
        whole = false;
    if (!whole && !r->rules.any_number)
        return refuse(r, start, "a number with a fraction or an exponent, only whole numbers are taken,");
    while (!whole && r->at < r->end && *r->at && strchr(".eE+-0123456789", *r->at))
        r->at++;
    if (r->at - start > JSON_NUMBER_MAX)
        return refuse(r, start, "a number with too many digits");
    if (whole && large && !is_double(start, (size_t)(r->at - start)))
        return refuse(r, start, "an integer that doubles do not have");
    return ERR_OK;
}

/* Brackets that open and commas: at least as many as there are values, the outermost aside. */
static err pass_value(struct pass *r)
{
    if (++r->values > JSON_VALUES_MAX)
        return refuse(r, r->at, "too many values");
    return ERR_OK;
}

static err pass_bracket(struct pass *r)
{
    char c = *r->at;

    if (c == '[' || c == '{') {
        if (++r->depth > r->rules.depth_max)
            return refuse(r, r->at, "nesting that is too deep");
    } else if (r->depth > 0) {
        r->depth--;
    }
    if (c == '[' || c == '{')
        TRY(pass_value(r));
    r->at++;
    return ERR_OK;
}

static err pass(struct pass *r)
{
    while (r->at < r->end) {
        switch (*r->at) {
        case '"':
            TRY(pass_string(r));
            break;
        case '[': case ']': case '{': case '}':
            TRY(pass_bracket(r));
            break;
        case ',':
            TRY(pass_value(r));
            r->at++;
            break;
        case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
            TRY(pass_number(r));
            break;
        case '\0':
            return refuse(r, r->at, "a NUL byte");
        default:
            r->at++;
        }
    }
    return ERR_OK;
}

static err refuse_utf8(const struct pass *r)
{
    const char *p = r->text;

    for (size_t n = 1; p < r->end; p += n) {
        size_t left = (size_t)(r->end - p);

        for (n = 1; n <= 4 && n <= left && !utf8_valid(p, n); n++)
            continue;
        if (n > 4 || n > left)
            break;
    }
    return refuse(r, p, "bytes that are not UTF-8");
}

/* The integer that a real stands for, or itself; steals the reference. */
static json_t *settle_number(json_t *real)
{
    double v = json_real_value(real);

    if (fabs(v) > (double)JSON_INTEGER_MAX || v != (double)(json_int_t)v)
        return real;
    json_decref(real);
    return json_integer((json_int_t)v);
}

static json_t *settle(json_t *value);

static void settle_inner(json_t *value)
{
    json_t *inner;
    size_t i;

    for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at)) {
        inner = json_incref(json_object_iter_value(at));
        json_object_iter_set_new(value, at, settle(inner));
    }
    json_array_foreach(value, i, inner)
        json_array_set_new(value, i, settle(json_incref(inner)));
}

/* Every number was read as a real: those that are whole become integers. Steals and gives a reference. */
static json_t *settle(json_t *value)
{
    if (json_is_real(value))
        return settle_number(value);
    settle_inner(value);
    return value;
}

err json_read_as(struct scope *s, const char *text, size_t len, struct json_rules rules, json_t **out)
{
    struct pass r = { .s = s, .text = text, .at = text, .end = text + len, .rules = rules };
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | (rules.any_number ? JSON_DECODE_INT_AS_REAL : 0);
    json_error_t error;

    if (!r.rules.depth_max)
        r.rules.depth_max = JSON_DEPTH_MAX;
    if (!r.rules.string_max)
        r.rules.string_max = JSON_STRING_MAX;
    if (!utf8_valid(text, len))
        return refuse_utf8(&r);
    TRY(pass(&r));
    *out = json_loadb(text, len, flags, &error);
    if (!*out)
        return refuse(&r, error.position > 0 && (size_t)error.position <= len ? text + error.position : text,
                      error.text);
    if (rules.any_number)
        *out = settle(*out);
    return ERR_OK;
}

err json_read(struct scope *s, const char *text, size_t len, json_t **out)
{
    return json_read_as(s, text, len, (struct json_rules){ 0 }, out);
}
