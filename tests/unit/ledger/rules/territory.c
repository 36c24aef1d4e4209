/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/rules/territory.h"

static void test_containment(void)
{
    static const struct { const char *inner, *outer; bool within; } rows[] = {
        { "DE", "DE", true }, { "DE", "EU", true }, { "DE", "WORLD", true }, { "EU", "WORLD", true },
        { "EU", "EU", true },
        { "WORLD", "WORLD", true }, { "ZW", "WORLD", true }, { "AD", "WORLD", true }, { "SE", "EU", true },
        { "EU", "DE", false }, { "WORLD", "EU", false }, { "GB", "EU", false }, { "CH", "EU", false },
        { "NO", "EU", false },
        { "DE", "FR", false }, { "WORLD", "US", false },
    };
    static const char *const unknown[] = { "XX", "UK", "de", "DEU", "D", "", "--", "WORLDS", "eu", "AA", "E " };
    struct territory a, b;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ok(territory_parse(rows[i].inner, &a) && territory_parse(rows[i].outer, &b) &&
           territory_within(&a, &b) == rows[i].within, "%s %s %s", rows[i].inner, rows[i].within ? "in" : "not in",
               rows[i].outer);
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
        ok(!territory_parse(unknown[i], &a) && !territory_within(&a, &b), "'%s' is nowhere", unknown[i]);
}

/* All codes of two letters: how many are countries, and what they sum up to. */
static void test_unions(void)
{
    struct territory all = { 0 }, members = { 0 }, eu, world, t;
    char code[3] = "AA";
    int countries = 0, inside = 0;

    territory_parse("EU", &eu);
    territory_parse("WORLD", &world);
    for (code[0] = 'A'; code[0] <= 'Z'; code[0]++)
        for (code[1] = 'A'; code[1] <= 'Z'; code[1]++)
            if (strcmp(code, "EU") != 0 && territory_parse(code, &t)) {
                countries++;
                territory_add(&all, &t);
                if (territory_within(&t, &eu)) {
                    inside++;
                    territory_add(&members, &t);
                }
            }
    is_int(countries, 249, "countries of ISO 3166-1");
    is_int(inside, 27, "member states of the EU");
    ok(territory_within(&eu, &members), "all member states are the EU");
    ok(!territory_within(&world, &all), "all countries are not the world");
}

int main(void)
{
    test_containment();
    test_unions();
    return done_testing();
}
