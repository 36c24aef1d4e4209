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

/* The id of a key of any type, as it stands before a signature's bytes. */
uint32_t note_key_id(const char *name, uint8_t type, const struct public_key *key);
/* The same for keys of another type (cosignature.h): one reader for all vkeys of 32 bytes. */
bool  note_key_parse_type(const char *vkey, uint8_t type, struct note_key *out);
char *note_key_text_type(struct scope *s, const struct note_key *k, uint8_t type);

/* text ends in "\n". Gives the whole note: text, blank line, one signature line. */
char *note_sign(struct scope *s, const char *text, const struct note_key *k, const struct secret_key *secret);
/*
 * Verifies `note` (len bytes) against one key and gives its text, with the
 * final "\n", borrowed from the note. ERR_INVALID says what is wrong.
 */
err   note_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct bytes *text);

/*
 * Splits a note at its last blank line: text with the final "\n", and the signature lines, both borrowed. ERR_INVALID:
 * too long, not UTF-8, a control character, no blank line. The lines are not looked at yet.
 */
err   note_split(struct scope *s, const char *note, size_t len, struct bytes *text, struct bytes *lines);

/* One signature line: whose it says to be, and the bytes behind the key id. */
struct note_signature {
    const char *name;                 /* borrowed, name_len bytes */
    size_t name_len;
    uint32_t id;
    uint8_t bytes[NOTE_BYTES_MAX / 4 * 3];
    size_t len;
};
/* One line of text, without its newline. */
bool  note_signature_parse(const char *line, size_t len, struct note_signature *out);
bool  note_signature_by(const struct note_signature *sig, const struct note_key *k);
/*
 * Takes the next of the lines. ERR_NOT_FOUND: there is none left. ERR_INVALID: malformed, or more than
 * NOTE_SIGNATURES_MAX by the count in `seen`, which begins at 0.
 */
err   note_signature_next(struct scope *s, struct bytes *lines, int *seen, struct note_signature *out);
char *note_signature_line(struct scope *s, const struct note_key *k, const void *bytes, size_t len);

struct checkpoint { char origin[NOTE_NAME_MAX + 1]; uint64_t size; struct hash root; };

char *checkpoint_text(struct scope *s, const struct checkpoint *c);
/* Three lines, strict; size 0 has empty_root(), no size is above TREE_SIZE_MAX, an origin is a valid name. */
bool  checkpoint_parse(const char *text, size_t len, struct checkpoint *out);
/* The same, but an empty tree may claim any root: for who must tell that apart from what can't be read. */
bool  checkpoint_read(const char *text, size_t len, struct checkpoint *out);
/* note_open, then checkpoint_parse, then origin == key name. */
err   checkpoint_open(struct scope *s, const char *note, size_t len, const struct note_key *k, struct checkpoint *out);

/* "c2sp.org/tlog-proof@v1": index, path, the checkpoint's note verbatim. */
char *tlog_proof_text(struct scope *s, uint64_t index, const struct proof *p, const char *checkpoint_note);
struct tlog_proof { uint64_t index; struct proof proof; struct bytes note; };      /* note borrows from the text */
bool  tlog_proof_parse(const char *text, size_t len, struct tlog_proof *out);      /* an `extra` line is skipped */
