/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "schema/store/slice.h"

/*
 * A filter as SQL. Names, texts and numbers travel as three arrays, so that a
 * filter of any size has the same few parameters, and an element is named by
 * its place. Every leaf is true or false, never null, since NOT must be the
 * plain opposite; CASE keeps a cast from values of another type, which AND
 * would not: the planner may turn its sides around.
 */
struct group { const char **text; size_t n; int param; };     /* param 0: nothing of that kind, no parameter */

struct compiler {
    struct scope *s;
    struct buf sql;
    struct group names, texts, numbers;
};

static void count(const struct filter *f, size_t *names, size_t *texts, size_t *numbers)
{
    for (size_t i = 0; i < f->n_args; i++)
        count(&f->args[i], names, texts, numbers);
    if (f->args)
        return;
    *names += f->subject == FILTER_ATTRIBUTE;
    *texts += f->type == FILTER_TEXT ? f->n_values : 0;
    *numbers += f->type == FILTER_NUMBER ? f->n_values : 0;
}

/* Adds to a group; its place there, from 1. */
static size_t add(struct group *g, const char *text)
{
    g->text[g->n++] = text;
    return g->n;
}

static const char *value_add(struct compiler *c, const struct filter *f, size_t i)
{
    const struct filter_value *v = &f->values[i];
    size_t at;

    switch (f->type) {
    case FILTER_TEXT:
        at = add(&c->texts, v->text);
        return scope_printf(c->s, "($%d::text[])[%zu]", c->texts.param, at);
    case FILTER_NUMBER:
        at = add(&c->numbers, scope_printf(c->s, "%.17g", v->number));
        return scope_printf(c->s, "($%d::text[])[%zu]::float8", c->numbers.param, at);
    case FILTER_BOOLEAN:
        break;
    }
    return v->truth ? "true" : "false";
}

/* = ANY of all values of a leaf, which stand side by side in their group. */
static void add_list(struct compiler *c, const struct filter *f)
{
    struct group *g = f->type == FILTER_TEXT ? &c->texts : &c->numbers;
    size_t first = g->n + 1;

    buf_str(&c->sql, " = ANY (");
    for (size_t i = 0; i < f->n_values; i++) {
        const char *value = value_add(c, f, i);
        if (f->type == FILTER_BOOLEAN)
            buf_printf(&c->sql, "%s%s", i ? ", " : "ARRAY[", value);
    }
    if (f->type == FILTER_BOOLEAN)
        buf_str(&c->sql, "])");
    else
        buf_printf(&c->sql, "($%d::text[])[%zu:%zu]%s)", g->param, first, g->n,
                   f->type == FILTER_NUMBER ? "::float8[]" : "");
}

static void add_relation(struct compiler *c, const struct filter *f, const char *operand)
{
    static const char *const signs[FILTER_OPS] = {
        [FILTER_EQUAL] = "=", [FILTER_UNEQUAL] = "<>", [FILTER_LESS] = "<", [FILTER_LESS_EQUAL] = "<=",
        [FILTER_GREATER] = ">", [FILTER_GREATER_EQUAL] = ">=", [FILTER_LIKE] = "LIKE", [FILTER_BETWEEN] = "BETWEEN",
    };

    buf_str(&c->sql, operand);
    if (f->op == FILTER_IN) {
        add_list(c, f);
        return;
    }
    assert(signs[f->op] && f->n_values > 0);
    buf_printf(&c->sql, " %s %s", signs[f->op], value_add(c, f, 0));
    if (f->op == FILTER_BETWEEN)
        buf_printf(&c->sql, " AND %s", value_add(c, f, 1));
}

