/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/territory.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* ISO 3166-1 alpha-2, in order; the last stands for what is in no country. */
static const char countries[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO "
    "JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR "
    "MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV "
    "TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW -- ";
#define STEP   3
#define PLACES (sizeof countries / STEP)
static_assert(PLACES == 250, "249 countries and elsewhere");

static const char members[] = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE ";

static void add_place(struct territory *t, size_t place)
{
    t->set[place / 64] |= UINT64_C(1) << place % 64;
}

static bool add_country(struct territory *t, const char *code)
{
    for (size_t i = 0; i < PLACES; i++)
        if (memcmp(countries + i * STEP, code, 2) == 0) {
            add_place(t, i);
            return true;
        }
    return false;
}

bool territory_parse(const char *code, struct territory *out)
{
    *out = (struct territory){ 0 };
    if (strcmp(code, "WORLD") == 0) {
        for (size_t i = 0; i < PLACES; i++)
            add_place(out, i);
        return true;
    }
    if (strcmp(code, "EU") == 0) {
        for (const char *p = members; *p; p += STEP)
            add_country(out, p);
        return true;
    }
    return strlen(code) == 2 && code[0] != '-' && add_country(out, code);
}

void territory_add(struct territory *t, const struct territory *more)
{
    for (size_t i = 0; i < 4; i++)
        t->set[i] |= more->set[i];
}

bool territory_within(const struct territory *inner, const struct territory *outer)
{
    uint64_t any = 0, outside = 0;

    for (size_t i = 0; i < 4; i++) {
        any |= inner->set[i];
        outside |= inner->set[i] & ~outer->set[i];
    }
    return any != 0 && outside == 0;       /* nowhere is not granted by anything */
}
