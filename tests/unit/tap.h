/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TAP for unit tests: ok(), is_*(), done_testing(). A test is a program that
 * prints one line a check and exits 1 if any failed.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"

static int tap_count, tap_failed;

__attribute__((unused, format(printf, 2, 3)))
static bool ok(bool good, const char *format, ...)
{
    va_list ap;

    tap_count++;
    tap_failed += !good;
    printf("%sok %d - ", good ? "" : "not ", tap_count);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    return good;
}

__attribute__((unused, format(printf, 2, 3)))
static void skip(int n, const char *format, ...)
{
    va_list ap;

    for (int i = 0; i < n; i++) {
        printf("ok %d # SKIP ", ++tap_count);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
    }
}

__attribute__((unused))
static bool is_str(const char *got, const char *want, const char *name)
{
    bool good = got && strcmp(got, want) == 0;

    ok(good, "%s", name);
    if (!good)
        printf("# got:  %s\n# want: %s\n", got ? got : "(null)", want);
    return good;
}

__attribute__((unused))
static bool is_int(int64_t got, int64_t want, const char *name)
{
    bool good = got == want;

    ok(good, "%s", name);
    if (!good)
        printf("# got:  %" PRId64 "\n# want: %" PRId64 "\n", got, want);
    return good;
}

__attribute__((unused))
static bool is_hex(const void *got, size_t len, const char *want, const char *name)
{
    char *text = malloc(HEX_SIZE(len));
    bool good;

    hex_write(got, len, text);
    good = is_str(text, want, name);
    free(text);
    return good;
}

__attribute__((unused))
static int done_testing(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}
