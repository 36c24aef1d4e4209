/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/split.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/limits.h"

/* ---- largest remainder */

struct ranked { struct split_part *part; uint64_t remainder; };

static int by_creator(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    return strcmp(a->part->creator, b->part->creator);
}

static int by_remainder(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->remainder != b->remainder)
        return a->remainder > b->remainder ? -1 : 1;
    return by_creator(left, right);
}

/* Also finds repeats: the same creator twice would be two claims on the same units. */
static err weights_sum(struct scope *s, const struct ranked *ranked, size_t n, uint64_t *sum)
{
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && by_creator(&ranked[i - 1], &ranked[i]) == 0)
            return fail(s, ERR_INVALID, "creator %.64s is there twice", ranked[i].part->creator);
        if (ranked[i].part->weight > INT64_MAX || *sum > INT64_MAX - ranked[i].part->weight)
            return fail(s, ERR_INVALID, "the weights are too large to be summed");
        *sum += ranked[i].part->weight;
    }
    if (*sum == 0)
        return fail(s, ERR_INVALID, "there is nobody to split among: no weight at all");
    return ERR_OK;
}

err split_amounts(struct scope *s, int64_t total, struct split_part *parts, size_t n)
{
    struct ranked *ranked = NEWS(s, struct ranked, n);
    uint64_t sum, left;

    if (total < 0)
        return fail(s, ERR_INVALID, "a negative total is not split: split its absolute value and negate the parts");
    for (size_t i = 0; i < n; i++)
        ranked[i].part = &parts[i];
    if (n > 1)
        qsort(ranked, n, sizeof *ranked, by_creator);
    TRY(weights_sum(s, ranked, n, &sum));
    left = (uint64_t)total;
    for (size_t i = 0; i < n; i++) {
        unsigned __int128 product = (unsigned __int128)(uint64_t)total * ranked[i].part->weight;

        ranked[i].part->amount = (int64_t)(product / sum);
        ranked[i].remainder = (uint64_t)(product % sum);
        left -= (uint64_t)ranked[i].part->amount;
    }
    if (n > 1)
        qsort(ranked, n, sizeof *ranked, by_remainder);
    for (size_t i = 0; i < left; i++)        /* fewer than there are remainders: each of those is less than the sum */
        ranked[i].part->amount++;
    return ERR_OK;
}

err split_refund(struct scope *s, int64_t before, int64_t refund, struct split_part *parts, size_t n)
{
    int64_t *gone = NEWS(s, int64_t, n), after;

    if (before < 0 || refund < 0 || __builtin_add_overflow(before, refund, &after))
        return fail(s, ERR_INVALID, "a refund is negative or too large");
    TRY(split_amounts(s, before, parts, n));
    for (size_t i = 0; i < n; i++)
        gone[i] = parts[i].amount;
    TRY(split_amounts(s, after, parts, n));
    for (size_t i = 0; i < n; i++)
        parts[i].amount -= gone[i];
    return ERR_OK;
}

err split_fee(struct scope *s, int64_t total, int64_t ppm, int64_t *fee)
{
    if (total < 0 || ppm < 0 || ppm > FEE_WHOLE_PPM)
        return fail(s, ERR_INVALID, "a fee is 0 to %d millionths of an amount that is not negative", FEE_WHOLE_PPM);
    *fee = (int64_t)((unsigned __int128)(uint64_t)total * (uint64_t)ppm / FEE_WHOLE_PPM);
    return ERR_OK;
}

/* ---- weights */

static const char *const names[SPLIT_RULES] = { [SPLIT_PER_ITEM] = "per_item", [SPLIT_PER_BYTE] = "per_byte" };

const char *split_rule_name(enum split_rule rule)
{
    return names[rule];
}

bool split_rule_parse(const char *name, enum split_rule *out)
{
    for (size_t i = 0; i < SPLIT_RULES; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum split_rule)i;
            return true;
        }
    return false;
}

/* FNV-1a is enough: the ids are the market's own, nobody chooses them so that they collide. */
static size_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* The creator's slot, or the empty one where it belongs. cap is a power of two and never full. */
static struct split_part *slot(struct split_part *slots, size_t cap, const char *creator)
{
    size_t at = hash_text(creator);

    while (slots[at & (cap - 1)].creator && strcmp(slots[at & (cap - 1)].creator, creator) != 0)
        at++;
    return &slots[at & (cap - 1)];
}

static void grow(struct split_table *t)
{
    size_t cap = t->cap ? 2 * t->cap : 64;
    struct split_part *slots = NEWS(t->s, struct split_part, cap);

    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].creator)
            *slot(slots, cap, t->slots[i].creator) = t->slots[i];
    t->slots = slots;
    t->cap = cap;
}

err split_table_add(struct split_table *t, enum split_rule rule, const char *creator, int64_t weight, int64_t size)
{
    unsigned __int128 sum;
    struct split_part *p;

    if (weight < 1 || weight > CONTRIBUTOR_WEIGHT_MAX || size < 0)
        return fail(t->s, ERR_INVALID, "a contributor's weight is 1 to %d", CONTRIBUTOR_WEIGHT_MAX);
    if (2 * t->n >= t->cap)
        grow(t);
    p = slot(t->slots, t->cap, creator);
    if (!p->creator) {
        p->creator = scope_strdup(t->s, creator);
        t->n++;
    }
    sum = (unsigned __int128)(uint64_t)weight * (uint64_t)(rule == SPLIT_PER_BYTE ? size : 1) + p->weight;
    if (sum > INT64_MAX)
        return fail(t->s, ERR_INVALID, "the weights of %.64s are too large to be summed", creator);
    p->weight = (uint64_t)sum;
    return ERR_OK;
}

static int parts_by_creator(const void *left, const void *right)
{
    const struct split_part *a = left, *b = right;

    return strcmp(a->creator, b->creator);
}

void split_table_end(struct split_table *t, struct split_part **parts, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].creator)
            t->slots[kept++] = t->slots[i];
    if (kept > 1)
        qsort(t->slots, kept, sizeof *t->slots, parts_by_creator);
    *parts = t->slots;
    *n = kept;
}
