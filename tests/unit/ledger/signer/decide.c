/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/decide.h"

#include "tests/unit/tap.h"

enum { N = 12, LAST = 5 };
static struct hash leaves[N], root[N + 1];
static struct proof proofs[N + 1][N + 1];

static void fill(void)
{
    struct frontier f = FRONTIER_EMPTY;

    root[0] = empty_root();
    for (uint8_t i = 0; i < N; i++)
        leaves[i] = leaf_hash(&i, 1);
    for (size_t i = 0; i < N; i++) {
        for (size_t n = i + 1; i > 0 && n <= N; n++)
            proof_extension(&f, leaves + i, n - i, &proofs[i][n]);
        frontier_append(&f, leaves[i]);
        root[i + 1] = frontier_root(&f);
    }
}

static enum decision decide(bool frozen, uint64_t old_size, uint64_t new_size, const struct hash *new_root,
                            const struct proof *p)
{
    struct signer_state last = { .sequence = 9, .size = LAST, .root = root[LAST], .frozen = frozen };
    struct sign_request r = { .old_size = old_size, .new_size = new_size, .new_root = *new_root, .proof = *p };

    return signer_decide(&last, &r);
}

/* Nothing that a caller can show makes a standby sign, frozen or not. */
static void test_standby(void)
{
    struct signer_state last = { .size = LAST, .root = root[LAST], .standby = true };
    bool never = true;

    for (int frozen = 0; frozen < 2; frozen++, last.frozen = true)
        for (uint64_t old = 0; old <= 8; old++)
            for (uint64_t size = old; size <= 8; size++) {
                struct sign_request r = { .old_size = old, .new_size = size, .new_root = root[size],
                                          .proof = proofs[old][size] };
                never = never && signer_decide(&last, &r) == DECIDE_STANDBY;
            }
    ok(never, "a standby signs nothing");
}

/* The table of the design, each row, and that an earlier row wins over a later one. */
static void test_rows(void)
{
    const struct proof *none = &proofs[0][1], *good = &proofs[LAST][8];
    struct proof bad = *good, longer = *good;

    bad.hash[0].b[0] ^= 1;
    longer.hash[longer.n++] = root[1];
    is_int(decide(false, 3, 4, &root[4], &proofs[3][4]), DECIDE_LATE, "below its last: late");
    is_int(decide(false, 3, 4, &root[9], &bad), DECIDE_LATE, "late, whatever root and proof");
    is_int(decide(true, 3, 4, &root[4], none), DECIDE_LATE, "late, frozen or not");
    is_int(decide(false, 0, 0, &root[0], none), DECIDE_LATE, "the empty tree is late");
    is_int(decide(false, 3, LAST, &root[LAST], &proofs[3][LAST]), DECIDE_REPEAT, "its last again: a repeat");
    is_int(decide(false, LAST, LAST, &root[LAST], none), DECIDE_REPEAT, "a repeat from its last");
    is_int(decide(false, 0, LAST, &root[LAST], &bad), DECIDE_REPEAT, "a repeat, whatever old size and proof");
    is_int(decide(true, 3, LAST, &root[LAST], none), DECIDE_REPEAT, "a repeat, frozen or not");
    is_int(decide(false, 3, LAST, &root[4], &proofs[3][LAST]), DECIDE_ALARM_ROOT, "another root at its last: alarm");
    is_int(decide(true, 3, LAST, &root[4], none), DECIDE_ALARM_ROOT, "an alarm, frozen or not");
    is_int(decide(false, 4, 8, &root[8], &proofs[4][8]), DECIDE_OTHER_SIZE, "from an older size: says its own");
    is_int(decide(false, 6, 8, &root[8], &proofs[6][8]), DECIDE_OTHER_SIZE, "from a newer size: says its own");
    is_int(decide(false, 4, 8, &root[7], &bad), DECIDE_OTHER_SIZE, "no alarm for a proof of other sizes");
    is_int(decide(true, 4, 8, &root[8], &proofs[4][8]), DECIDE_OTHER_SIZE, "other size before frozen");
    is_int(decide(false, 9, 8, &root[8], none), DECIDE_OTHER_SIZE, "old above new is another size");
    is_int(decide(true, LAST, 8, &root[8], good), DECIDE_FROZEN, "frozen: refused");
    is_int(decide(true, LAST, 8, &root[8], &bad), DECIDE_FROZEN, "frozen before the proof");
    is_int(decide(false, LAST, 8, &root[8], &bad), DECIDE_ALARM_PROOF, "a false proof: alarm");
    is_int(decide(false, LAST, 8, &root[7], good), DECIDE_ALARM_PROOF, "a false root: alarm");
    is_int(decide(false, LAST, 8, &root[8], none), DECIDE_ALARM_PROOF, "no proof: alarm");
    is_int(decide(false, LAST, 8, &root[8], &longer), DECIDE_ALARM_PROOF, "a longer proof: alarm");
    is_int(decide(false, LAST, 9, &root[8], good), DECIDE_ALARM_PROOF, "a proof of another size: alarm");
    is_int(decide(false, LAST, 8, &root[8], good), DECIDE_SIGN, "the proof holds: signed");
}

static void test_first(void)
{
    struct signer_state zero = { .root = empty_root() };
    struct sign_request r = { .old_size = 0, .new_size = 3, .new_root = root[3] };

    is_int(signer_decide(&zero, &r), DECIDE_SIGN, "from nothing, without a proof");
    r.proof.n = 1;
    is_int(signer_decide(&zero, &r), DECIDE_ALARM_PROOF, "from nothing, with one");
    r = (struct sign_request){ .new_root = empty_root() };
    is_int(signer_decide(&zero, &r), DECIDE_REPEAT, "nothing again");
    r.new_root = root[1];
    is_int(signer_decide(&zero, &r), DECIDE_ALARM_ROOT, "nothing with a root of something");
}

/* From every state only true extensions are signed: all sizes, all roots, all proofs that exist. */
static void test_only_extensions(void)
{
    bool right = true;

    for (uint64_t last = 1; last <= N; last++)
        for (uint64_t size = last + 1; size <= N; size++)
            for (uint64_t of = 1; of <= N; of++)
                for (uint64_t from = 1; from < size; from++) {
                    struct signer_state st = { .size = last, .root = root[last] };
                    struct sign_request r = { .old_size = last, .new_size = size, .new_root = root[of],
                                              .proof = proofs[from][size] };
                    bool same = from == last ||
                                (proofs[from][size].n == proofs[last][size].n &&
                                 memcmp(proofs[from][size].hash, proofs[last][size].hash, r.proof.n * HASH_SIZE) == 0);
                    enum decision want = of == size && same ? DECIDE_SIGN : DECIDE_ALARM_PROOF;
                    right = right && signer_decide(&st, &r) == want;
                }
    ok(right, "only true extensions are signed, of all up to %d leaves", N);
}

int main(void)
{
    fill();
    test_rows();
    test_standby();
    test_first();
    test_only_extensions();
    return done_testing();
}
