/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include <string.h>

#include "ledger/audit/draw.h"
#include "ledger/keys/sha256.h"
#include "ledger/keys/sign.h"

#define CLR "clr_01jdc5x9k2h3v8m4q7t0w6y100"

static void fill(struct draw *d, uint64_t n, uint8_t root)
{
    struct hash h = { { root } };

    draw_begin(d, &h);
    for (uint64_t i = 0; i < n; i++)
        draw_offer(d, 3 * i, i % 2 ? CLR : NULL);
    draw_end(d);
}

/* The draw by its definition: the score of each, and how many are smaller. */
static bool smallest(const struct draw *d, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint8_t b[HASH_SIZE + 8];
        struct hash score;
        size_t below = 0;
        memcpy(b, d->seed.b, HASH_SIZE);
        be64_write(b + HASH_SIZE, 3 * i);
        score = sha256_of(b, sizeof b);
        for (size_t k = 0; k < d->got; k++)
            below += memcmp(d->rows[k].score.b, score.b, HASH_SIZE) < 0;
        if ((below < d->n && below < d->got) != (draw_find(d, 3 * i) != NULL))
            return false;
    }
    return true;
}

static void test_draw(void)
{
    struct draw d = { .n = 50, .nonce = { 9 } }, e = { .n = 50, .nonce = { 9 } }, f = { .n = 50, .nonce = { 8 } };
    bool same = true, sorted = true, rests = true;
    size_t common = 0;

    fill(&d, 1000, 1);
    fill(&e, 1000, 1);
    ok(d.got == 50 && d.population == 1000, "as many as wanted");
    for (size_t i = 0; i < 50; i++) {
        same = same && d.rows[i].index == e.rows[i].index;
        sorted = sorted && (i == 0 || d.rows[i].index > d.rows[i - 1].index);
        rests = rests && (d.rows[i].index / 3 % 2 ? strcmp(d.rows[i].clearance.text, CLR) == 0
                                                  : !*d.rows[i].clearance.text);
    }
    ok(same && sorted && rests, "the same again, in order, with what they rest on");
    ok(smallest(&d, 1000), "those with the smallest scores");
    fill(&e, 1000, 2);
    fill(&f, 1000, 1);
    for (size_t i = 0; i < 50; i++)
        common += (draw_find(&d, e.rows[i].index) != NULL) + (draw_find(&d, f.rows[i].index) != NULL);
    ok(common < 30, "others under another root, or by another nonce");
    fill(&e, 20, 1);
    ok(e.got == 20, "all, if there are fewer");
    fill(&e, 0, 1);
    ok(e.got == 0 && !draw_find(&e, 0), "none of none");
    draw_free(&d);
    draw_free(&e);
    draw_free(&f);
}

static void test_bound(void)
{
    static const struct { uint64_t all, n, bad, bound; } rows[] = {
        /* By exact rational arithmetic: the largest k with sum C(k,j) C(all-k,n-j) / C(all,n) >= 1/20. */
        { 10, 10, 0, 0 }, { 10, 10, 3, 3 }, { 10, 0, 0, 10 }, { 1, 0, 0, 1 }, { 100, 10, 0, 24 }, { 100, 59, 0, 3 },
        { 1000, 300, 0, 8 }, { 1000, 300, 2, 18 }, { 10000, 3000, 0, 8 }, { 1000000, 3000, 0, 996 },
        { 10000000, 3000, 0, 9979 }, { 10000000, 3000, 1, 15801 }, { 10, 9, 1, 2 },
        { 30, 25, 4, 7 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t got = draw_bound(rows[i].all, rows[i].n, rows[i].bad, 20);
        ok(got == rows[i].bound, "%lu bad of %lu drawn of %lu: at most %lu, not %lu", rows[i].bad, rows[i].n,
           rows[i].all, rows[i].bound, got);
    }
    ok(draw_bound(UINT64_C(10000000), 3000, 0, 20) < 10000, "3,000 without a finding: under 0.1 %%");
}

int main(void)
{
    keys_init();
    test_draw();
    test_bound();
    return done_testing();
}
