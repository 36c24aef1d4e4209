/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "schema/base/limits.h"
#include "schema/base/money.h"

static void test_currencies(void)
{
    static const struct { const char *code; int exponent; } rows[] = {
        { "JPY", 0 }, { "XPF", 0 }, { "BIF", 0 }, { "EUR", 2 }, { "AED", 2 }, { "ZWG", 2 }, { "KWD", 3 }, { "TND", 3 },
        { "CLF", 4 }, { "UYW", 4 }, { "XTS", -1 }, { "XAU", -1 }, { "eur", -1 }, { "EU", -1 }, { "EURO", -1 },
        { "", -1 },
        { "UR ", -1 }, { "R G", -1 }, { "DEM", -1 }, { "UST", -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        is_int(currency_exponent(rows[i].code), rows[i].exponent, rows[i].code);
    is_int(currency_minor("EUR"), 10000, "a cent");
    is_int(currency_minor("JPY"), 1000000, "a yen");
    is_int(currency_minor("CLF"), 100, "the fourth decimal");
}

/* Canonical: both ways. */
static const struct { const char *text, *currency; int64_t micro; } canonical[] = {
    { "0.00", "EUR", 0 }, { "0", "JPY", 0 }, { "12.50", "EUR", 12500000 }, { "12.505", "EUR", 12505000 },
    { "12.000001", "EUR", 12000001 }, { "7", "JPY", 7000000 }, { "7.5", "JPY", 7500000 }, { "1.000", "KWD", 1000000 },
    { "1.0000", "CLF", 1000000 }, { "1.00001", "CLF", 1000010 }, { "1000000000000.00", "EUR", AMOUNT_MAX_MICRO },
};
static const struct { const char *text, *currency; } refused[] = {
    { "12.5", "EUR" }, { "12", "EUR" }, { "12.500", "EUR" }, { "12.", "EUR" }, { ".50", "EUR" }, { "012.50", "EUR" },
    { "7.0", "JPY" }, { "1.00", "KWD" }, { "-1.00", "EUR" }, { "+1.00", "EUR" }, { "1,00", "EUR" }, { "1.00 ", "EUR" },
    { "1e2", "JPY" }, { "", "JPY" }, { "1.0000001", "EUR" }, { "1000000000000.01", "EUR" }, { "1000000000001", "JPY" },
    { "99999999999999999999", "JPY" }, { "1.00", "XTS" }, { "1.2.3", "EUR" }, { "1.-1", "EUR" },
};

static void test_text(void)
{
    char text[MONEY_TEXT_SIZE];
    int64_t v;

    for (size_t i = 0; i < ARRAY_LEN(canonical); i++) {
        ok(money_parse(canonical[i].text, canonical[i].currency, &v) && v == canonical[i].micro, "reads %s",
           canonical[i].text);
        money_format(canonical[i].micro, canonical[i].currency, text);
        is_str(text, canonical[i].text, "and writes it");
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        ok(!money_parse(refused[i].text, refused[i].currency, &v), "refuses '%s' %s", refused[i].text,
           refused[i].currency);
    ok(money_parse_lenient("5", "EUR", &v) && v == 5000000 && money_parse_lenient("5.100000", "EUR", &v) &&
       v == 5100000,
       "people may write fewer or more decimals");
    ok(!money_parse_lenient("5.", "EUR", &v) && !money_parse_lenient("5.1000000", "EUR", &v), "but not anything");
    money_format(-12345, "EUR", text);
    is_str(text, "-0.012345", "a negative amount");
    money_format(INT64_MIN, "JPY", text);
    is_str(text, "-9223372036854.775808", "the smallest");
}

static void test_arithmetic(void)
{
    static const struct { const char *currency; int64_t micro, rounded; } rows[] = {
        { "EUR", 4999, 0 }, { "EUR", 5000, 10000 }, { "EUR", 10000, 10000 }, { "EUR", 14999, 10000 },
        { "EUR", 15000, 20000 },
        { "JPY", 499999, 0 }, { "JPY", 500000, 1000000 }, { "KWD", 499, 0 }, { "KWD", 500, 1000 }, { "CLF", 149, 100 },
    };
    int64_t v;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ok(money_round(rows[i].micro, rows[i].currency, &v) && v == rows[i].rounded, "%s %" PRId64 " rounds half up",
           rows[i].currency,
           rows[i].micro);
        ok(money_is_whole(v, rows[i].currency), "to whole minor units");
    }
    ok(!money_is_whole(12345, "EUR"), "fractions of a cent are not whole");
    ok(!money_round(-1, "EUR", &v) && !money_round(INT64_MAX, "EUR", &v), "does not round what it cannot");
    ok(money_add(1, 2, &v) && v == 3 && !money_add(INT64_MAX, 1, &v) && !money_add(INT64_MIN, -1, &v),
       "adds, or says no");
    ok(money_times(-3, 4, &v) && v == -12 && !money_times(INT64_MAX, 2, &v) && !money_times(2, UINT64_MAX, &v),
       "multiplies, or says no");
}

static void test_sums(void)
{
    static const struct { const char *text, *currency; uint64_t high, low; } rows[] = {
        { "0.00", "EUR", 0, 0 }, { "0", "JPY", 0, 0 }, { "0.000001", "JPY", 0, 1 }, { "12.505", "EUR", 0, 12505000 },
        { "18446744073709.551616", "EUR", 1, 0 }, { "18446744073710.00", "EUR", 1, 448384 },
        { "340282366920938463463374607431768.211455", "EUR", UINT64_MAX, UINT64_MAX },
    };
    static const char *const no[] = { "", ".", "1.", ".5", "01", "1.0000001", "-1", "+1", "1e3", "1.2.3", " 1", "1 ",
                                      "340282366920938463463374607431768.211456", "340282366920938463463374607431769",
                                      "9999999999999999999999999999999999999999" };
    char text[MONEY_SUM_SIZE];
    money_sum v;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        money_sum want = (money_sum)rows[i].high << 64 | rows[i].low;
        ok(money_sum_parse(rows[i].text, rows[i].currency, &v) && v == want, "reads the sum %s", rows[i].text);
        money_sum_format(want, rows[i].currency, text);
        is_str(text, rows[i].text, "and writes it");
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        ok(!money_sum_read(no[i], &v), "'%s' is no sum", no[i]);
    ok(money_sum_read("7", &v) && v == 7000000 && !money_sum_parse("7", "EUR", &v) &&
       !money_sum_parse("7.000", "EUR", &v) && !money_sum_parse("7", "XTS", &v), "one text for each");
    ok(money_sum_add((money_sum)-1, 0, &v) && !money_sum_add((money_sum)-1, 1, &v), "adds, or says no");
}

int main(void)
{
    test_sums();
    test_currencies();
    test_text();
    test_arithmetic();
    return done_testing();
}
