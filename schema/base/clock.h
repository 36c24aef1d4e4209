/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Time. Wall time is milliseconds since 1970-01-01T00:00:00Z (UTC, no leap
 * seconds); the text form is RFC 3339 with exactly three decimals and `Z`,
 * for years 1970 to 9999. Pure rooms take time as a parameter and use only
 * the conversions.
 */
#define TIME_TEXT_SIZE 25          /* "2026-11-23T10:15:30.123Z" and NUL */

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void);

void time_format(int64_t wall_ms, char out[TIME_TEXT_SIZE]);
/* Exactly the form above, a real date; false otherwise. */
bool time_parse(const char *text, int64_t *wall_ms);
/* Any RFC 3339 UTC instant: seconds, or 1 to 3 decimals; `Z` only. For input from people. */
bool time_parse_lenient(const char *text, int64_t *wall_ms);
