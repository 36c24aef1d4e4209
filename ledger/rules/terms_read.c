/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/entry/codes.h"
#include "ledger/rules/terms.h"
#include "ledger/rules/terms_text.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"

/* A value and the JSON pointer to it. */
struct spot { struct scope *s; const json_t *value; const char *at; };

#define refuse(spot, ...) fail_at((spot).s, ERR_INVALID, (spot).at, __VA_ARGS__)

static struct spot inside(struct spot p, const char *name)
{
    struct buf b = BUF(p.s);

    buf_printf(&b, "%s/", p.at);
    for (; *name; name++)                              /* RFC 6901, section 3 */
        if (*name == '~' || *name == '/')
            buf_str(&b, *name == '~' ? "~0" : "~1");
        else
            buf_char(&b, *name);
    return (struct spot){ p.s, NULL, b.p };
}

static struct spot element(struct spot p, size_t i)
{
    return (struct spot){ p.s, json_array_get(p.value, i), scope_printf(p.s, "%s/%zu", p.at, i) };
}

static struct spot member(struct spot p, const char *name)
{
    struct spot m = inside(p, name);

    m.value = json_object_get(p.value, name);
    return m;
}

/* An object with exactly these members: `names` ends with NULL. */
static err only_members(struct spot p, const char *const *names)
{
    const char *key;
    json_t *value;

    if (!json_is_object(p.value))
        return refuse(p, "must be an object");
    json_object_foreach((json_t *)p.value, key, value) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i])
            return refuse(inside(p, key), "is not in the subset of ODRL that is evaluated here");
    }
    for (size_t i = 0; names[i]; i++)
        if (!json_object_get(p.value, names[i]))
            return refuse(inside(p, names[i]), "is missing");
    return ERR_OK;
}

static err must_be(struct spot p, const char *text)
{
    if (!json_is_string(p.value) || strcmp(json_string_value(p.value), text) != 0)
        return refuse(p, "must be \"%s\"", text);
    return ERR_OK;
}

static err one_element(struct spot p, struct spot *out)
{
    if (!json_is_array(p.value) || json_array_size(p.value) != 1)
        return refuse(p, "must be an array of one");
    *out = element(p, 0);
    return ERR_OK;
}

static err iri_read(struct spot p, const char **out)
{
    const char *text = json_string_value(p.value);

    if (!text || !iri_valid(text))
        return refuse(p, "must be an IRI");
    *out = scope_strdup(p.s, text);
    return ERR_OK;
}

/* A text of `list`; the bit of its place is added to *mask, a repeat is refused. */
static err bit_read(struct spot p, int (*find)(const char *), const char *what, uint32_t *mask)
{
    const char *text = json_string_value(p.value);
    int at = text ? find(text) : -1;

    if (at < 0)
        return refuse(p, "is not %s that is known here", what);
    if (*mask >> at & 1)
        return refuse(p, "is there twice");
    *mask |= UINT32_C(1) << at;
    return ERR_OK;
}

static int action_find(const char *text)
{
    for (int i = 0; (size_t)i < purpose_codes.n; i++)
        if (strcmp(purpose_words(i)->action, text) == 0)
            return i;
    return -1;
}

static int purpose_find(const char *text)
{
    return code_find(&purpose_codes, text, strlen(text));
}

static err filled_array(struct spot p, size_t max)
{
    if (!json_is_array(p.value) || json_array_size(p.value) == 0 || json_array_size(p.value) > max)
        return refuse(p, "must be an array of 1 to %zu", max);
    return ERR_OK;
}

static err actions_read(struct spot p, uint32_t *mask)
{
    if (json_is_string(p.value))
        return bit_read(p, action_find, "an action", mask);
    TRY(filled_array(p, purpose_codes.n));
    for (size_t i = 0; i < json_array_size(p.value); i++)
        TRY(bit_read(element(p, i), action_find, "an action", mask));
    return ERR_OK;
}

static err purposes_read(struct spot p, struct terms *out)
{
    TRY(filled_array(p, purpose_codes.n));
    for (size_t i = 0; i < json_array_size(p.value); i++)
        TRY(bit_read(element(p, i), purpose_find, "a purpose", &out->purposes));
    return ERR_OK;
}

