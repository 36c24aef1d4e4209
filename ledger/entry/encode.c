/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/entry/value.h"
#include "ledger/keys/sha256.h"
#include "schema/json/canon.h"

#define ENTRY_BUF_START 1024     /* on the stack; most entries and their disclosures never grow a buffer */
#define SALT_TEXT_LEN   22

void sd_digest(const char *disclosure, size_t len, char out[SD_LEN + 2])
{
    struct hash h = sha256_of(disclosure, len);

    base64url_write(h.b, HASH_SIZE, out);
}

size_t entry_salts(enum entry_type type)
{
    const struct entry_spec *spec = entry_spec(type);

    return spec->n_fields - spec_public(spec);
}

/* What was written, in the scope. */
static struct bytes kept(const struct buf *b)
{
    return (struct bytes){ scope_memdup(b->s, b->p, b->len), b->len };
}

/* Texts of all kinds but F_TEXT have no character that needs an escape. */
static void print_value(struct buf *b, const struct entry_field *f, const struct entry_value *v)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    switch (v->kind) {
    case V_TEXT:
        if (f->kind == F_TEXT) {
            canon_string(b, v->v.text, strlen(v->v.text));
            return;
        }
        buf_char(b, '"');
        buf_str(b, v->v.text);
        buf_char(b, '"');
        return;
    case V_COUNT:
        buf_u64(b, v->v.count);
        return;
    case V_HASH:
        hex_write(v->v.hash->b, HASH_SIZE, hex);
        buf_char(b, '"');
        buf_add(b, hex, 2 * HASH_SIZE);
        buf_char(b, '"');
        return;
    case V_JSON:
        buf_add(b, v->v.json.p, v->v.json.len);
        return;
    case V_ABSENT:
        return;
    }
}

/* Lays the named values in the table's order and checks each. */
static err arrange(struct scope *s, const struct entry_spec *spec, const struct named_value *values, size_t n,
                   struct entry_value *out)
{
    size_t hint = 0, used = 0;

    for (size_t i = 0; i < spec->n_fields; i++) {
        const struct entry_field *f = &spec->fields[i];
        size_t tried = 0;
        while (tried < n && strcmp(values[(hint + tried) % n].name, f->name) != 0)
            tried++;
        if (tried < n) {
            out[i] = values[(hint + tried) % n].value;
            hint += tried + 1;
            used++;
        }
        if (out[i].kind == V_ABSENT && f->required)
            return fail(s, ERR_INTERNAL, "%s without %s", spec->name, f->name);
        if (out[i].kind != V_ABSENT && !value_fits(s, f, &out[i]))
            return fail(s, ERR_INTERNAL, "%s: value does not fit the field %s", spec->name, f->name);
    }
    if (used != n)
        return fail(s, ERR_INTERNAL, "%s: a value is named twice, or not a field", spec->name);
    return ERR_OK;
}

static void print_body(struct buf *b, const struct entry_spec *spec, size_t n_public, const struct entry_value *v)
{
    bool first = true;

    buf_char(b, '{');
    for (size_t i = 0; i < n_public; i++) {
        if (v[i].kind == V_ABSENT)
            continue;
        buf_str(b, first ? "\"" : ",\"");
        buf_str(b, spec->fields[i].name);
        buf_str(b, "\":");
        print_value(b, &spec->fields[i], &v[i]);
        first = false;
    }
    buf_char(b, '}');
}

/* Appends the disclosure's text, in quotes, and gives its digest. */
static void disclose(struct buf *plain, struct buf *list, const struct entry_field *f, const struct entry_value *v,
                     const uint8_t salt[SALT_SIZE], char digest[SD_LEN + 2])
{
    char salt_text[BASE64_SIZE(SALT_SIZE)];
    size_t start;

    base64url_write(salt, SALT_SIZE, salt_text);
    plain->len = 0;
    buf_str(plain, "[\"");
    buf_add(plain, salt_text, SALT_TEXT_LEN);
    buf_str(plain, "\",\"");
    buf_str(plain, f->name);
    buf_str(plain, "\",");
    print_value(plain, f, v);
    buf_char(plain, ']');

    buf_str(list, list->len ? ",\"" : "[\"");
    start = list->len;
    if (list->cap - list->len < BASE64_SIZE(plain->len) + 1) {      /* a long value: grow by what will be written */
        char *room = scope_alloc(list->s, BASE64_SIZE(plain->len), 1);
        buf_add(list, room, base64url_write(plain->p, plain->len, room));
    } else {
        list->len += base64url_write(plain->p, plain->len, list->p + start);
    }
    sd_digest(list->p + start, list->len - start, digest);
    buf_char(list, '"');
}

