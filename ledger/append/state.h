/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "ledger/append/append.h"
#include "ledger/append/ask.h"
#include "ledger/tree/frontier.h"
#include "schema/store/log.h"

/*
 * What the files of this room share: the process's state, the batch, and how
 * requests are settled. Nobody else includes it.
 *
 * Three threads: the committer (commit.c), the checkpoint loop (loop.c), and the
 * keeper of deadlines (settle.c), which answers a request at its deadline even
 * while the other two wait for a database that says nothing.
 *
 * A request belongs to exactly one place: the queue, the current batch, the
 * batches that wait for their signature, or nobody (it was answered). It moves
 * under `lock`. Who takes it out, under the lock, is the one who calls done(),
 * without the lock.
 */

/* A request whose outcome is settled: done() is still to be called. */
struct ready { struct append_op *op; struct append_access *access; struct append_wait *wait; err e; };
struct ready_list { struct ready *item; size_t n, cap; };

/* An operation in a batch. */
struct op_slot {
    struct append_op *op;         /* NULL: answered */
    enum { OP_TAKEN, OP_DECIDING, OP_DECIDED, OP_REFUSED, OP_AGAIN } state;
    err verdict;                  /* OP_REFUSED */
    uint64_t need;                /* signed size that its answer waits for; 0: none */
};

/* An access in a batch. Its question is copied, so that it can be answered at its deadline at any time. */
struct access_slot {
    struct append_access *access; /* NULL: answered */
    const char *key_id, *license_id, *path;
    struct hash key_digest;
    bool claimed;                 /* its entry is in the batch, or will be: no longer certainly "not done" */
    err verdict;
    const char *reason;           /* code of a refusal by the rules; else NULL */
    const char *detail;           /* static or in the batch's scope */
    enum access_outcome_kind outcome;
    uint64_t index, need;
    struct hash sha256;
    int64_t size, license_no;
    int32_t item;
    const char *media_type;       /* in the batch's scope */
    const char *clearance;        /* NULL under rules version 1 */
};

#define FROZEN_SENTENCE "the log is frozen: its last entry names the one that goes on"

struct new_entry { enum entry_type type; struct bytes bytes, disclosures; struct hash leaf; };
struct new_document { uint64_t index; struct hash hash; struct bytes bytes; };

struct append_batch {
    struct scope scope;
    struct append *a;
    struct op_slot ops[BATCH_OPERATIONS_MAX];
    size_t n_ops;
    struct access_slot *accesses;
    size_t n_accesses;
    bool writes;                  /* some operation succeeded, with entries or without */
    bool written;                 /* only the predecessor's checkpoint and COMMIT were missing */
    bool committing;              /* COMMIT was sent */
    int64_t at_ms;
    unsigned rules;               /* version of its next entry */
    bool frozen;                  /* the log has its last entry */
    uint64_t first;               /* size of the tree before it */
    struct new_entry *entries;
    size_t n_entries, cap_entries;
    uint8_t (*salts)[SALT_SIZE];  /* drawn, and from `salts_given` on not given to any entry */
    size_t salts_given;
    struct new_document *documents;
    size_t n_documents, cap_documents;
    struct hash root;             /* of the tree after it: of first + n_entries leaves */
    bool root_seen;               /* the stored head of that size was seen to have this root */
    struct append_batch *next;    /* in `unsigned_batches` */
};

/*
 * The first hashes of a tile and, behind them, the roots of the complete subtrees over 2, 4, … 256 of them:
 * those over 2^height begin at 2 TILE_WIDTH - (2 TILE_WIDTH >> height).
 */
struct kept_tile { unsigned level; uint64_t n; size_t width; struct hash hash[2 * TILE_WIDTH]; };

struct append {
    /* fixed by append_open() */
    const char *dsn, *application, *signer_socket;
    struct scope scope;           /* of these texts */
    struct note_key log_key;
    atomic_bool signs;            /* our signer answered: heads of ours are signed by our own loop */
    atomic_bool doubtful;         /* a checkpoint was sent and not confirmed: its row may be seen, yet not durable */
    int wake_fd;                  /* eventfd: something for the checkpoint loop to do */
    _Atomic int64_t others_until_ms;  /* checkpoints that others may store are awaited until then: the loop listens */

