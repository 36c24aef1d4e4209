/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/tariff.h"

#include "schema/base/limits.h"
#include "schema/base/money.h"
#include "tests/unit/ledger/rules/random_filter.h"

static const char *price(struct scope *s, struct tariff t, uint64_t items)
{
    char text[MONEY_TEXT_SIZE];
    int64_t micro;
    err e = tariff_price(s, &t, items, &micro);

    scope_forgive(s);
    if (e != ERR_OK)
        return err_name(e);
    money_format(micro, t.currency, text);
    return scope_strdup(s, text);
}

static void test_price(struct scope *s)
{
    is_str(price(s, (struct tariff){ TARIFF_FLAT, "EUR", 12500000, 0 }, 1), "12.50", "flat");
    is_str(price(s, (struct tariff){ TARIFF_FLAT, "EUR", 12500000, 0 }, 10000000), "12.50", "whatever it holds");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 12500, 0 }, 3), "0.04", "per item, 0.0375");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 5000, 0 }, 1), "0.01", "half a cent is one");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 4999, 0 }, 1), "0.00", "less is none");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 4999, 0 }, 1000), "5.00", "rounded once, not per item");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 12500, 5000000 }, 3), "5.00", "the minimum");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 12500, 5000000 }, 400), "5.00", "is reached");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 12500, 5000000 }, 401), "5.01", "and passed");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "JPY", 12500, 0 }, 120), "2", "yen have no decimals: 1.5");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "KWD", 12500, 0 }, 3), "0.038", "dinars have three");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "CLF", 12500, 0 }, 3), "0.0375", "and CLF four");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 0, 0 }, 3), "0.00", "free");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 0, 1000000 }, 3), "1.00", "but for the minimum");
    is_str(price(s, (struct tariff){ TARIFF_FLAT, "EUR", 1, 0 }, 0), "INVALID", "an empty slice");
    is_str(price(s, (struct tariff){ TARIFF_FLAT, "EUR", 1, 1 }, 1), "INVALID", "a flat price with a minimum");
    is_str(price(s, (struct tariff){ TARIFF_FLAT, "EUX", 1, 0 }, 1), "INVALID", "a currency that is none");
    is_str(price(s, (struct tariff){ TARIFF_FLAT, "EUR", -1, 0 }, 1), "INVALID", "a negative price");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", 1, -1 }, 1), "INVALID", "a negative minimum");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", AMOUNT_MAX_MICRO, 0 }, 1), "1000000000000.00", "the most");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", AMOUNT_MAX_MICRO, 0 }, 2), "INVALID", "twice that");
    is_str(price(s, (struct tariff){ TARIFF_PER_ITEM, "EUR", AMOUNT_MAX_MICRO, 0 }, UINT64_MAX), "INVALID",
           "and what does not fit 64 bits");
}

static int64_t owed(struct scope *s, struct tariff t, int64_t paid, uint64_t items, uint64_t cleared)
{
    int64_t micro = -1;

    if (tariff_owed(s, &t, paid, items, cleared, &micro) != ERR_OK)
        micro = -1;
    scope_forgive(s);
    return micro;
}

static void test_owed(struct scope *s)
{
    struct tariff flat = { TARIFF_FLAT, "EUR", 10000000, 0 }, each = { TARIFF_PER_ITEM, "EUR", 12500, 5000000 };

    is_int(owed(s, flat, 10000000, 3, 3), 10000000, "all cleared: all is owed");
    is_int(owed(s, flat, 10000000, 3, 2), 6670000, "flat: a share, half up to the cent");
    is_int(owed(s, flat, 10000000, 3, 0), 0, "none cleared: nothing");
    is_int(owed(s, each, 10000000, 800, 600), 7500000, "per item: what is left at its price");
    is_int(owed(s, each, 10000000, 800, 1), 5000000, "at least the minimum");
    is_int(owed(s, each, 10000000, 800, 0), 0, "not for nothing");
    is_int(owed(s, each, 4000000, 800, 700), 4000000, "never more than was paid");
    is_int(owed(s, each, 1, 1, 2), -1, "more than all can't be cleared");
    is_int(owed(s, each, 1, 0, 0), -1, "nor of nothing");
    is_int(owed(s, flat, AMOUNT_MAX_MICRO, VERSION_ITEMS_MAX, VERSION_ITEMS_MAX - 1), 999999900000000000,
           "the largest amounts");
}

/* Owed grows with what is cleared, from nothing to all, in whole minor units. */
static void test_monotone(struct scope *s)
{
    static const char *const currencies[] = { "EUR", "JPY", "KWD", "CLF" };
    struct seeded r = seeded_start();
    unsigned wrong = 0;

    for (int i = 0; i < 2000; i++) {
        uint64_t items = 1 + seeded_below(&r, 200);
        struct tariff t = { (enum tariff_kind)seeded_below(&r, TARIFF_KINDS), currencies[seeded_below(&r, 4)],
                            (int64_t)seeded_below(&r, 100000000), 0 };
        int64_t paid, last = 0;

        if (t.kind == TARIFF_PER_ITEM)
            t.minimum = (int64_t)seeded_below(&r, 1000000000);
        if (tariff_price(s, &t, items, &paid) != ERR_OK)
            abort();
        for (uint64_t cleared = 0; cleared <= items; cleared++) {
            int64_t now = owed(s, t, paid, items, cleared);
            wrong += now < last || now > paid || !money_is_whole(now, t.currency);
            last = now;
        }
        wrong += last != paid;
    }
    is_int(wrong, 0, "what is owed grows with what is cleared");
}

int main(void)
{
    struct scope s;
    enum tariff_kind kind;

    scope_init(&s, 0);
    test_price(&s);
    test_owed(&s);
    test_monotone(&s);
    for (enum tariff_kind k = 0; k < TARIFF_KINDS; k++)
        ok(tariff_kind_parse(tariff_kind_name(k), &kind) && kind == k, "%s", tariff_kind_name(k));
    ok(!tariff_kind_parse("per_byte", &kind), "not yet");
    scope_free(&s);
    return done_testing();
}
