/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/contract.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/bytes.h"
#include "schema/json/canon.h"
#include "schema/json/route.h"

#define DOCUMENT_DEPTH_MAX 64      /* The contract nests its schemas deeper than bodies may nest. */
#define JSON_MEDIA    "application/json"
#define PROBLEM_MEDIA "application/problem+json"

/* Loading one operation: where it stands in the document, and where it goes. */
struct loader { struct scope *s; struct contract *c; size_t index; const struct spot *at; };

/* Refuses members that are not in the list of words. */
static err members_only(struct loader *l, const json_t *value, const struct spot *at, const char *const *words)
{
    json_t *object = (json_t *)value;

    if (!json_is_object(object))
        return spot_refuse(l->s, at, "must be an object");
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *const *w = words;

        while (*w && strcmp(*w, json_object_iter_key(i)) != 0)
            w++;
        if (!*w)
            return spot_refuse(l->s, at, "'%s' is not of our subset", json_object_iter_key(i));
    }
    return ERR_OK;
}
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static err flag_read(struct loader *l, const json_t *from, const char *name, bool *out)
{
    const json_t *value = json_object_get(from, name);

    if (value && !json_is_boolean(value))
        return spot_refuse(l->s, l->at, "%s must be true or false", name);
    *out = json_is_true(value);
    return ERR_OK;
}

/* Follows `$ref` into components/KIND, once. */
static err resolve(struct loader *l, const char *kind, const json_t *value, const struct spot *at, const json_t **out)
{
    const char *target = json_string_value(json_object_get(value, "$ref"));
    const char *prefix = scope_printf(l->s, "#/components/%s/", kind);

    *out = value;
    if (!json_object_get(value, "$ref"))
        return ERR_OK;
    if (!target || strncmp(target, prefix, strlen(prefix)) != 0)
        return spot_refuse(l->s, at, "$ref must be %sNAME", prefix);
    *out = json_object_get(json_object_get(json_object_get(l->c->document, "components"), kind),
                           target + strlen(prefix));
    if (!*out || json_object_get(*out, "$ref"))
        return spot_refuse(l->s, at, "there is no %s, or it is another $ref", target);
    return members_only(l, value, at, WORDS("$ref", "description", "summary"));
}

/* Where `name` stands in the template; SIZE_MAX if it doesn't. */
static size_t template_place(const char *template, const char *name)
{
    size_t place = 0;

    for (const char *p = strchr(template, '{'); p; p = strchr(p + 1, '{'), place++)
        if (strncmp(p + 1, name, strlen(name)) == 0 && p[1 + strlen(name)] == '}')
            return place;
    return SIZE_MAX;
}

static err parameter_place(struct loader *l, const char *in, const struct parameter *p, const struct spot *at)
{
    struct operation *op = &l->c->operations[l->index];
    size_t place = template_place(l->c->specs[l->index].path, p->name);

    if (strcmp(in, "path") == 0) {
        if (place == SIZE_MAX || op->path[place].name || !p->required)
            return spot_refuse(l->s, at, "{%s} is not in the path, declared twice, or not required", p->name);
        if (p->rest && place != op->n_path - 1)
            return spot_refuse(l->s, at, "x-rest is for the last segment");
        op->path[place] = *p;
        return ERR_OK;
    }
    if (strcmp(in, "query") != 0)
        return spot_refuse(l->s, at, "'in' must be path, query or header");
    if (op->n_query == CONTRACT_PARAMS_MAX || p->rest)
        return spot_refuse(l->s, at, "one query parameter too many, or with x-rest");
    op->query[op->n_query++] = *p;
    return ERR_OK;
}

static err parameter_load(struct loader *l, const json_t *source, const struct spot *at)
{
    struct parameter p = { 0 };
    const char *in, *name;

    TRY(resolve(l, "parameters", source, at, &source));
    TRY(members_only(l, source, at, WORDS("name", "in", "required", "schema", "description", "deprecated", "example",
                                          "examples", "style", "explode", "x-rest")));
    in = json_string_value(json_object_get(source, "in"));
    name = json_string_value(json_object_get(source, "name"));
    if (!in || !name || !*name)
        return spot_refuse(l->s, at, "a parameter has a name and an 'in'");
    p.name = name;
    TRY(flag_read(l, source, "required", &p.required));
    TRY(flag_read(l, source, "x-rest", &p.rest));
    TRY(schema_compile(l->s, &l->c->schemas, json_object_get(source, "schema"), at, &p.schema));
    return strcmp(in, "header") == 0 ? ERR_OK : parameter_place(l, in, &p, at);
}

