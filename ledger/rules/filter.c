/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/filter.h"

#include <string.h>

#include "schema/json/canon.h"

/* ---- evaluation */

/* What stands at a leaf's property. */
struct operand {
    bool null;                    /* absent, or null */
    bool scalar;                  /* of `type`, with its value */
    enum filter_type type;
    struct filter_value v;
};

static struct operand text_operand(const char *text, size_t len)
{
    return (struct operand){ .scalar = true, .type = FILTER_TEXT, .v = { .text = text, .len = len } };
}

static struct operand number_operand(double v)
{
    return (struct operand){ .scalar = true, .type = FILTER_NUMBER, .v.number = v };
}

static struct operand attribute(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_NULL:
        return (struct operand){ .null = true };
    case JSON_STRING:
        return text_operand(json_string_value(v), json_string_length(v));
    case JSON_INTEGER:
    case JSON_REAL:
        return number_operand(json_number_value(v));
    case JSON_TRUE:
    case JSON_FALSE:
        return (struct operand){ .scalar = true, .type = FILTER_BOOLEAN, .v.truth = json_is_true(v) };
    default:
        return (struct operand){ .scalar = false };
    }
}

static struct operand operand_of(const struct filter *f, const struct filter_item *item)
{
    switch (f->subject) {
    case FILTER_PATH:
        return text_operand(item->path, item->path_len);
    case FILTER_MEDIA_TYPE:
        return text_operand(item->media_type, strlen(item->media_type));
    case FILTER_SIZE:
        return number_operand((double)item->size);
    case FILTER_ATTRIBUTE:
        break;
    }
    return attribute(json_object_get(item->attributes, f->name));
}

static int text_compare(const struct filter_value *a, const struct filter_value *b)
{
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare(enum filter_type type, const struct filter_value *a, const struct filter_value *b)
{
    switch (type) {
    case FILTER_TEXT:
        return text_compare(a, b);
    case FILTER_NUMBER:
        return (a->number > b->number) - (a->number < b->number);
    case FILTER_BOOLEAN:
        break;
    }
    return a->truth - b->truth;
}

/* Bytes of the character at p. */
static size_t character(const char *p, const char *end)
{
    size_t n = 1;

    while (p + n < end && ((unsigned char)p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/*
 * Only the last % is ever tried again, so the time is at most text times
 * pattern: what an earlier % took less of, the last can take more of.
 */
static bool like(const struct filter_value *text, const struct filter_value *pattern)
{
    const char *t = text->text, *t_end = t + text->len, *p = pattern->text, *p_end = p + pattern->len;
    const char *again_t = NULL, *again_p = NULL;

    while (t < t_end) {
        const char *literal = p < p_end && *p == '\\' ? p + 1 : p;

        if (p < p_end && *p == '%') {
            again_p = ++p;
            again_t = t;
        } else if (p < p_end && *p == '_') {
            p++;
            t += character(t, t_end);
        } else if (literal < p_end && *literal == *t) {
            p = literal + 1;
            t++;
        } else if (again_p) {
            p = again_p;
            t = again_t += character(again_t, t_end);
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '%')
        p++;
    return p == p_end;
}

static bool in(const struct operand *o, const struct filter *f)
{
    for (size_t i = 0; i < f->n_values; i++)
        if (compare(f->type, &o->v, &f->values[i]) == 0)
            return true;
    return false;
}

static bool leaf_match(const struct filter *f, const struct filter_item *item)
{
    struct operand o = operand_of(f, item);

    if (f->op == FILTER_IS_NULL)
        return o.null;
    if (!o.scalar || o.type != f->type)
        return false;
    switch (f->op) {
    case FILTER_EQUAL:         return compare(f->type, &o.v, f->values) == 0;
    case FILTER_UNEQUAL:       return compare(f->type, &o.v, f->values) != 0;
    case FILTER_LESS:          return compare(f->type, &o.v, f->values) < 0;
    case FILTER_LESS_EQUAL:    return compare(f->type, &o.v, f->values) <= 0;
    case FILTER_GREATER:       return compare(f->type, &o.v, f->values) > 0;
    case FILTER_GREATER_EQUAL: return compare(f->type, &o.v, f->values) >= 0;
    case FILTER_BETWEEN:
        return compare(f->type, &o.v, f->values) >= 0 && compare(f->type, &o.v, f->values + 1) <= 0;
    case FILTER_IN:            return in(&o, f);
    case FILTER_LIKE:          return like(&o.v, f->values);
    default:                   return false;
    }
}

bool filter_match(const struct filter *f, const struct filter_item *item)
{
    switch (f->op) {
    case FILTER_AND:
        for (size_t i = 0; i < f->n_args; i++)
            if (!filter_match(&f->args[i], item))
                return false;
        return true;
    case FILTER_OR:
        for (size_t i = 0; i < f->n_args; i++)
            if (filter_match(&f->args[i], item))
                return true;
        return false;
    case FILTER_NOT:
        return !filter_match(f->args, item);
    default:
        return leaf_match(f, item);
    }
}

/* ---- canonical form */

static void value_canon(struct buf *b, enum filter_type type, const struct filter_value *v)
{
    char number[NUMBER_TEXT_SIZE];

    switch (type) {
    case FILTER_TEXT:
        canon_string(b, v->text, v->len);
        break;
    case FILTER_NUMBER:
        number_write(v->number, number);
        buf_str(b, number);
        break;
    case FILTER_BOOLEAN:
        buf_str(b, v->truth ? "true" : "false");
        break;
    }
}

static void leaf_canon(struct buf *b, const struct filter *f)
{
    buf_str(b, "{\"property\":");
    canon_string(b, f->name, strlen(f->name));
    buf_str(b, f->op == FILTER_IN ? "},[" : "}");
    for (size_t i = 0; i < f->n_values; i++) {
        if (i > 0 || f->op != FILTER_IN)
            buf_char(b, ',');
        value_canon(b, f->type, &f->values[i]);
    }
    if (f->op == FILTER_IN)
        buf_char(b, ']');
}

void filter_canon(struct buf *b, const struct filter *f)
{
    buf_str(b, "{\"args\":[");
    for (size_t i = 0; i < f->n_args; i++) {
        if (i > 0)
            buf_char(b, ',');
        filter_canon(b, &f->args[i]);
    }
    if (!f->args)
        leaf_canon(b, f);
    buf_str(b, "],\"op\":");
    canon_string(b, filter_op_name(f->op), strlen(filter_op_name(f->op)));
    buf_char(b, '}');
}
