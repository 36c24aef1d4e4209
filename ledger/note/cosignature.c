/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/cosignature.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIME_BYTES 8

bool cosigner_make(const char *name, const struct public_key *key, struct cosigner *out)
{
    if (!note_name_valid(name))
        return false;
    snprintf(out->key.name, sizeof out->key.name, "%s", name);
    out->key.id = note_key_id(name, NOTE_TYPE_COSIGNATURE, key);
    out->key.key = *key;
    return true;
}

bool cosigner_parse(const char *vkey, struct cosigner *out)
{
    return note_key_parse_type(vkey, NOTE_TYPE_COSIGNATURE, &out->key);
}

char *cosigner_text(struct scope *s, const struct cosigner *c)
{
    return note_key_text_type(s, &c->key, NOTE_TYPE_COSIGNATURE);
}

/* What is signed; `out` has room for a header of COSIGNED_HEAD and the text. */
#define COSIGNED_HEAD 64
static size_t message(char *out, const struct bytes *text, int64_t at)
{
    int head = snprintf(out, COSIGNED_HEAD, "cosignature/v1\ntime %" PRId64 "\n", at);

    memcpy(out + head, text->p, text->len);
    return (size_t)head + text->len;
}

char *cosignature_make(struct scope *s, const char *text, const struct cosigner *c, const struct secret_key *secret,
                       int64_t at)
{
    struct bytes body = { (const uint8_t *)text, strlen(text) };
    char *m = scope_alloc(s, COSIGNED_HEAD + body.len, 1);
    uint8_t bytes[TIME_BYTES + ED25519_SIG];
    struct signature sig;

    assert(body.len > 0 && text[body.len - 1] == '\n' && at >= 0);
    sig = key_sign(secret, m, message(m, &body, at));
    be64_write(bytes, (uint64_t)at);
    memcpy(bytes + TIME_BYTES, sig.b, sizeof sig.b);
    return note_signature_line(s, &c->key, bytes, sizeof bytes);
}

bool cosignature_verify(const struct note_signature *sig, const struct bytes *text, const struct cosigner *c,
                        int64_t *at)
{
    char m[COSIGNED_HEAD + NOTE_BYTES_MAX];
    struct signature given;
    uint64_t seconds;

    if (sig->len != TIME_BYTES + ED25519_SIG || text->len > NOTE_BYTES_MAX || !note_signature_by(sig, &c->key))
        return false;
    seconds = be64_read(sig->bytes);
    if (seconds > COSIGNATURE_TIME_MAX)
        return false;
    memcpy(given.b, sig->bytes + TIME_BYTES, sizeof given.b);
    if (!key_verify(&c->key.key, m, message(m, text, (int64_t)seconds), &given))
        return false;
    *at = (int64_t)seconds;
    return true;
}

bool cosignature_fresh(int64_t at, int64_t now)
{
    return at >= now - COSIGNATURE_FRESH_S && at <= now + COSIGNATURE_FRESH_S;
}

err cosignature_find(struct scope *s, struct bytes lines, const struct bytes *text, const struct cosigner *c,
                     int64_t *at, struct bytes *line)
{
    struct note_signature sig;
    int seen = 0;
    bool found = false;

    for (;;) {
        const uint8_t *begin = lines.p;
        int64_t when;
        err e = note_signature_next(s, &lines, &seen, &sig);

        if (e == ERR_NOT_FOUND)
            break;
        TRY(e);
        if (!note_signature_by(&sig, &c->key))
            continue;
        if (!cosignature_verify(&sig, text, c, &when))
            return fail(s, ERR_INVALID, "the cosignature of %s does not verify", c->key.name);
        if (found && when <= *at)
            continue;
        found = true;
        *at = when;
        *line = (struct bytes){ begin, (size_t)(lines.p - begin) };
    }
    return found ? ERR_OK : fail(s, ERR_INVALID, "no cosignature of %s", c->key.name);
}
