/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/part.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/cert/did.h"
#include "ledger/entry/entry.h"
#include "ledger/rules/terms.h"
#include "schema/base/clock.h"
#include "schema/base/id.h"

struct part part_whole(struct scope *s, enum refusal *why, const json_t *document)
{
    *why = REFUSAL_NONE;
    return (struct part){ .s = s, .why = why, .value = document, .whole = true };
}

static const struct spot *way_to(const struct part *p)
{
    return p->whole ? NULL : &p->spot;
}

struct part part_member(const struct part *p, const char *name)
{
    return (struct part){ .s = p->s, .why = p->why, .value = json_object_get(p->value, name),
                          .spot = { .up = way_to(p), .key = name } };
}

struct part part_element(const struct part *p, size_t i)
{
    return (struct part){ .s = p->s, .why = p->why, .value = json_array_get(p->value, i),
                          .spot = { .up = way_to(p), .index = i } };
}

err part_refuse(const struct part *p, enum refusal why, const char *more)
{
    if (why == REFUSAL_VALUE_INVALID && !p->value)
        why = REFUSAL_MEMBER_MISSING;
    if (*p->why == REFUSAL_NONE)
        *p->why = why;
    return fail_at(p->s, ERR_INVALID, spot_pointer(p->s, way_to(p)), "%s%s%s", refusal_sentence(why), more ? ": " : "",
                   more ? more : "");
}

static bool is_named(const char *const *names, const char *key)
{
    for (; *names; names++)
        if (strcmp(*names + (**names == '?'), key) == 0)
            return true;
    return false;
}

err part_object(const struct part *p, const char *const *names)
{
    json_t *object = (json_t *)p->value;       /* jansson's iterators want it writable, and don't write */

    if (!p->value)
        return part_refuse(p, REFUSAL_MEMBER_MISSING, NULL);
    if (!json_is_object(p->value))
        return part_refuse(p, REFUSAL_VALUE_INVALID, "an object");
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        struct part m = part_member(p, json_object_iter_key(at));
        if (!is_named(names, m.spot.key))
            return part_refuse(&m, REFUSAL_MEMBER_UNKNOWN, NULL);
    }
    for (; *names; names++) {
        struct part m = part_member(p, *names);
        if (**names != '?' && !m.value)
            return part_refuse(&m, REFUSAL_MEMBER_MISSING, NULL);
    }
    return ERR_OK;
}

err part_array(const struct part *p, size_t min, size_t max, size_t *n)
{
    *n = json_array_size(p->value);
    if (!json_is_array(p->value) || *n < min || *n > max)
        return part_refuse(p, REFUSAL_VALUE_INVALID, scope_printf(p->s, "an array of %zu to %zu", min, max));
    return ERR_OK;
}

err part_text(const struct part *p, const char **out)
{
    size_t len = json_string_length(p->value);

    if (!json_is_string(p->value) || len == 0 || len > CREDENTIAL_TEXT_MAX)
        return part_refuse(p, REFUSAL_VALUE_INVALID,
                           scope_printf(p->s, "a text of 1 to %d bytes", CREDENTIAL_TEXT_MAX));
    *out = scope_strdup(p->s, json_string_value(p->value));
    return ERR_OK;
}

err part_id(const struct part *p, const char *urn, const char *prefix, const char **out)
{
    const char *text;
    struct id id;

    TRY(part_text(p, &text));
    if (strncmp(text, urn, strlen(urn)) != 0 || !id_parse(text + strlen(urn), prefix, &id))
        return part_refuse(p, REFUSAL_VALUE_INVALID, scope_printf(p->s, "%s%s_…", urn, prefix));
    *out = text + strlen(urn);
    return ERR_OK;
}

