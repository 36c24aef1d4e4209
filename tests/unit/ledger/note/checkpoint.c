/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/note.h"
#include "schema/base/limits.h"
#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
#define VKEY ORIGIN "+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define ROOT7 "YKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk="
#define ROOT0 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define NOTE7 ORIGIN "\n7\n" ROOT7 "\n\n\xe2\x80\x94 " ORIGIN \
    " 5/IdTSf4o3ST3tH2xuAbPI+b1HtFXy+gWIxYLt4HOBLp0dpyMo2WzfFRjuuOCcVUZbD6kJsuRSASxPrVoigZXIQuJgA=\n"
#define H1 "OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8A=\n"
#define H2 "+lse5xGY+kkPkq85n90Bc31tj1A+T/t8a1QwFa9jUIE=\n"
#define H3 "nvaYen722bym3QyfHuCInnkOfJrFhm+oNWVzCtrkMsQ=\n"
#define HEAD "c2sp.org/tlog-proof@v1\n"

static void test_checkpoint(struct scope *s)
{
    static const char *const bad[] = {
        "", "\n", ORIGIN, ORIGIN "\n", ORIGIN "\n7\n", ORIGIN "\n7\n" ROOT7, ORIGIN "\n07\n" ROOT7 "\n",
        ORIGIN "\n+7\n" ROOT7 "\n", ORIGIN "\n-7\n" ROOT7 "\n", ORIGIN "\n 7\n" ROOT7 "\n", ORIGIN "\n7 \n" ROOT7 "\n",
        ORIGIN "\n\n" ROOT7 "\n", ORIGIN "\n7\n" ROOT7 "\nextension\n", ORIGIN "\n7\n" ROOT7 "\n\n", "\n7\n" ROOT7 "\n",
        ORIGIN "\n99999999999999999999\n" ROOT7 "\n", ORIGIN "\n1099511627777\n" ROOT7 "\n", ORIGIN "\n0\n" ROOT7 "\n",
        ORIGIN "\n7\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqf==\n", ORIGIN
        "\n7\nYKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfl=\n",
        ORIGIN "\n7\n" ROOT7 "=\n", ORIGIN "\r\n7\r\n" ROOT7 "\r\n", "a b\n7\n" ROOT7 "\n",
    };
    struct checkpoint c;

    ok(checkpoint_parse(NOTE7, strlen(ORIGIN "\n7\n" ROOT7 "\n"), &c) && c.size == 7 && strcmp(c.origin, ORIGIN) == 0,
       "three lines");
    is_str(checkpoint_text(s, &c), ORIGIN "\n7\n" ROOT7 "\n", "and back");
    ok(checkpoint_parse(ORIGIN "\n0\n" ROOT0 "\n", strlen(ORIGIN "\n0\n" ROOT0 "\n"), &c), "an empty log");
    ok(checkpoint_parse(ORIGIN "\n1099511627776\n" ROOT7 "\n", strlen(ORIGIN "\n1099511627776\n" ROOT7 "\n"), &c) &&
       c.size == TREE_SIZE_MAX, "the largest log");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!checkpoint_parse(bad[i], strlen(bad[i]), &c), "no checkpoint: row %zu", i);
    ok(!checkpoint_parse("a\0b\n7\n" ROOT7 "\n", 3 + strlen("\n7\n" ROOT7 "\n"), &c), "no NUL in the origin");
}

