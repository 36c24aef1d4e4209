/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/signer/state.h"
#include "schema/base/limits.h"

/*
 * The signer's folder: log.key, issuer.key, state, and `log`, which names the
 * origin and the public keys and is written last, so that a folder without it
 * is an init that was not completed. Later keys of the issuer are
 * issuer-<index>.key, by the entry that brought them (issuers.h).
 *
 * Made once by vault_init(), which takes an absent or empty folder only;
 * vault_open() loads and never creates. Whoever has it open holds the lock
 * (flock on the folder), so there is one signer per folder.
 */
#define ISSUER_SUFFIX "/issuer"   /* the issuer's keys are named "<origin>/issuer" */

/* One of the issuer's keys: for documents of entries from index `since` on, up to the next one's. */
struct issuer { uint64_t since; struct note_key key; struct secret_key *secret; };

struct vault {
    int dir, state;               /* file descriptors; -1: not open */
    struct note_key log;
    struct secret_key *log_secret;
    struct issuer issuers[SIGNER_ISSUERS_MAX];      /* oldest first; the last one is in force */
    size_t n_issuers;
    struct hash id;               /* SHA-256 of the log's vkey: what binds a slot to it */
    struct signer_state last;     /* settled, and synced by this process */
    uint64_t syncs;
};

/* What an operator shows at start: files, NULL if not given. */
struct vault_shown { const char *checkpoint_path, *proof_path; };

err  vault_init(struct scope *s, const char *dir, const char *origin);
/* Locks, loads, settles the state and writes it again. ERR_CONFLICT: another process holds the lock. */
err  vault_open(struct scope *s, const char *dir, const struct vault_shown *shown, struct vault *out);
void vault_close(struct vault *v);

/* Without the lock: what `status` prints. Either slot may be bad. */
err  vault_look(struct scope *s, const char *dir, struct note_key *log, struct note_key *issuer, struct slots *slots);

/* The parts of vault_open(), for a takeover: folder, lock and keys, and the state as the slots have it. */
err  vault_keys_open(struct scope *s, const char *dir, struct vault *out);
err  vault_slots(struct scope *s, struct vault *v, struct slots *out);
/* A checkpoint's note of this log, shown as a file. Says whose it is if it is another's. */
err  vault_checkpoint_read(struct scope *s, const struct vault *v, const char *path, struct bytes *note,
                           struct checkpoint *out);
err  vault_proof_read(struct scope *s, const char *path, struct proof *out);       /* NULL: an empty one */

/* The last checkpoint as a note. Ed25519 is deterministic: the same bytes each time. */
char *vault_note(struct scope *s, const struct vault *v);
/* Store size and root (state_store()), that nothing further is signed, that another signer signs (state_mark()). */
err  vault_advance(struct scope *s, struct vault *v, uint64_t size, const struct hash *root);
err  vault_freeze(struct scope *s, struct vault *v);
err  vault_stand_by(struct scope *s, struct vault *v, bool retired, uint64_t id);

/* What tells one standby from all others: 56 random bits, not 0. */
uint64_t standby_id_new(void);
