/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/sign.h"

#include <string.h>

#include "schema/base/log.h"

#define SIGN_TRIES 3                /* Answers with another size that one head may get: others sign at the same time. */

err sync_marked(struct scope *s, struct loop *l, const char *why)
{
    struct append *a = l->a;

    TRY(log_sync_mark(s, l->db, why));
    pthread_mutex_lock(&a->lock);
    a->state.syncs_asked++;
    pthread_mutex_unlock(&a->lock);
    return ERR_OK;
}

err announce(struct scope *s, struct loop *l, const struct log_view *view)
{
    if ((uint64_t)view->size == l->announced)
        return ERR_OK;
    l->announced = (uint64_t)view->size;
    return log_head_announce(s, l->db, l->announced);
}

static err halt_here(struct scope *s, struct loop *l, const char *why, uint64_t size)
{
    halt(l->a, "%s, size %llu", why, (unsigned long long)size);
    return fail(s, ERR_HALTED, "%s", why);
}

/* Stores a checkpoint that verified, and whose root the rows gave at its size. */
static err store(struct scope *s, struct loop *l, uint64_t size, const char *note, const struct hash *root)
{
    struct append *a = l->a;

    atomic_store(&a->doubtful, true);
    TRY(log_checkpoint_add(s, l->db, size, note));
    atomic_store(&a->doubtful, false);
    pthread_mutex_lock(&a->lock);
    a->state.checkpoints++;
    pthread_mutex_unlock(&a->lock);
    return checkpoint_adopt(s, a, l->db, size, note, root);
}

/* A tree of rows read back, up to `size`: our frontier if it is there already, else followed or rebuilt. */
static err frontier_of(struct scope *s, struct loop *l, uint64_t size, struct frontier *out)
{
    *out = l->frontier;
    if (out->size > size)
        *out = FRONTIER_EMPTY;
    return frontier_follow(s, l->db, out, size);
}

/*
 * A checkpoint is stored beyond what the signer said. Either others had it sign meanwhile, or another signer did: shown
 * that, it becomes a standby, and this process is like one without a signer.
 */
static err show_newest(struct scope *s, struct loop *l, const struct log_view *view)
{
    err e = signer_newest(s, &l->signer, view->note);

    if (e == ERR_HALTED)
        return halt_here(s, l, "the signer has signed another tree than the one stored", (uint64_t)view->signed_size);
    return e;
}

/*
 * A checkpoint that the signer says is its last: it must be the log's, of a tree that the rows give. The rows are read
 * after the signer was asked: what it signed was committed before, so a head that is smaller now was lost.
 */
static err belongs(struct scope *s, struct loop *l, const char *note, struct checkpoint *cp)
{
    struct append *a = l->a;
    struct view_floor floor = view_floor(a);
    struct frontier f;
    struct log_view view;
    struct head_row *head;
    struct hash root;
    size_t n;
    err e;

    TRY(checkpoint_open(s, note, strlen(note), &a->log_key, cp));
    pthread_mutex_lock(&a->lock);
    a->state.signer_size = cp->size;
    pthread_mutex_unlock(&a->lock);
    TRY(log_view(s, l->db, &view));
    TRY(view_check(s, a, floor, &view));
    if (cp->size > (uint64_t)view.size)
        return halt_here(s, l, "the signer has signed a tree larger than the newest head", cp->size);
    e = frontier_of(s, l, cp->size, &f);
    if (e == ERR_CORRUPT)
        return halt_here(s, l, "entries below the signer's checkpoint are missing", cp->size);
    TRY(e);
    root = frontier_root(&f);
    TRY(log_heads(s, l->db, (int64_t[]){ (int64_t)cp->size }, 1, &head, &n));
    if (!hash_equal(&root, &cp->root) || n != 1 || !hash_equal(&head[0].root, &cp->root))
        return halt_here(s, l, "the signer has signed another tree", cp->size);
    if (cp->size > (uint64_t)view.signed_size)
        TRY(sync_marked(s, l, "the signer's checkpoint was not stored"));
    if (cp->size > (uint64_t)view.signed_size)
        TRY(store(s, l, cp->size, note, &root));
    else if (cp->size < (uint64_t)view.signed_size)
        TRY(show_newest(s, l, &view));
    if (f.size >= l->frontier.size)
        l->frontier = f;
    return ERR_OK;
}

err signer_compare(struct scope *s, struct loop *l)
{
    struct checkpoint cp;
    char *note;

    TRY(signer_last(s, &l->signer, &note));
    TRY(belongs(s, l, note, &cp));
    l->compared = true;
    return ERR_OK;
}

/* Leaves of `seen` onto f, up to `size`. */
static err add_leaves(struct scope *s, struct loop *l, const struct look *seen, struct frontier *f, uint64_t size)
{
    err e;

    for (size_t i = 0; i < seen->n_leaves && f->size < size; i++) {
        if ((uint64_t)seen->leaves[i].index < f->size)
            continue;
        if ((uint64_t)seen->leaves[i].index != f->size)
            return halt_here(s, l, "an entry is missing", f->size);
        frontier_append(f, seen->leaves[i].leaf);
    }
    e = frontier_follow(s, l->db, f, size);         /* more than rode along */
    return e == ERR_CORRUPT ? halt_here(s, l, "an entry is missing", f->size) : e;
}

