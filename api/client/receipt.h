/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/market.h"
#include "ledger/entry/entry.h"
#include "ledger/note/note.h"

/*
 * A receipt: an entry with its disclosures (JSON, as the market answers) and
 * its tlog-proof. Checked with nothing but the log's verifier key.
 */
struct receipt {
    uint64_t index;
    struct entry entry;                 /* disclosed fields are open */
    struct checkpoint checkpoint;
    char hash[HEX_SIZE(HASH_SIZE)];     /* the leaf's */
};

/* ERR_INVALID says what does not hold. `document`: the entry as JSON; `proof`: the tlog-proof. */
err receipt_check(struct scope *s, const struct note_key *key, struct bytes document, struct bytes proof,
                  struct receipt *out);
/* Fetches both parts, as they are. */
err receipt_fetch(struct scope *s, struct market *m, uint64_t index, struct bytes *document, struct bytes *proof);
/* The log's verifier key, as the market names it. */
err log_key_fetch(struct scope *s, struct market *m, struct note_key *out, const char **vkey);
