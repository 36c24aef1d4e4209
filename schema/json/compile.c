/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/compiled.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"

#define REF_PREFIX "#/components/schemas/"

struct schema_regex { struct schema_regex *next; const char *text; regex_t compiled; };

static const struct schema schema_any = { 0 };

/* What one keyword's row needs: where it stands, and the schema it goes into. */
struct keyword_at {
    struct scope *s;
    struct schemas *set;
    struct schema *into;
    const json_t *source;
    const struct spot *at;
};

char *spot_pointer(struct scope *s, const struct spot *at)
{
    struct buf b = BUF(s);

    if (!at)
        return scope_strdup(s, "");
    buf_str(&b, spot_pointer(s, at->up));
    buf_char(&b, '/');
    if (!at->key)
        buf_u64(&b, at->index);
    for (const char *c = at->key ? at->key : ""; *c; c++) {
        if (*c == '~' || *c == '/')
            buf_str(&b, *c == '~' ? "~0" : "~1");
        else
            buf_char(&b, *c);
    }
    return b.p;
}

err spot_refuse(struct scope *s, const struct spot *at, const char *format, ...)
{
    char phrase[SCOPE_DETAIL_MAX];
    const char *pointer = spot_pointer(s, at);
    va_list ap;

    va_start(ap, format);
    vsnprintf(phrase, sizeof phrase, format, ap);
    va_end(ap);
    return fail_at(s, ERR_CONFIG, pointer, "the contract at %s: %s", *pointer ? pointer : "its root", phrase);
}

int property_compare(const void *a, const void *b)
{
    return strcmp(((const struct property *)a)->name, ((const struct property *)b)->name);
}

bool schema_regex_matches(const struct schema_regex *regex, const char *text)
{
    return regexec(&regex->compiled, text, 0, NULL, 0) == 0;
}

const char *schema_regex_text(const struct schema_regex *regex)
{
    return regex->text;
}

/*
 * The contract's readers run patterns by ECMA-262, we by POSIX ERE: only what
 * both read alike is taken. Not taken: classes like \d, groups like (?:, lazy
 * and possessive quantifiers, back-references, and escapes or [:classes:]
 * inside brackets.
 */
static const char *bracket_fault(const char **at)
{
    const char *p = *at + 1;

    p += *p == '^';
    if (*p == ']')
        return "a bracket that begins with ] reads differently in POSIX and ECMA-262";
    for (; *p && *p != ']'; p++)
        if (*p == '\\' || (*p == '[' && strchr(":.=", p[1])))
            return "inside brackets, escapes and [: :] read differently in POSIX and ECMA-262";
    *at = p;
    return *p ? NULL : "a bracket that doesn't end";
}

