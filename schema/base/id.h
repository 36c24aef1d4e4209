/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Ids of things: a prefix, '_', and 26 characters of Crockford base 32 in lower
 * case: 48 bits of wall-clock milliseconds, then 80 random bits, so that ids
 * sort by time and cannot be guessed. "lic_01jdc5x9k2h3v8m4q7t0w6y1zr"
 */
#define ID_SIZE 32                 /* longest prefix is 4 letters; with NUL */

struct id { char text[ID_SIZE]; };

/* Prefixes in use: pty key dts drf ver ofr qte lic pay job req cns stl clr alc ref acc run pyo grt ers */
struct id id_new(const char *prefix, int64_t wall_ms);
bool id_parse(const char *text, const char *prefix, struct id *out);   /* shape only */
