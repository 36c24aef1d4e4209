/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/entry/value.h"

#include <string.h>

#include "schema/base/id.h"
#include "schema/base/money.h"
#include "schema/json/canon.h"

struct cursor cursor_over(struct scope *s, const void *bytes, size_t len)
{
    return (struct cursor){ .s = s, .p = bytes, .end = (const char *)bytes + len, .text = scope_alloc(s, len + 1, 1) };
}

size_t spec_public(const struct entry_spec *spec)
{
    size_t n = 0;

    while (n < spec->n_fields && !spec->fields[n].private)
        n++;
    return n;
}

bool take(struct cursor *c, const char *literal, size_t len)
{
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, literal, len) != 0)
        return false;
    c->p += len;
    return true;
}

/* The character that an escape after `\` stands for; 0: none, or not the canonical escape (RFC 8785, 3.2.2.2). */
static char escape_read(struct cursor *c)
{
    static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
    const char *at;
    uint8_t code;

    if (c->p == c->end || *c->p == '\0')
        return 0;
    at = strchr(from, *c->p);
    if (at) {
        c->p++;
        return to[at - from];
    }
    if (!TAKE(c, "u00") || c->end - c->p < 2 || !hex_read(c->p, 2, &code, 1))
        return 0;
    c->p += 2;
    return code < 0x20 && !strchr(to, code) ? (char)code : 0;
}

bool string_read(struct cursor *c, char **out, size_t *len)
{
    char *to = c->text;
    bool ascii = true;

    *out = to;
    if (!TAKE(c, "\""))
        return false;
    for (; c->p < c->end && *c->p != '"'; to++) {
        unsigned char ch = (unsigned char)*c->p++;
        if (ch < 0x20)
            return false;
        if (ch == '\\' && (ch = (unsigned char)escape_read(c)) == 0)
            return false;
        ascii = ascii && ch < 0x80;
        *to = (char)ch;
    }
    *len = (size_t)(to - *out);
    *to = '\0';
    c->text = to + 1;
    return TAKE(c, "\"") && (ascii || utf8_valid(*out, *len));
}

static bool amount_fits(const char *text, size_t len)
{
    const char *dot = memchr(text, '.', len);
    size_t whole = dot ? (size_t)(dot - text) : len;
    uint64_t v;

    if (!decimal_read(text, whole, AMOUNT_MAX_MICRO / 1000000, &v))
        return false;
    if (!dot)
        return true;
    return len - whole >= 2 && len - whole <= 7 && strspn(dot + 1, "0123456789") == len - whole - 1;
}

static bool capitals(const char *text, size_t len, size_t want)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 'A' || text[i] > 'Z')
            return false;
    return len == want;
}

static bool id_fits(const struct entry_field *f, const char *text)
{
    struct id id;

    return id_parse(text, f->prefix, &id) && text[strlen(f->prefix) + 1] <= '7';
}

/* Text without NUL inside, NUL-terminated. */
static bool text_fits(const struct entry_field *f, const char *text, size_t len)
{
    money_sum sum;
    int64_t ms;

    switch (f->kind) {
    case F_ID:        return id_fits(f, text);
    case F_TEXT:      return len > 0 && len <= ENTRY_TEXT_MAX;
    case F_CODE:      return code_find(f->codes, text, len) >= 0;
    case F_AMOUNT:    return amount_fits(text, len);
    case F_SUM:       return money_sum_read(text, &sum);
    case F_CURRENCY:  return capitals(text, len, 3);
    case F_TIME:      return time_parse(text, &ms);
    case F_TERRITORY: return capitals(text, len, 2) || strcmp(text, "WORLD") == 0;
    default:          return false;
    }
}

static bool count_read(struct cursor *c, uint64_t *out)
{
    size_t n = 0;

    while (n < 17 && c->p + n < c->end && c->p[n] >= '0' && c->p[n] <= '9')
        n++;
    if (!decimal_read(c->p, n, ENTRY_COUNT_MAX, out))
        return false;
    c->p += n;
    return true;
}

static bool hash_read(struct cursor *c, struct entry_value *out)
{
    struct hash *h = NEW(c->s, struct hash);

    if (!TAKE(c, "\"") || c->end - c->p < 2 * HASH_SIZE || !hex_read(c->p, 2 * HASH_SIZE, h->b, HASH_SIZE))
        return false;
    c->p += 2 * HASH_SIZE;
    *out = EV_HASH(h);
    return TAKE(c, "\"");
}

/* A code of the field's list that sorts after `last` (NULL: the first). */
static bool next_code(struct cursor *c, const struct entry_field *f, const char **last)
{
    char *code;
    size_t len;

    if (!string_read(c, &code, &len) || code_find(f->codes, code, len) < 0)
        return false;
    if (*last && strcmp(*last, code) >= 0)
        return false;
    *last = code;
    return true;
}

static bool codes_read(struct cursor *c, const struct entry_field *f)
{
    const char *last = NULL;

    if (!TAKE(c, "["))
        return false;
    do
        if (!next_code(c, f, &last))
            return false;
    while (TAKE(c, ","));
    return TAKE(c, "]");
}

