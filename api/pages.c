/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pages.h"

#include <ctype.h>
#include <string.h>

#include "schema/json/canon.h"

#define HEAD(title) \
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" title "</title>\n" \
    "<meta name=\"viewport\" content=\"width=device-width\">\n<style>" \
    "body{font:16px/1.5 system-ui,sans-serif;max-width:58rem;margin:2rem auto;padding:0 1rem;color:#222}" \
    "code{font:14px/1.4 ui-monospace,monospace;background:#f3f3f0;padding:.1em .3em}" \
    "h2{margin-top:2.5rem;border-bottom:1px solid #ccc}h3{margin-bottom:.2rem}" \
    "table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}" \
    ".role{color:#666}</style></head><body>\n"

static void escaped(struct buf *b, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': buf_str(b, "&amp;"); break;
        case '<': buf_str(b, "&lt;"); break;
        case '>': buf_str(b, "&gt;"); break;
        case '"': buf_str(b, "&quot;"); break;
        default: buf_char(b, *text);
        }
}

static void wrapped(struct buf *b, const char *before, const char *text, const char *after)
{
    buf_str(b, before);
    escaped(b, text);
    buf_str(b, after);
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* Follows "#/components/…/Name". */
static const json_t *resolved(const json_t *root, const json_t *value)
{
    const char *at = text_at(value, "$ref");

    if (strncmp(at, "#/", 2) != 0)
        return value;
    value = root;
    for (at += 2; *at && value; at += strcspn(at, "/"), at += *at == '/')
        value = json_object_getn(value, at, strcspn(at, "/"));
    return value;
}

/* "string", "Money", "array of Item": the name of a schema, linked if it has one. */
static void schema_name(struct buf *b, const json_t *schema)
{
    const char *ref = text_at(schema, "$ref"), *slash = strrchr(ref, '/');
    const json_t *items = json_object_get(schema, "items");
    const json_t *type = json_object_get(schema, "type");

    if (slash) {
        wrapped(b, "<a href=\"#", slash + 1, "\">");
        wrapped(b, "", slash + 1, "</a>");
    } else if (items) {
        buf_str(b, "array of ");
        schema_name(b, items);
    } else if (json_is_array(type)) {
        for (size_t i = 0; i < json_array_size(type); i++)
            wrapped(b, i ? " or " : "", json_string_value(json_array_get(type, i)), "");
    } else {
        escaped(b, json_string_value(type) ? json_string_value(type) : "any");
    }
}

static void contents(struct buf *b, const char *what, const json_t *content)
{
    const char *media;
    json_t *value;

    json_object_foreach((json_t *)content, media, value) {
        wrapped(b, "<tr><td>", what, "</td><td><code>");
        wrapped(b, "", media, "</code> ");
        if (json_object_get(value, "schema"))
            schema_name(b, json_object_get(value, "schema"));
        buf_str(b, "</td></tr>\n");
    }
}

static void parameters(struct buf *b, const json_t *root, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = resolved(root, json_array_get(list, i));

        wrapped(b, "<tr><td>", text_at(p, "in"), " ");
        wrapped(b, "<code>", text_at(p, "name"), "</code></td><td>");
        schema_name(b, json_object_get(p, "schema"));
        buf_str(b, json_is_true(json_object_get(p, "required")) ? ", required" : "");
        wrapped(b, " ", text_at(p, "description"), "</td></tr>\n");
    }
}

static void operation(struct buf *b, const json_t *root, const char *path, const char *method, const json_t *op)
{
    const char *role = text_at(op, "x-role"), *status;
    json_t *response;

    wrapped(b, "<h3 id=\"", text_at(op, "operationId"), "\"><code>");
    for (; *method; method++)
        buf_char(b, (char)toupper((unsigned char)*method));
    wrapped(b, " ", path, "</code></h3>\n<p>");
    wrapped(b, "", text_at(op, "summary"), ". <span class=\"role\">");
    escaped(b, !*role ? "Open to everyone" : strcmp(role, "any") == 0 ? "Any key" : role);
    buf_str(b, "</span></p>\n<table>\n");
    parameters(b, root, json_object_get(op, "parameters"));
    contents(b, "body", json_object_get(json_object_get(op, "requestBody"), "content"));
    json_object_foreach(json_object_get(op, "responses"), status, response) {
        response = (json_t *)resolved(root, response);
        if (json_object_size(json_object_get(response, "content")) > 0)
            contents(b, status, json_object_get(response, "content"));
        else {
            wrapped(b, "<tr><td>", status, "</td><td>");
            wrapped(b, "", text_at(response, "description"), "</td></tr>\n");
        }
    }
    buf_str(b, "</table>\n");
}

