/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/split.h"

#include "schema/base/limits.h"
#include "tests/unit/ledger/rules/random_filter.h"

/*
 * With `rows SEED COUNT` it prints random splits instead, one a line, for tests/story/split.py to recompute:
 * <total> <creator>=<weight>=<amount> …
 */
#define PARTS_MAX 12

static const char *const creators[PARTS_MAX] = {
    "pty_a", "pty_b", "pty_c", "pty_d", "pty_e", "pty_f", "pty_aa", "pty_ab", "pty", "pty_z", "pty_Z", "pty_\xc3\xa9",
};

/* "4667 2333" or the error's name */
static const char *split(struct scope *s, int64_t total, size_t n, const uint64_t *weights)
{
    struct split_part parts[PARTS_MAX];
    struct buf b = BUF(s);
    err e;

    for (size_t i = 0; i < n; i++)
        parts[i] = (struct split_part){ creators[i], weights[i], -1 };
    e = split_amounts(s, total, parts, n);
    scope_forgive(s);
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        buf_printf(&b, "%s%" PRId64, i ? " " : "", parts[i].amount);
    return e == ERR_OK ? b.p : err_name(e);
}
#define W(...) sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), (uint64_t[]){ __VA_ARGS__ }

static void test_amounts(struct scope *s)
{
    struct split_part twice[] = { { "pty_a", 1, 0 }, { "pty_b", 1, 0 }, { "pty_a", 1, 0 } };
    struct split_part ties[] = { { "pty_b", 1, 0 }, { "pty_\xc3\xa9", 1, 0 }, { "pty_B", 1, 0 } };

    is_str(split(s, 7000, W(2, 1)), "4667 2333", "7000 over 2:1");
    is_str(split(s, 100, W(1, 1, 1)), "34 33 33", "100 over 1:1:1");
    is_str(split(s, 1, W(406, 1)), "1 0", "1 over 406:1");
    is_str(split(s, 1, W(1, 406)), "0 1", "or the other way");
    is_str(split(s, 0, W(3, 1)), "0 0", "nothing");
    is_str(split(s, 5, W(1)), "5", "one creator");
    is_str(split(s, 10, W(1, 0, 1)), "5 0 5", "a weight of 0");
    is_str(split(s, INT64_MAX, W(1, 1)), "4611686018427387904 4611686018427387903", "the largest total");
    is_str(split(s, INT64_MAX, W(INT64_MAX)), "9223372036854775807", "by the largest weight");
    is_str(split(s, INT64_MAX, W(INT64_MAX - 1, 1)), "9223372036854775806 1", "and with one more");
    is_str(split(s, 1, W(INT64_MAX, 1)), "INVALID", "weights whose sum does not fit");
    is_str(split(s, 1, W(UINT64_MAX)), "INVALID", "a weight that does not fit");
    is_str(split(s, 1, W(0, 0)), "INVALID", "no weight at all");
    is_str(split(s, -1, W(1)), "INVALID", "a negative total");
    ok(split_amounts(s, 1, NULL, 0) == ERR_INVALID, "nobody");
    scope_forgive(s);
    ok(split_amounts(s, 1, twice, 3) == ERR_INVALID, "a creator twice");
    scope_forgive(s);
    ok(split_amounts(s, 2, ties, 3) == ERR_OK && ties[0].amount == 1 && ties[1].amount == 0 && ties[2].amount == 1,
       "ties by the ids' bytes: B, b, then what begins with c3");
}

static void test_fee(struct scope *s)
{
    int64_t fee = -1;

    ok(split_fee(s, 9999999, 150000, &fee) == ERR_OK && fee == 1499999, "15 %% of 9.999999, rounded down");
    ok(split_fee(s, INT64_MAX, FEE_WHOLE_PPM, &fee) == ERR_OK && fee == INT64_MAX, "all of the largest");
    ok(split_fee(s, 100, 0, &fee) == ERR_OK && fee == 0, "none");
    ok(split_fee(s, 100, FEE_WHOLE_PPM + 1, &fee) == ERR_INVALID, "more than all");
    scope_forgive(s);
    ok(split_fee(s, -1, 1, &fee) == ERR_INVALID && split_fee(s, 1, -1, &fee) == ERR_INVALID, "negative");
    scope_forgive(s);
}

