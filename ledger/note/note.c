/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/note.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"

#define DASH "\xe2\x80\x94 "                   /* U+2014 and a space: how a signature line begins */
#define DASH_LEN (sizeof DASH - 1)
#define KEY_BYTES (1 + ED25519_PUBLIC)         /* type, then the key */
#define ID_BYTES 4                             /* key id, before the signature */
#define SIGNATURE_BYTES_MIN 5                  /* a key id and anything at all */

/* Spaces of Unicode 15 (White_Space) beyond ASCII, as UTF-8. U+2000 to U+200A stand apart. */
static const char *const wide_spaces[] = {
    "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
    "\xe3\x80\x80",
};

static bool wide_space_at(const char *p, size_t left)
{
    for (size_t i = 0; i < ARRAY_LEN(wide_spaces); i++) {
        size_t n = strlen(wide_spaces[i]);
        if (left >= n && memcmp(p, wide_spaces[i], n) == 0)
            return true;
    }
    return left >= 3 && memcmp(p, "\xe2\x80", 2) == 0 && (uint8_t)p[2] >= 0x80 && (uint8_t)p[2] <= 0x8a;
}

/* A name as it may stand in anybody's signature line. */
static bool name_possible(const char *name, size_t len)
{
    if (len == 0 || !utf8_valid(name, len))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)name[i] <= 0x20 || name[i] == '+' || wide_space_at(name + i, len - i))
            return false;
    return true;
}

bool note_name_valid(const char *name)
{
    size_t len = strnlen(name, NOTE_NAME_MAX + 1);

    return len <= NOTE_NAME_MAX && name_possible(name, len) && !memchr(name, 0x7f, len);
}

/* ---- keys ---- */

uint32_t note_key_id(const char *name, uint8_t type, const struct public_key *key)
{
    const uint8_t between[] = { '\n', type };
    struct sha256 c;

    sha256_init(&c);
    sha256_add(&c, name, strlen(name));
    sha256_add(&c, between, sizeof between);
    sha256_add(&c, key->b, sizeof key->b);
    return be32_read(sha256_end(&c).b);
}

static bool key_make(const char *name, uint8_t type, const struct public_key *key, struct note_key *out)
{
    if (!note_name_valid(name))
        return false;
    snprintf(out->name, sizeof out->name, "%s", name);
    out->id = note_key_id(name, type, key);
    out->key = *key;
    return true;
}

bool note_key_make(const char *name, const struct public_key *key, struct note_key *out)
{
    return key_make(name, NOTE_TYPE_ED25519, key, out);
}

bool note_key_parse_type(const char *vkey, uint8_t type, struct note_key *out)
{
    const char *id = strchr(vkey, '+'), *key;
    char name[NOTE_NAME_MAX + 1] = "";
    uint8_t bytes[KEY_BYTES], id_bytes[4];
    struct public_key public;
    size_t len;

    if (!id || id - vkey > NOTE_NAME_MAX)
        return false;
    memcpy(name, vkey, (size_t)(id - vkey));
    key = strchr(++id, '+');
    if (!key || key - id != 8 || !hex_read(id, 8, id_bytes, sizeof id_bytes))
        return false;
    key++;
    if (!base64_read(key, strlen(key), bytes, sizeof bytes, &len) || len != sizeof bytes ||
        bytes[0] != type)
        return false;
    memcpy(public.b, bytes + 1, sizeof public.b);
    return key_make(name, type, &public, out) && out->id == be32_read(id_bytes);
}

bool note_key_parse(const char *vkey, struct note_key *out)
{
    return note_key_parse_type(vkey, NOTE_TYPE_ED25519, out);
}

char *note_key_text_type(struct scope *s, const struct note_key *k, uint8_t type)
{
    uint8_t bytes[KEY_BYTES] = { type };
    char coded[BASE64_SIZE(KEY_BYTES)];

    memcpy(bytes + 1, k->key.b, sizeof k->key.b);
    base64_write(bytes, sizeof bytes, coded);
    return scope_printf(s, "%s+%08x+%s", k->name, k->id, coded);
}

char *note_key_text(struct scope *s, const struct note_key *k)
{
    return note_key_text_type(s, k, NOTE_TYPE_ED25519);
}

/* ---- signature lines ---- */

