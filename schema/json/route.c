/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/route.h"

#include <string.h>

#include "schema/base/bytes.h"
#include "schema/base/limits.h"

static const char *const methods[CONTRACT_METHODS] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
enum { GET, HEAD };

struct route {
    const char *word;                               /* of this segment; NULL: a name */
    size_t len;
    struct route *words, *name, *next;              /* below: by word (linked by next), by name */
    /* Where the path ends here, or has any more segments. The last stays NULL: methods that nobody declares. */
    const struct operation_spec *at[CONTRACT_METHODS + 1], *rest[CONTRACT_METHODS + 1];
    const char *allow_at, *allow_rest;
};

struct slice { const char *p; size_t len; };

const char *const *route_methods(void)
{
    return methods;
}

static size_t method_index(const char *method)
{
    size_t i = 0;

    while (i < CONTRACT_METHODS && strcmp(methods[i], method) != 0)
        i++;
    return i;
}

/* The next segment and what follows its slash; NULL after the last. */
static const char *segment(const char *path, struct slice *out)
{
    const char *end = strchrnul(path, '/');

    *out = (struct slice){ path, (size_t)(end - path) };
    return *end ? end + 1 : NULL;
}

static struct route *descend(struct contract *c, struct route *at, struct slice part)
{
    struct route **place = &at->name;

    if (part.p[0] != '{') {
        place = &at->words;
        while (*place && ((*place)->len != part.len || memcmp((*place)->word, part.p, part.len) != 0))
            place = &(*place)->next;
    }
    if (!*place) {
        *place = NEW(&c->mem, struct route);
        (*place)->word = part.p[0] == '{' ? NULL : part.p;
        (*place)->len = part.len;
    }
    return *place;
}

err route_add(struct scope *s, struct contract *c, size_t index, const struct spot *at)
{
    const struct operation_spec *spec = &c->specs[index];
    const struct operation *op = &c->operations[index];
    const struct operation_spec **ends;
    struct route *node = c->root = c->root ? c->root : NEW(&c->mem, struct route);
    bool rest = op->n_path > 0 && op->path[op->n_path - 1].rest;
    struct slice part;
    size_t m = method_index(spec->method);

    for (const char *p = spec->path[1] ? spec->path + 1 : NULL; p;) {
        p = segment(p, &part);
        if (!rest || p)
            node = descend(c, node, part);
    }
    ends = rest ? node->rest : node->at;
    if (ends[m])
        return spot_refuse(s, at, "%s and %s are one path to a reader of requests", spec->id, ends[m]->id);
    ends[m] = spec;
    return ERR_OK;
}

static const char *allow_text(struct scope *mem, const struct operation_spec *const *ends)
{
    struct buf b = BUF(mem);

    for (size_t m = 0; m < CONTRACT_METHODS; m++)
        if (ends[m] || (m == HEAD && ends[GET]))
            buf_printf(&b, "%s%s", b.len ? ", " : "", methods[m]);
    return b.p;
}

static void finish(struct contract *c, struct route *node)
{
    node->allow_at = allow_text(&c->mem, node->at);
    node->allow_rest = allow_text(&c->mem, node->rest);
    for (struct route *child = node->words; child; child = child->next)
        finish(c, child);
    if (node->name)
        finish(c, node->name);
}

void route_finish(struct contract *c)
{
    finish(c, c->root);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of percent-encoded text; -1 for a broken escape. */
static int decoded(const char **p, const char *end)
{
    int high, low;

    if (**p != '%')
        return (unsigned char)*(*p)++;
    if (end - *p < 3 || (high = hex_value((*p)[1])) < 0 || (low = hex_value((*p)[2])) < 0)
        return -1;
    *p += 3;
    return high << 4 | low;
}

/* Decodes; NULL if an escape is broken, or the result has a NUL or is not UTF-8. */
static char *decode(struct scope *s, const char *p, size_t len, bool form)
{
    char *text = scope_alloc(s, len + 1, 1);
    const char *end = p + len;
    size_t n = 0;

    while (p < end) {
        int byte = form && *p == '+' ? (p++, ' ') : decoded(&p, end);

        if (byte <= 0)
            return NULL;
        text[n++] = (char)byte;
    }
    text[n] = '\0';
    return utf8_valid(text, n) ? text : NULL;
}

static bool has_dots(const char *path)
{
    for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
        size_t n = strcspn(p, "/");

        if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return true;
    }
    return false;
}

static bool is_word(const struct route *node, struct slice part)
{
    const char *p = part.p, *end = p + part.len;
    size_t n = 0;

    while (p < end) {
        int byte = decoded(&p, end);

        if (n == node->len || byte != (unsigned char)node->word[n++])
            return false;
    }
    return n == node->len;
}

struct walk {
    size_t method;
    struct slice names[CONTRACT_PARAMS_MAX];
    size_t n;
    const struct operation_spec *found;
    const char *allow;
};

static bool ends_here(struct walk *w, const struct operation_spec *const *ends, const char *allow)
{
    w->found = ends[w->method];
    if (!w->found && w->method == HEAD)
        w->found = ends[GET];
    if (!w->found && !w->allow)
        w->allow = allow;
    return w->found;
}

