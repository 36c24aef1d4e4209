/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/audit/table.h"
#include "schema/base/id.h"

struct row { struct key key; uint64_t value; };

#define IDS 3000

/* Against a plain array: the same rows come, stay and go. */
static void test_against_array(void)
{
    static bool there[IDS];
    uint64_t dice = 1;
    struct table t;
    size_t n = 0, wrong = 0, seen = 0;

    table_init(&t, sizeof(struct row), 7);
    for (int step = 0; step < 60000; step++) {
        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407U;
        uint64_t i = (dice >> 33) % IDS;
        struct key key = { i / 50, i % 50 };         /* close together: collisions happen */
        struct row *row = table_find(&t, key);
        wrong += (row != NULL) != there[i] || (row && row->value != i);
        if (row) {
            table_remove(&t, row);
            n--;
        } else {
            row = table_add(&t, key);
            row->value = i;
            n++;
        }
        there[i] = !there[i];
        wrong += t.n != n;
    }
    is_int((int64_t)wrong, 0, "what is found is what is there");
    for (size_t at = 0; table_next(&t, &at) != NULL;)
        seen++;
    is_int((int64_t)seen, (int64_t)n, "and all of it is walked over");
    table_free(&t);
}

static void test_keys(void)
{
    struct key k = key_of("lic_00000000000000000000000010"), top = key_of("ofr_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    struct id a = id_new("pay", 1000), b = id_new("pay", 1000);

    ok(k.high == 0 && k.low == 32, "digits count from the right");
    ok(top.high == UINT64_MAX && top.low == UINT64_MAX, "the largest id fills 128 bits");
    ok(key_equal(key_of(a.text), key_of(a.text)) && !key_equal(key_of(a.text), key_of(b.text)), "ids are told apart");
}

int main(void)
{
    test_against_array();
    test_keys();
    return done_testing();
}
