/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "ledger/entry/value.h"
#include "ledger/keys/sha256.h"

/* 43 characters carry 258 bits: the last one has two bits that must be zero, so that one digest has one text. */
static bool sd_read(struct cursor *c, struct bytes *out)
{
    static const char last[] = "AEIMQUYcgkosw048";
    const char *start;

    if (!TAKE(c, "\"") || c->end - c->p < SD_LEN + 1)
        return false;
    start = c->p;
    for (size_t i = 0; i < SD_LEN; i++) {
        char ch = start[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!letter && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_')
            return false;
    }
    if (!strchr(last, start[SD_LEN - 1]))
        return false;
    *out = (struct bytes){ (const uint8_t *)start, SD_LEN };
    c->p += SD_LEN;
    return TAKE(c, "\"");
}

/* Digests in ascending order, as many as the type has private fields at most, and as it requires at least. */
static bool digests_read(struct cursor *c, const struct entry_spec *spec, struct entry *out)
{
    size_t least = 0, most = spec->n_fields - spec_public(spec);

    for (size_t i = 0; i < spec->n_fields; i++)
        least += spec->fields[i].private && spec->fields[i].required;
    while (out->n_sd < most && (out->n_sd == 0 ? c->p < c->end && *c->p == '"' : TAKE(c, ","))) {
        struct bytes *sd = &out->sd[out->n_sd++];
        if (!sd_read(c, sd))
            return false;
        if (out->n_sd > 1 && memcmp(sd[-1].p, sd->p, SD_LEN) >= 0)
            return false;
    }
    return out->n_sd >= least;
}

/* `type` stands behind the body whose shape it decides: it is looked for from the end. */
static const struct entry_spec *type_peek(const char *p, size_t len, unsigned *version)
{
    static const char tail[] = "\",\"v\":";
    size_t end = len < sizeof tail + 2 ? 0 : len - (sizeof tail + 1), start = end;
    const struct entry_spec *spec;

    static_assert(RULES_VERSION <= 9, "the tail has one digit");
    if (end == 0 || memcmp(p + end, tail, sizeof tail - 1) != 0 || p[len - 1] != '}')
        return NULL;
    *version = (unsigned)(p[len - 2] - '0');
    while (start > 0 && p[start - 1] != '"')
        start--;
    spec = entry_spec_named(p + start, end - start);
    return spec && *version >= spec->since && *version <= RULES_VERSION ? spec : NULL;
}

static bool frame_read(struct cursor *c, struct entry *out)
{
    static const struct entry_field at_field = { .name = "at", .kind = F_TIME, .required = true };
    struct entry_value at;

    if (!TAKE(c, "{\"at\":") || !value_read(c, &at_field, &at) || !time_parse(at.v.text, &out->at_ms) ||
        !TAKE(c, ",\"body\":"))
        return false;
    if (!object_read(c, out->spec->fields, spec_public(out->spec), out->field))
        return false;
    return TAKE(c, ",\"sd\":[") && digests_read(c, out->spec, out) && TAKE(c, "],\"type\":\"") &&
           take(c, out->spec->name, strlen(out->spec->name)) && TAKE(c, "\",\"v\":") &&
           c->end - c->p == 2;                 /* the version and the brace, which type_peek() has read */
}

err entry_decode(struct scope *s, const void *bytes, size_t len, struct entry *out)
{
    struct cursor c;

    *out = (struct entry){ 0 };
    if (len > ENTRY_BYTES_MAX)
        return fail(s, ERR_INVALID, "an entry of %zu bytes", len);
    out->spec = type_peek(bytes, len, &out->version);
    if (!out->spec)
        return fail(s, ERR_INVALID, "not an entry of a known type and rules version");
    c = cursor_over(s, bytes, len);
    if (!frame_read(&c, out))
        return fail(s, ERR_INVALID, "%s: not in canonical form at byte %zu%s%s", out->spec->name,
                    (size_t)(c.p - (const char *)bytes), c.field ? ", field " : "", c.field ? c.field->name : "");
    return ERR_OK;
}

static bool digest_listed(const struct entry *e, const char *text, size_t len)
{
    char digest[SD_LEN + 2];

    sd_digest(text, len, digest);
    for (size_t i = 0; i < e->n_sd; i++)
        if (memcmp(e->sd[i].p, digest, SD_LEN) == 0)
            return true;
    return false;
}

/* Place of the private field that is named, or -1. */
static int private_named(const struct entry_spec *spec, const char *name)
{
    for (size_t i = spec_public(spec); i < spec->n_fields; i++)
        if (strcmp(spec->fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

err disclosure_open(struct scope *s, struct entry *e, const char *text, size_t len)
{
    uint8_t *plain, salt[SALT_SIZE];
    size_t plain_len, salt_len, name_len, n;
    struct cursor c;
    char *salt_text, *name;
    int at;

    if (len > BASE64_SIZE(ENTRY_BYTES_MAX) || !digest_listed(e, text, len))
        return fail(s, ERR_INVALID, "%s: the disclosure is not of this entry", e->spec->name);
    plain = scope_alloc(s, len + 1, 1);
    if (!base64url_read(text, len, plain, len, &plain_len))
        return fail(s, ERR_INVALID, "%s: a disclosure is not base64url", e->spec->name);
    c = cursor_over(s, plain, plain_len);
    if (!TAKE(&c, "[") || !string_read(&c, &salt_text, &salt_len) || !TAKE(&c, ",") ||
        !string_read(&c, &name, &name_len) || !TAKE(&c, ",") || !base64url_read(salt_text, salt_len, salt,
                                                                                sizeof salt, &n) || n != SALT_SIZE)
        return fail(s, ERR_INVALID, "%s: a disclosure is not [salt,name,value]", e->spec->name);
    at = private_named(e->spec, name);
    if (at < 0 || e->field[at].kind != V_ABSENT)
        return fail(s, ERR_INVALID, "%s: discloses no private field, or one twice", e->spec->name);
    if (!value_read(&c, &e->spec->fields[at], &e->field[at]) || !TAKE(&c, "]") || c.p != c.end) {
        e->field[at] = (struct entry_value){ 0 };
        return fail(s, ERR_INVALID, "%s: the disclosed %s is not canonical", e->spec->name, e->spec->fields[at].name);
    }
    return ERR_OK;
}

err disclosures_open(struct scope *s, struct entry *e, const void *json, size_t len)
{
    struct cursor c;
    char *text;
    size_t text_len;

    if (len > 2 * BASE64_SIZE(ENTRY_BYTES_MAX))
        return fail(s, ERR_INVALID, "%s: disclosures of %zu bytes", e->spec->name, len);
    c = cursor_over(s, json, len);
    if (!TAKE(&c, "["))
        return fail(s, ERR_INVALID, "%s: disclosures are not an array", e->spec->name);
    if (TAKE(&c, "]") && c.p == c.end)
        return ERR_OK;
    do {
        if (!string_read(&c, &text, &text_len))
            return fail(s, ERR_INVALID, "%s: disclosures are not an array of texts", e->spec->name);
        TRY(disclosure_open(s, e, text, text_len));
    } while (TAKE(&c, ","));
    if (!TAKE(&c, "]") || c.p != c.end)
        return fail(s, ERR_INVALID, "%s: disclosures do not end where they should", e->spec->name);
    return ERR_OK;
}