/* ---- properties */

static uint64_t random_weight(struct seeded *r)
{
    switch (seeded_below(r, 6)) {
    case 0:  return 0;
    case 1:  return 1;
    case 2:  return seeded_below(r, UINT64_C(1) << 59);
    default: return 1 + seeded_below(r, 1000);
    }
}

static int64_t random_total(struct seeded *r)
{
    return seeded_below(r, 8) ? (int64_t)seeded_below(r, 100000000) : (int64_t)(seeded_next(r) >> 1);
}

static size_t random_parts(struct seeded *r, struct split_part *parts)
{
    size_t n = 1 + seeded_below(r, PARTS_MAX);

    for (size_t i = 0; i < n; i++)
        parts[i] = (struct split_part){ creators[i], random_weight(r), 0 };
    parts[seeded_below(r, n)].weight++;
    return n;
}

static void shuffle(struct seeded *r, struct split_part *parts, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = seeded_below(r, i);
        struct split_part one = parts[k];

        parts[k] = parts[i - 1];
        parts[i - 1] = one;
    }
}

static int64_t amount_of(const struct split_part *parts, size_t n, const char *creator)
{
    for (size_t i = 0; i < n; i++)
        if (parts[i].creator == creator)
            return parts[i].amount;
    abort();
}

/* Σ = total, every part within one unit of total * weight / sum, whatever the order. */
static unsigned wrong_split(struct scope *s, struct seeded *r, int64_t total, struct split_part *parts, size_t n)
{
    struct split_part again[PARTS_MAX];
    __int128 sum = 0, weights = 0;
    unsigned wrong = 0;

    memcpy(again, parts, n * sizeof *parts);
    shuffle(r, again, n);
    if (split_amounts(s, total, parts, n) != ERR_OK || split_amounts(s, total, again, n) != ERR_OK)
        return 1;
    for (size_t i = 0; i < n; i++) {
        sum += parts[i].amount;
        weights += parts[i].weight;
    }
    for (size_t i = 0; i < n; i++) {
        __int128 off = parts[i].amount * weights - (__int128)total * parts[i].weight;
        wrong += off >= weights || -off >= weights || parts[i].amount < 0;
        wrong += amount_of(again, n, parts[i].creator) != parts[i].amount;
    }
    return wrong + (sum != total);
}

static void test_million(struct scope *s)
{
    struct seeded r = seeded_start();
    struct split_part parts[PARTS_MAX];
    unsigned wrong = 0;

    for (int i = 0; i < 1000000; i++) {
        size_t n = random_parts(&r, parts);
        wrong += wrong_split(s, &r, random_total(&r), parts, n);
        if (i % 1000 == 0)
            scope_clear(s);
    }
    is_int(wrong, 0, "a million splits: the parts sum, none is off by a unit, order does not matter");
}

/* Refunds until all is back: parts end at zero, and no step takes more than one unit the wrong way. */
static void test_refunds(struct scope *s)
{
    struct seeded r = seeded_start();
    unsigned wrong = 0, backward = 0;

    for (int i = 0; i < 20000; i++) {
        struct split_part parts[PARTS_MAX], refund[PARTS_MAX];
        size_t n = random_parts(&r, parts);
        int64_t total = (int64_t)seeded_below(&r, 10000), before = 0;

        memcpy(refund, parts, n * sizeof *parts);
        if (split_amounts(s, total, parts, n) != ERR_OK)
            abort();
        while (before < total) {
            int64_t k = 1 + (int64_t)seeded_below(&r, (uint64_t)(total - before)), sum = 0;

            if (split_refund(s, before, k, refund, n) != ERR_OK)
                abort();
            for (size_t p = 0; p < n; p++) {
                parts[p].amount -= refund[p].amount;
                sum += refund[p].amount;
                backward += refund[p].amount == -1;
                wrong += refund[p].amount < -1;
            }
            wrong += sum != k;
            before += k;
        }
        for (size_t p = 0; p < n; p++)
            wrong += parts[p].amount != 0;
        if (i % 1000 == 0)
            scope_clear(s);
    }
    is_int(wrong, 0, "refunds add up to the payment, creator by creator");
    ok(backward > 0, "a larger total sometimes gives a creator a unit less, as the header says: %u times", backward);
    ok(split_refund(s, INT64_MAX, 1, NULL, 0) == ERR_INVALID, "more than fits");
    scope_forgive(s);
}

