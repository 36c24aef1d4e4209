/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/money.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/base/limits.h"

#define DECIMALS_MAX 6
#define CODE_LEN     3

/* ISO 4217, list one: current currencies and units of account by exponent; metals and test codes have none. */
static const struct { int exponent; const char *codes; } currencies[] = {
    { 0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF" },
    { 2, "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
         "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
         "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
         "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
         "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED "
         "VES WST XCD XCG YER ZAR ZMW ZWG" },
    { 3, "BHD IQD JOD KWD LYD OMR TND" },
    { 4, "CLF UYW" },
};

int currency_exponent(const char *code)
{
    if (strnlen(code, CODE_LEN + 1) != CODE_LEN || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != CODE_LEN)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(currencies); i++)
        for (const char *p = currencies[i].codes; *p; p += CODE_LEN + (p[CODE_LEN] == ' '))
            if (memcmp(p, code, CODE_LEN) == 0)
                return currencies[i].exponent;
    return -1;
}

bool currency_known(const char *code)
{
    return currency_exponent(code) >= 0;
}

int64_t currency_minor(const char *code)
{
    int64_t minor = MICRO;
    int exponent = currency_exponent(code);

    assert(exponent >= 0);
    while (exponent-- > 0)
        minor /= 10;
    return minor;
}

/* Decimals given: -1 if there is no point. */
static bool decimal_parse(const char *text, int64_t *micro, int *decimals)
{
    const char *dot = strchr(text, '.');
    size_t whole = dot ? (size_t)(dot - text) : strlen(text);
    int64_t scale = MICRO;
    uint64_t v;

    if (!decimal_read(text, whole, AMOUNT_MAX_MICRO / MICRO, &v))
        return false;
    *micro = (int64_t)v * MICRO;
    *decimals = dot ? 0 : -1;
    for (const char *p = dot ? dot + 1 : ""; *p; p++) {
        if (*p < '0' || *p > '9' || ++*decimals > DECIMALS_MAX)
            return false;
        scale /= 10;
        *micro += (*p - '0') * scale;
    }
    return *decimals != 0 && *micro <= AMOUNT_MAX_MICRO;
}

bool money_parse_lenient(const char *text, const char *currency, int64_t *micro)
{
    int64_t v;
    int decimals;

    if (!currency_known(currency) || !decimal_parse(text, &v, &decimals))
        return false;
    *micro = v;
    return true;
}

bool money_parse(const char *text, const char *currency, int64_t *micro)
{
    char canonical[MONEY_TEXT_SIZE];
    int64_t v;

    if (!money_parse_lenient(text, currency, &v))
        return false;
    money_format(v, currency, canonical);
    if (strcmp(canonical, text) != 0)
        return false;
    *micro = v;
    return true;
}

/* Of n characters that end in six decimals: none that is a zero beyond the currency's digits. */
static void zeros_drop(char *out, int n, const char *currency)
{
    int least = currency_exponent(currency);

    assert(least >= 0);
    for (int decimals = DECIMALS_MAX; decimals > least && out[n - 1] == '0'; decimals--)
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = '\0';
}

void money_format(int64_t micro, const char *currency, char out[MONEY_TEXT_SIZE])
{
    uint64_t v = micro < 0 ? -(uint64_t)micro : (uint64_t)micro;

    zeros_drop(out, snprintf(out, MONEY_TEXT_SIZE, "%s%" PRIu64 ".%06" PRIu64, micro < 0 ? "-" : "", v / MICRO,
                             v % MICRO), currency);
}

char *amount_text(struct scope *s, int64_t micro, const char *currency)
{
    char text[MONEY_TEXT_SIZE];

    money_format(micro, currency, text);
    return scope_strdup(s, text);
}

bool money_add(int64_t a, int64_t b, int64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

bool money_times(int64_t amount, uint64_t count, int64_t *product)
{
    __int128 wide = (__int128)amount * (__int128)count;

    if (wide > INT64_MAX || wide < INT64_MIN)
        return false;
    *product = (int64_t)wide;
    return true;
}

bool money_sum_add(money_sum a, money_sum b, money_sum *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

bool money_sum_read(const char *text, money_sum *micro)
{
    const char *dot = strchr(text, '.'), *p = text;
    size_t whole = dot ? (size_t)(dot - text) : strlen(text), decimals = dot ? strlen(dot + 1) : 0;
    money_sum v = 0;

    if (whole == 0 || (whole > 1 && *text == '0') || (dot && (decimals == 0 || decimals > DECIMALS_MAX)))
        return false;
    for (size_t i = 0; i < whole + DECIMALS_MAX; i++) {          /* what is not written is a zero */
        p += p == dot;
        if (__builtin_mul_overflow(v, (money_sum)10, &v))
            return false;
        if (i >= whole + decimals)
            continue;
        if (*p < '0' || *p > '9' || !money_sum_add(v, (money_sum)(*p - '0'), &v))
            return false;
        p++;
    }
    *micro = v;
    return true;
}

bool money_sum_parse(const char *text, const char *currency, money_sum *micro)
{
    char canonical[MONEY_SUM_SIZE];
    money_sum v;

    if (!currency_known(currency) || !money_sum_read(text, &v))
        return false;
    money_sum_format(v, currency, canonical);
    if (strcmp(canonical, text) != 0)
        return false;
    *micro = v;
    return true;
}

void money_sum_format(money_sum micro, const char *currency, char out[MONEY_SUM_SIZE])
{
    char digits[MONEY_SUM_SIZE], *p = digits + sizeof digits;
    int n = 0;

    *--p = '\0';
    for (; n < DECIMALS_MAX + 1 || micro > 0; n++, micro /= 10) {
        if (n == DECIMALS_MAX)
            *--p = '.';
        *--p = (char)('0' + (int)(micro % 10));
    }
    memcpy(out, p, (size_t)n + 2);
    zeros_drop(out, n + 1, currency);
}

bool money_round(int64_t micro, const char *currency, int64_t *rounded)
{
    int64_t minor = currency_minor(currency), raised;

    if (micro < 0 || !money_add(micro, minor / 2, &raised))
        return false;
    *rounded = raised / minor * minor;
    return true;
}

bool money_is_whole(int64_t micro, const char *currency)
{
    return micro % currency_minor(currency) == 0;
}
