/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/append/state.h"

/*
 * The checkpoint loop's own state, and how a head gets its signature (sign.c).
 * The loop trusts nothing that it did not read back: its frontier is made of
 * stored leaf hashes, and a checkpoint is stored only if they give its root.
 */
#define LOOP_LEAVES 4096             /* Leaves that ride along with a look at the newest rows. */

struct loop {
    struct append *a;
    struct db *db;                   /* its own connection */
    struct signer signer;
    bool eligible;                   /* there is a signer's socket */
    bool compared;                   /* the signer's last checkpoint was compared with the rows */
    bool listening;                  /* to checkpoints that others store */
    bool elected;                    /* this session holds the election's lock */
    bool trouble;                    /* said in the log once, until the next success */
    int64_t ask_again;               /* a signer that did not answer is asked from then on */
    bool more;                       /* look again at once */
    struct frontier frontier;        /* of a signed tree, from rows */
    uint64_t announced;              /* last head told to those who sign */
    uint64_t unsigned_size;          /* the newest unsigned head, */
    int64_t unsigned_since;          /* first seen then */
};

/* One look at the newest rows; leaves from the loop's frontier on. */
struct look { struct log_view view; const struct leaf_row *leaves; size_t n_leaves; };

err signer_compare(struct scope *s, struct loop *l);
err loop_follow(struct scope *s, struct loop *l, const struct look *seen);
err sign_head(struct scope *s, struct loop *l, const struct look *seen, bool acknowledged);
err announce(struct scope *s, struct loop *l, const struct log_view *view);
err sync_marked(struct scope *s, struct loop *l, const char *why);