static const char *pattern_fault(const char *p)
{
    enum { NOTHING, ATOM, QUANTIFIER } before = NOTHING;
    const char *fault;

    for (const char *c = p; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return "patterns are matched bytewise and so are written in ASCII";
    for (; *p; p++) {
        if (strchr("*+?{", *p)) {
            if (before != ATOM)
                return "a quantifier with nothing to repeat: groups like (?: and lazy quantifiers aren't POSIX";
            if (*p == '{' && !(p = strchr(p, '}')))
                return "a count that doesn't end";
            before = QUANTIFIER;
            continue;
        }
        before = strchr("(|^", *p) ? NOTHING : ATOM;
        if (*p == '[' && (fault = bracket_fault(&p)) != NULL)
            return fault;
        if (*p == '}')
            return "a } without its {";
        if (*p == '\\' && (!*++p || !strchr("^.[]$()|*+?{}\\", *p)))
            return "an escape that POSIX and ECMA-262 don't read alike";
    }
    return NULL;
}

static err take_pattern(struct keyword_at *k)
{
    struct schema_regex *regex = NEW(k->set->mem, struct schema_regex);
    const char *text = json_string_value(k->source), *fault = text ? pattern_fault(text) : "must be a string";
    char error[128];
    int rc;

    if (fault)
        return spot_refuse(k->s, k->at, "%s", fault);
    rc = regcomp(&regex->compiled, text, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        regerror(rc, &regex->compiled, error, sizeof error);
        return spot_refuse(k->s, k->at, "%s", error);
    }
    regex->text = text;
    regex->next = k->set->regexes;
    k->set->regexes = regex;
    k->into->pattern = regex;
    return ERR_OK;
}

static err size_read(struct keyword_at *k, size_t *out)
{
    if (!json_is_integer(k->source) || json_integer_value(k->source) < 0)
        return spot_refuse(k->s, k->at, "must be a whole number from 0");
    *out = (size_t)json_integer_value(k->source);
    return ERR_OK;
}

static err bound_read(struct keyword_at *k, int64_t *out)
{
    if (!json_is_integer(k->source))
        return spot_refuse(k->s, k->at, "must be a whole number");
    *out = json_integer_value(k->source);
    return ERR_OK;
}

static err take_min_items(struct keyword_at *k)  { return size_read(k, &k->into->min_items); }
static err take_max_items(struct keyword_at *k)  { return size_read(k, &k->into->max_items); }
static err take_min_length(struct keyword_at *k) { return size_read(k, &k->into->min_length); }
static err take_max_length(struct keyword_at *k) { return size_read(k, &k->into->max_length); }
static err take_minimum(struct keyword_at *k)    { return bound_read(k, &k->into->minimum); }
static err take_maximum(struct keyword_at *k)    { return bound_read(k, &k->into->maximum); }
static err take_nothing(struct keyword_at *k)    { (void)k; return ERR_OK; }

static err take_items(struct keyword_at *k)
{
    return schema_compile(k->s, k->set, k->source, k->at, &k->into->items);
}

static err take_const(struct keyword_at *k)
{
    const json_t **list = NEWS(k->set->mem, const json_t *, 1);

    if (k->into->allowed)
        return spot_refuse(k->s, k->at, "must not stand beside enum");
    list[0] = k->source;
    k->into->allowed = list;
    k->into->n_allowed = 1;
    return ERR_OK;
}

static err take_enum(struct keyword_at *k)
{
    size_t n = json_array_size(k->source);
    const json_t **list = NEWS(k->set->mem, const json_t *, n);

    if (n == 0)
        return spot_refuse(k->s, k->at, "must be a list of values");
    for (size_t i = 0; i < n; i++)
        list[i] = json_array_get(k->source, i);
    k->into->allowed = list;
    k->into->n_allowed = n;
    return ERR_OK;
}

static err type_add(struct keyword_at *k, const json_t *name)
{
    static const struct { const char *name; unsigned type; } rows[] = {
        { "object", TYPE_OBJECT }, { "array", TYPE_ARRAY }, { "string", TYPE_STRING }, { "integer", TYPE_INTEGER },
        { "number", TYPE_INTEGER | TYPE_NUMBER }, { "boolean", TYPE_BOOLEAN }, { "null", TYPE_NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (json_is_string(name) && strcmp(json_string_value(name), rows[i].name) == 0) {
            k->into->types |= rows[i].type;
            return ERR_OK;
        }
    return spot_refuse(k->s, k->at, "is no type");
}

static err take_type(struct keyword_at *k)
{
    if (!json_is_array(k->source))
        return type_add(k, k->source);
    for (size_t i = 0; i < json_array_size(k->source); i++)
        TRY(type_add(k, json_array_get(k->source, i)));
    return k->into->types ? ERR_OK : spot_refuse(k->s, k->at, "must name a type");
}

static err take_properties(struct keyword_at *k)
{
    json_t *object = (json_t *)k->source;
    size_t n = json_object_size(object), i = 0;

    if (!json_is_object(object))
        return spot_refuse(k->s, k->at, "must be an object");
    k->into->properties = NEWS(k->set->mem, struct property, n);
    k->into->n_properties = n;
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        struct property *p = &k->into->properties[i++];
        struct spot here = { k->at, json_object_iter_key(at), 0 };

        p->name = here.key;
        TRY(schema_compile(k->s, k->set, json_object_iter_value(at), &here, &p->schema));
    }
    qsort(k->into->properties, n, sizeof *k->into->properties, property_compare);
    return ERR_OK;
}

static err take_required(struct keyword_at *k)
{
    if (!json_is_array(k->source))
        return spot_refuse(k->s, k->at, "must be a list of names");
    for (size_t i = 0; i < json_array_size(k->source); i++) {
        const char *name = json_string_value(json_array_get(k->source, i));
        struct property wanted = { .name = name ? name : "" };
        struct property *p = k->into->n_properties == 0 ? NULL :
            bsearch(&wanted, k->into->properties, k->into->n_properties, sizeof wanted, property_compare);

        if (!p || p->required)
            return spot_refuse(k->s, k->at, "'%s' is not in properties, or here twice", wanted.name);
        p->required = true;
        k->into->n_required++;
    }
    return ERR_OK;
}

static err take_extra(struct keyword_at *k)
{
    if (json_is_boolean(k->source))
        k->into->extra = json_is_true(k->source) ? &schema_any : NULL;
    else
        TRY(schema_compile(k->s, k->set, k->source, k->at, &k->into->extra));
    return ERR_OK;
}

/* Taken in this order: `type` says what the others may be, `properties` what `required` may name. */
static const struct { const char *name; unsigned beside; err (*take)(struct keyword_at *k); } keywords[] = {
    { "type",                 0,            take_type },
    { "enum",                 0,            take_enum },
    { "const",                0,            take_const },
    { "properties",           TYPE_OBJECT,  take_properties },
    { "required",             TYPE_OBJECT,  take_required },
    { "additionalProperties", TYPE_OBJECT,  take_extra },
    { "items",                TYPE_ARRAY,   take_items },
    { "minItems",             TYPE_ARRAY,   take_min_items },
    { "maxItems",             TYPE_ARRAY,   take_max_items },
    { "minLength",            TYPE_STRING,  take_min_length },
    { "maxLength",            TYPE_STRING,  take_max_length },
    { "pattern",              TYPE_STRING,  take_pattern },
    { "minimum",              TYPE_INTEGER, take_minimum },
    { "maximum",              TYPE_INTEGER, take_maximum },
    { "title",                0,            take_nothing },
    { "description",          0,            take_nothing },
    { "default",              0,            take_nothing },
    { "example",              0,            take_nothing },
    { "examples",             0,            take_nothing },
    { "format",               0,            take_nothing },
    { "deprecated",           0,            take_nothing },
    { "readOnly",             0,            take_nothing },
    { "writeOnly",            0,            take_nothing },
    { "externalDocs",         0,            take_nothing },
    { "$comment",             0,            take_nothing },
    { "contentMediaType",     0,            take_nothing },
    { "contentEncoding",      0,            take_nothing },
};

static err known_only(struct scope *s, const json_t *source, const struct spot *at, bool annotations)
{
    json_t *object = (json_t *)source;

    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *key = json_object_iter_key(i);
        size_t row = 0;

        while (row < ARRAY_LEN(keywords) && strcmp(keywords[row].name, key) != 0)
            row++;
        if (annotations && strcmp(key, "$ref") == 0)
            continue;
        if (row == ARRAY_LEN(keywords) || (annotations && keywords[row].take != take_nothing))
            return spot_refuse(s, at, "'%s' is not of our subset%s", key, annotations ? " beside $ref" : "");
    }
    return ERR_OK;
}

static err compile_into(struct scope *s, struct schemas *set, const json_t *source, const struct spot *at,
                        struct schema *into)
{
    TRY(known_only(s, source, at, false));
    into->max_items = into->max_length = SIZE_MAX;
    into->minimum = INT64_MIN;
    into->maximum = INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        struct spot here = { at, keywords[i].name, 0 };
        struct keyword_at k = { s, set, into, json_object_get(source, keywords[i].name), &here };

        if (!k.source)
            continue;
        if (keywords[i].beside && !(into->types & keywords[i].beside))
            return spot_refuse(s, &here, "says nothing about the type that stands beside it");
        TRY(keywords[i].take(&k));
    }
    return ERR_OK;
}

