/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/scope.h"

/*
 * Money: int64 micro-units (millionths of the currency's major unit) and their
 * one decimal text: at least the currency's digits (ISO 4217 exponent), at
 * most six, no trailing zeros beyond: "12.50" EUR, "12.505" EUR, "12" JPY. No
 * floating point; products in 128 bits; what does not fit is false, never
 * wrapped.
 */
#define MICRO           INT64_C(1000000)
#define MONEY_TEXT_SIZE 28                 /* "-9223372036854.775808" and NUL */

int  currency_exponent(const char *code);              /* 0 to 4; -1: not a current ISO 4217 code */
bool currency_known(const char *code);
/* Micro-units of one minor unit: 10,000 for EUR, 1,000,000 for JPY. Precondition: a known currency. */
int64_t currency_minor(const char *code);

/* The canonical text only, not negative, at most AMOUNT_MAX_MICRO; false otherwise or if the currency is unknown. */
bool money_parse(const char *text, const char *currency, int64_t *micro);
/* The same value in any number of decimals up to six ("5" for EUR): for input from people. */
bool money_parse_lenient(const char *text, const char *currency, int64_t *micro);
/* Precondition: a known currency. Negative amounts begin with '-'. */
void money_format(int64_t micro, const char *currency, char out[MONEY_TEXT_SIZE]);
char *amount_text(struct scope *s, int64_t micro, const char *currency);     /* the same */

bool money_add(int64_t a, int64_t b, int64_t *sum);
bool money_times(int64_t amount, uint64_t count, int64_t *product);
/*
 * Sums of any number of amounts: micro-units in 128 bits, and their text in the same canonical form. money_sum_read()
 * takes any number of decimals up to six, of whichever currency.
 */
typedef unsigned __int128 money_sum;
#define MONEY_SUM_SIZE  42                 /* 33 digits, point, 6 decimals and NUL, and one to spare */
bool money_sum_add(money_sum a, money_sum b, money_sum *sum);
bool money_sum_read(const char *text, money_sum *micro);
bool money_sum_parse(const char *text, const char *currency, money_sum *micro);
void money_sum_format(money_sum micro, const char *currency, char out[MONEY_SUM_SIZE]);
/* Half up to the whole minor unit, for amounts that are not negative: what a quote does, once. */
bool money_round(int64_t micro, const char *currency, int64_t *rounded);
/* Whether an amount is in whole minor units: what can be charged and paid out. */
bool money_is_whole(int64_t micro, const char *currency);
