/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * The words on the signer's socket, both directions, for both sides: the
 * signer reads questions and prints answers, who asks it prints questions and
 * reads answers (docs/signer.md has the bytes). Pure.
 *
 * A frame is a 32-bit big-endian length and a body of 1 to SIGNER_FRAME_MAX
 * bytes of text. A question names its verb on the first line, an answer its
 * word; every line ends in "\n". Parsing is strict and total: one text for
 * one message.
 */
#define FRAME_HEADER 4

struct sign_request {
    uint64_t old_size, new_size;
    struct hash new_root;
    struct proof proof;           /* consistency of old_size to new_size */
};

/* Texts of one line each (canonical JSON has no line breaks), and a tlog-proof to the end; borrowed from the body. */
struct document_request { struct bytes document, entry, proof; };

enum question_verb {
    ASK_LAST, ASK_KEYS, ASK_STATUS, ASK_SIGN, ASK_DOCUMENT, ASK_NEWEST, ASK_FREEZE, ASK_ISSUER, ASK_VERBS
};
struct question {
    enum question_verb verb;
    struct sign_request sign;     /* of ASK_SIGN only */
    struct document_request document;     /* of ASK_DOCUMENT; of ASK_FREEZE and ASK_ISSUER without a document */
    struct bytes newest;          /* of ASK_NEWEST only: a checkpoint's note, borrowed from the body */
};

bool  question_parse(const char *body, size_t len, struct question *out);
char *question_text(struct scope *s, const struct question *q);

enum answer_word {
    SAID_LAST, SAID_SIGNED, SAID_LATE, SAID_OTHER_SIZE, SAID_ALARM, SAID_FROZEN,    /* rest: a checkpoint's note */
    SAID_STANDBY,                 /* rest: the same; nothing is signed here until a takeover */
    SAID_KEYS,                    /* rest: lines, the vkeys of log and issuer, and that of the issuer's next key */
    SAID_STATUS,                  /* rest: lines of `name number` */
    SAID_DOCUMENT,                /* rest: the document with its proof, canonical JSON, and a newline */
    SAID_REFUSED,                 /* rest: why no document is signed or no act done: code, ": ", sentence, newline */
    SAID_MALFORMED,               /* rest: a sentence; the connection is closed after it */
    SAID_WORDS
};
struct answer { enum answer_word word; const char *rest; };    /* rest: NUL-terminated */

/* Without NUL bytes and valid UTF-8; `rest` is copied into the scope. */
bool  answer_parse(struct scope *s, const char *body, size_t len, struct answer *out);
char *answer_text(struct scope *s, enum answer_word word, const char *rest);

/* Lines of base64 hashes up to the end: the proof of a question, and a proof file. */
bool  proof_lines_parse(const char *text, size_t len, struct proof *out);
