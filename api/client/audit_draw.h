/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/audit/audit.h"

/*
 * Auditing a random draw of accesses with all that stands behind each, where reading it for all of them is too much.
 *
 * A nonce file is made first: 256 random bits, their SHA-256, which the auditor gives to the operator, and the log's
 * checkpoint then. The draw is by a later checkpoint that extends that one, and the file remembers which: the same file
 * draws the same again, and no other. The log is read twice: once to draw, by entries alone, and once with the
 * disclosures of what was drawn and the rows of the clearances that it rests on.
 */
struct nonce {
    uint8_t secret[HASH_SIZE];
    struct hash commitment;            /* SHA-256 of the secret */
    struct bytes committed, drawn;     /* notes: of the checkpoint then, and of the draw's; drawn empty: not yet */
};
#define UNLIKELY 20                    /* 1 in so many: bounds hold with 95 % confidence */

/* `note`: what the log served just now, verified by the caller. The file must not exist. */
err nonce_make(struct scope *s, const char *path, struct bytes note, struct nonce *out);
err nonce_read(struct scope *s, const char *path, struct nonce *out);
err nonce_drawn(struct scope *s, const char *path, struct nonce *n, struct bytes note);      /* remembers the draw's */

/* Documents for what was drawn only, as of one checkpoint. */
struct draw_source {
    struct audit_source source;
    const struct draw *draw;           /* NULL: the first reading, no documents at all */
    struct bytes note;                 /* served as the checkpoint; empty: what the log serves, kept here */
    struct scope *kept;
    uint64_t opened;                   /* of the drawn, how many disclosures were had */
    const char **rows;                 /* clearances that were not to be had with all that they rest on */
    size_t n_rows, cap_rows;
    const char *judged;                /* the one that was asked for last, whose consents are asked for now */
};
struct audit_source draw_source_of(struct draw_source *d);

struct draw_result {
    struct draw *draw;
    struct nonce nonce;
    uint64_t bad, unseen;              /* of the drawn: with a finding; without what it was to be checked with */
    bool elsewhere;                    /* the reading with documents found what is not of a drawn access */
    uint64_t bound;                    /* bad accesses of all, at most, unseen ones counted as bad */
};
/* `report`: of the reading with documents. */
void draw_judge(const struct draw_source *d, const struct audit_report *report, struct draw_result *out);
