/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/id.h"

/*
 * A random draw of accesses that neither side chose: the auditor commits to a nonce before there is the checkpoint, the
 * log can't know it when it signs, and seed = SHA-256(root || nonce).
 *
 * Drawn are the n accesses with the smallest SHA-256(seed || index in 8 bytes): whoever has log and nonce draws the
 * same. Memory is n rows; the log is read once.
 */
#define DRAW_MAX 1000000

struct drawn {
    struct hash score;
    uint64_t index;                    /* of the entry */
    struct id clearance;               /* that it rests on; empty: none */
};

struct draw {
    size_t n;                          /* wanted */
    uint8_t nonce[HASH_SIZE];
    struct hash seed;
    uint64_t population;               /* accesses that there are */
    struct drawn *rows;                /* a heap while it is read; draw_end() sorts by index */
    size_t got, cap;
};

void draw_begin(struct draw *d, const struct hash *root);         /* forgets what was drawn before */
void draw_offer(struct draw *d, uint64_t index, const char *clearance);          /* NULL: rests on none */
void draw_end(struct draw *d);
const struct drawn *draw_find(const struct draw *d, uint64_t index);             /* after draw_end(); NULL: not drawn */
void draw_free(struct draw *d);

/*
 * How many of `population` may be bad, if `bad` of n that were drawn without replacement are: the most for which so
 * few in the draw are not less likely than 1 in `unlikely` (20: 95 % confidence). By the hypergeometric distribution
 * itself, in long doubles, whose relative error here is below n * 2^-62: no limit theorem, no replacement assumed.
 */
uint64_t draw_bound(uint64_t population, uint64_t n, uint64_t bad, unsigned unlikely);
