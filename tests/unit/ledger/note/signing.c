/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/signing.h"

#include "tests/unit/tap.h"

#define HEAD "counterfoil-signer/v1 "
#define H "OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8A=\n"

static const char *const good[] = {
    HEAD "last\n", HEAD "keys\n", HEAD "status\n", HEAD "sign\nold 0\nsize 1\nroot " H, HEAD
    "sign\nold 3\nsize 5\nroot " H H H H,
    HEAD "sign\nold 1099511627776\nsize 1099511627776\nroot " H,
    HEAD "document\n{}\n{\"at\":1}\nproof\n\nof lines\n",
};

static const char *const bad[] = {
    "", "\n", "last\n", HEAD, HEAD "last", HEAD "last\n\n", HEAD "last\nx", HEAD " last\n", HEAD "last \n", HEAD
    "Last\n",
    HEAD "lastly\n", HEAD "las\n", HEAD "document\n", "counterfoil-signer/v2 last\n", HEAD "sign\n", HEAD
    "sign\nold 3\n",
    HEAD "sign\nold 3\nsize 5\n", HEAD "sign\nold 3\nsize 5\nroot \n", HEAD "sign\nold 03\nsize 5\nroot " H,
    HEAD "sign\nold 3\nsize 1099511627777\nroot " H, HEAD "sign\nold -3\nsize 5\nroot " H, HEAD
    "sign\nsize 5\nold 3\nroot " H,
    HEAD "sign\nold 3\nsize 5\nroot OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8A=", HEAD
    "sign\nold 3\nsize 5\nroot " H "\n",
    HEAD "sign\nold 3\nsize 5\nroot " H H "x\n", HEAD
    "sign\nold 3\nsize 5\nroot OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8B=\n",
    HEAD "sign\r\nold 3\r\nsize 5\r\nroot " H, HEAD "keys\n" H,
    HEAD "document\n{}\n", HEAD "document\n{}\n{}\n", HEAD "document\n{}\n{}\nproof", HEAD "document\n\n{}\nproof\n",
    HEAD "document\n{}\n\nproof\n", HEAD "document\n{}\n{}\n\xff\n",
};

static void test_questions(struct scope *s)
{
    struct question q;
    struct buf b = BUF(s);

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ok(question_parse(good[i], strlen(good[i]), &q), "question %zu parses", i);
        is_str(question_text(s, &q), good[i], "and prints the same");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!question_parse(bad[i], strlen(bad[i]), &q), "no question: row %zu", i);
    ok(!question_parse(HEAD "last\n\0", strlen(HEAD "last\n") + 1, &q), "no NUL behind");
    buf_str(&b, HEAD "sign\nold 3\nsize 5\nroot " H);
    for (int i = 0; i < PROOF_HASHES_MAX; i++)
        buf_str(&b, H);
    ok(question_parse(b.p, b.len, &q) && q.sign.proof.n == PROOF_HASHES_MAX, "the longest proof");
    buf_str(&b, H);
    ok(!question_parse(b.p, b.len, &q), "and no longer one");
}

static void test_answers(struct scope *s)
{
    struct answer a;

    for (int w = 0; w < SAID_WORDS; w++) {
        char *text = answer_text(s, (enum answer_word)w, "rest\nof it\n");
        ok(answer_parse(s, text, strlen(text), &a) && a.word == (enum answer_word)w && strcmp(a.rest,
                                                                                              "rest\nof it\n") == 0,
           "answer %d there and back", w);
    }
    ok(answer_parse(s, HEAD "last\n", strlen(HEAD "last\n"), &a) && !*a.rest, "an empty rest");
    ok(!answer_parse(s, HEAD "yes\n", strlen(HEAD "yes\n"), &a) && !answer_parse(s, HEAD "last", strlen(HEAD "last"),
                                                                                 &a) &&
       !answer_parse(s, HEAD "last\na\0b", strlen(HEAD "last\n") + 3, &a) &&
       !answer_parse(s, HEAD "last\n\xff", strlen(HEAD "last\n") + 1, &a), "answers are read strictly");
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    test_questions(&s);
    test_answers(&s);
    scope_free(&s);
    return done_testing();
}
