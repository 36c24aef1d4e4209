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
#define SIGNED_BYTES (4 + ED25519_SIG)         /* key id, then the signature */
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

static uint32_t key_id(const char *name, const struct public_key *key)
{
    static const uint8_t between[] = { '\n', NOTE_TYPE_ED25519 };
    struct sha256 c;

    sha256_init(&c);
    sha256_add(&c, name, strlen(name));
    sha256_add(&c, between, sizeof between);
    sha256_add(&c, key->b, sizeof key->b);
    return be32_read(sha256_end(&c).b);
}

bool note_key_make(const char *name, const struct public_key *key, struct note_key *out)
{
    if (!note_name_valid(name))
        return false;
    snprintf(out->name, sizeof out->name, "%s", name);
    out->id = key_id(name, key);
    out->key = *key;
    return true;
}

bool note_key_parse(const char *vkey, struct note_key *out)
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
        bytes[0] != NOTE_TYPE_ED25519)
        return false;
    memcpy(public.b, bytes + 1, sizeof public.b);
    return note_key_make(name, &public, out) && out->id == be32_read(id_bytes);
}

char *note_key_text(struct scope *s, const struct note_key *k)
{
    uint8_t bytes[KEY_BYTES] = { NOTE_TYPE_ED25519 };
    char coded[BASE64_SIZE(KEY_BYTES)];

    memcpy(bytes + 1, k->key.b, sizeof k->key.b);
    base64_write(bytes, sizeof bytes, coded);
    return scope_printf(s, "%s+%08x+%s", k->name, k->id, coded);
}

/* ---- notes ---- */

char *note_sign(struct scope *s, const char *text, const struct note_key *k, const struct secret_key *secret)
{
    size_t len = strlen(text);
    uint8_t bytes[SIGNED_BYTES];
    char coded[BASE64_SIZE(SIGNED_BYTES)];
    struct signature sig;

    assert(len > 0 && text[len - 1] == '\n');
    sig = key_sign(secret, text, len);
    be32_write(bytes, k->id);
    memcpy(bytes + 4, sig.b, sizeof sig.b);
    base64_write(bytes, sizeof bytes, coded);
    return scope_printf(s, "%s\n" DASH "%s %s\n", text, k->name, coded);
}

/* One signature line, without its newline. */
struct line { const char *name; size_t name_len; uint8_t bytes[NOTE_BYTES_MAX / 4 * 3]; size_t len; };

static bool line_read(const char *p, size_t len, struct line *out)
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
    return base64_read(space + 1, len, out->bytes, sizeof out->bytes, &out->len) && out->len >= SIGNATURE_BYTES_MIN;
}

static bool line_is_by(const struct line *line, const struct note_key *k)
{
    return line->name_len == strlen(k->name) && memcmp(line->name, k->name, line->name_len) == 0 &&
           be32_read(line->bytes) == k->id;
}

static err signatures_check(struct scope *s, const char *p, const char *end, const struct note_key *k,
                            const struct bytes *text)
{
    struct line line;
    struct signature sig;
    int seen = 0, ours = 0;

    for (const char *eol; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol || !line_read(p, (size_t)(eol - p), &line))
            return fail(s, ERR_INVALID, "signed note: malformed signature line");
        if (++seen > NOTE_SIGNATURES_MAX)
            return fail(s, ERR_INVALID, "signed note: more than %d signatures", NOTE_SIGNATURES_MAX);
        if (!line_is_by(&line, k))
            continue;
        if (line.len != SIGNED_BYTES)
            return fail(s, ERR_INVALID, "signed note: the signature of %s has the wrong length", k->name);
        memcpy(sig.b, line.bytes + 4, sizeof sig.b);
        if (!key_verify(&k->key, text->p, text->len, &sig))
            return fail(s, ERR_INVALID, "signed note: the signature of %s does not verify", k->name);
        ours++;
    }
    if (!ours)
        return fail(s, ERR_INVALID, "signed note: no signature of %s", k->name);
    return ERR_OK;
}

err note_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct bytes *text)
{
    const char *blank = NULL;
    struct bytes signed_text;

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
    signed_text = (struct bytes){ .p = (const uint8_t *)note, .len = (size_t)(blank - note) };
    TRY(signatures_check(s, blank + 1, note + len, k, &signed_text));
    *text = signed_text;
    return ERR_OK;
}
