/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/note.h"

#include "schema/base/limits.h"
#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
#define VKEY ORIGIN "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define DASH "\xe2\x80\x94 "
#define BODY7 ORIGIN "\n7\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk=\n"
#define LINE7 DASH ORIGIN \
    " 5/IdTSf4o3ST3tH2xuAbPI+b1HtFXy+gWIxYLt4HOBLp0dpyMo2WzfFRjuuOCcVUZbD6kJsuRSASxPrVoigZXIQuJgA=\n"
#define BODY0 ORIGIN "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
#define LINE0 DASH ORIGIN \
    " 5/IdTelgkyDLrcmDfd0+mAczQ2bqvA8cbyi1I0CWOMP2rjpT7kCuDmSgoMXIhk0sMm0Jf/2DbSD6Cm36RN95XqBlYAw=\n"
#define COSIGNED DASH "witness.example/w1 IDJKvgAAAABlU/EAm1Th9nbzcdjtKQuTDwcXStcOSC6KxPdKsojRLXHYmOmsH+k40CzRHS3L7" \
    "LDABgH96G/+6zGV12/06F54OQxvCA==\n"

static struct secret_key *secret;

static void test_keys(struct scope *s)
{
    static const char *const bad[] = {
        "", "+", "++", ORIGIN, ORIGIN "+e7f21d4d", ORIGIN "+e7f21d4d+",
        ORIGIN "+e7f21d4e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",       /* another id */
        ORIGIN "+E7F21D4D+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",       /* upper case */
        ORIGIN "x+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",      /* another name */
        ORIGIN "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG",
        ORIGIN "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n",
        "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X",    /* a cosigner's type */
    };
    struct public_key public = secret_key_public(secret);
    struct note_key k, parsed;

    ok(note_key_make(ORIGIN, &public, &k), "a key of the worked example");
    is_int(k.id, 0xe7f21d4d, "its id");
    is_str(note_key_text(s, &k), VKEY, "its vkey");
    ok(note_key_parse(VKEY, &parsed) && parsed.id == k.id && strcmp(parsed.name, ORIGIN) == 0 &&
       memcmp(parsed.key.b, k.key.b, sizeof k.key.b) == 0, "and back");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!note_key_parse(bad[i], &parsed), "refuses vkey '%s'", bad[i]);
}

static void test_names(void)
{
    static const char *const good[] = { "a", "counterfoil.example/0a1b2c3d", "\xc3\xa9t\xc3\xa9", "a.b:c~/" };
    static const char *const bad[] = {
        "", "a b", "a+b", "a\nb", "a\tb", "\x01", "a\x7f", "\xff", "a\xc2\xa0z", "a\xc2\x85", "\xe2\x80\x83",
        "\xe3\x80\x80",
        "a\xe2\x80\xa8z",
    };
    char longest[NOTE_NAME_MAX + 2];

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ok(note_name_valid(good[i]), "name '%s'", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!note_name_valid(bad[i]), "no name: row %zu", i);
    memset(longest, 'a', sizeof longest);
    longest[NOTE_NAME_MAX + 1] = '\0';
    ok(!note_name_valid(longest), "a name too long");
    longest[NOTE_NAME_MAX] = '\0';
    ok(note_name_valid(longest), "the longest name");
}

static bool opens(struct scope *s, const char *note, const struct note_key *k)
{
    struct bytes text;
    bool good = note_open(s, note, strlen(note), k, &text) == ERR_OK;

    if (!good && s->why.code != ERR_INVALID)
        abort();
    scope_forgive(s);
    return good;
}

static void test_published(struct scope *s)
{
    static const char note[] = "This is an example message.\n\n" DASH "example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    struct note_key k;
    struct bytes text;
    char *other;

    ok(note_key_parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", &k),
       "the specification's key");
    is_int(note_open(s, note, sizeof note - 1, &k, &text), ERR_OK, "opens its note");
    ok(text.len == 28 && memcmp(text.p, "This is an example message.\n", 28) == 0, "and gives its text");
    for (size_t i = 0; i + 1 < sizeof note; i++) {
        other = scope_strdup(s, note);
        other[i] = (char)(other[i] ^ 1);
        if (!ok(!opens(s, other, &k), "not with byte %zu changed", i))
            break;
    }
}

