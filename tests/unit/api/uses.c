/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "api/uses.h"
#include "schema/base/limits.h"

#define NOW INT64_C(1800000000000)

/* Digests whose marks begin at place `place`, told apart by `n`. */
static struct hash digest_at(uint64_t place, uint64_t n)
{
    uint64_t mark = (n * KEY_USES_SIZE + place) * 2;
    struct hash h = { { 0 } };

    for (int i = 0; i < 8; i++)
        h.b[i] = (uint8_t)(mark >> (56 - 8 * i));
    return h;
}

static void test_known(void)
{
    struct uses *u = uses_new();
    struct id key = id_new("key", NOW), taken[4];
    struct hash a = digest_at(7, 1), b = digest_at(7, 2);

    ok(!uses_known(u, &a), "nothing is known at first");
    uses_note(u, &key, &a, NOW);
    ok(uses_known(u, &a) && !uses_known(u, &b), "what was right is known");
    uses_note(u, &key, &b, NOW + 60000);
    ok(uses_known(u, &a) && uses_known(u, &b), "two of one place are both known");
    uses_forget(u, &a);
    ok(!uses_known(u, &a) && uses_known(u, &b), "what was refused is forgotten, nothing else");
    uses_forget(u, &a);
    ok(uses_known(u, &b), "twice is once");
    is_int((int64_t)uses_take(u, taken, 4), 2, "each use was gathered");
    uses_note(u, &key, &b, NOW + 60001);
    is_int((int64_t)uses_take(u, taken, 4), 0, "once a minute");
    uses_free(u);
}

static void test_full(void)
{
    struct uses *u = uses_new();
    struct id key = id_new("key", NOW);
    struct hash last = digest_at(0, 0);
    int known = 0;

    for (uint64_t n = 0; n < 3 * KEY_USES_SIZE; n++) {
        last = digest_at(n % KEY_USES_SIZE, n / KEY_USES_SIZE + 1);
        uses_note(u, &key, &last, NOW + (int64_t)n * 60000);
    }
    ok(uses_known(u, &last), "the newest is known where more keys were used than there are places");
    for (uint64_t n = 0; n < 3 * KEY_USES_SIZE; n++) {
        struct hash d = digest_at(n % KEY_USES_SIZE, n / KEY_USES_SIZE + 1);

        known += uses_known(u, &d);
    }
    ok(known > KEY_USES_SIZE / 2 && known <= KEY_USES_SIZE, "and no more than fit: %d", known);
    uses_free(u);
}

int main(void)
{
    test_known();
    test_full();
    return done_testing();
}
