/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/cosignature.h"

#include "ledger/keys/sha256.h"
#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
#define NAME "witness.example/w1"
#define VKEY NAME "+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
#define BODY7 ORIGIN "\n7\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk=\n"
#define DASH "\xe2\x80\x94 "
#define LINE DASH NAME " IDJKvgAAAABlU/EAm1Th9nbzcdjtKQuTDwcXStcOSC6KxPdKsojRLXHYmOmsH+k40CzRHS3L7" \
    "LDABgH96G/+6zGV12/06F54OQxvCA==\n"
#define TIME 1700000000

static struct secret_key *secret;
static struct cosigner witness;
static const struct bytes body = { (const uint8_t *)BODY7, sizeof BODY7 - 1 };

static void test_keys(struct scope *s)
{
    static const char *const bad[] = {
        "", NAME, NAME "+20324abf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X", VKEY "\n",
        ORIGIN "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",      /* a log's */
        NAME "+20324abe+ASmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X",        /* the same bytes as a log's type */
    };
    struct public_key public = secret_key_public(secret);
    struct cosigner parsed;
    struct note_key log;

    ok(cosigner_make(NAME, &public, &witness), "the worked example's witness");
    is_int(witness.key.id, 0x20324abe, "its key id");
    is_str(cosigner_text(s, &witness), VKEY, "its vkey");
    ok(cosigner_parse(VKEY, &parsed) && parsed.key.id == witness.key.id && strcmp(parsed.key.name, NAME) == 0,
       "and back");
    ok(!note_key_parse(VKEY, &log), "it is no log's key");
    ok(note_key_make(NAME, &public, &log) && log.id != witness.key.id, "as a log's it would have another id");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!cosigner_parse(bad[i], &parsed), "refuses vkey %zu", i);
    ok(!cosigner_make("a b", &public, &parsed), "refuses a name that is none");
}

static bool reads(const char *line, struct note_signature *out)
{
    return note_signature_parse(line, strlen(line) - 1, out);
}

static void test_vector(struct scope *s)
{
    static const char message[] = "cosignature/v1\ntime 1700000000\n" BODY7;
    struct hash digest = sha256_of(message, sizeof message - 1);
    struct note_signature sig;
    int64_t at = 0;

    is_hex(digest.b, sizeof digest.b, "c181f4d7eb4e85ed458e3e04a936aa19f7f724eacbc792510dfaf65f2dd77627",
           "the bytes that are signed");
    is_str(cosignature_make(s, BODY7, &witness, secret, TIME), LINE, "the worked example's cosignature");
    ok(reads(LINE, &sig) && cosignature_verify(&sig, &body, &witness, &at), "verifies");
    is_int(at, TIME, "and says when");
}

static void test_fresh(void)
{
    ok(cosignature_fresh(TIME, TIME), "fresh: now");
    ok(cosignature_fresh(TIME, TIME + COSIGNATURE_FRESH_S) && cosignature_fresh(TIME, TIME - COSIGNATURE_FRESH_S),
       "for so long, either way");
    ok(!cosignature_fresh(TIME, TIME + COSIGNATURE_FRESH_S + 1) && !cosignature_fresh(TIME, TIME -
       COSIGNATURE_FRESH_S - 1), "no longer");
    ok(!cosignature_fresh(COSIGNATURE_TIME_MAX, TIME) && !cosignature_fresh(0, TIME), "nor at the ends of all times");
}

/* Each byte of the line's signature changed, the text changed, the time changed: nothing verifies. */
static void test_forged(void)
{
    static const char other[] = ORIGIN "\n8\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk=\n";
    const struct bytes another = { (const uint8_t *)other, sizeof other - 1 };
    struct note_signature sig;
    size_t passed = 0;
    int64_t at = -1;

    ok(reads(LINE, &sig) && !cosignature_verify(&sig, &another, &witness, &at), "of another checkpoint");
    for (size_t i = 0; i < sig.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            sig.bytes[i] ^= (uint8_t)(1 << bit);
            passed += cosignature_verify(&sig, &body, &witness, &at);
            sig.bytes[i] ^= (uint8_t)(1 << bit);
        }
    is_int((int64_t)passed, 0, "no bit of it may be another");
    sig.len--;
    ok(!cosignature_verify(&sig, &body, &witness, &at), "shorter");
    sig.len += 2;
    ok(!cosignature_verify(&sig, &body, &witness, &at), "longer");
    is_int(at, -1, "no time was told");
}

static err find(struct scope *s, const char *lines, int64_t *at, struct bytes *line)
{
    err e = cosignature_find(s, (struct bytes){ (const uint8_t *)lines, strlen(lines) }, &body, &witness, at, line);

    scope_forgive(s);
    return e;
}

static void test_find(struct scope *s)
{
    struct public_key public = secret_key_public(secret);
    struct cosigner namesake;
    const char *newer = cosignature_make(s, BODY7, &witness, secret, TIME + 5), *grease, *wrong;
    struct bytes line;
    int64_t at;

    cosigner_make("witness.example/w2", &public, &namesake);
    grease = cosignature_make(s, BODY7, &namesake, secret, TIME);
    wrong = cosignature_make(s, ORIGIN "\n1\nFiHOfahpslSkpSWMkIxwA3Nsz8NG8kgqvmpgZR+8EWeR=\n", &witness, secret, TIME);
    ok(find(s, scope_printf(s, "%s%s%s", grease, newer, LINE), &at, &line) == ERR_OK, "found among others");
    is_int(at, TIME + 5, "the newest of two");
    ok(line.len == strlen(newer) && memcmp(line.p, newer, line.len) == 0, "its line, to the newline");
    ok(find(s, grease, &at, &line) == ERR_INVALID, "another's alone is none");
    ok(find(s, "", &at, &line) == ERR_INVALID, "nothing is none");
    ok(find(s, scope_printf(s, "%s%s", LINE, wrong), &at, &line) == ERR_INVALID, "one that fails spoils all");
    ok(find(s, scope_printf(s, "%sgarbage\n", LINE), &at, &line) == ERR_INVALID, "a line that is none");
    ok(find(s, scope_printf(s, "%.*s", (int)strlen(LINE) - 1, LINE), &at, &line) == ERR_INVALID, "a line without end");
}

int main(void)
{
    uint8_t seed[ED25519_SEED];
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    for (int i = 0; i < ED25519_SEED; i++)
        seed[i] = (uint8_t)(0x20 + i);
    secret = secret_key_from_seed(seed);
    test_keys(&s);
    test_vector(&s);
    test_fresh();
    test_forged();
    test_find(&s);
    secret_key_free(secret);
    scope_free(&s);
    return done_testing();
}
