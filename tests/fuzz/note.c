/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/note/note.h"

/*
 * Properties: a note that opens gives a text that stands at its beginning,
 * ends in a newline, and, signed anew by the same key, opens to the same text.
 * What is accepted of the fuzzer's own signatures is the worked example's key
 * only. With a first byte of 's' the rest is a text that we sign ourselves.
 */
static struct secret_key *secret;
static struct note_key key;

static void setup(void)
{
    uint8_t seed[ED25519_SEED];
    struct public_key public;

    keys_init();
    for (uint8_t i = 0; i < sizeof seed; i++)
        seed[i] = i;
    secret = secret_key_from_seed(seed);
    public = secret_key_public(secret);
    if (!note_key_make("ledger.example/market", &public, &key))
        abort();
}

static void signed_opens(struct scope *s, const char *text)
{
    char *note = note_sign(s, text, &key, secret);
    struct bytes back;

    if (note_open(s, note, strlen(note), &key, &back) != ERR_OK)
        return;      /* a control character, bad UTF-8 or too long */
    if (back.len != strlen(text) || memcmp(back.p, text, back.len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct bytes text;
    struct note_key parsed;
    char *vkey;

    if (!secret)
        setup();
    scope_init(&s, 0);
    if (size > 1 && data[0] == 's') {
        char *own = scope_strndup(&s, (const char *)data + 1, size - 1);
        signed_opens(&s, scope_printf(&s, "%s\n", own));
    }
    vkey = scope_strndup(&s, (const char *)data, size);
    if (note_key_parse(vkey, &parsed) && strcmp(note_key_text(&s, &parsed), vkey) != 0)
        abort();
    if (note_open(&s, (const char *)data, size, &key, &text) == ERR_OK) {
        if (text.p != data || text.len == 0 || text.p[text.len - 1] != '\n')
            abort();
        signed_opens(&s, scope_strndup(&s, (const char *)text.p, text.len));
    }
    scope_free(&s);
    return 0;
}