static void test_open(struct scope *s)
{
    static const char vkey_of_other[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    uint8_t seed[ED25519_SEED];
    struct secret_key *secret;
    struct note_key k, other;
    struct public_key public;
    struct checkpoint c;
    char *note;

    for (uint8_t i = 0; i < sizeof seed; i++)
        seed[i] = i;
    secret = secret_key_from_seed(seed);
    public = secret_key_public(secret);
    ok(note_key_parse(VKEY, &k) && note_key_parse(vkey_of_other, &other), "two keys");
    is_int(checkpoint_open(s, NOTE7, strlen(NOTE7), &k, &c), ERR_OK, "the worked example opens");
    ok(c.size == 7, "at its size");
    is_int(checkpoint_open(s, NOTE7, strlen(NOTE7), &other, &c), ERR_INVALID, "not for another key");
    scope_forgive(s);
    note_key_make("another.example/log", &public, &other);
    note = note_sign(s, ORIGIN "\n7\n" ROOT7 "\n", &other, secret);
    is_int(checkpoint_open(s, note, strlen(note), &other, &c), ERR_INVALID, "the origin must be the key's name");
    scope_forgive(s);
    note = note_sign(s, ORIGIN "\n7\n" ROOT7 "\nmore\n", &k, secret);
    is_int(checkpoint_open(s, note, strlen(note), &k, &c), ERR_INVALID, "no extension lines");
    scope_forgive(s);
    secret_key_free(secret);
}

static void test_proof_text(struct scope *s)
{
    static const char whole[] = HEAD "index 5\n" H1 H2 H3 "\n" NOTE7;
    static const char *const bad[] = {
        "", HEAD, HEAD "index 5\n", HEAD "index 5\n\n", HEAD "index 5\n" H1 H2 H3 NOTE7,
        "c2sp.org/tlog-proof@v2\nindex 5\n\n" NOTE7,
        HEAD "index 05\n\n" NOTE7, HEAD "index\n\n" NOTE7, HEAD "index -1\n\n" NOTE7, HEAD "\nindex 5\n\n" NOTE7,
        HEAD "extra A\nindex 5\n\n" NOTE7, HEAD "extra \nindex 5\n\n" NOTE7, HEAD
        "extra AA==\nextra AA==\nindex 5\n\n" NOTE7,
        HEAD "index 5\nOuVJ\n\n" NOTE7, HEAD "index 5\n" H1 "x\n\n" NOTE7, HEAD "index 1099511627776\n\n" NOTE7,
        HEAD "index 5\n" H1, HEAD "index 5\n" H1 "OuVJ",
    };
    struct tlog_proof t;
    struct buf b = BUF(s);

    ok(tlog_proof_parse(whole, sizeof whole - 1, &t) && t.index == 5 && t.proof.n == 3 && t.note.len == strlen(NOTE7) &&
       memcmp(t.note.p, NOTE7, t.note.len) == 0, "a proof is read");
    is_str(tlog_proof_text(s, t.index, &t.proof, NOTE7), whole, "and written the same");
    ok(tlog_proof_parse(HEAD "index 0\n\n" NOTE7, strlen(HEAD "index 0\n\n" NOTE7), &t) && t.proof.n == 0,
       "without a path");
    ok(tlog_proof_parse(HEAD "extra AA==\nindex 5\n\n" NOTE7, strlen(HEAD "extra AA==\nindex 5\n\n" NOTE7), &t),
       "an extra line is skipped");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!tlog_proof_parse(bad[i], strlen(bad[i]), &t), "no proof: row %zu", i);
    buf_str(&b, HEAD "extra ");
    for (int i = 0; i < 300; i++)
        buf_str(&b, "AAAA");
    buf_str(&b, "\nindex 5\n");
    for (int i = 0; i < PROOF_HASHES_MAX; i++)
        buf_str(&b, H1);
    ok(tlog_proof_parse(scope_printf(s, "%s\n" NOTE7, b.p), b.len + 1 + strlen(NOTE7), &t) &&
       t.proof.n == PROOF_HASHES_MAX, "a long extra line and the longest path");
    ok(!tlog_proof_parse(scope_printf(s, "%s" H1 "\n" NOTE7, b.p), b.len + strlen(H1) + 1 + strlen(NOTE7), &t),
       "no longer one");
}

int main(void)
{
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    test_checkpoint(&s);
    test_open(&s);
    test_proof_text(&s);
    scope_free(&s);
    return done_testing();
}
