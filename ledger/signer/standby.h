/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/signer/vault.h"

/*
 * Moving a log from one signer to another (docs/signer.md, "A standby").
 *
 * A standby's folder holds the keys and a state that is marked: nothing is
 * signed with it. A takeover takes the mark away, if it is shown what the log
 * has come to: by the word of the old signer, which becomes a standby itself
 * by giving it, or by a checkpoint that a policy's quorum of witnesses cosigned
 * just now. Each standby has an id of its own, and the old signer's word is for
 * one of them: nobody else can use it, and nobody twice.
 */
#define STANDBY_ID_SIZE 15            /* 14 hex digits and NUL */

const char *standby_id_text(struct scope *s, uint64_t id);
/* A copy of a folder, whose signer may be running, marked as a standby's. `to` must be absent or empty. */
err standby_copy(struct scope *s, const char *dir, const char *to, uint64_t *id);
/*
 * Marks a folder, whose signer has stopped, and gives the log's word to the standby of that id: a note. A repeat gives
 * it again. ERR_CONFLICT: it has given its word to another one, or is a standby itself.
 */
err standby_retire(struct scope *s, const char *dir, const char *id, char **note);

/*
 * Files: `retired`; or `checkpoint` with `policy`, `proof` from the folder's own size to the checkpoint's, and receipts
 * (ledger/entry/receipt.h) of two entries below it: `last`, the checkpoint's last one, by which it is known whether the
 * log is frozen, and `issuer`, the one that brought the issuer's key in force, which the folder must have or have
 * ready. `issuer_lost`: that key is nowhere any more, and the log goes on without it. `fenced`: who shows them has made
 * sure that no other signer signs, so that the cosignatures need not be fresh, nor be any.
 */
struct takeover_shown {
    const char *checkpoint, *policy, *retired, *proof, *last, *issuer;
    bool issuer_lost, fenced;
};
/*
 * Errors say what was wrong with what was shown: of another log or key, older than the folder's own state, of another
 * root, without proof, below the policy, too long ago, for another standby, or of an issuer's key that the folder
 * lacks. ERR_CONFLICT: the folder is no standby's.
 */
err standby_takeover(struct scope *s, const char *dir, const struct takeover_shown *shown, struct signer_state *out);
