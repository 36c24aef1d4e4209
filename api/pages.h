/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/json/contract.h"

/* The two pages for people, made once at start; everything from outside the source is escaped. */
err docs_page(struct scope *s, const struct contract *c, const char **html);
const char *front_page(struct scope *s, const char *origin, const char *log_key);
