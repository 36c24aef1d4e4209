/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/market.h"
#include "ledger/entry/entry.h"
#include "ledger/entry/receipt.h"
#include "ledger/note/note.h"
#include "ledger/note/policy.h"

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
/*
 * One that was kept: in one file (ledger/entry/receipt.h), or in two side by side, "N.json" and "N.tlog-proof", of
 * which either names both: the file named is always read. ERR_CONFIG: the other one isn't there.
 */
err receipt_read(struct scope *s, const char *path, const struct note_key *key, struct bytes *proof,
                 struct receipt *out);
/* Fetches one, as it is kept in one file. */
err receipt_text(struct scope *s, struct market *m, uint64_t index, struct bytes *out);
/* A checkpoint's note, NUL-terminated, signed by the key. ERR_INVALID: what was wanted, and what was found. */
err receipt_checkpoint(struct scope *s, const struct note_key *key, struct bytes note, struct checkpoint *out);
/*
 * What somebody says of an entry against the entry itself, of which the receipt was checked. ERR_CORRUPT names the
 * first difference.
 *
 * A license as the market's answer, or license.json, has it: the document hashes to the entry's digest, and whatever
 * the answer repeats of the entry's fields is what the entry says.
 */
err receipt_of_license(struct scope *s, const struct receipt *r, const json_t *license);
/* One field of it, as text. */
err receipt_says(struct scope *s, const struct receipt *r, const char *name, const char *said);
/* The delivery of one item under a license; an entry that doesn't disclose its item shows nothing of it. */
struct delivered { const char *license; uint64_t index; int64_t n, size; struct hash sha256; };
err receipt_of_access(struct scope *s, const struct receipt *r, const struct delivered *d);
/* A policy file that whoever asks has given (--policy); in the scope. ERR_CONFIG: it can't be read. */
err policy_file_read(struct scope *s, const char *path, struct policy **out);
/* Whether the checkpoint of a receipt's tlog-proof meets it. ERR_CORRUPT says what is missing. */
err receipt_meets(struct scope *s, const struct policy *policy, const struct note_key *key, struct bytes proof);
/* Fetches both parts, as they are. */
err receipt_fetch(struct scope *s, struct market *m, uint64_t index, struct bytes *document, struct bytes *proof);
/* The log's verifier key, as the market names it. */
err log_key_fetch(struct scope *s, struct market *m, struct note_key *out, const char **vkey);