err part_url(const struct part *p, const char **out)
{
    const char *c;

    TRY(part_text(p, out));
    c = *out + strspn(*out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    if (c == *out || *c != ':' || !c[1] || strpbrk(c, " \"<>\\^`{|}\x7f"))
        return part_refuse(p, REFUSAL_VALUE_INVALID, "an absolute URL");
    for (; *c; c++)
        if ((unsigned char)*c < 0x20)
            return part_refuse(p, REFUSAL_VALUE_INVALID, "an absolute URL");
    return ERR_OK;
}

err part_is(const struct part *p, enum refusal why, const char *text)
{
    if (!json_is_string(p->value) || strcmp(json_string_value(p->value), text) != 0)
        return part_refuse(p, why, scope_printf(p->s, "it must be \"%s\"", text));
    return ERR_OK;
}

err part_count(const struct part *p, uint64_t min, uint64_t max, uint64_t *out)
{
    json_int_t v = json_integer_value(p->value);

    if (!json_is_integer(p->value) || v < 0 || (uint64_t)v < min || (uint64_t)v > max)
        return part_refuse(p, REFUSAL_VALUE_INVALID, scope_printf(p->s, "a whole number from %" PRIu64 " to %" PRIu64,
                                                                  min, max));
    *out = (uint64_t)v;
    return ERR_OK;
}

err part_hash(const struct part *p, struct hash *out)
{
    if (!json_is_string(p->value) || !hash_parse(json_string_value(p->value), out))
        return part_refuse(p, REFUSAL_VALUE_INVALID, "64 lower-case hex digits");
    return ERR_OK;
}

/* "+hh:mm" or "-hh:mm", in minutes. */
static bool offset_parse(const char *p, int64_t *minutes)
{
    int digit[4];

    if (strlen(p) != 6 || (*p != '+' && *p != '-') || p[3] != ':')
        return false;
    for (int i = 0; i < 4; i++) {
        digit[i] = p[1 + i + (i > 1)] - '0';
        if (digit[i] < 0 || digit[i] > 9)
            return false;
    }
    *minutes = (digit[0] * 10 + digit[1]) * 60 + digit[2] * 10 + digit[3];
    if (digit[2] > 5 || *minutes > 14 * 60)                /* XML Schema part 2, section 3.3.7 */
        return false;
    if (*p == '-')
        *minutes = -*minutes;
    return true;
}

bool part_time_parse(const char *text, int64_t *wall_ms)
{
    char utc[32] = { 0 };
    int64_t minutes = 0, seconds = 0;
    size_t n = 0;

    if (strnlen(text, 20) < 20)
        return false;
    if (text[19] == '.' && ((n = strspn(text + 20, "0123456789")) == 0 || n > 9))
        return false;
    if (strcmp(text + 19 + (n ? 1 + n : 0), "Z") != 0 && !offset_parse(text + 19 + (n ? 1 + n : 0), &minutes))
        return false;
    memcpy(utc, text, 19);
    if (n)
        memcpy(utc + 19, text + 19, 1 + (n < 3 ? n : 3));
    utc[strlen(utc)] = 'Z';
    if (!time_parse_lenient(utc, &seconds))
        return false;
    *wall_ms = seconds - minutes * 60000;
    return *wall_ms >= 0;
}

err part_time(const struct part *p, int64_t *out)
{
    if (!json_is_string(p->value) || !part_time_parse(json_string_value(p->value), out))
        return part_refuse(p, REFUSAL_VALUE_INVALID, "a time with its zone, such as 2027-01-01T00:00:00Z");
    return ERR_OK;
}

err part_salt(const struct part *p, uint8_t out[16])
{
    size_t len;

    _Static_assert(SALT_SIZE == 16, "a salt is 128 bits");
    if (!json_is_string(p->value) ||
        !base64url_read(json_string_value(p->value), json_string_length(p->value), out, SALT_SIZE, &len) ||
        len != SALT_SIZE)
        return part_refuse(p, REFUSAL_VALUE_INVALID, "128 random bits in base64url");
    return ERR_OK;
}

err part_did(const struct part *p, struct public_key *out)
{
    if (!json_is_string(p->value) || !did_key_parse(json_string_value(p->value), out))
        return part_refuse(p, REFUSAL_VALUE_INVALID, "a did:key of Ed25519");
    return ERR_OK;
}

err part_code(const struct part *p, const struct code_list *list, enum refusal why, int *out)
{
    *out = -1;
    if (json_is_string(p->value))
        *out = code_find(list, json_string_value(p->value), json_string_length(p->value));
    if (*out < 0)
        return part_refuse(p, why, NULL);
    return ERR_OK;
}

err part_codes(const struct part *p, const struct code_list *list, enum refusal why, size_t min, uint32_t *out)
{
    size_t n;
    int at;

    *out = 0;
    TRY(part_array(p, min, list->n, &n));
    for (size_t i = 0; i < n; i++) {
        struct part e = part_element(p, i);
        TRY(part_code(&e, list, why, &at));
        if (*out >> at & 1)
            return part_refuse(&e, REFUSAL_VALUE_INVALID, "it is there twice");
        *out |= UINT32_C(1) << at;
    }
    return ERR_OK;
}

err part_places(const struct part *p, struct places *out)
{
    size_t n;

    *out = (struct places){ 0 };
    TRY(part_array(p, 1, TERMS_PLACES_MAX, &n));
    out->code = NEWS(p->s, const char *, n);
    for (size_t i = 0; i < n; i++) {
        struct part e = part_element(p, i);
        const char *code = json_string_value(e.value);
        struct territory t;
        if (!code || !territory_parse(code, &t))
            return part_refuse(&e, REFUSAL_TERRITORY_UNKNOWN, NULL);
        for (size_t j = 0; j < i; j++)
            if (strcmp(out->code[j], code) == 0)
                return part_refuse(&e, REFUSAL_VALUE_INVALID, "it is there twice");
        out->code[out->n++] = scope_strdup(p->s, code);
        territory_add(&out->all, &t);
    }
    return ERR_OK;
}
