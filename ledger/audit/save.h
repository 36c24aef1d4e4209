/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/audit/state.h"

/*
 * A state as text: save.c has its lines, save_rows.c the words of each table's rows. Private to ledger/audit.
 */
#define SAVE_FORM   4                  /* the newest */
#define SAVE_ABSENT (-1)

struct word { const char *p; size_t len; };

/* How many words are behind a row's key, in each form of the state (SAVE_ABSENT: no such rows). NULL: none, in all. */
struct save_form {
    const char *word;
    int words[SAVE_FORM];
    void (*put)(struct buf *b, const void *row);
    bool (*get)(const struct word *w, size_t n, void *row);
};
extern const struct save_form save_forms[TABLES];

/* Each with a space before it. */
void put_key(struct buf *b, struct key k);
void put_hash(struct buf *b, const struct hash *h);
/* False: the word is none. */
bool get_key(struct word w, struct key *out);
bool get_count(struct word w, uint64_t *out);
bool get_time(struct word w, int64_t *out);
bool get_bits(struct word w, uint64_t max, uint64_t *out);
