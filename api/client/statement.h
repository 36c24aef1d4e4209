/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/note/note.h"

/*
 * A saved statement: the market's answer, and for every entry that it names the entry and its tlog-proof, under
 * "receipts". It is checked with nothing but the log's verifier key: each line's leaf and path against the
 * lines_root of its entry, each payout against its entry, numbers without gaps, sums from opening to closing.
 */
#define STATEMENT_BYTES_MAX (256 << 20)

struct statement_found { uint64_t lines, payouts, wrong; };

/* Whether the JSON looks like one. */
bool statement_is(const json_t *value);
/* What does not hold is told on standard error and counted. An error: it could not be checked at all. */
err statement_check(struct scope *s, const struct note_key *key, const json_t *statement, struct statement_found *out);