static err parameters_load(struct loader *l, const json_t *list, const struct spot *at)
{
    struct spot here = { at, "parameters", 0 };

    if (list && !json_is_array(list))
        return spot_refuse(l->s, &here, "must be a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct spot one = { &here, NULL, i };

        TRY(parameter_load(l, json_array_get(list, i), &one));
    }
    return ERR_OK;
}

/* The schema of the content's JSON, NULL if it has none; `*media` gets the names of its types. */
static err content_load(struct loader *l, const json_t *content, const struct spot *at, const struct schema **schema,
                        const char *const **media)
{
    json_t *object = (json_t *)content;
    struct spot here = { at, "content", 0 };
    const char **names = NEWS(&l->c->mem, const char *, json_object_size(object) + 1);
    size_t n = 0;

    *schema = NULL;
    *media = names;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct spot one = { &here, json_object_iter_key(i), 0 };
        const json_t *value = json_object_iter_value(i), *inner = json_object_get(value, "schema");
        const struct schema *made = NULL;

        names[n++] = one.key;
        TRY(members_only(l, value, &one, WORDS("schema", "example", "examples")));
        if (inner)
            TRY(schema_compile(l->s, &l->c->schemas, inner, &one, &made));
        if (strcmp(one.key, JSON_MEDIA) == 0 || (!*schema && strcmp(one.key, PROBLEM_MEDIA) == 0))
            *schema = made;
    }
    return ERR_OK;
}

static err body_load(struct loader *l, const json_t *body)
{
    struct operation_spec *spec = &l->c->specs[l->index];
    struct operation *op = &l->c->operations[l->index];
    struct spot here = { l->at, "requestBody", 0 };

    if (body)
        TRY(members_only(l, body, &here, WORDS("description", "required", "content")));
    TRY(flag_read(l, body, "required", &spec->body_required));
    TRY(content_load(l, json_object_get(body, "content"), &here, &op->body, &spec->media));
    spec->has_body = op->body && !spec->raw_body;
    if (spec->has_body && (strcmp(spec->media[0], JSON_MEDIA) != 0 || spec->media[1]))
        return spot_refuse(l->s, &here, "a body is JSON alone, or x-raw-body");
    if (spec->media[0] && !spec->has_body && !spec->raw_body)
        return spot_refuse(l->s, &here, "a body that is not JSON needs x-raw-body");
    if (spec->raw_body && !spec->media[0])
        return spot_refuse(l->s, l->at, "x-raw-body without a requestBody");
    if (spec->fast && spec->media[0])
        return spot_refuse(l->s, l->at, "x-fast takes no body: it would be read in the event thread");
    return ERR_OK;
}

static bool status_good(const char *status)
{
    if (strcmp(status, "default") == 0)
        return true;
    return strlen(status) == 3 && status[0] >= '1' && status[0] <= '5' &&
           (strcmp(status + 1, "XX") == 0 || (isdigit((unsigned char)status[1]) && isdigit((unsigned char)status[2])));
}

static err answers_load(struct loader *l, const json_t *responses)
{
    struct operation *op = &l->c->operations[l->index];
    json_t *object = (json_t *)responses;
    struct spot here = { l->at, "responses", 0 };

    if (json_object_size(object) == 0)
        return spot_refuse(l->s, &here, "an operation has answers");
    op->answers = NEWS(&l->c->mem, struct answer, json_object_size(object));
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct answer *a = &op->answers[op->n_answers++];
        struct spot one = { &here, json_object_iter_key(i), 0 };
        const json_t *value = json_object_iter_value(i);
        const char *const *media;

        a->status = one.key;
        if (!status_good(a->status))
            return spot_refuse(l->s, &one, "is no status");
        TRY(resolve(l, "responses", value, &one, &value));
        TRY(members_only(l, value, &one, WORDS("description", "headers", "content")));
        TRY(content_load(l, json_object_get(value, "content"), &one, &a->schema, &media));
    }
    return ERR_OK;
}

static err role_load(struct loader *l, const json_t *source)
{
    static const char *const roles[] = { "", "any", "operator", "publisher", "buyer", "auditor" };
    const char *role = json_string_value(json_object_get(source, "x-role"));

    for (size_t i = 0; role && i < ARRAY_LEN(roles); i++)
        if (strcmp(role, roles[i]) == 0) {
            l->c->specs[l->index].role = roles[i];
            return ERR_OK;
        }
    return spot_refuse(l->s, l->at, "x-role says who may: \"\" (everyone), any, operator, publisher, buyer or auditor");
}

