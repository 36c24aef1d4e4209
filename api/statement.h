/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"
#include "schema/store/snapshot.h"
#include "schema/store/statement.h"

/*
 * GET /v1/statements: what a creator was allocated and paid in a period, an account a currency, each line with its
 * Merkle path, so that the creator checks it without us. Only what a signed checkpoint covers.
 */
err show_statement(struct request *rq);

struct statement_account {
    const char *account, *currency;
    int64_t opening, closing;
    struct statement_line *lines;
    struct statement_payout *payouts;
    size_t n_lines, n_payouts;
};
struct statement {
    const char *party;            /* handle */
    int64_t from, to, as_of;
    bool closed;                  /* nothing comes to this period any more */
    const struct snapshot *snapshot;      /* that it ends at; NULL: none was asked for */
    struct statement_account *accounts;
    size_t n;
};

/* A line's event or a payout's, in the order of entries. */
struct statement_event { const struct statement_line *line; const struct statement_payout *payout; int64_t index; };
struct statement_event *statement_events(struct scope *s, const struct statement_account *a);
/* What an event does to the account: a settled payout nothing, since it was taken when it was instructed. */
int64_t statement_effect(const struct statement_event *e);

void statement_csv(struct buf *out, const struct statement *st);
/* Plain text accounting, for `hledger check`: amounts with all six decimals, balances asserted. */
void statement_journal(struct buf *out, const struct statement *st);
