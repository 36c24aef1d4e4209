/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note/add_checkpoint.h"

#include "tests/unit/tap.h"

#define H0 "PcBScDQMpoZKQqUYjxxjaHboVKs1RdmBrGZc+3SqTcw=\n"
#define H1 "p3MU24guqCjDQfV5sB28DbN8XL8DojgzAwhEBmfBj00=\n"
#define H2 "/h+2s9jnS+4u7RyHxkdMxC6zihyqhcmu/Yo8NQExOSU=\n"
#define H3 "OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8A=\n"
#define NOTE "ledger.example/market\n5\nyPFA0nVVp4Kn5u40sWJWSMGpIO/IGbB5vSHKLdpohO4=\n\n" \
    "\xe2\x80\x94 ledger.example/market " \
    "5/IdTWViGvIZiGnVQUQDf7VJbAr1fV+u1DNKu7hQKrY6CP539lWUdUvpkzwlyfesL/g06xtjYTezduEiZ1bQOeMA0Ao=\n"
#define BODY "old 3\n" H0 H1 H2 H3 "\n" NOTE

static bool parses(const char *text)
{
    struct add_checkpoint rq;

    return add_checkpoint_parse(text, strlen(text), &rq);
}

/* The worked example: a log of seven entries whose trees of 3 and 5 the proof joins. */
static void test_example(struct scope *s)
{
    static const uint8_t root3[HASH_SIZE] = {
        0x26, 0xe7, 0xa9, 0x08, 0xb1, 0x1e, 0x0e, 0x0b, 0x5a, 0xc9, 0xdc, 0xb5, 0x30, 0x10, 0x01, 0x4c,
        0xb5, 0xef, 0x4a, 0xf3, 0x97, 0x6d, 0x5e, 0xa3, 0x59, 0x5d, 0x48, 0xa4, 0xc0, 0xfb, 0x71, 0x8b,
    };
    struct add_checkpoint rq;
    struct checkpoint cp;
    struct note_key log;
    struct hash old;

    ok(add_checkpoint_parse(BODY, strlen(BODY), &rq), "the worked example's request");
    is_int((int64_t)rq.old_size, 3, "old size");
    is_int((int64_t)rq.proof.n, 4, "hashes");
    ok(note_key_parse("ledger.example/market+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", &log) &&
       checkpoint_open(s, (const char *)rq.note.p, rq.note.len, &log, &cp) == ERR_OK, "its checkpoint");
    memcpy(old.b, root3, sizeof root3);
    ok(proof_check_consistency(3, &old, cp.size, &cp.root, &rq.proof), "the proof holds");
    is_str(add_checkpoint_text(s, 3, &rq.proof, NOTE), BODY, "printed to the same bytes");
    is_str(add_checkpoint_text(s, 0, &(struct proof){ 0 }, NOTE), "old 0\n\n" NOTE, "without a proof");
    ok(parses("old 0\n\n" NOTE), "and read");
}

static void test_strict(struct scope *s)
{
    static const char *const bad[] = {
        "", "old", "old \n\n" NOTE, "old 03\n\n" NOTE, "old -1\n\n" NOTE, "old 1 \n\n" NOTE, "Old 1\n\n" NOTE,
        "old 18446744073709551616\n\n" NOTE, "old 1\n" NOTE, "old 1\n" H0 NOTE, "old 1\n\n", "old 1\n" H0,
        "old 1\nPcBScDQMpoZKQqUYjxxjaHboVKs1RdmBrGZc+3SqTcw\n\n" NOTE, "old 1\n " H0 "\n" NOTE,
        "old 1\r\n\r\n" NOTE, "old 1\n\nx",
    };
    struct buf b = BUF(s), full = BUF(s);

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!parses(bad[i]), "refuses request %zu", i);
    buf_str(&b, "old 1\n");
    for (int i = 0; i < PROOF_HASHES_MAX; i++)
        buf_str(&b, H0);
    buf_add(&full, b.p, b.len);
    buf_str(&full, "\n" NOTE);
    ok(parses(full.p), "63 hashes");
    buf_str(&b, H0 "\n" NOTE);
    ok(!parses(b.p), "not 64");
    full = BUF(s);
    buf_str(&full, "old 0\n\n" NOTE);
    while (full.len < ADD_CHECKPOINT_BYTES_MAX)
        buf_char(&full, '\n');
    ok(parses(full.p), "as long as allowed");
    buf_char(&full, '\n');
    ok(!parses(full.p), "and a byte more");
}

static void test_size(void)
{
    static const char *const bad[] = { "", "\n", "3", "03\n", "3\n\n", " 3\n", "-3\n", "3\r\n", "99999999999999999\n" };
    uint64_t size = 0;

    ok(witness_size_parse("3\n", 2, &size) && size == 3, "a witness's size");
    ok(witness_size_parse("0\n", 2, &size) && size == 0, "of nothing");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!witness_size_parse(bad[i], strlen(bad[i]), &size), "refuses size %zu", i);
}

int main(void)
{
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    test_example(&s);
    test_strict(&s);
    test_size();
    scope_free(&s);
    return done_testing();
}