/* ---- weights */

static void test_weights(struct scope *s)
{
    struct split_table items = SPLIT_TABLE(s), bytes = SPLIT_TABLE(s), empty = SPLIT_TABLE(s);
    struct split_part *parts;
    size_t n;

    for (int i = 0; i < 1000; i++) {
        char creator[16];
        snprintf(creator, sizeof creator, "pty_%03d", i * 7 % 250);
        if (split_table_add(&items, SPLIT_PER_ITEM, creator, 1 + i % 3, 10) != ERR_OK ||
            split_table_add(&bytes, SPLIT_PER_BYTE, creator, 2, i) != ERR_OK)
            abort();
    }
    split_table_end(&items, &parts, &n);
    ok(n == 250 && strcmp(parts[0].creator, "pty_000") == 0 && strcmp(parts[249].creator, "pty_249") == 0,
       "creators in order of their ids");
    is_int((int64_t)parts[0].weight, 1 + 2 + 3 + 1, "weights of items 0, 250, 500, 750");
    split_table_end(&bytes, &parts, &n);
    is_int((int64_t)parts[0].weight, 2 * (0 + 250 + 500 + 750), "twice their bytes");
    split_table_end(&empty, &parts, &n);
    is_int((int64_t)n, 0, "nobody");
    ok(split_table_add(&items, SPLIT_PER_ITEM, "x", 0, 1) == ERR_INVALID, "a weight of 0");
    scope_forgive(s);
    ok(split_table_add(&items, SPLIT_PER_ITEM, "x", CONTRIBUTOR_WEIGHT_MAX + 1, 1) == ERR_INVALID, "one too large");
    scope_forgive(s);
    ok(split_table_add(&items, SPLIT_PER_BYTE, "x", 1, -1) == ERR_INVALID, "a negative size");
    scope_forgive(s);
    ok(split_table_add(&items, SPLIT_PER_BYTE, "y", 1, INT64_MAX) == ERR_OK &&
       split_table_add(&items, SPLIT_PER_BYTE, "y", 1, 1) == ERR_INVALID, "a sum that does not fit");
    scope_forgive(s);
}

static int rows(const char *seed, const char *count)
{
    struct split_part parts[PARTS_MAX];
    struct seeded r;
    struct scope s;
    uint64_t n;

    if (!decimal_read(seed, strlen(seed), UINT64_MAX, &r.state) || !decimal_read(count, strlen(count), 1000000, &n))
        return 2;
    scope_init(&s, 0);
    for (; n > 0; n--) {
        size_t n_parts = random_parts(&r, parts);
        int64_t total = random_total(&r);

        shuffle(&r, parts, n_parts);
        if (split_amounts(&s, total, parts, n_parts) != ERR_OK)
            return 1;
        printf("%" PRId64, total);
        for (size_t i = 0; i < n_parts; i++)
            printf(" %s=%" PRIu64 "=%" PRId64, parts[i].creator, parts[i].weight, parts[i].amount);
        putchar('\n');
        if (n % 1000 == 0)
            scope_clear(&s);
    }
    scope_free(&s);
    return 0;
}

int main(int argc, char **argv)
{
    enum split_rule rule;
    struct scope s;

    if (argc == 4 && strcmp(argv[1], "rows") == 0)
        return rows(argv[2], argv[3]);
    scope_init(&s, 0);
    test_amounts(&s);
    test_fee(&s);
    test_million(&s);
    test_refunds(&s);
    test_weights(&s);
    for (enum split_rule k = 0; k < SPLIT_RULES; k++)
        ok(split_rule_parse(split_rule_name(k), &rule) && rule == k, "%s", split_rule_name(k));
    ok(!split_rule_parse("per_second", &rule), "not yet");
    scope_free(&s);
    return done_testing();
}
