/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/signer/state.h"

/*
 * The signer's folder: log.key, issuer.key, state, and `log`, which names the
 * origin and the public keys and is written last, so that a folder without it
 * is an init that was not completed.
 *
 * Made once by vault_init(), which takes an absent or empty folder only;
 * vault_open() loads and never creates. Whoever has it open holds the lock
 * (flock on the folder), so there is one signer per folder.
 */
struct vault {
    int dir, state;               /* file descriptors; -1: not open */
    struct note_key log, issuer;  /* the issuer's key is named "<origin>/issuer" */
    struct secret_key *log_secret, *issuer_secret;
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

/* The last checkpoint as a note. Ed25519 is deterministic: the same bytes each time. */
char *vault_note(struct scope *s, const struct vault *v);
/* Stores size and root: see state_store(). */
err  vault_advance(struct scope *s, struct vault *v, uint64_t size, const struct hash *root);