    pthread_mutex_t lock;         /* all that follows, but what one thread owns */
    pthread_cond_t work;          /* for the committer: requests, stop */
    pthread_cond_t progress;      /* the signed size grew, the ledger halted, a batch ended, stop */
    struct append_op *ops, **ops_end;
    struct append_access *accesses, **accesses_end;
    size_t n_queued;
    struct append_batch *current;                    /* the committer's */
    bool taken;                   /* a batch left the queue and is not `current` yet: its askers are in neither */
    struct append_batch *unsigned_batches; /* committed, oldest first; and rolled back ones whose replays wait */
    struct append_wait *waits;
    _Atomic uint64_t signed_size;                    /* written under the lock, never smaller than before */
    char *signed_note;            /* malloc */
    uint64_t committed_size;      /* the largest head whose COMMIT was acknowledged to this process */
    uint64_t behind_size;         /* behind until this is signed */
    struct append_state state;
    bool stopping;                /* takes no more */
    atomic_bool cut;              /* gives up waiting */
    pthread_cond_t keep;          /* for the keeper, when it has nothing to keep */
    bool keeper_idle, keeper_stop, loop_stop;

    /* the committer's own */
    struct db *db;
    struct frontier frontier;     /* of the newest head that it knows */
    struct hash frontier_root;

    /* for proofs */
    pthread_mutex_t tiles_lock;
    struct kept_tile *tiles[PROOF_TILES_KEPT + 1];   /* malloc; the last: of leaves, where a tree ends */

    pthread_t committer, loop, keeper;
};

/* settle.c */
void ready_add(struct ready_list *list, struct ready r);
void ready_call(struct ready_list *list);            /* calls done(), without the lock; empties the list */
void settle_now(struct append *a, struct ready r, const char *detail);   /* one that was never taken */
void settle_signed(struct append *a, struct ready_list *list);    /* lock held: those whose size is signed now */
void settle_batch(struct append_batch *b, err e, const char *detail);  /* everybody left in the current batch */
void batch_return(struct append_batch *b);
void settle_queue(struct append *a, struct ready_list *list);     /* lock held: whoever waits for a batch, "not done" */
void settle_all(struct append *a, struct ready_list *list);       /* lock held: queue and waiters, after halt or cut */
void *keeper_main(void *arg);
void batch_free(struct append_batch *b);

/* halt.c: the ledger stops; said once */
void halt(struct append *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool halted(struct append *a);

/* seen.c: checkpoints that this process has seen */
/*
 * What the committer finds is not adopted while the loop doubts whether it is durable: the loop makes a write of its
 * own first.
 */
err checkpoint_found(struct scope *s, struct append *a, const struct log_view *view);
/* Verifies and adopts a stored checkpoint, releases who waited for it. Halts if a batch of ours is not in its tree. */
err checkpoint_adopt(struct scope *s, struct append *a, struct db *db, uint64_t size, const char *note,
                     const struct hash *root);
/*
 * What every look at the newest rows must fulfill, or the ledger halts: no tree smaller than what was known
 * before it was asked for, which is what view_floor() takes down.
 */
struct view_floor { uint64_t committed, seen; };
struct view_floor view_floor(struct append *a);
err view_check(struct scope *s, struct append *a, struct view_floor floor, const struct log_view *view);

/* batch.c */
struct append_batch *batch_take(struct append *a);               /* lock held; NULL if nothing waits */
void batch_link(struct append_batch *b);                         /* copies the questions, makes it the current batch */
err  batch_add_entry(struct scope *s, struct append_batch *b, enum entry_type type, const struct named_value *values,
                     size_t n_values, uint64_t *index);
err  batch_write(struct append_batch *b, struct frontier *f);    /* entries, subtrees, head; compares the leaf hashes */

/* operations.c, accesses.c: deciding */
err operations_decide(struct append_batch *b);
err accesses_ask(struct append_batch *b, struct pipe_result *result); /* puts the facts' statement into the pipeline */
err accesses_decide(struct append_batch *b, const struct pipe_result *result);
err accesses_write(struct append_batch *b, struct pipe_result *results, size_t *n);

/* commit.c */
void *committer_main(void *arg);
/* extends f by stored leaves */
err   frontier_follow(struct scope *s, struct db *db, struct frontier *f, uint64_t size);

/* loop.c */
void *loop_main(void *arg);
void  loop_wake(struct append *a);
void  loop_expect(struct append *a);      /* a checkpoint is awaited that another may store: hear of it at once */
