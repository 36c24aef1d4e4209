/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Territories: ISO 3166-1 alpha-2 countries, EU (its 27 member states) and
 * WORLD (every country, and what belongs to none). A territory is a set, so
 * that granting every member state grants the EU, but no list of countries
 * grants WORLD.
 *
 * Membership is as of rules version 1 and changes only with a next version:
 * what a license grants must not change by a treaty.
 */
struct territory { uint64_t set[4]; };

bool territory_parse(const char *code, struct territory *out);      /* false: no such territory */
void territory_add(struct territory *t, const struct territory *more);
bool territory_within(const struct territory *inner, const struct territory *outer);
