/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/entry/item_line.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/entry/codes.h"
#include "ledger/entry/lists.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"
#include "schema/json/shape.h"

#define MEDIA_TYPE_MAX 255
#define TOKEN_MARKS    "!#$%&'*+-.^_`|~"      /* of RFC 9110's token, besides letters and digits */

struct line {
    const char *path, *media_type;
    struct hash sha256;
    int64_t size;
    json_t *attributes, *contributors;
};
static const struct json_member line_members[] = {
    JSON_MEMBER(line, path, JSON_TEXT, REQUIRED),
    JSON_MEMBER(line, sha256, JSON_HASH, REQUIRED),
    JSON_MEMBER(line, size, JSON_INT64, REQUIRED),
    JSON_MEMBER(line, media_type, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(line, attributes, JSON_INNER_OBJECT, OPTIONAL),
    JSON_MEMBER(line, contributors, JSON_INNER_ARRAY, OPTIONAL),
};

struct contributor { struct id party; const char *role; int64_t weight; };
static const struct json_member contributor_members[] = {
    JSON_ID(contributor, party, "pty", REQUIRED),
    JSON_MEMBER(contributor, role, JSON_TEXT, REQUIRED),
    JSON_MEMBER(contributor, weight, JSON_INT64, REQUIRED),
};

/* A name as one step of a JSON pointer (RFC 6901), cut to what an answer shows. */
static const char *step(struct scope *s, const char *name)
{
    struct buf b = BUF(s);

    buf_add(&b, "", 0);
    for (const char *c = name; *c && b.len < 100; c++)
        if (*c == '~' || *c == '/')
            buf_str(&b, *c == '~' ? "~0" : "~1");
        else
            buf_char(&b, *c);
    return b.p;
}

static err known_members(struct scope *s, json_t *object, const char *at, const struct json_member *members, size_t n)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value) {
        bool known = false;

        for (size_t i = 0; i < n; i++)
            known = known || strcmp(name, members[i].name) == 0;
        if (!known)
            return fail_at(s, ERR_INVALID, scope_printf(s, "%s/%s", at, step(s, name)), "is unknown here");
    }
    return ERR_OK;
}

static size_t token_len(const char *text)
{
    size_t n = 0;

    while (text[n] > 0 && (isalnum((unsigned char)text[n]) || strchr(TOKEN_MARKS, text[n])))
        n++;
    return n;
}

/* "type/subtype", then perhaps parameters: it becomes a header of the delivery. */
static bool media_type_valid(const char *text)
{
    size_t type = token_len(text), subtype;

    if (type == 0 || text[type] != '/' || strlen(text) > MEDIA_TYPE_MAX)
        return false;
    text += type + 1;
    subtype = token_len(text);
    text += subtype;
    if (subtype == 0 || (*text && *text != ';' && *text != ' '))
        return false;
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static err role_check(struct scope *s, const char *role, const char *at)
{
    struct buf known = BUF(s);

    if (code_known(&contributor_codes, role))
        return ERR_OK;
    for (size_t i = 0; i < contributor_codes.n; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", contributor_codes.code[i]);
    return fail_at(s, ERR_INVALID, scope_printf(s, "%s/role", at), "must be one of %s", known.p);
}

static err contributor_check(struct scope *s, json_t *one, const char *at, struct contributor *c)
{
    TRY(json_shape(s, one, at, contributor_members, ARRAY_LEN(contributor_members), c));
    TRY(known_members(s, one, at, contributor_members, ARRAY_LEN(contributor_members)));
    TRY(role_check(s, c->role, at));
    if (c->weight < 1 || c->weight > CONTRIBUTOR_WEIGHT_MAX)
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/weight", at), "must be from 1 to %d",
                       CONTRIBUTOR_WEIGHT_MAX);
    return ERR_OK;
}

/* Each party at most once in a role: two weights for one thing would be two readings. */
static err contributors_check(struct scope *s, const json_t *list)
{
    size_t n = json_array_size(list);
    struct contributor *read;

    if (n > ITEM_CONTRIBUTORS_MAX)
        return fail_at(s, ERR_INVALID, "/contributors", "are at most %d", ITEM_CONTRIBUTORS_MAX);
    read = NEWS(s, struct contributor, n);
    for (size_t i = 0; i < n; i++) {
        const char *at = scope_printf(s, "/contributors/%zu", i);

        TRY(contributor_check(s, json_array_get(list, i), at, &read[i]));
        for (size_t j = 0; j < i; j++)
            if (strcmp(read[j].party.text, read[i].party.text) == 0 && strcmp(read[j].role, read[i].role) == 0)
                return fail_at(s, ERR_INVALID, at, "is the same party in the same role as %zu", j);
    }
    return ERR_OK;
}

static err line_check(struct scope *s, const struct line *l)
{
    if (!item_path_valid(l->path, strlen(l->path)))
        return fail_at(s, ERR_INVALID, "/path",
                       "must be relative, without empty, '.' or '..' segments, at most %d bytes", ITEM_PATH_MAX);
    if (l->size < 0 || l->size > CONTENT_BYTES_MAX)
        return fail_at(s, ERR_INVALID, "/size", "must be from 0 to %" PRId64, (int64_t)CONTENT_BYTES_MAX);
    if (!media_type_valid(l->media_type))
        return fail_at(s, ERR_INVALID, "/media_type", "must read type/subtype, at most %d characters", MEDIA_TYPE_MAX);
    return contributors_check(s, l->contributors);
}

static err canonical(struct scope *s, const json_t *value, const char *absent, const char *at, const char **out)
{
    struct bytes text;

    *out = absent;
    if (!value)
        return ERR_OK;
    TRY(canon(s, value, &text));
    if (text.len > ITEM_ATTRIBUTES_MAX)
        return fail_at(s, ERR_TOO_LARGE, at, "have at most %d bytes", ITEM_ATTRIBUTES_MAX);
    *out = scope_strndup(s, (const char *)text.p, text.len);
    return ERR_OK;
}

err item_line_read(struct scope *s, json_t *object, struct item_line *out)
{
    struct line l = { .media_type = "application/octet-stream" };

    if (!json_is_object(object))
        return fail(s, ERR_INVALID, "a line is an object");
    TRY(known_members(s, object, "", line_members, ARRAY_LEN(line_members)));
    TRY(json_shape(s, object, "", line_members, ARRAY_LEN(line_members), &l));
    TRY(line_check(s, &l));
    *out = (struct item_line){ .path = l.path, .media_type = l.media_type, .sha256 = l.sha256, .size = l.size };
    TRY(canonical(s, l.attributes, "{}", "/attributes", &out->attributes));
    return canonical(s, l.contributors, "[]", "/contributors", &out->contributors);
}