static err id_load(struct loader *l, const json_t *source)
{
    const char *id = json_string_value(json_object_get(source, "operationId"));

    if (!id || !*id || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(id))
        return spot_refuse(l->s, l->at, "operationId has lower-case letters, digits and _");
    for (size_t i = 0; i < l->index; i++)
        if (strcmp(l->c->specs[i].id, id) == 0)
            return spot_refuse(l->s, l->at, "operationId %s is there twice", id);
    l->c->specs[l->index].id = id;
    return ERR_OK;
}

static err operation_load(struct loader *l, const json_t *shared, const json_t *source)
{
    struct operation_spec *spec = &l->c->specs[l->index];
    struct operation *op = &l->c->operations[l->index];

    TRY(members_only(l, source, l->at, WORDS("operationId", "summary", "description", "tags", "deprecated",
                                             "externalDocs", "security", "parameters", "requestBody", "responses",
                                             "x-role", "x-idempotency-key", "x-raw-body", "x-fast")));
    TRY(id_load(l, source));
    TRY(role_load(l, source));
    TRY(flag_read(l, source, "x-idempotency-key", &spec->idempotent_key));
    TRY(flag_read(l, source, "x-raw-body", &spec->raw_body));
    TRY(flag_read(l, source, "x-fast", &spec->fast));
    TRY(parameters_load(l, shared, l->at->up));
    TRY(parameters_load(l, json_object_get(source, "parameters"), l->at));
    for (size_t i = 0; i < op->n_path; i++)
        if (!op->path[i].name)
            return spot_refuse(l->s, l->at, "a segment of the path is not declared as a parameter");
    TRY(body_load(l, json_object_get(source, "requestBody")));
    TRY(answers_load(l, json_object_get(source, "responses")));
    return route_add(l->s, l->c, l->index, l->at);
}

/* "/", or segments that are a word or a {name}; words are written as they are decoded. */
static err template_check(struct loader *l, const char *path, size_t *names)
{
    *names = 0;
    if (strcmp(path, "/") == 0)
        return ERR_OK;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p + 1, "/");
        bool name = p[1] == '{';

        if (*p != '/' || n == 0 || (name && (n < 3 || p[n] != '}')) || strcspn(p + 1 + name, "{}%?#") < n - 2 * name)
            return spot_refuse(l->s, l->at, "a path is /word/{name}/…");
        *names += name;
        p += 1 + n;
    }
    return *names <= CONTRACT_PARAMS_MAX ? ERR_OK : spot_refuse(l->s, l->at, "more names than %d", CONTRACT_PARAMS_MAX);
}

static bool is_method(const char *key, const char **method)
{
    for (size_t m = 0; m < CONTRACT_METHODS; m++)
        if (strcasecmp(route_methods()[m], key) == 0 && islower((unsigned char)*key)) {
            *method = route_methods()[m];
            return true;
        }
    return false;
}

static err path_load(struct loader *l, const char *path, const json_t *item)
{
    const struct spot *at = l->at;
    json_t *object = (json_t *)item;
    size_t names;

    TRY(template_check(l, path, &names));
    TRY(members_only(l, item, at, WORDS("summary", "description", "parameters", "get", "head", "post", "put", "patch",
                                        "delete")));
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct spot here = { at, json_object_iter_key(i), 0 };
        const char *method;

        if (!is_method(here.key, &method))
            continue;
        l->at = &here;
        l->c->specs[l->index].index = l->index;
        l->c->specs[l->index].method = method;
        l->c->specs[l->index].path = path;
        l->c->operations[l->index].n_path = names;
        TRY(operation_load(l, json_object_get(item, "parameters"), json_object_iter_value(i)));
        l->index++;
    }
    l->at = at;
    return ERR_OK;
}

