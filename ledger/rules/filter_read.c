/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/rules/filter.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

/* One reading: what it has taken so far, against the limits. */
struct reading { struct scope *s; size_t nodes, values; };

/* A value and the JSON pointer to it. */
struct spot { struct reading *r; const json_t *value; const char *at; };

#define refuse(spot, ...) fail_at((spot).r->s, ERR_INVALID, (spot).at, __VA_ARGS__)

static struct spot element(struct spot p, size_t i)
{
    return (struct spot){ p.r, json_array_get(p.value, i), scope_printf(p.r->s, "%s/%zu", p.at, i) };
}

/* `name` is one of ours: nothing in it is escaped in a pointer. */
static struct spot member(struct spot p, const char *name)
{
    return (struct spot){ p.r, json_object_get(p.value, name), scope_printf(p.r->s, "%s/%s", p.at, name) };
}

/* An object with these members and no other; `second` may be NULL. */
static err only_members(struct spot p, const char *what, const char *first, const char *second)
{
    size_t want = second ? 2 : 1;

    if (!json_is_object(p.value) || !json_object_get(p.value, first) || (second && !json_object_get(p.value, second)) ||
        json_object_size(p.value) != want)
        return refuse(p, "must be %s", what);
    return ERR_OK;
}

static err text_read(struct spot p, const char *what, size_t max, const char **out, size_t *len)
{
    const char *text = json_string_value(p.value);
    size_t n = json_string_length(p.value);

    if (!text || n > max || memchr(text, '\0', n) || !utf8_valid(text, n))
        return refuse(p, "must be %s of at most %zu bytes", what, max);
    *out = scope_strndup(p.r->s, text, n);
    *len = n;
    return ERR_OK;
}

/* ---- leaves */

static const struct { const char *name; enum filter_subject subject; enum filter_type type; } own[] = {
    { "media_type", FILTER_MEDIA_TYPE, FILTER_TEXT },
    { "path",       FILTER_PATH,       FILTER_TEXT },
    { "size",       FILTER_SIZE,       FILTER_NUMBER },
};

static const char *const type_words[] = { "a text", "a number", "true or false" };

static err property_read(struct spot p, struct filter *out)
{
    struct spot name;
    size_t len;

    TRY(only_members(p, "a property: {\"property\":\"language\"}", "property", NULL));
    name = member(p, "property");
    TRY(text_read(name, "a name", FILTER_PROPERTY_MAX, &out->name, &len));
    if (len == 0)
        return refuse(name, "must not be empty");
    out->subject = FILTER_ATTRIBUTE;
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (strcmp(own[i].name, out->name) == 0)
            out->subject = own[i].subject;
    return ERR_OK;
}

static err number_check(struct spot p, double v)
{
    if (!(v >= -(double)JSON_INTEGER_MAX && v <= (double)JSON_INTEGER_MAX))
        return refuse(p, "must lie within +-(2^53 - 1)");
    return ERR_OK;
}

static err literal_read(struct spot p, struct filter_value *out, enum filter_type *type)
{
    if (++p.r->values > FILTER_VALUES_MAX)
        return refuse(p, "is one literal too many: a filter has at most %d", FILTER_VALUES_MAX);
    switch (p.value ? json_typeof(p.value) : JSON_NULL) {
    case JSON_STRING:
        *type = FILTER_TEXT;
        return text_read(p, "a text", FILTER_TEXT_MAX, &out->text, &out->len);
    case JSON_INTEGER:
    case JSON_REAL:
        *type = FILTER_NUMBER;
        out->number = json_number_value(p.value) + 0.0;       /* -0 becomes 0: they are equal */
        return number_check(p, out->number);
    case JSON_TRUE:
    case JSON_FALSE:
        *type = FILTER_BOOLEAN;
        out->truth = json_is_true(p.value);
        return ERR_OK;
    default:
        return refuse(p, "must be a text, a number, true or false");
    }
}

/* `n` literals of one type from element `from` of an array, for the property read before. */
static err literals_read(struct spot list, size_t from, size_t n, struct filter *out)
{
    struct filter_value *values;

    if (n > FILTER_VALUES_MAX)
        return refuse(list, "must have at most %d literals", FILTER_VALUES_MAX);
    out->values = values = NEWS(list.r->s, struct filter_value, n);
    out->n_values = n;
    for (size_t i = 0; i < n; i++) {
        struct spot p = element(list, from + i);
        enum filter_type type = FILTER_TEXT;

        TRY(literal_read(p, &values[i], &type));
        if (i == 0)
            out->type = type;
        if (type != out->type)
            return refuse(p, "must be %s, as the literal before it", type_words[out->type]);
        for (size_t k = 0; k < ARRAY_LEN(own); k++)
            if (out->subject == own[k].subject && type != own[k].type)
                return refuse(p, "must be %s, as %s is", type_words[own[k].type], own[k].name);
    }
    return ERR_OK;
}

/* The property that comes first, then `n` literals. */
static err operands_read(struct spot args, size_t n, struct filter *out)
{
    if (json_array_size(args.value) != n + 1)
        return refuse(args, "must be an array of %zu", n + 1);
    TRY(property_read(element(args, 0), out));
    return n ? literals_read(args, 1, n, out) : ERR_OK;
}