/* Depth first, words before names before the rest: visits a node of the tree once at most. */
static bool walk(struct walk *w, const struct route *node, const char *path)
{
    struct slice part;
    const char *next;

    if (!path)
        return ends_here(w, node->at, node->allow_at);
    next = segment(path, &part);
    for (const struct route *child = node->words; child; child = child->next)
        if (is_word(child, part) && walk(w, child, next))
            return true;
    if (part.len > 0 && w->n < CONTRACT_PARAMS_MAX) {
        w->names[w->n++] = part;
        if (node->name && walk(w, node->name, next))
            return true;
        w->names[w->n - 1] = (struct slice){ path, strlen(path) };
        if (node->allow_rest && ends_here(w, node->rest, node->allow_rest))
            return true;
        w->n--;
    }
    return false;
}

static err path_params(struct scope *s, const struct operation *op, const struct walk *w, struct match *out)
{
    for (size_t i = 0; i < op->n_path; i++) {
        char *value = decode(s, w->names[i].p, w->names[i].len, false);

        if (!value)
            return fail(s, ERR_MALFORMED, "the path is not well encoded");
        out->path[out->n_path++] = (struct param){ op->path[i].name, value };
        TRY(schema_check_text(s, op->path[i].schema, scope_printf(s, "{%s}", op->path[i].name), value));
    }
    return ERR_OK;
}

static const struct parameter *declared(const struct operation *op, const char *name)
{
    for (size_t i = 0; i < op->n_query; i++)
        if (strcmp(op->query[i].name, name) == 0)
            return &op->query[i];
    return NULL;
}

static err query_param(struct scope *s, const struct operation *op, const char *text, size_t len, struct match *out)
{
    const char *equal = memchr(text, '=', len);
    size_t name_len = equal ? (size_t)(equal - text) : len;
    char *name = decode(s, text, name_len, true);
    char *value = decode(s, equal ? equal + 1 : "", equal ? len - name_len - 1 : 0, true);
    const struct parameter *p;
    char *pointer;

    if (!name || !value)
        return fail(s, ERR_MALFORMED, "the query is not well encoded");
    pointer = scope_printf(s, "?%s", name);
    p = declared(op, name);
    if (!p)
        return fail_at(s, ERR_INVALID, pointer, "is not a parameter of this operation");
    if (match_query(out, name) && !schema_is_list(p->schema))
        return fail_at(s, ERR_INVALID, pointer, "is given twice");
    if (out->n_query == CONTRACT_PARAMS_MAX)
        return fail_at(s, ERR_INVALID, pointer, "is one parameter too many, %d are taken", CONTRACT_PARAMS_MAX);
    out->query[out->n_query++] = (struct param){ p->name, value };
    return schema_check_text(s, p->schema, pointer, value);
}

static err query_params(struct scope *s, const struct operation *op, const char *query, struct match *out)
{
    while (query && *query) {
        size_t len = strcspn(query, "&");

        if (len > 0)
            TRY(query_param(s, op, query, len, out));
        query += len + (query[len] == '&');
    }
    for (size_t i = 0; i < op->n_query; i++)
        if (op->query[i].required && !match_query(out, op->query[i].name))
            return fail_at(s, ERR_INVALID, scope_printf(s, "?%s", op->query[i].name), "is required");
    return ERR_OK;
}

err contract_match(struct scope *s, const struct contract *c, const char *method, const char *raw_path,
                   const char *raw_query, struct match *out)
{
    struct walk w = { .method = method_index(method) };
    const struct operation *op;
    const char *whole;

    memset(out, 0, sizeof *out);
    if (raw_path[0] != '/' || strlen(raw_path) > HTTP_URI_MAX)
        return fail(s, ERR_MALFORMED, "a path begins with a slash and has at most %d bytes", HTTP_URI_MAX);
    whole = decode(s, raw_path, strlen(raw_path), false);
    if (!whole || has_dots(whole))
        return fail(s, ERR_MALFORMED,
                    "the path has a broken escape, a NUL, bytes that are not UTF-8, or a dot segment");
    if (!walk(&w, c->root, raw_path[1] ? raw_path + 1 : NULL)) {
        out->allow = w.allow;
        if (w.allow)
            return fail(s, ERR_METHOD, "this path takes %s", w.allow);
        return fail(s, ERR_NOT_FOUND, "there is nothing at this path");
    }
    out->op = w.found;
    op = &c->operations[w.found->index];
    TRY(path_params(s, op, &w, out));
    return query_params(s, op, raw_query, out);
}

static const char *find(const struct param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0)
            return params[i].value;
    return NULL;
}

const char *match_path(const struct match *m, const char *name)
{
    return find(m->path, m->n_path, name);
}

const char *match_query(const struct match *m, const char *name)
{
    return find(m->query, m->n_query, name);
}

int64_t match_query_int(const struct match *m, const char *name, int64_t fallback)
{
    const char *text = match_query(m, name);
    uint64_t v;

    if (!text || !decimal_read(text + (*text == '-'), strlen(text + (*text == '-')), INT64_MAX, &v))
        return fallback;
    return *text == '-' ? -(int64_t)v : (int64_t)v;
}
