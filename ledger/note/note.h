/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ledger/keys/sign.h"
#include "ledger/tree/proof.h"

/*
 * Signed notes (C2SP signed-note), checkpoints (tlog-checkpoint) and tlog-proofs (tlog-proof v1).
 *
 * Pure. Reading is total and strict; unknown signatures are ignored, a known
 * one that fails rejects the note. Checkpoints have exactly three lines.
 */
#define NOTE_NAME_MAX 128
#define NOTE_TYPE_ED25519 0x01

struct note_key {                     /* a verifier key, "vkey": name+hash+key */
    char name[NOTE_NAME_MAX + 1];
    uint32_t id;                      /* SHA-256(name || 0x0A || type || key), first four bytes, big-endian */
    struct public_key key;            /* Ed25519, type 0x01 */
};

bool  note_name_valid(const char *name);          /* UTF-8, non-empty, no space, no '+', no control */
bool  note_key_make(const char *name, const struct public_key *key, struct note_key *out);
bool  note_key_parse(const char *vkey, struct note_key *out);           /* only type 0x01 */
char *note_key_text(struct scope *s, const struct note_key *k);

/* text ends in "\n". Gives the whole note: text, blank line, one signature line. */
char *note_sign(struct scope *s, const char *text, const struct note_key *k, const struct secret_key *secret);
/*
 * Verifies `note` (len bytes) against one key and gives its text, with the
 * final "\n", borrowed from the note. ERR_INVALID says what is wrong.
 */
err   note_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct bytes *text);

struct checkpoint { char origin[NOTE_NAME_MAX + 1]; uint64_t size; struct hash root; };

char *checkpoint_text(struct scope *s, const struct checkpoint *c);
/* Three lines, strict; size 0 has empty_root(), no size is above TREE_SIZE_MAX, an origin is a valid name. */
bool  checkpoint_parse(const char *text, size_t len, struct checkpoint *out);
/* note_open, then checkpoint_parse, then origin == key name. */
err   checkpoint_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct checkpoint *out);

/* "c2sp.org/tlog-proof@v1": index, path, the checkpoint's note verbatim. */
char *tlog_proof_text(struct scope *s, uint64_t index, const struct proof *p, const char *checkpoint_note);
struct tlog_proof { uint64_t index; struct proof proof; struct bytes note; };      /* note borrows from the text */
bool  tlog_proof_parse(const char *text, size_t len, struct tlog_proof *out);      /* an `extra` line is skipped */