static err ordered(struct spot args, const struct filter *f)
{
    if (f->type == FILTER_BOOLEAN)
        return refuse(element(args, 1), "must be a text or a number: true and false have no order");
    return ERR_OK;
}

static err equal_read(struct spot args, unsigned depth, struct filter *out)
{
    (void)depth;
    return operands_read(args, 1, out);
}

static err order_read(struct spot args, unsigned depth, struct filter *out)
{
    (void)depth;
    TRY(operands_read(args, 1, out));
    return ordered(args, out);
}

static err between_read(struct spot args, unsigned depth, struct filter *out)
{
    (void)depth;
    TRY(operands_read(args, 2, out));
    return ordered(args, out);
}

static err like_read(struct spot args, unsigned depth, struct filter *out)
{
    size_t escapes = 0;

    (void)depth;
    TRY(operands_read(args, 1, out));
    if (out->type != FILTER_TEXT)
        return refuse(element(args, 1), "must be a text");
    while (escapes < out->values->len && out->values->text[out->values->len - 1 - escapes] == '\\')
        escapes++;
    if (escapes % 2)
        return refuse(element(args, 1), "must not end with a \\ that escapes nothing");
    return ERR_OK;
}

static err is_null_read(struct spot args, unsigned depth, struct filter *out)
{
    (void)depth;
    return operands_read(args, 0, out);
}

static err in_read(struct spot args, unsigned depth, struct filter *out)
{
    struct spot list;

    (void)depth;
    if (json_array_size(args.value) != 2)
        return refuse(args, "must be an array of 2");
    TRY(property_read(element(args, 0), out));
    list = element(args, 1);
    if (json_array_size(list.value) == 0)
        return refuse(list, "must be an array of at least one literal");
    return literals_read(list, 0, json_array_size(list.value), out);
}

/* ---- nodes */

static err node_read(struct spot p, unsigned depth, struct filter *out);

static err nodes_read(struct spot args, unsigned depth, struct filter *out)
{
    out->n_args = json_array_size(args.value);
    if (out->n_args > FILTER_NODES_MAX)
        return refuse(args, "must have at most %d operators", FILTER_NODES_MAX);
    out->args = NEWS(args.r->s, struct filter, out->n_args);
    for (size_t i = 0; i < out->n_args; i++)
        TRY(node_read(element(args, i), depth + 1, &out->args[i]));
    return ERR_OK;
}

static err junction_read(struct spot args, unsigned depth, struct filter *out)
{
    if (json_array_size(args.value) < 2)
        return refuse(args, "must be an array of at least 2");
    return nodes_read(args, depth, out);
}

static err not_read(struct spot args, unsigned depth, struct filter *out)
{
    if (json_array_size(args.value) != 1)
        return refuse(args, "must be an array of 1");
    return nodes_read(args, depth, out);
}

static const struct {
    const char *name;
    err (*read)(struct spot args, unsigned depth, struct filter *out);
} ops[FILTER_OPS] = {
    [FILTER_AND]           = { "and",     junction_read },
    [FILTER_OR]            = { "or",      junction_read },
    [FILTER_NOT]           = { "not",     not_read },
    [FILTER_EQUAL]         = { "=",       equal_read },
    [FILTER_UNEQUAL]       = { "<>",      equal_read },
    [FILTER_LESS]          = { "<",       order_read },
    [FILTER_LESS_EQUAL]    = { "<=",      order_read },
    [FILTER_GREATER]       = { ">",       order_read },
    [FILTER_GREATER_EQUAL] = { ">=",      order_read },
    [FILTER_IN]            = { "in",      in_read },
    [FILTER_BETWEEN]       = { "between", between_read },
    [FILTER_LIKE]          = { "like",    like_read },
    [FILTER_IS_NULL]       = { "isNull",  is_null_read },
};

const char *filter_op_name(enum filter_op op)
{
    return ops[op].name;
}

static err node_read(struct spot p, unsigned depth, struct filter *out)
{
    struct spot op, args;
    const char *name;
    size_t i = 0;

    if (depth > FILTER_DEPTH_MAX)
        return refuse(p, "is nested deeper than %d operators", FILTER_DEPTH_MAX);
    if (++p.r->nodes > FILTER_NODES_MAX)
        return refuse(p, "is one operator too many: a filter has at most %d", FILTER_NODES_MAX);
    TRY(only_members(p, "an operator: {\"op\":\"=\",\"args\":[…]}", "op", "args"));
    op = member(p, "op");
    args = member(p, "args");
    name = json_string_value(op.value);
    while (i < FILTER_OPS && (!name || strcmp(ops[i].name, name) != 0))
        i++;
    if (i == FILTER_OPS)
        return refuse(op, "is no operator of the subset of CQL2 that is evaluated here: and or not = <> < <= > >= "
                          "between in like isNull");
    if (!json_is_array(args.value))
        return refuse(args, "must be an array");
    out->op = (enum filter_op)i;
    return ops[i].read(args, depth, out);
}

err filter_read(struct scope *s, const json_t *value, const char *at, struct filter **out)
{
    struct reading r = { .s = s };

    *out = NEW(s, struct filter);
    return node_read((struct spot){ &r, value, at }, 1, *out);
}