static err territories_read(struct spot p, struct terms *out)
{
    size_t n;

    TRY(filled_array(p, TERMS_PLACES_MAX));
    n = json_array_size(p.value);
    out->territories = NEWS(p.s, const char *, n);
    for (size_t i = 0; i < n; i++) {
        struct spot place = element(p, i);
        const char *code = json_string_value(place.value);
        struct territory t;
        if (!code || !territory_parse(code, &t))
            return refuse(place, "is not WORLD, EU or a country of ISO 3166-1");
        for (size_t j = 0; j < i; j++)
            if (strcmp(out->territories[j], code) == 0)
                return refuse(place, "is there twice");
        out->territories[out->n_territories++] = scope_strdup(p.s, code);
        territory_add(&out->territory, &t);
    }
    return ERR_OK;
}

static err until_read(struct spot p, struct terms *out)
{
    static const char *const names[] = { "@type", "@value", NULL };
    struct spot value;

    TRY(only_members(p, names));
    TRY(must_be(member(p, "@type"), "xsd:dateTime"));
    value = member(p, "@value");
    if (!json_is_string(value.value) || !time_parse_lenient(json_string_value(value.value), &out->until))
        return refuse(value, "must be a UTC time such as 2027-01-01T00:00:00Z");
    return ERR_OK;
}

/* Every constraint that there is, each exactly once, in any order. */
static const struct constraint {
    const char *left, *operator;
    err (*read)(struct spot right, struct terms *out);
} constraints[] = {
    { "purpose",  "isAnyOf", purposes_read },
    { "spatial",  "isAnyOf", territories_read },
    { "dateTime", "lt",      until_read },
};

static err constraint_read(struct spot p, bool seen[], struct terms *out)
{
    static const char *const names[] = { "leftOperand", "operator", "rightOperand", NULL };
    struct spot left;
    const char *text;
    size_t i = 0;

    TRY(only_members(p, names));
    left = member(p, "leftOperand");
    text = json_string_value(left.value);
    while (i < ARRAY_LEN(constraints) && (!text || strcmp(constraints[i].left, text) != 0))
        i++;
    if (i == ARRAY_LEN(constraints))
        return refuse(left, "is not an operand that is evaluated here: purpose, spatial, dateTime");
    if (seen[i])
        return refuse(left, "is there twice");
    seen[i] = true;
    TRY(must_be(member(p, "operator"), constraints[i].operator));
    return constraints[i].read(member(p, "rightOperand"), out);
}

static err permission_read(struct spot p, struct terms *out)
{
    static const char *const names[] = { "action", "assigner", "constraint", "target", NULL };
    bool seen[ARRAY_LEN(constraints)] = { false };
    struct spot list;
    uint32_t actions = 0;

    TRY(only_members(p, names));
    TRY(iri_read(member(p, "assigner"), &out->assigner));
    TRY(iri_read(member(p, "target"), &out->target));
    TRY(actions_read(member(p, "action"), &actions));
    list = member(p, "constraint");
    TRY(filled_array(list, ARRAY_LEN(constraints)));
    for (size_t i = 0; i < json_array_size(list.value); i++)
        TRY(constraint_read(element(list, i), seen, out));
    for (size_t i = 0; i < ARRAY_LEN(constraints); i++)
        if (!seen[i])
            return refuse(list, "must constrain %s", constraints[i].left);
    if (actions != out->purposes)
        return refuse(member(p, "action"), "must be the actions of the purposes, no more and no fewer");
    return ERR_OK;
}

static err uid_read(struct spot p, const char **out)
{
    static const char prefix[] = TERMS_UID_PREFIX;
    const char *text = json_string_value(p.value);
    uint8_t random[TERMS_UID_RANDOM];

    if (!text || strncmp(text, prefix, sizeof prefix - 1) != 0 ||
        !hex_read(text + sizeof prefix - 1, strlen(text) - (sizeof prefix - 1), random, sizeof random))
        return refuse(p, "must be " TERMS_UID_PREFIX " and 32 random hex digits");
    *out = scope_strdup(p.s, text);
    return ERR_OK;
}

err terms_read(struct scope *s, const json_t *policy, const char *at, struct terms *out)
{
    static const char *const names[] = { "@context", "@type", "conflict", "permission", "profile", "uid", NULL };
    struct spot p = { s, policy, at }, only;

    *out = (struct terms){ 0 };
    TRY(only_members(p, names));
    TRY(one_element(member(p, "@context"), &only));
    TRY(must_be(only, TERMS_CONTEXT));
    TRY(must_be(member(p, "@type"), TERMS_TYPE));
    TRY(must_be(member(p, "conflict"), TERMS_CONFLICT));
    TRY(must_be(member(p, "profile"), TERMS_PROFILE));
    TRY(uid_read(member(p, "uid"), &out->uid));
    TRY(one_element(member(p, "permission"), &only));
    return permission_read(only, out);
}