static void operations(struct buf *b, const json_t *root, const char *tag)
{
    const char *path, *method;
    json_t *methods, *op;

    wrapped(b, "<h2>", tag, "</h2>\n");
    json_object_foreach(json_object_get(root, "paths"), path, methods)
        json_object_foreach(methods, method, op) {
            const char *own = json_string_value(json_array_get(json_object_get(op, "tags"), 0));

            if (own && strcmp(own, tag) == 0)
                operation(b, root, path, method, op);
        }
}

static void schemas(struct buf *b, const json_t *root)
{
    const char *name, *member;
    json_t *schema, *value;

    buf_str(b, "<h2>Shapes</h2>\n");
    json_object_foreach(json_object_get(json_object_get(root, "components"), "schemas"), name, schema) {
        wrapped(b, "<h3 id=\"", name, "\">");
        wrapped(b, "", name, "</h3>\n<p>");
        wrapped(b, "", text_at(schema, "description"), "</p>\n<table>\n");
        json_object_foreach(json_object_get(schema, "properties"), member, value) {
            wrapped(b, "<tr><td><code>", member, "</code></td><td>");
            schema_name(b, value);
            wrapped(b, " ", text_at(value, "description"), "</td></tr>\n");
        }
        if (*text_at(schema, "pattern"))
            wrapped(b, "<tr><td>pattern</td><td><code>", text_at(schema, "pattern"), "</code></td></tr>\n");
        buf_str(b, "</table>\n");
    }
}

err docs_page(struct scope *s, const struct contract *c, const char **html)
{
    struct buf b = BUF(s);
    size_t len, i;
    const char *text = contract_text(c, &len);
    json_t *root = json_loadb(text, len, 0, NULL), *tag;

    if (!root)
        return fail(s, ERR_CONFIG, "the contract is no JSON");
    buf_str(&b, HEAD("Counterfoil API") "<h1>Counterfoil API</h1>\n<p>Made from <a href=\"/openapi.json\">the"
                                        " contract</a>,"
            " which also routes and validates. Send your key as <code>Authorization: Bearer cf_…</code>. Refusals are"
            " problem documents (RFC 9457).</p>\n");
    json_array_foreach(json_object_get(root, "tags"), i, tag)
        operations(&b, root, text_at(tag, "name"));
    schemas(&b, root);
    buf_str(&b, "</body></html>\n");
    json_decref(root);
    *html = b.p;
    return ERR_OK;
}

const char *front_page(struct scope *s, const char *origin, const char *log_key)
{
    struct buf b = BUF(s);

    buf_str(&b, HEAD("Counterfoil") "<h1>Counterfoil</h1>\n<p>A marketplace for AI training data. Every publication,"
            " license, payment and delivery leaves an entry in a signed, append-only log that anyone can"
            " check.</p>\n<ul>\n"
            "<li><a href=\"/v1/datasets\">Datasets</a> and <a href=\"/v1/offers\">offers</a>, as JSON</li>\n"
            "<li><a href=\"/docs\">The API</a>, and its contract as <a href=\"/openapi.json\">OpenAPI</a></li>\n"
            "<li>The log: <a href=\"/log/checkpoint\">checkpoint</a>, <a href=\"/v1/entries\">entries</a>,"
            " <a href=\"/v1/log/key\">keys</a></li>\n<li><a href=\"/metrics\">Metrics</a>,"
            " <a href=\"/readyz\">readiness</a></li>\n</ul>\n<p>Check all of it from your own machine:</p>\n"
            "<p><code>counterfoil audit URL --key ");
    escaped(&b, log_key);
    wrapped(&b, "</code></p>\n<p>The log's origin is <code>", origin, "</code>.</p>\n</body></html>\n");
    return b.p;
}