/* Our frontier at the newest checkpoint, whoever signed it. */
err loop_follow(struct scope *s, struct loop *l, const struct look *seen)
{
    struct frontier f = l->frontier;
    struct hash root;
    uint64_t size = (uint64_t)seen->view.signed_size;

    if (f.size >= size)
        return ERR_OK;
    TRY(add_leaves(s, l, seen, &f, size));
    root = frontier_root(&f);
    if (!hash_equal(&root, &seen->view.signed_root))
        return halt_here(s, l, "the entries do not give the root that was signed", size);
    l->frontier = f;
    return ERR_OK;
}

/* From the signer's own last size: no shortcut by memory, the proof is made of stored hashes. */
static err proof_from(struct scope *s, struct loop *l, uint64_t old, uint64_t size, struct proof *out)
{
    struct hash_source source = append_hash_source(l->db);

    *out = (struct proof){ 0 };
    return old == 0 ? ERR_OK : proof_consistency(s, &source, old, size, out);
}

struct ask { uint64_t old; struct proof proof; struct frontier after; struct hash root; };

/* The consistency proof from our frontier, the newest signed tree, to the head, made of the new leaves alone. */
static err prepare(struct scope *s, struct loop *l, const struct look *seen, struct ask *ask)
{
    uint64_t size = (uint64_t)seen->view.size;
    size_t n = (size_t)(size - l->frontier.size), skip = 0;
    struct hash *leaves;

    ask->old = l->frontier.size;
    ask->after = l->frontier;
    TRY(add_leaves(s, l, seen, &ask->after, size));
    ask->root = frontier_root(&ask->after);
    if (!hash_equal(&ask->root, &seen->view.root))
        return halt_here(s, l, "the entries do not give the root of the newest head", size);
    ask->proof = (struct proof){ 0 };
    if (ask->old == 0)
        return ERR_OK;
    while (skip < seen->n_leaves && (uint64_t)seen->leaves[skip].index < ask->old)
        skip++;
    if (seen->n_leaves - skip < n)
        return proof_from(s, l, ask->old, size, &ask->proof);
    leaves = NEWS(s, struct hash, n);
    for (size_t i = 0; i < n; i++)
        leaves[i] = seen->leaves[skip + i].leaf;
    proof_extension(&l->frontier, leaves, n, &ask->proof);
    return ERR_OK;
}

/* The note that we asked for: exactly our size and root, by the log's key. */
static err accept(struct scope *s, struct loop *l, const struct ask *ask, const char *note)
{
    struct append *a = l->a;
    struct checkpoint cp;

    TRY(checkpoint_open(s, note, strlen(note), &a->log_key, &cp));
    if (cp.size != ask->after.size || !hash_equal(&cp.root, &ask->root))
        return halt_here(s, l, "the signer signed another tree than the one asked for", cp.size);
    pthread_mutex_lock(&a->lock);
    a->state.signer_size = cp.size;
    pthread_mutex_unlock(&a->lock);
    TRY(store(s, l, cp.size, note, &cp.root));
    l->frontier = ask->after;
    return ERR_OK;
}

/* Someone else had a tree signed: its checkpoint is stored if it belongs. */
static err take_other(struct scope *s, struct loop *l, const char *note, struct checkpoint *cp)
{
    TRY(belongs(s, l, note, cp));
    l->more = true;
    return ERR_OK;
}

static err ask_signer(struct scope *s, struct loop *l, struct ask *ask)
{
    for (int tries = 0; tries < SIGN_TRIES; tries++) {
        struct signer_answer answer;
        struct checkpoint cp;

        TRY(signer_sign(s, &l->signer, ask->old, ask->after.size, &ask->root, &ask->proof, &answer));
        switch (answer.verdict) {
        case SIGNER_SIGNED:
            return accept(s, l, ask, answer.note);
        case SIGNER_LATE:
            return take_other(s, l, answer.note, &cp);
        case SIGNER_OTHER_SIZE:
            TRY(take_other(s, l, answer.note, &cp));
            if (cp.size >= ask->after.size)
                return ERR_OK;
            ask->old = cp.size;
            TRY(proof_from(s, l, ask->old, ask->after.size, &ask->proof));
            break;
        case SIGNER_ALARM:
            return halt_here(s, l, "the signer raised an alarm", ask->after.size);
        case SIGNER_FROZEN:
            return halt_here(s, l, "the log is frozen", ask->after.size);
        }
    }
    return ERR_OK;      /* others are busy with it; the next look tells */
}

/*
 * If the process dies before the signer answers, any loop signs this head. If it dies after, the signer's last
 * checkpoint is found by the next comparison and stored then.
 */
err sign_head(struct scope *s, struct loop *l, const struct look *seen, bool acknowledged)
{
    struct ask ask;

    if (!acknowledged)          /* its commit may have been ambiguous: make it durable before it is promised */
        TRY(sync_marked(s, l, "a head found by polling"));
    TRY(loop_follow(s, l, seen));
    TRY(prepare(s, l, seen, &ask));
    return ask_signer(s, l, &ask);
}
