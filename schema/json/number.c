/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/json/canon.h"

/* 0.d1d2…dn times ten to `exponent`: the digits without a point, none of them a trailing zero. */
struct decimal { char digit[DBL_DECIMAL_DIG + 1]; int n, exponent; };

/* `precision` digits of v, correctly rounded by the C library, whose point may be a locale's: digits alone are kept. */
static struct decimal decimal_of(double v, int precision)
{
    struct decimal d = { .n = 0 };
    char text[64];
    const char *p = text;

    snprintf(text, sizeof text, "%.*e", precision - 1, v);
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d.digit[d.n++] = *p;
    d.exponent = (int)strtol(p + 1, NULL, 10) + 1;
    while (d.n > 1 && d.digit[d.n - 1] == '0')
        d.n--;
    return d;
}

/* The double nearest to a decimal; written without a point, so that no locale matters. */
static double decimal_value(const struct decimal *d)
{
    char text[64];

    snprintf(text, sizeof text, "%.*se%d", d->n, d->digit, d->exponent - d->n);
    return strtod(text, NULL);
}

/* One more in the last of `precision` digits. */
static struct decimal decimal_next(struct decimal d, int precision)
{
    while (d.n < precision)
        d.digit[d.n++] = '0';
    while (d.n > 0 && d.digit[d.n - 1] == '9')
        d.n--;
    if (d.n > 0) {
        d.digit[d.n - 1]++;
        return d;
    }
    return (struct decimal){ .digit = "1", .n = 1, .exponent = d.exponent + 1 };
}

/*
 * The fewest digits that give v again. Any decimal of up to DBL_DIG digits survives a normal double, so that these
 * need no shorter trial; subnormal ones may have a single digit. Below a power of two doubles lie twice as close as
 * above: there the nearest decimal of some length may belong to the double below, while the next one is still v.
 */
static struct decimal shortest(double v)
{
    int exponent;
    bool power_of_two = frexp(v, &exponent) == 0.5;

    for (int precision = fpclassify(v) == FP_SUBNORMAL ? 1 : DBL_DIG; precision < DBL_DECIMAL_DIG; precision++) {
        struct decimal d = decimal_of(v, precision);
        if (decimal_value(&d) == v)
            return d;
        d = decimal_next(d, precision);
        if (power_of_two && decimal_value(&d) == v)
            return d;
    }
    return decimal_of(v, DBL_DECIMAL_DIG);
}

/* ECMA-262, Number::toString, steps 6 to 10: n digits, the point behind the first `exponent` of them. */
static size_t decimal_write(const struct decimal *d, char *out)
{
    int point = d->exponent, e = point - 1;

    if (d->n <= point && point <= 21)
        return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.*s%.*s", d->n, d->digit, point - d->n,
                                "000000000000000000000");
    if (0 < point && point <= 21)
        return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.*s.%.*s", point, d->digit, d->n - point, d->digit + point);
    if (-6 < point && point <= 0)
        return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "0.%.*s%.*s", -point, "000000", d->n, d->digit);
    return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%.1s%s%.*se%c%d", d->digit, d->n > 1 ? "." : "", d->n - 1,
                            d->digit + 1, e < 0 ? '-' : '+', abs(e));
}

size_t number_write(double v, char out[NUMBER_TEXT_SIZE])
{
    size_t sign = v < 0;
    struct decimal d;

    assert(isfinite(v));
    if (v == 0) {                                      /* and -0 */
        memcpy(out, "0", 2);
        return 1;
    }
    d = shortest(fabs(v));
    if (sign)
        *out = '-';
    return sign + decimal_write(&d, out + sign);
}