char *note_signature_line(struct scope *s, const struct note_key *k, const void *bytes, size_t len)
{
    uint8_t *all = scope_alloc(s, ID_BYTES + len, 1);
    char *coded = scope_alloc(s, BASE64_SIZE(ID_BYTES + len), 1);

    be32_write(all, k->id);
    memcpy(all + ID_BYTES, bytes, len);
    base64_write(all, ID_BYTES + len, coded);
    return scope_printf(s, DASH "%s %s\n", k->name, coded);
}

bool note_signature_parse(const char *p, size_t len, struct note_signature *out)
{
    const char *space;

    if (len < DASH_LEN || memcmp(p, DASH, DASH_LEN) != 0)
        return false;
    p += DASH_LEN;
    len -= DASH_LEN;
    space = memchr(p, ' ', len);
    if (!space || !name_possible(p, (size_t)(space - p)))
        return false;
    out->name = p;
    out->name_len = (size_t)(space - p);
    len -= out->name_len + 1;
    if (!base64_read(space + 1, len, out->bytes, sizeof out->bytes, &out->len) || out->len < SIGNATURE_BYTES_MIN)
        return false;
    out->id = be32_read(out->bytes);
    out->len -= ID_BYTES;
    memmove(out->bytes, out->bytes + ID_BYTES, out->len);
    return true;
}

bool note_signature_by(const struct note_signature *sig, const struct note_key *k)
{
    return sig->id == k->id && sig->name_len == strlen(k->name) && memcmp(sig->name, k->name, sig->name_len) == 0;
}

err note_signature_next(struct scope *s, struct bytes *lines, int *seen, struct note_signature *out)
{
    const char *p = (const char *)lines->p, *eol;

    if (lines->len == 0)
        return ERR_NOT_FOUND;
    eol = memchr(p, '\n', lines->len);
    if (!eol || !note_signature_parse(p, (size_t)(eol - p), out))
        return fail(s, ERR_INVALID, "signed note: malformed signature line");
    if (++*seen > NOTE_SIGNATURES_MAX)
        return fail(s, ERR_INVALID, "signed note: more than %d signatures", NOTE_SIGNATURES_MAX);
    lines->len -= (size_t)(eol + 1 - p);
    lines->p += eol + 1 - p;
    return ERR_OK;
}

/* ---- notes ---- */

char *note_sign(struct scope *s, const char *text, const struct note_key *k, const struct secret_key *secret)
{
    size_t len = strlen(text);
    struct signature sig;

    assert(len > 0 && text[len - 1] == '\n');
    sig = key_sign(secret, text, len);
    return scope_printf(s, "%s\n%s", text, note_signature_line(s, k, sig.b, sizeof sig.b));
}

static err signatures_check(struct scope *s, struct bytes lines, const struct note_key *k, const struct bytes *text)
{
    struct note_signature line;
    struct signature sig;
    int seen = 0, ours = 0;
    err e;

    while ((e = note_signature_next(s, &lines, &seen, &line)) == ERR_OK) {
        if (!note_signature_by(&line, k))
            continue;
        if (line.len != sizeof sig.b)
            return fail(s, ERR_INVALID, "signed note: the signature of %s has the wrong length", k->name);
        memcpy(sig.b, line.bytes, sizeof sig.b);
        if (!key_verify(&k->key, text->p, text->len, &sig))
            return fail(s, ERR_INVALID, "signed note: the signature of %s does not verify", k->name);
        ours++;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    return ours ? ERR_OK : fail(s, ERR_INVALID, "signed note: no signature of %s", k->name);
}

err note_split(struct scope *s, const char *note, size_t len, struct bytes *text, struct bytes *lines)
{
    const char *blank = NULL;

    if (len > NOTE_BYTES_MAX || !utf8_valid(note, len))
        return fail(s, ERR_INVALID, "signed note: too long or not UTF-8");
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)note[i] < 0x20 && note[i] != '\n')
            return fail(s, ERR_INVALID, "signed note: control character");
        if (i > 0 && note[i] == '\n' && note[i - 1] == '\n')
            blank = note + i;
    }
    if (!blank)
        return fail(s, ERR_INVALID, "signed note: no blank line before signatures");
    *text = (struct bytes){ .p = (const uint8_t *)note, .len = (size_t)(blank - note) };
    *lines = (struct bytes){ .p = (const uint8_t *)blank + 1, .len = (size_t)(note + len - blank - 1) };
    return ERR_OK;
}

err note_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct bytes *text)
{
    struct bytes signed_text, lines;

    TRY(note_split(s, note, len, &signed_text, &lines));
    TRY(signatures_check(s, lines, k, &signed_text));
    *text = signed_text;
    return ERR_OK;
}