static void add_attribute(struct compiler *c, const struct filter *f)
{
    static const struct { const char *type, *operand; } kinds[] = {
        [FILTER_TEXT]    = { "string",  "(i.facts ->> %s) COLLATE \"C\"" },
        [FILTER_NUMBER]  = { "number",  "(i.facts -> %s)::float8" },
        [FILTER_BOOLEAN] = { "boolean", "(i.facts -> %s)::boolean" },
    };
    size_t at = add(&c->names, f->name);
    const char *name = scope_printf(c->s, "($%d::text[])[%zu]", c->names.param, at), *shape = kinds[f->type].operand;
    const char *hole = strstr(shape, "%s");

    if (f->op == FILTER_IS_NULL) {
        buf_printf(&c->sql, "coalesce(jsonb_typeof(i.facts -> %s) = 'null', true)", name);
        return;
    }
    buf_printf(&c->sql, "CASE jsonb_typeof(i.facts -> %s) WHEN '%s' THEN ", name, kinds[f->type].type);
    add_relation(c, f, scope_printf(c->s, "%.*s%s%s", (int)(hole - shape), shape, name, hole + 2));
    buf_str(&c->sql, " ELSE false END");
}

static void add_leaf(struct compiler *c, const struct filter *f)
{
    static const char *const own[] = {
        [FILTER_PATH] = "i.path COLLATE \"C\"", [FILTER_MEDIA_TYPE] = "i.media_type COLLATE \"C\"",
        [FILTER_SIZE] = "i.size::float8",
    };

    if (f->subject == FILTER_ATTRIBUTE)
        add_attribute(c, f);
    else if (f->op == FILTER_IS_NULL)
        buf_str(&c->sql, "false");
    else
        add_relation(c, f, own[f->subject]);
}

static void add_filter(struct compiler *c, const struct filter *f)
{
    buf_str(&c->sql, f->op == FILTER_NOT ? "(NOT " : "(");
    if (!f->args)
        add_leaf(c, f);
    for (size_t i = 0; i < f->n_args; i++) {
        if (i > 0)
            buf_str(&c->sql, f->op == FILTER_AND ? " AND " : " OR ");
        add_filter(c, &f->args[i]);
    }
    buf_char(&c->sql, ')');
}

static int param(struct slice_query *out, struct sql_param p)
{
    assert(out->n < sizeof out->params / sizeof out->params[0]);
    out->params[out->n++] = p;
    return (int)out->n;
}

static void group_open(struct compiler *c, struct slice_query *out, struct group *g, size_t n)
{
    if (n == 0)
        return;
    g->text = NEWS(c->s, const char *, n);
    g->param = param(out, P_TEXTS(g->text, n));
}

static void where(struct compiler *c, const struct filter *f, struct slice_query *out)
{
    size_t names = 0, texts = 0, numbers = 0;

    if (!f)
        return;
    count(f, &names, &texts, &numbers);
    group_open(c, out, &c->names, names);
    group_open(c, out, &c->texts, texts);
    group_open(c, out, &c->numbers, numbers);
    buf_str(&c->sql, " AND ");
    add_filter(c, f);
    assert(c->names.n == names && c->texts.n == texts && c->numbers.n == numbers);
}

void slice_compile(struct scope *s, int64_t version, const struct slice *slice, struct slice_query *out)
{
    struct compiler c = { .s = s, .sql = BUF(s) };

    *out = (struct slice_query){ 0 };
    param(out, P_INT8(version));
    if (slice->count > 0)
        buf_str(&c.sql, "SELECT n FROM (");
    buf_printf(&c.sql, "SELECT %si.n, i.sha256 FROM item i WHERE i.version = $1",
               slice->distinct ? "DISTINCT ON (i.sha256) " : "");
    where(&c, slice->filter, out);
    if (slice->distinct)
        buf_str(&c.sql, " ORDER BY i.sha256, i.n");
    if (slice->count > 0) {
        int seed = param(out, P_BYTES(slice->seed, slice->seed_len)), limit = param(out, P_INT8(slice->count));
        buf_printf(&c.sql, ") AS k ORDER BY sha256($%d::bytea || k.sha256), n LIMIT $%d::bigint", seed, limit);
    }
    out->text = c.sql.p;
}
