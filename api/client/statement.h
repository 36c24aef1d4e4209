/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/note/note.h"

/*
 * A saved statement: the market's answer, and for every entry that it names the entry and its tlog-proof, under
 * "receipts". It is checked with nothing but the log's verifier key: each line's leaf and path against the
 * lines_root of its entry, each payout against its entry, numbers without gaps, sums from opening to closing. One
 * that ends at a snapshot begins with the first line and must end as the account's leaf says: then no line of that
 * account is missing. Which accounts are somebody's, the log tells nobody: an earlier statement does.
 */
#define STATEMENT_BYTES_MAX (256 << 20)

struct statement_found {
    uint64_t lines, payouts, wrong;
    bool ends;                    /* at a snapshot, which shows that no line is missing up to */
    uint64_t as_of;               /* this size of the log; the snapshot's own entry is of this time: */
    int64_t at_ms;
};

/* Whether the JSON looks like one. */
bool statement_is(const json_t *value);
/*
 * What does not hold is told on standard error and counted. ERR_NOT_FOUND: it has no account, there is nothing to
 * check but its snapshot, which holds; another error: it can't be checked at all.
 */
err statement_check(struct scope *s, const struct note_key *key, const json_t *statement, struct statement_found *out);

/* The receipt of the entry that a thing of the statement names. */
struct receipt;
err statement_receipt(struct scope *s, const struct note_key *key, const json_t *statement, const json_t *thing,
                      struct receipt *out);
/* An account of a statement, as it was found to end. */
struct statement_end {
    const char *account, *currency;
    int64_t last_n, last_index, closing;      /* 0: no line; -1: nothing at all */
};
/* The entry of the snapshot that a statement ends at: proved, and as of the size that the statement says. */
err statement_snapshot(struct scope *s, const struct note_key *key, const json_t *statement, struct receipt *out);
err statement_end_check(struct scope *s, const struct receipt *snapshot, const json_t *account,
                        const struct statement_end *stated);
/* Each account of an earlier statement must be in this one, with no fewer lines: what is not is told and counted. */
void statement_since(struct scope *s, const json_t *earlier, const json_t *statement, struct statement_found *found);
/* What was found, in words: on standard output. */
void statement_tell(struct scope *s, const char *name, const struct statement_found *found);
