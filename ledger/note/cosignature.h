/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * Cosignatures of witnesses: C2SP tlog-cosignature, "cosignature/v1" by Ed25519.
 *
 * A witness signs a header line, a line with the time, and the text of the
 * checkpoint; its signature line carries the time before the signature's 64
 * bytes. It says: at that time this was the largest tree of its origin that I
 * had seen, and it extends all that I had cosigned before.
 *
 * Pure. Keys have a type and a struct of their own, so that a witness's key
 * can never stand where a log's is meant: the same 32 bytes have another id.
 */
#define NOTE_TYPE_COSIGNATURE 0x04
#define COSIGNATURE_TIME_MAX INT64_MAX      /* the format's: what is stored or relied on must be fresh as well */

struct cosigner { struct note_key key; };         /* a verifier key of type 0x04 */

bool  cosigner_make(const char *name, const struct public_key *key, struct cosigner *out);
bool  cosigner_parse(const char *vkey, struct cosigner *out);
char *cosigner_text(struct scope *s, const struct cosigner *c);

/* The signature line, with its newline. `text` is a checkpoint's (checkpoint_text), `at` in seconds since 1970. */
char *cosignature_make(struct scope *s, const char *text, const struct cosigner *c, const struct secret_key *secret,
                       int64_t at);
/* Whether this signature, which says to be of `c`, is its cosignature of `text`, and of when. */
bool  cosignature_verify(const struct note_signature *sig, const struct bytes *text, const struct cosigner *c,
                         int64_t *at);
/* Whether it is of now, give or take COSIGNATURE_FRESH_S; both in seconds since 1970, neither negative. */
bool  cosignature_fresh(int64_t at, int64_t now);
/*
 * The newest cosignature of `c` among signature lines as a witness answers them; `line` borrows from `lines`, with its
 * newline. Others' lines are passed over. ERR_INVALID: malformed, one of `c` that does not verify, or none.
 */
err   cosignature_find(struct scope *s, struct bytes lines, const struct bytes *text, const struct cosigner *c,
                       int64_t *at, struct bytes *line);