static err follow(struct scope *s, struct schemas *set, const json_t *source, const struct spot *at,
                  const struct schema **out)
{
    const char *target = json_string_value(json_object_get(source, "$ref"));
    json_t *named = (json_t *)set->named;
    size_t i = 0;

    TRY(known_only(s, source, at, true));
    if (!target || strncmp(target, REF_PREFIX, strlen(REF_PREFIX)) != 0)
        return spot_refuse(s, at, "$ref must be %sNAME", REF_PREFIX);
    for (void *it = json_object_iter(named); it; it = json_object_iter_next(named, it), i++)
        if (strcmp(json_object_iter_key(it), target + strlen(REF_PREFIX)) == 0) {
            *out = set->compiled[i];
            return ERR_OK;
        }
    return spot_refuse(s, at, "there is no %s", target);
}

err schema_compile(struct scope *s, struct schemas *set, const json_t *source, const struct spot *at,
                   const struct schema **out)
{
    struct schema *made;

    if (!json_is_object(source))
        return spot_refuse(s, at, "must be a schema object");
    if (json_object_get(source, "$ref"))
        return follow(s, set, source, at, out);
    made = NEW(set->mem, struct schema);
    *out = made;
    return compile_into(s, set, source, at, made);
}

err schemas_open(struct scope *s, struct schemas *set, struct scope *mem, const json_t *named, const struct spot *at)
{
    json_t *object = (json_t *)named;
    size_t n = json_object_size(object), i = 0;

    *set = (struct schemas){ .mem = mem, .named = named, .compiled = NEWS(mem, struct schema *, n) };
    for (; i < n; i++)
        set->compiled[i] = NEW(mem, struct schema);     /* all there before one is compiled: they name one another */
    i = 0;
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it), i++) {
        struct spot here = { at, json_object_iter_key(it), 0 };
        const json_t *source = json_object_iter_value(it);

        if (!json_is_object(source) || json_object_get(source, "$ref"))
            return spot_refuse(s, &here, "must be a schema, not another name for one");
        TRY(compile_into(s, set, source, &here, set->compiled[i]));
    }
    return ERR_OK;
}

void schemas_close(struct schemas *set)
{
    for (struct schema_regex *r = set->regexes; r; r = r->next)
        regfree(&r->compiled);
    set->regexes = NULL;
}
