/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/signer/vault.h"

/*
 * Moving a log from one signer to another (docs/signer.md, "A standby").
 *
 * A standby's folder holds the keys and a state that is marked: nothing is
 * signed with it. A takeover takes the mark away, if it is shown what the log
 * has come to: by the word of the old signer, which becomes a standby itself
 * by giving it, or by a checkpoint that a policy's quorum of witnesses cosigned.
 */

/* A copy of a folder, whose signer may be running, marked as a standby's. `to` must be absent or empty. */
err standby_copy(struct scope *s, const char *dir, const char *to);
/* Marks a folder, whose signer has stopped, and gives the log's word that it did: a note. A repeat gives it again. */
err standby_retire(struct scope *s, const char *dir, char **note);

/*
 * Files: `retired`; or `checkpoint` with `policy`, `proof` from the folder's own size to the checkpoint's, and receipts
 * (ledger/entry/receipt.h) of two entries below it: `last`, the checkpoint's last one, by which it is known whether the
 * log is frozen, and `issuer`, the one that brought the issuer's key in force, which the folder must have or have ready.
 * `issuer_lost`: that key is nowhere any more, and the log goes on without it.
 */
struct takeover_shown { const char *checkpoint, *policy, *retired, *proof, *last, *issuer; bool issuer_lost; };
/*
 * Errors say what was wrong with what was shown: of another log or key, older than the folder's own state, of another
 * root, without proof, below the policy, or of an issuer's key that the folder lacks.
 */
err standby_takeover(struct scope *s, const char *dir, const struct takeover_shown *shown, struct signer_state *out);
