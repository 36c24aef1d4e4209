/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/audit/draw.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/keys/sha256.h"

void draw_begin(struct draw *d, const struct hash *root)
{
    uint8_t b[2 * HASH_SIZE];

    memcpy(b, root->b, HASH_SIZE);
    memcpy(b + HASH_SIZE, d->nonce, HASH_SIZE);
    d->seed = sha256_of(b, sizeof b);
    d->population = 0;
    d->got = 0;
}

static int by_score(const struct drawn *a, const struct drawn *b)
{
    return memcmp(a->score.b, b->score.b, HASH_SIZE);
}

static void exchange(struct drawn *a, struct drawn *b)
{
    struct drawn t = *a;

    *a = *b;
    *b = t;
}

static void rise(struct drawn *rows, size_t at)
{
    for (; at > 0 && by_score(&rows[at], &rows[(at - 1) / 2]) > 0; at = (at - 1) / 2)
        exchange(&rows[at], &rows[(at - 1) / 2]);
}

static void sink(struct drawn *rows, size_t n)
{
    for (size_t at = 0, below; (below = 2 * at + 1) < n; at = below) {
        if (below + 1 < n && by_score(&rows[below + 1], &rows[below]) > 0)
            below++;
        if (by_score(&rows[at], &rows[below]) >= 0)
            return;
        exchange(&rows[at], &rows[below]);
    }
}

static void make_room(struct draw *d)
{
    if (d->got < d->cap)
        return;
    d->cap = 2 * d->cap + 64;
    d->rows = reallocarray(d->rows, d->cap, sizeof *d->rows);
    if (!d->rows)
        abort();
}

void draw_offer(struct draw *d, uint64_t index, const char *clearance)
{
    uint8_t b[HASH_SIZE + 8];
    struct drawn row = { .index = index };

    memcpy(b, d->seed.b, HASH_SIZE);
    be64_write(b + HASH_SIZE, index);
    row.score = sha256_of(b, sizeof b);
    d->population++;
    if (d->n == 0 || (d->got == d->n && by_score(&row, &d->rows[0]) >= 0))
        return;
    if (clearance && !id_parse(clearance, "clr", &row.clearance))
        abort();                                 /* the decoder has read it as one */
    if (d->got == d->n) {
        d->rows[0] = row;
        sink(d->rows, d->got);
        return;
    }
    make_room(d);
    d->rows[d->got++] = row;
    rise(d->rows, d->got - 1);
}

static int by_index(const void *left, const void *right)
{
    uint64_t a = ((const struct drawn *)left)->index, b = ((const struct drawn *)right)->index;

    return (a > b) - (a < b);
}

void draw_end(struct draw *d)
{
    if (d->got)
        qsort(d->rows, d->got, sizeof *d->rows, by_index);
}

const struct drawn *draw_find(const struct draw *d, uint64_t index)
{
    struct drawn key = { .index = index };

    return d->got ? bsearch(&key, d->rows, d->got, sizeof key, by_index) : NULL;
}

void draw_free(struct draw *d)
{
    free(d->rows);
    d->rows = NULL;
    d->got = d->cap = 0;
}

/* Whether at most `bad` of n drawn from `all`, of which k are bad, is less likely than 1 in `unlikely`. */
static bool is_unlikely(uint64_t all, uint64_t n, uint64_t bad, uint64_t k, unsigned unlikely)
{
    uint64_t good = all - k, least = n > good ? n - good : 0;
    long double p = 1, sum = 0;

    if (least > bad)
        return true;
    if (least == 0)                              /* none of the bad ones, in n; or all the good ones among them */
        for (uint64_t i = 0; i < n; i++)
            p *= (long double)(good - i) / (long double)(all - i);
    else
        for (uint64_t i = 0; i < all - n; i++)
            p *= (long double)(k - i) / (long double)(all - i);
    for (uint64_t j = least; j <= bad && j <= k && j <= n; j++) {
        sum += p;
        p *= (long double)(k - j) * (long double)(n - j);
        p /= (long double)(j + 1) * (long double)(good + j + 1 - n);
    }
    return sum * unlikely < 1;
}

uint64_t draw_bound(uint64_t population, uint64_t n, uint64_t bad, unsigned unlikely)
{
    uint64_t low = bad, high = population - (n - bad);       /* what was drawn good is good */

    assert(n <= population && bad <= n);
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (is_unlikely(population, n, bad, middle, unlikely))
            high = middle - 1;
        else
            low = middle;
    }
    return low;
}
