/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "schema/json/canon.h"
#include "worker/fetch/fetch.h"

/* The error whose slug ends the problem's type; of several the first, as err.def lists them. */
static err by_slug(const char *type)
{
    const char *slug = strrchr(type, '/');

    slug = slug ? slug + 1 : type;
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++)
        if (strcmp(err_slug((err)e), slug) == 0)
            return (err)e;
    return ERR_OK;
}

static err by_status(int status)
{
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++)
        if (err_status((err)e) == status)
            return (err)e;
    return status >= 500 ? ERR_UNREACHABLE : ERR_INVALID;
}

static const char *text_of(const json_t *problem, const char *name)
{
    const char *text = json_string_value(json_object_get(problem, name));

    return text ? text : "";
}

/* The detail without the code that it begins with, where that says no more than the slug. */
static const char *detail_of(const json_t *problem, const char *slug)
{
    const char *detail = text_of(problem, "detail"), *code = text_of(problem, "code");
    size_t n = strlen(code);

    if (!slug || n != strlen(slug) || strncmp(detail, code, n) != 0 || strncmp(detail + n, ": ", 2) != 0)
        return detail;
    for (size_t i = 0; i < n; i++)
        if ((code[i] == '_' ? '-' : code[i]) != slug[i])
            return detail;
    return detail + n + 2;
}

/*
 * "Title: detail (what) [status slug at pointer, request req_…]"; of the first fault, what the detail doesn't say yet.
 */
static err describe(struct scope *s, const struct fetch_answer *a, const json_t *problem)
{
    const json_t *fault = json_array_get(json_object_get(problem, "errors"), 0);
    const char *title = text_of(problem, "title");
    const char *id = fetch_header(a, "X-Request-Id"), *pointer = text_of(fault, "pointer");
    err e = by_slug(text_of(problem, "type"));
    const char *slug = e == ERR_OK ? NULL : err_slug(e), *detail = detail_of(problem, slug);
    struct buf b = BUF(s);

    if (e == ERR_OK)
        e = by_status(a->status);
    buf_printf(&b, "%s%s%s", *title ? title : "refused", *detail ? ": " : "", detail);
    if (!strstr(detail, text_of(fault, "detail")))
        buf_printf(&b, " (%s)", text_of(fault, "detail"));
    buf_printf(&b, " [%d%s%s", a->status, slug ? " " : "", slug ? slug : "");
    if (!strstr(detail, pointer))
        buf_printf(&b, " at %s", pointer);
    buf_printf(&b, "%s%s]", id ? ", request " : "", id ? id : "");
    return fail_at(s, e, pointer, "%s", b.p);
}

err fetch_problem(struct scope *s, const struct fetch_answer *a)
{
    const char *type = fetch_header(a, "Content-Type");
    json_t *problem = NULL;
    err e;

    if (a->status >= 200 && a->status < 300)
        return ERR_OK;
    if (type && strncmp(type, "application/problem+json", 24) == 0 &&
        json_read(s, (const char *)a->body.p, a->body.len, &problem) != ERR_OK)
        scope_forgive(s);                  /* a broken problem document is still a refusal: its status speaks */
    if (json_is_object(problem)) {
        e = describe(s, a, problem);
    } else {
        const char *id = fetch_header(a, "X-Request-Id");
        e = fail(s, by_status(a->status), "the server answered %d%s%s", a->status, id ? ", request " : "",
                 id ? id : "");
    }
    json_decref(problem);
    return e;
}
