/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * The words that terms are written with. Private to ledger/rules.
 */
#define TERMS_CONTEXT  "http://www.w3.org/ns/odrl.jsonld"
#define TERMS_PROFILE  "https://w3c.github.io/odrl/ai-vocab/"
#define TERMS_TYPE     "Offer"
#define TERMS_CONFLICT "prohibit"

bool iri_valid(const char *text);            /* as much of RFC 3987 as matters: a scheme, no space, no bracket */

/* ODRL action and words for people of each purpose, in the order of purpose_codes. */
struct purpose_words { const char *action, *words; };
const struct purpose_words *purpose_words(int purpose);
