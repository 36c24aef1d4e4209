/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/state.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/tap.h"

enum { N = 12 };
static struct hash leaves[N], root[N + 1], log_id;
static struct proof proofs[N + 1][N + 1];

static void fill(void)
{
    struct frontier f = FRONTIER_EMPTY;

    log_id = leaf_hash("log", 3);
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

static struct signer_state state_of(uint64_t sequence, uint64_t size)
{
    return (struct signer_state){ .sequence = sequence, .size = size, .root = root[size] };
}

static struct shown shown_of(uint64_t from, uint64_t size)
{
    struct shown shown = { .checkpoint = { .origin = "x", .size = size, .root = root[size] } };

    if (from < size)
        shown.proof = proofs[from][size];
    return shown;
}

static void test_slot(void)
{
    struct signer_state st = state_of(6, 7), back;
    struct hash other = leaf_hash("other", 5);
    uint8_t slot[SLOT_SIZE], flipped[SLOT_SIZE];
    bool refused = true;

    slot_pack(&st, &log_id, slot);
    ok(slot_unpack(slot, 0, &log_id, &back) && back.sequence == 6 && back.size == 7 && !back.frozen &&
       hash_equal(&back.root, &root[7]), "a slot is packed and unpacked");
    is_hex(slot, 24, "43465349474e523100000000000000060000000000000007", "as it is written down");
    ok(!slot_unpack(slot, 1, &log_id, &back), "not in the other's place");
    ok(!slot_unpack(slot, 0, &other, &back), "not for another log");
    for (size_t bit = 0; bit < 8 * 128; bit++) {
        memcpy(flipped, slot, sizeof slot);
        flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused = refused && !slot_unpack(flipped, 0, &log_id, &back);
    }
    ok(refused, "not with any bit flipped");
    st.frozen = true;
    slot_pack(&st, &log_id, slot);
    ok(slot_unpack(slot, 0, &log_id, &back) && back.frozen && !back.standby, "frozen is kept");
    st.frozen = false;
    st.standby = true;
    slot_pack(&st, &log_id, slot);
    ok(slot_unpack(slot, 0, &log_id, &back) && !back.frozen && back.standby, "so is a standby's mark");
    st.retired = true;
    st.id = 0x0123456789abcd;
    slot_pack(&st, &log_id, slot);
    ok(slot_unpack(slot, 0, &log_id, &back) && back.standby && back.retired && back.id == st.id, "and its id");
    is_hex(slot + 88, 8, "060123456789abcd", "in eight bytes with the marks");
    st.standby = false;
    slot_pack(&st, &log_id, slot);
    ok(!slot_unpack(slot, 0, &log_id, &back), "which only a standby has");
    slot[88] = 8;
    ok(!slot_unpack(slot, 0, &log_id, &back), "a mark of another kind is none");
    memset(slot, 0, sizeof slot);
    ok(!slot_unpack(slot, 0, &log_id, &back), "zeros are no slot");
    st = state_of(0, 0);
    st.root = root[1];
    slot_pack(&st, &log_id, slot);
    ok(!slot_unpack(slot, 0, &log_id, &back), "nothing has one root only");
}

/* Which pairs of slots, with what shown, go on from which size; -1: refused. */
static void test_settle(struct scope *s)
{
    static const struct {
        int a, b;                 /* sizes in slots of sequences 4 and 5; -1: bad */
        int from, to;             /* what is shown; to -1: nothing */
        int want;
        const char *name;
    } rows[] = {
        { 5, 7, 0, -1, 7, "two good slots: the newer" },
        { 5, 5, 0, -1, 5, "two good slots of one size" },
        { 7, 5, 0, -1, -1, "a newer slot with a smaller size" },
        { 5, -1, 0, -1, -1, "one bad slot, nothing shown" },
        { -1, 7, 0, -1, -1, "the other bad slot, nothing shown" },
        { 5, -1, 5, 5, 5, "one bad slot, its own checkpoint shown" },
        { 5, -1, 5, 7, 7, "one bad slot, a newer checkpoint shown with its proof" },
        { 5, -1, 3, 7, -1, "one bad slot, a newer checkpoint shown with another proof" },
        { 5, -1, 4, 4, -1, "one bad slot, an older checkpoint shown" },
        { -1, 7, 7, 7, 7, "the other bad slot, its own checkpoint shown" },
        { -1, 7, 7, 9, 9, "the other bad slot, a newer checkpoint shown" },
        { -1, -1, 7, 7, -1, "both bad, even with a checkpoint" },
        { -1, -1, 0, -1, -1, "both bad" },
        { 5, 7, 7, 9, 9, "a restored folder moves forward" },
        { 5, 7, 7, 7, 7, "a restored folder that is up to date" },
        { 5, 7, 5, 9, -1, "a restored folder, a proof from the older slot" },
        { 5, 7, 5, 5, -1, "a restored folder never moves back" },
        { 0, 0, 0, 3, 3, "from nothing there is no proof to show" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slots slots = { .good = { rows[i].a >= 0, rows[i].b >= 0 } };
        struct shown shown = { .checkpoint = { .size = 0 } };
        struct signer_state out = { .size = 0 };
        err e;
        if (slots.good[0])
            slots.slot[0] = state_of(4, (uint64_t)rows[i].a);
        if (slots.good[1])
            slots.slot[1] = state_of(5, (uint64_t)rows[i].b);
        if (rows[i].to >= 0)
            shown = shown_of((uint64_t)rows[i].from, (uint64_t)rows[i].to);
        e = state_settle(s, &slots, rows[i].to >= 0 ? &shown : NULL, &out);
        ok(rows[i].want < 0 ? e == ERR_CORRUPT
                            : e == ERR_OK && out.size == (uint64_t)rows[i].want && hash_equal(&out.root,
                                                                                              &root[out.size]),
           "%s", rows[i].name);
        scope_forgive(s);
    }
}

static void test_settle_odd(struct scope *s)
{
    struct slots slots = { .slot = { state_of(4, 5), state_of(5, 5) }, .good = { true, true } };
    struct shown shown = shown_of(5, 7);
    struct signer_state out;

    slots.slot[1].root = root[6];
    is_int(state_settle(s, &slots, NULL, &out), ERR_CORRUPT, "two roots at one size");
    scope_forgive(s);
    slots.slot[1] = state_of(7, 7);
    is_int(state_settle(s, &slots, NULL, &out), ERR_CORRUPT, "slots that do not follow one another");
    scope_forgive(s);
    slots.slot[1] = state_of(5, 7);
    slots.slot[0].frozen = true;
    is_int(state_settle(s, &slots, NULL, &out), ERR_CORRUPT, "a thawed log");
    scope_forgive(s);
    slots.slot[1] = state_of(5, 5);
    slots.slot[1].frozen = true;
    ok(state_settle(s, &slots, NULL, &out) == ERR_OK && out.frozen, "a frozen log stays so");
    is_int(state_settle(s, &slots, &shown, &out), ERR_CORRUPT, "and has no newer checkpoint");
    scope_forgive(s);
    slots = (struct slots){ .slot = { state_of(4, 5) }, .good = { true, false } };
    shown = shown_of(5, 5);
    shown.checkpoint.root = root[6];
    is_int(state_settle(s, &slots, &shown, &out), ERR_CORRUPT, "another root shown at the slot's size");
    scope_forgive(s);
}

/* The word of a signer that retired moves a standby forward without a proof, never back, and past no other root. */
static void test_settle_retired(struct scope *s)
{
    struct slots slots = { .slot = { state_of(4, 5), state_of(5, 5) }, .good = { true, true } };
    struct shown word = shown_of(5, 9);
    struct signer_state out;

    slots.slot[0].standby = slots.slot[1].standby = true;
    word.proof.n = 0;
    is_int(state_settle(s, &slots, &word, &out), ERR_CORRUPT, "a checkpoint needs its proof");
    scope_forgive(s);
    word.retired = true;
    ok(state_settle(s, &slots, &word, &out) == ERR_OK && out.size == 9 && out.standby, "a retired signer's needs none");
    word = shown_of(5, 5);
    word.retired = true;
    word.checkpoint.root = root[6];
    is_int(state_settle(s, &slots, &word, &out), ERR_CORRUPT, "but not of another root");
    scope_forgive(s);
    word = shown_of(3, 3);
    word.retired = true;
    is_int(state_settle(s, &slots, &word, &out), ERR_CORRUPT, "nor of a smaller size");
    scope_forgive(s);
    slots.slot[0].frozen = slots.slot[1].frozen = true;
    word = shown_of(5, 9);
    word.retired = true;
    is_int(state_settle(s, &slots, &word, &out), ERR_CORRUPT, "nor beyond a log's end");
    scope_forgive(s);
}

static int file_new(void)
{
    char path[] = P_tmpdir "/counterfoil-state-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0 || unlink(path) != 0 || ftruncate(fd, STATE_FILE_SIZE) != 0)
        abort();
    return fd;
}

static void put(int fd, unsigned place, const uint8_t *bytes, size_t len)
{
    if (pwrite(fd, bytes, len, (off_t)place * SLOT_STRIDE) != (ssize_t)len)
        abort();
}

/* A file whose states are 3 (sequence 4) and 5 (sequence 5). */
static struct signer_state file_fill(int fd)
{
    struct signer_state older = state_of(4, 3), now = state_of(5, 5);
    uint8_t slot[SLOT_SIZE];

    slot_pack(&older, &log_id, slot);
    put(fd, 0, slot, sizeof slot);
    slot_pack(&now, &log_id, slot);
    put(fd, 1, slot, sizeof slot);
    return now;
}

static void test_store(struct scope *s)
{
    int fd = file_new();
    struct signer_state now = file_fill(fd), out;
    struct slots slots;

    for (uint64_t size = 6; size <= 9; size++) {
        ok(state_store(s, fd, &log_id, &now, state_of(0, size)) == ERR_OK && now.size == size, "size %d stored",
           (int)size);
        ok(slots_read(s, fd, &log_id, &slots) == ERR_OK && slots.good[0] && slots.good[1] &&
           state_settle(s, &slots, NULL, &out) == ERR_OK && out.size == size && out.sequence == now.sequence,
           "read back");
    }
    ok(slots.slot[now.sequence % 2 ? 0 : 1].size == 8, "the other slot holds the one before");
    close(fd);
}

/*
 * The process dies in each step of storing 7 over 3: before the write, in it
 * after any number of bytes, after it. What is signed last, 5, is never
 * forgotten, and a torn slot is never taken for anything.
 */
static void test_crash(struct scope *s)
{
    struct signer_state next = state_of(6, 7), out;
    struct shown shown = shown_of(5, 5);
    struct slots slots;
    uint8_t slot[SLOT_SIZE];
    bool kept = true, shown_needed = true;
    int torn = 0;

    slot_pack(&next, &log_id, slot);
    for (size_t n = 0; n <= SLOT_SIZE; n++) {
        int fd = file_new();
        file_fill(fd);
        put(fd, 0, slot, n);
        kept = kept && slots_read(s, fd, &log_id, &slots) == ERR_OK && slots.good[1] && slots.slot[1].size == 5;
        if (slots.good[0]) {
            kept = kept && state_settle(s, &slots, NULL, &out) == ERR_OK && (out.size == 5 || (out.size == 7 &&
                                                                                               n >= 128));
        } else {
            torn++;
            shown_needed = shown_needed && state_settle(s, &slots, NULL, &out) == ERR_CORRUPT;
            scope_forgive(s);
            shown_needed = shown_needed && state_settle(s, &slots, &shown, &out) == ERR_OK && out.size == 5 &&
                           out.sequence == 5;
            /* going on, the torn slot is the one written */
            kept = kept && state_store(s, fd, &log_id, &out, out) == ERR_OK && slots_read(s, fd, &log_id,
                                                                                          &slots) == ERR_OK &&
                   slots.good[0] && slots.good[1] && out.sequence == 6;
        }
        scope_clear(s);
        close(fd);
    }
    ok(kept, "dying at any byte forgets nothing");
    ok(shown_needed && torn > 100, "a torn slot needs a checkpoint shown (%d ways)", torn);
}

static void test_faults(struct scope *s)
{
    struct signer_state now = state_of(5, 5);
    int full = open("/dev/full", O_RDWR), null = open("/dev/null", O_RDWR), fd = file_new();
    struct slots slots;

    is_int(state_store(s, full, &log_id, &now, state_of(0, 7)), ERR_IO, "a full disk is an error");
    ok(now.size == 5 && now.sequence == 5, "and nothing is believed stored");
    scope_forgive(s);
    is_int(state_store(s, null, &log_id, &now, state_of(0, 7)), ERR_IO, "a sync that fails is an error");
    ok(now.size == 5 && now.sequence == 5, "and nothing is believed stored");
    scope_forgive(s);
    if (ftruncate(fd, SLOT_STRIDE + 10) != 0)
        abort();
    ok(slots_read(s, fd, &log_id, &slots) == ERR_OK && !slots.good[0] && !slots.good[1], "a short file has bad slots");
    close(full);
    close(null);
    close(fd);
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    fill();
    test_slot();
    test_settle(&s);
    test_settle_odd(&s);
    test_settle_retired(&s);
    test_store(&s);
    test_crash(&s);
    test_faults(&s);
    scope_free(&s);
    return done_testing();
}