static err document_load(struct loader *l)
{
    struct contract *c = l->c;
    json_t *paths = json_object_get(c->document, "paths"), *components = json_object_get(c->document, "components");
    const char *version = json_string_value(json_object_get(c->document, "openapi"));
    struct spot in_paths = { NULL, "paths", 0 }, in_components = { NULL, "components", 0 };
    struct spot in_schemas = { &in_components, "schemas", 0 };
    size_t n = 0;

    TRY(members_only(l, c->document, NULL, WORDS("openapi", "info", "jsonSchemaDialect", "servers", "tags", "paths",
                                                 "components", "security", "externalDocs")));
    if (!version || strncmp(version, "3.1.", 4) != 0)
        return spot_refuse(l->s, NULL, "openapi must be 3.1");
    if (components)
        TRY(members_only(l, components, &in_components, WORDS("schemas", "parameters", "responses", "securitySchemes",
                                                              "headers", "examples")));
    TRY(schemas_open(l->s, &c->schemas, &c->mem, json_object_get(components, "schemas"), &in_schemas));
    for (void *i = json_object_iter(paths); i; i = json_object_iter_next(paths, i))
        n += json_object_size(json_object_iter_value(i));       /* at least as many as there are operations */
    c->specs = NEWS(&c->mem, struct operation_spec, n);
    c->operations = NEWS(&c->mem, struct operation, n);
    for (void *i = json_object_iter(paths); i; i = json_object_iter_next(paths, i)) {
        struct spot here = { &in_paths, json_object_iter_key(i), 0 };

        l->at = &here;
        TRY(path_load(l, here.key, json_object_iter_value(i)));
    }
    c->n_operations = l->index;
    if (c->n_operations == 0)
        return spot_refuse(l->s, &in_paths, "there is no operation");
    route_finish(c);
    return ERR_OK;
}

err contract_load(struct scope *s, const char *text, size_t len, struct contract **out)
{
    struct contract *c = calloc(1, sizeof *c);
    struct loader l = { .s = s, .c = c };
    err e;

    if (!c)
        abort();
    scope_init(&c->mem, 0);
    c->text = scope_strndup(&c->mem, text, len);
    c->len = len;
    e = json_read_as(s, text, len, (struct json_rules){ .depth_max = DOCUMENT_DEPTH_MAX }, &c->document);
    if (e == ERR_OK)
        e = document_load(&l);
    if (e == ERR_OK)
        *out = c;
    else
        contract_free(c);
    return e == ERR_MALFORMED ? ERR_CONFIG : e;
}

void contract_free(struct contract *c)
{
    if (!c)
        return;
    schemas_close(&c->schemas);
    json_decref(c->document);
    scope_free(&c->mem);
    free(c);
}

const char *contract_text(const struct contract *c, size_t *len)
{
    *len = c->len;
    return c->text;
}

const struct operation_spec *contract_operations(const struct contract *c, size_t *n)
{
    *n = c->n_operations;
    return c->specs;
}

bool contract_takes(const struct operation_spec *op, const char *content_type)
{
    size_t n = content_type ? strcspn(content_type, "; \t") : 0;

    for (const char *const *m = op->media; *m; m++)
        if (strcmp(*m, "*/*") == 0 || (n == strlen(*m) && strncasecmp(*m, content_type, n) == 0))
            return true;
    return false;
}

err contract_check_body(struct scope *s, const struct contract *c, const struct operation_spec *op, const json_t *body)
{
    const struct schema *schema = c->operations[op->index].body;

    if (!body)
        return op->body_required ? fail(s, ERR_INVALID, "a JSON body is required") : ERR_OK;
    if (!schema)
        return fail(s, ERR_INVALID, "this operation takes no body");
    return schema_check(s, ERR_INVALID, schema, body);
}

/* The status itself goes before its class, the class before `default`; 0: not this one. */
static size_t status_rank(const char *declared, const char *status)
{
    if (strcmp(declared, status) == 0)
        return 3;
    if (declared[0] == status[0] && strcmp(declared + 1, "XX") == 0)
        return 2;
    return strcmp(declared, "default") == 0;
}

err contract_check_answer(struct scope *s, const struct contract *c, const struct operation_spec *op, int status,
                          const json_t *body)
{
    const struct operation *inside = &c->operations[op->index];
    const char *text = scope_printf(s, "%03d", status);
    const struct answer *found = NULL;
    size_t best = 0;

    for (size_t i = 0; i < inside->n_answers; i++) {
        const struct answer *a = &inside->answers[i];
        size_t rank = status_rank(a->status, text);

        if (rank > best) {
            best = rank;
            found = a;
        }
    }
    if (!found)
        return fail(s, ERR_INTERNAL, "%s answers %d, which is not declared", op->id, status);
    if (body && !found->schema)
        return fail(s, ERR_INTERNAL, "%s answers %d with JSON that is not declared", op->id, status);
    if (!body && found->schema)
        return fail(s, ERR_INTERNAL, "%s answers %d without the JSON that is declared", op->id, status);
    if (!body)
        return ERR_OK;
    return schema_check(s, ERR_INTERNAL, found->schema, body);
}
