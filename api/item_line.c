/* SPDX-License-Identifier: Apache-2.0 */
#include "api/item_line.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/entry/lists.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"
#include "schema/json/shape.h"

#define MEDIA_TYPE_MAX 255
#define ROLE_MAX       64
#define WEIGHT_MAX     1000000
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

static err contributor_check(struct scope *s, json_t *one, const char *at)
{
    struct contributor c;

    TRY(json_shape(s, one, at, contributor_members, ARRAY_LEN(contributor_members), &c));
    TRY(known_members(s, one, at, contributor_members, ARRAY_LEN(contributor_members)));
    if (!*c.role || strlen(c.role) > ROLE_MAX || strspn(c.role, "abcdefghijklmnopqrstuvwxyz_") != strlen(c.role))
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/role", at), "must be a word such as \"author\"");
    if (c.weight < 1 || c.weight > WEIGHT_MAX)
        return fail_at(s, ERR_INVALID, scope_printf(s, "%s/weight", at), "must be from 1 to %d", WEIGHT_MAX);
    return ERR_OK;
}

static err line_check(struct scope *s, const struct line *l)
{
    size_t i;
    json_t *one;

    if (!item_path_valid(l->path, strlen(l->path)))
        return fail_at(s, ERR_INVALID, "/path",
                       "must be relative, without empty, '.' or '..' segments, at most %d bytes", ITEM_PATH_MAX);
    if (l->size < 0 || l->size > CONTENT_BYTES_MAX)
        return fail_at(s, ERR_INVALID, "/size", "must be from 0 to %" PRId64, (int64_t)CONTENT_BYTES_MAX);
    if (!media_type_valid(l->media_type))
        return fail_at(s, ERR_INVALID, "/media_type", "must read type/subtype, at most %d characters", MEDIA_TYPE_MAX);
    if (json_array_size(l->contributors) > ITEM_CONTRIBUTORS_MAX)
        return fail_at(s, ERR_INVALID, "/contributors", "are at most %d", ITEM_CONTRIBUTORS_MAX);
    json_array_foreach(l->contributors, i, one)
        TRY(contributor_check(s, one, scope_printf(s, "/contributors/%zu", i)));
    return ERR_OK;
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
