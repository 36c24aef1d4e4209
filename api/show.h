/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"

/* Small values as the contract shows them; new references. */
json_t *show_time(int64_t ms);                 /* null for INT64_MIN */
json_t *show_text(const char *text);           /* null for NULL */
json_t *show_hash(const struct hash *h);
json_t *show_words(const char *list);          /* comma-separated text as an array */
json_t *show_money(int64_t micro, const char *currency);
json_t *show_excluded(json_t *counts);         /* {reason: items} as a list, with sentence and remedy */
json_t *show_json(const char *canonical);      /* stored JSON text; null for "", which was erased */