static void sort_digests(char (*sd)[SD_LEN + 2], size_t n)
{
    char moving[SD_LEN + 2];

    for (size_t i = 1; i < n; i++) {
        size_t at = i;
        memcpy(moving, sd[i], sizeof moving);
        for (; at > 0 && memcmp(sd[at - 1], moving, SD_LEN) > 0; at--)
            memcpy(sd[at], sd[at - 1], sizeof moving);
        memcpy(sd[at], moving, sizeof moving);
    }
}

static size_t print_disclosures(struct scope *s, const struct entry *e, const uint8_t (*salts)[SALT_SIZE],
                                char (*sd)[SD_LEN + 2], struct bytes *out)
{
    size_t n = 0, n_public = spec_public(e->spec);
    char plain_room[ENTRY_BUF_START / 2], list_room[ENTRY_BUF_START];
    struct buf plain = { .s = s, .p = plain_room, .cap = sizeof plain_room };
    struct buf list = { .s = s, .p = list_room, .cap = sizeof list_room };

    for (size_t i = n_public; i < e->spec->n_fields; i++)
        if (e->field[i].kind != V_ABSENT)
            disclose(&plain, &list, &e->spec->fields[i], &e->field[i], salts[i - n_public], sd[n++]);
    if (n) {
        buf_char(&list, ']');
        *out = kept(&list);
    }
    sort_digests(sd, n);
    return n;
}

void entry_print(struct buf *b, const struct entry *e)
{
    char at[TIME_TEXT_SIZE];

    time_format(e->at_ms, at);
    buf_str(b, "{\"at\":\"");
    buf_add(b, at, TIME_TEXT_SIZE - 1);
    buf_str(b, "\",\"body\":");
    print_body(b, e->spec, spec_public(e->spec), e->field);
    buf_str(b, ",\"sd\":[");
    for (size_t i = 0; i < e->n_sd; i++) {
        buf_str(b, i ? ",\"" : "\"");
        buf_add(b, e->sd[i].p, SD_LEN);
        buf_char(b, '"');
    }
    buf_str(b, "],\"type\":\"");
    buf_str(b, e->spec->name);
    buf_str(b, "\",\"v\":");
    buf_u64(b, e->version);
    buf_char(b, '}');
}

err entry_encode(struct scope *s, enum entry_type type, int64_t at_ms, unsigned rules_version,
                 const struct named_value *values, size_t n_values,
                 const uint8_t (*salts)[SALT_SIZE], struct encoded_entry *out)
{
    struct entry e = { .spec = entry_spec(type), .version = rules_version, .at_ms = at_ms };
    char sd[ENTRY_FIELDS_MAX][SD_LEN + 2];
    char room[ENTRY_BUF_START];
    struct buf b = { .s = s, .p = room, .cap = sizeof room };

    *out = (struct encoded_entry){ .type = type };
    if (rules_version < e.spec->since || rules_version > RULES_VERSION)
        return fail(s, ERR_INTERNAL, "%s under rules version %u", e.spec->name, rules_version);
    TRY(arrange(s, e.spec, values, n_values, e.field));
    e.n_sd = print_disclosures(s, &e, salts, sd, &out->disclosures);
    for (size_t i = 0; i < e.n_sd; i++)
        e.sd[i] = (struct bytes){ (const uint8_t *)sd[i], SD_LEN };
    entry_print(&b, &e);
    if (b.len > ENTRY_BYTES_MAX)
        return fail(s, ERR_TOO_LARGE, "an entry of %zu bytes", b.len);
    out->bytes = kept(&b);
    return ERR_OK;
}
