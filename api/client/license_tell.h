/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/scope.h"

/* A license in a few lines for people. */
void license_tell(struct scope *s, const json_t *license);
