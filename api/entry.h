/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "api/caller.h"
#include "schema/model/entry.h"

/* The contract's `EntryDocument`: an entry, and those of its private fields that this caller (NULL: any) may see. */
err entry_show(struct scope *s, const struct entry_row *row, const struct caller *caller, json_t **out);
