/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/scope.h"

#include "tests/unit/tap.h"

static bool zero(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

/* Work of the same size again and again takes the same memory, and what is promised to be zero is. */
static void test_reuse(void)
{
    const void *block = NULL;
    bool same = true, zeroed = true, held = true;
    struct scope s;

    scope_init(&s, 0);
    for (int round = 0; round < 10; round++) {
        unsigned char *large = scope_room(&s, 100000), *small = scope_alloc(&s, 5000, 1);

        zeroed = zeroed && zero(small, 5000);
        memset(large, 0xff, 100000);
        memset(small, 0xff, 5000);
        held = held && scope_held(&s) >= 105000 && scope_held(&s) < 2 * 105000;
        same = same && (round < 2 || s.blocks == block) && fail(&s, ERR_INVALID, "round %d", round) == ERR_INVALID;
        block = s.blocks;
        scope_reuse(&s);
        same = same && s.bytes == 0 && s.why.code == ERR_OK;
        held = held && scope_held(&s) >= 105000;
    }
    ok(same, "work that comes again keeps one block, and neither bytes nor reason");
    ok(held, "what it has is counted, in use or kept");
    ok(zeroed, "scope_alloc() gives zeros out of used memory, too");
    scope_room(&s, SCOPE_REUSE_MAX + 1);
    scope_reuse(&s);
    ok(!s.blocks && scope_held(&s) == 0, "more than SCOPE_REUSE_MAX is given back");
    scope_free(&s);
}

static void test_part(void)
{
    struct scope s, part;

    scope_init(&s, 60000);
    part = scope_within(&s);
    ok(part.deadline_ms == s.deadline_ms && !part.blocks, "a part has the deadline of the whole, and its own memory");
    scope_room(&part, 1000);
    ok(scope_end(&s, &part, ERR_OK) == ERR_OK && !part.blocks && s.why.code == ERR_OK, "a part ends, and is freed");
    part = scope_within(&s);
    ok(fail(&part, ERR_CORRUPT, "part %d", 2) == ERR_CORRUPT, "another part fails");
    ok(scope_end(&s, &part, ERR_CORRUPT) == ERR_CORRUPT && s.why.code == ERR_CORRUPT &&
       strcmp(s.why.detail, "part 2") == 0, "why it failed is why the whole did");
    scope_free(&s);
}

int main(void)
{
    test_reuse();
    test_part();
    return done_testing();
}
