/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/canon.h"

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
    unsigned depth, depth_max;
    size_t values;
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
    if (r->at - start - 1 > JSON_STRING_MAX)
        return refuse(r, start, "a string that is too long");
    r->at++;
    return ERR_OK;
}

static err pass_number(struct pass *r)
{
    const char *start = r->at;
    int64_t v = 0;

    if (*r->at == '-')
        r->at++;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        v = v * 10 + (*r->at - '0');
        if (v > JSON_INTEGER_MAX)
            return refuse(r, start, "an integer beyond 2^53 - 1");
    }
    if (r->at < r->end && (*r->at == '.' || *r->at == 'e' || *r->at == 'E'))
        return refuse(r, start, "a number with a fraction or an exponent, only whole numbers are taken,");
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
        if (++r->depth > r->depth_max)
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

err json_read_deep(struct scope *s, const char *text, size_t len, unsigned depth_max, json_t **out)
{
    struct pass r = { .s = s, .text = text, .at = text, .end = text + len, .depth_max = depth_max };
    json_error_t error;

    if (!utf8_valid(text, len))
        return refuse_utf8(&r);
    TRY(pass(&r));
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*out)
        return ERR_OK;
    return refuse(&r, error.position > 0 && (size_t)error.position <= len ? text + error.position : text, error.text);
}

err json_read(struct scope *s, const char *text, size_t len, json_t **out)
{
    return json_read_deep(s, text, len, JSON_DEPTH_MAX, out);
}
