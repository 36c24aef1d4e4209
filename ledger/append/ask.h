/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * Questions to the signer over its Unix socket: the caller's side of the
 * protocol of ledger/signer (docs/signer.md has its bytes).
 *
 * One question a connection is allowed but not needed: a `struct signer` keeps
 * its connection and reopens it after a failure. A kept connection that turns
 * out to be closed is reopened and the question repeated once: every question
 * may be asked twice. Every question has a deadline (SIGNER_TIMEOUT_MS or what
 * is left of the scope, whichever is less). Not thread-safe.
 *
 * Errors: ERR_UNREACHABLE (no answer in time; whether a signature was made is
 * unknown, ask again), ERR_CORRUPT (the answer is none of the protocol's),
 * ERR_CONFIG (the socket's path is too long).
 */
struct signer { char path[108]; int fd; };             /* fd -1: not connected */

enum signer_verdict {
    SIGNER_SIGNED,        /* note is the signature asked for (or asked for before: same size, same root) */
    SIGNER_LATE,          /* new size below its last: note is its last checkpoint */
    SIGNER_OTHER_SIZE,    /* old size is not its last: note is its last checkpoint, build the proof from there */
    SIGNER_ALARM,         /* other root at its size, or a proof that fails: note is its last checkpoint, halt */
    SIGNER_FROZEN
};
struct signer_answer { enum signer_verdict verdict; char *note; };   /* note: in the scope, unverified */

void signer_init(struct signer *g, const char *socket_path);
void signer_close(struct signer *g);
err  signer_last(struct scope *s, struct signer *g, char **note);      /* note of size 0 on a new log */
err  signer_sign(struct scope *s, struct signer *g, uint64_t old_size, uint64_t new_size, const struct hash *new_root,
                 const struct proof *consistency, struct signer_answer *out);
/*
 * Has the issuer's key sign a document that a signed tree holds the entry of (docs/signer.md, `document`). *out:
 * canonical JSON with its proof; a repeat gives the same bytes. ERR_INVALID with the signer's reason when it refuses.
 */
err  signer_document(struct scope *s, struct signer *g, struct bytes document, struct bytes entry,
                     const char *tlog_proof, struct bytes *out);
/*
 * Shows it the newest checkpoint that is stored. ERR_UNREACHABLE: it is behind, so that another signer has signed, or
 * it is a standby already; ERR_HALTED: it has signed another root at that size.
 */
err  signer_newest(struct scope *s, struct signer *g, const char *note);
/* Shows it an entry that orders an act, with its tlog-proof: log.frozen, issuer.key_changed. ERR_INVALID as above. */
err  signer_freeze(struct scope *s, struct signer *g, struct bytes entry, const char *tlog_proof);
err  signer_issuer(struct scope *s, struct signer *g, struct bytes entry, const char *tlog_proof);
/* The issuer's next key, if one lies ready; else NULL. */
err  signer_next_issuer(struct scope *s, struct signer *g, char **vkey);
err  signer_keys(struct scope *s, struct signer *g, char **log_vkey, char **issuer_vkey);
err  signer_status(struct scope *s, struct signer *g, char **lines);  /* `name number` lines: since its start */