static bool counts_read(struct cursor *c, const struct entry_field *f)
{
    const char *last = NULL;
    uint64_t n;

    if (!TAKE(c, "{"))
        return false;
    if (TAKE(c, "}"))
        return true;
    do
        if (!next_code(c, f, &last) || !TAKE(c, ":") || !count_read(c, &n) || n == 0)
            return false;
    while (TAKE(c, ","));
    return TAKE(c, "}");
}

/* Any object: its extent is found by its braces, whether it is canonical by canon_is(). */
static bool any_object_read(struct cursor *c)
{
    const char *start = c->p;
    bool in_string = false;
    int depth = 0;

    if (c->p == c->end || *c->p != '{')
        return false;
    for (; c->p < c->end; c->p++) {
        char ch = *c->p;
        if (in_string && ch == '\\' && ++c->p == c->end)
            return false;
        else if (ch == '"')
            in_string = !in_string;
        else if (!in_string && ch == '{')
            depth++;
        else if (!in_string && ch == '}' && --depth == 0)
            return canon_is(c->s, start, (size_t)(++c->p - start));
    }
    return false;
}

static bool by_currency_read(struct cursor *c, const struct entry_field *f)
{
    const char *last = "";
    char *currency;
    size_t len;

    if (!TAKE(c, "{"))
        return false;
    do {
        if (!string_read(c, &currency, &len) || !capitals(currency, len, 3) || strcmp(last, currency) >= 0 ||
            !TAKE(c, ":") || !object_read(c, f->shape, f->n_shape, NULL))
            return false;
        last = currency;
    } while (TAKE(c, ","));
    return TAKE(c, "}");
}

static bool json_read_value(struct cursor *c, const struct entry_field *f)
{
    switch (f->kind) {
    case F_CODES:  return codes_read(c, f);
    case F_COUNTS: return counts_read(c, f);
    case F_BY_CURRENCY: return by_currency_read(c, f);
    default:       return f->shape ? object_read(c, f->shape, f->n_shape, NULL) : any_object_read(c);
    }
}

bool value_read(struct cursor *c, const struct entry_field *f, struct entry_value *out)
{
    const char *start = c->p;
    uint64_t count;
    char *text;
    size_t len;

    c->field = f;
    switch (f->kind) {
    case F_HASH:
        return hash_read(c, out);
    case F_COUNT:
        if (!count_read(c, &count))
            return false;
        *out = EV_COUNT(count);
        return true;
    case F_CODES: case F_COUNTS: case F_BY_CURRENCY: case F_OBJECT:
        if (!json_read_value(c, f))
            return false;
        *out = EV_JSON(((struct bytes){ (const uint8_t *)start, (size_t)(c->p - start) }));
        return true;
    default:
        if (!string_read(c, &text, &len) || !text_fits(f, text, len))
            return false;
        *out = EV_TEXT(text);
        return true;
    }
}

static bool name_read(struct cursor *c, const char *name)
{
    size_t len = strlen(name);

    if ((size_t)(c->end - c->p) < len + 3 || c->p[0] != '"' || memcmp(c->p + 1, name, len) != 0 ||
        c->p[len + 1] != '"' || c->p[len + 2] != ':')
        return false;
    c->p += len + 3;
    return true;
}

bool object_read(struct cursor *c, const struct entry_field *fields, size_t n, struct entry_value *values)
{
    struct entry_value unused;
    bool first = true;

    if (!TAKE(c, "{"))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *before = c->p;
        c->field = &fields[i];
        if ((first || TAKE(c, ",")) && name_read(c, fields[i].name)) {
            if (!value_read(c, &fields[i], values ? &values[i] : &unused))
                return false;
            first = false;
        } else if (fields[i].required) {
            return false;
        } else {
            c->p = before;
        }
    }
    c->field = NULL;
    return TAKE(c, "}");
}

bool value_fits(struct scope *s, const struct entry_field *f, const struct entry_value *v)
{
    struct entry_value read;
    struct cursor c;
    size_t len;

    switch (f->kind) {
    case F_HASH:
        return v->kind == V_HASH;
    case F_COUNT:
        return v->kind == V_COUNT && v->v.count <= ENTRY_COUNT_MAX;
    case F_CODES: case F_COUNTS: case F_BY_CURRENCY: case F_OBJECT:
        if (v->kind != V_JSON || v->v.json.len > ENTRY_BYTES_MAX)
            return false;
        c = cursor_over(s, v->v.json.p, v->v.json.len);
        return value_read(&c, f, &read) && c.p == c.end;
    default:
        if (v->kind != V_TEXT)
            return false;
        len = strnlen(v->v.text, ENTRY_TEXT_MAX + 1);
        return len <= ENTRY_TEXT_MAX && text_fits(f, v->v.text, len) &&
               (f->kind != F_TEXT || utf8_valid(v->v.text, len));
    }
}
