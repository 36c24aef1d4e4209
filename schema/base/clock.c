/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/clock.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#define YEAR_9999_END_MS INT64_C(253402300799999)

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime(id, &ts);

    assert(rc == 0);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void) { return read_us(CLOCK_MONOTONIC); }
int64_t clock_monotonic_ms(void) { return read_us(CLOCK_MONOTONIC) / 1000; }
int64_t clock_wall_ms(void)      { return read_us(CLOCK_REALTIME) / 1000; }

static void decimals(char *out, int n, unsigned v)
{
    for (; n > 0; v /= 10)
        out[--n] = (char)('0' + v % 10);
}

/* Every entry says its time: gmtime_r() and snprintf() took a twentieth of what an entry takes to write. */
void time_format(int64_t wall_ms, char out[TIME_TEXT_SIZE])
{
    uint32_t ms = (uint32_t)(wall_ms % 86400000), days = (uint32_t)(wall_ms / 86400000);
    uint32_t era_days = days + 719468, era, day, year, month;      /* from 0000-03-01: years end with February */

    assert(wall_ms >= 0 && wall_ms <= YEAR_9999_END_MS);
    era = era_days / 146097;                                       /* of 400 years */
    day = era_days % 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;                                   /* from March */
    day -= (153 * month + 2) / 5;
    memcpy(out, "0000-00-00T00:00:00.000Z", TIME_TEXT_SIZE);
    decimals(out, 4, era * 400 + year + (month >= 10));
    decimals(out + 5, 2, month < 10 ? month + 3 : month - 9);
    decimals(out + 8, 2, day + 1);
    decimals(out + 11, 2, ms / 3600000);
    decimals(out + 14, 2, ms / 60000 % 60);
    decimals(out + 17, 2, ms / 1000 % 60);
    decimals(out + 20, 3, ms % 1000);
}

static bool digits(const char *p, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *out = *out * 10 + (p[i] - '0');
    }
    return true;
}

static bool seconds_parse(const char *p, int64_t *seconds)
{
    struct tm tm = { 0 }, back;
    time_t t;

    if (strnlen(p, 19) < 19 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' || p[16] != ':')
        return false;
    if (!digits(p, 4, &tm.tm_year) || !digits(p + 5, 2, &tm.tm_mon) || !digits(p + 8, 2, &tm.tm_mday) ||
        !digits(p + 11, 2, &tm.tm_hour) || !digits(p + 14, 2, &tm.tm_min) || !digits(p + 17, 2, &tm.tm_sec))
        return false;
    if (tm.tm_year < 1970 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    back = tm;
    t = timegm(&back);      /* normalizes: a date that does not exist comes back changed */
    if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday)
        return false;
    *seconds = t;
    return true;
}

bool time_parse(const char *text, int64_t *wall_ms)
{
    return strlen(text) == TIME_TEXT_SIZE - 1 && time_parse_lenient(text, wall_ms);
}

bool time_parse_lenient(const char *text, int64_t *wall_ms)
{
    static const int scale[] = { 0, 100, 10, 1 };
    int64_t seconds;
    int fraction = 0;
    size_t n = 0;

    if (!seconds_parse(text, &seconds))
        return false;
    text += 19;
    if (*text == '.') {
        text++;
        n = strspn(text, "0123456789");
        if (n < 1 || n > 3 || !digits(text, (int)n, &fraction))
            return false;
        text += n;
    }
    if (strcmp(text, "Z") != 0)
        return false;
    *wall_ms = seconds * 1000 + fraction * scale[n];
    return true;
}