static void test_notes(struct scope *s)
{
    struct public_key public = secret_key_public(secret);
    struct note_key k;
    struct buf b;

    note_key_make(ORIGIN, &public, &k);
    is_str(note_sign(s, BODY7, &k, secret), BODY7 "\n" LINE7, "the worked example is signed to the byte");
    is_str(note_sign(s, BODY0, &k, secret), BODY0 "\n" LINE0, "the empty log too");
    ok(opens(s, BODY7 "\n" LINE7, &k), "it opens");
    ok(opens(s, BODY7 "\n" COSIGNED LINE7, &k), "with a witness's line before it");
    ok(opens(s, BODY7 "\n" LINE7 COSIGNED, &k), "or after it");
    ok(opens(s, BODY7 "\n" LINE7 DASH "grease.example/x AAAAAAA=\n", &k), "with a grease signature");
    ok(opens(s, BODY7 "\n" LINE7 LINE7, &k), "with its line twice");
    ok(!opens(s, BODY7 "\n" LINE7 LINE0, &k), "not with a second line of its key that fails");
    ok(!opens(s, BODY7 "\n" LINE0, &k), "not with another note's signature");
    ok(!opens(s, BODY7 "\n" COSIGNED, &k), "not without its own line");
    ok(!opens(s, BODY7 "\n", &k) && !opens(s, BODY7, &k) && !opens(s, "", &k), "not without signatures");
    ok(!opens(s, BODY7 LINE7, &k), "not without the blank line");
    ok(!opens(s, BODY7 "\n" LINE7 "\n", &k), "not with a blank line behind");
    ok(!opens(s, BODY7 "\n" LINE7 "x\n", &k), "not with a line that is none");
    ok(!opens(s, BODY7 "\n" LINE7 DASH "a AAAA\n", &k), "not with a signature of four bytes");
    ok(!opens(s, BODY7 "\n" LINE7 DASH " AAAAAAA=\n", &k), "not with a nameless signature");
    ok(!opens(s, BODY7 "\n" LINE7 DASH "a AAAAAAB=\n", &k), "not with base64 that is not canonical");
    ok(!opens(s, BODY7 "\n" LINE7 DASH "a  AAAAAAA=\n", &k), "not with two spaces");
    ok(!opens(s, BODY7 "\n" LINE7 "- a AAAAAAA=\n", &k), "not with a hyphen");
    ok(!opens(s, BODY7 "\n" LINE7 DASH "a AAAAAAA=", &k), "not without the last newline");
    ok(!opens(s, BODY7 "\n" LINE7 DASH "a\tb AAAAAAA=\n", &k) && !opens(s, "\xff\n\n" LINE7, &k),
       "no control, only UTF-8");
    b = BUF(s);
    buf_str(&b, BODY7 "\n" LINE7);
    for (int i = 1; i < NOTE_SIGNATURES_MAX; i++)
        buf_str(&b, DASH "a AAAAAAA=\n");
    ok(opens(s, b.p, &k), "a hundred signatures");
    buf_str(&b, DASH "a AAAAAAA=\n");
    ok(!opens(s, b.p, &k), "and no more");
    b = BUF(s);
    for (int i = 0; i < NOTE_BYTES_MAX; i++)
        buf_char(&b, 'a');
    buf_str(&b, "\n");
    ok(!opens(s, note_sign(s, b.p, &k, secret), &k), "a note too long");
    ok(opens(s, note_sign(s, "a\n\nb\n", &k, secret), &k), "a text with a blank line of its own");
}

int main(void)
{
    uint8_t seed[ED25519_SEED];
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    for (uint8_t i = 0; i < sizeof seed; i++)
        seed[i] = i;
    secret = secret_key_from_seed(seed);
    test_keys(&s);
    test_names();
    test_published(&s);
    test_notes(&s);
    secret_key_free(secret);
    scope_free(&s);
    return done_testing();
}
