/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "ledger/append/state.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"

#define KEEPER_TICK_MS 20
#define NOT_DONE "not done: the ledger did not get to it in time; try again"
#define UNKNOWN  "outcome unknown: committed or on its way, but not seen signed in time; repeat with the same key"

void ready_add(struct ready_list *list, struct ready r)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 128;
        list->item = realloc(list->item, list->cap * sizeof *list->item);
        if (!list->item)
            abort();
    }
    list->item[list->n++] = r;
}

void ready_call(struct ready_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct ready *r = &list->item[i];

        if (r->op)
            r->op->done(r->op, r->e);
        else if (r->access)
            r->access->done(r->access, r->e);
        else
            r->wait->done(r->wait, r->e);
    }
    free(list->item);
    *list = (struct ready_list){ 0 };
}

/* What we say of an outcome; the refusals of decide() have said it themselves. */
static err told(struct append *a, struct scope *s, err e, const char *detail)
{
    if (e == ERR_UNKNOWN_OUTCOME) {
        a->state.unknown++;
        detail = detail ? detail : UNKNOWN;
    } else if (e == ERR_HALTED) {
        detail = a->state.halt_why;
    } else if (err_fault(e) == FAULT_RETRY) {
        a->state.not_done++;
        detail = detail ? detail : NOT_DONE;
    }
    if (e != ERR_OK && s->why.code != e)
        scope_forgive(s);
    return e == ERR_OK ? e : fail(s, e, "%s", detail ? detail : "refused");
}

void settle_now(struct append *a, struct ready r, const char *detail)
{
    struct ready_list list = { 0 };
    struct scope *s = r.op ? r.op->scope : r.access ? r.access->scope : r.wait->scope;

    pthread_mutex_lock(&a->lock);
    r.e = told(a, s, r.e, detail);
    pthread_mutex_unlock(&a->lock);
    ready_add(&list, r);
    ready_call(&list);
}

static void op_out(struct append *a, struct ready_list *list, struct op_slot *slot, err e, const char *detail)
{
    ready_add(list, (struct ready){ .op = slot->op, .e = told(a, slot->op->scope, e, detail) });
    slot->op = NULL;
}

static void access_out(struct append *a, struct ready_list *list, struct access_slot *slot, err e, const char *detail)
{
    struct append_access *x = slot->access;

    if (e == ERR_OK) {
        a->state.accesses++;
        x->outcome = slot->outcome;
        x->index = slot->index;
        x->sha256 = slot->sha256;
        x->size = slot->size;
        x->media_type = scope_strdup(x->scope, slot->media_type ? slot->media_type : "");
    }
    ready_add(list, (struct ready){ .access = x, .e = told(a, x->scope, e, detail) });
    slot->access = NULL;
}

void batch_free(struct append_batch *b)
{
    scope_free(&b->scope);
    free(b);
}

/* Covered by a checkpoint that we have seen, in a tree that has this batch as we wrote it. */
static bool covered(const struct append *a, const struct append_batch *b, uint64_t need)
{
    return need <= a->signed_size && (need <= b->first || b->root_seen);
}

/* Answers whose size is signed; true if nobody is left in the batch. */
static bool release(struct append *a, struct append_batch *b, struct ready_list *list)
{
    bool empty = true;

    for (size_t i = 0; i < b->n_ops; i++) {
        if (b->ops[i].op && covered(a, b, b->ops[i].need))
            op_out(a, list, &b->ops[i], ERR_OK, NULL);
        empty = empty && !b->ops[i].op;
    }
    for (size_t i = 0; i < b->n_accesses; i++) {
        if (b->accesses[i].access && covered(a, b, b->accesses[i].need))
            access_out(a, list, &b->accesses[i], ERR_OK, NULL);
        empty = empty && !b->accesses[i].access;
    }
    return empty;
}

void settle_signed(struct append *a, struct ready_list *list)
{
    for (struct append_batch **p = &a->unsigned_batches; *p; ) {
        struct append_batch *b = *p;

        if (release(a, b, list)) {
            *p = b->next;
            batch_free(b);
        } else {
            p = &b->next;
        }
    }
    for (struct append_wait **p = &a->waits; *p; ) {
        struct append_wait *w = *p;

        if (w->index < a->signed_size) {
            *p = w->next;
            ready_add(list, (struct ready){ .wait = w });
        } else {
            p = &w->next;
        }
    }
}

static void queue_head(struct append *a, struct append_op *op)
{
    op->next = a->ops;
    if (!a->ops)
        a->ops_end = &op->next;
    a->ops = op;
    a->n_queued++;
}

/* A row lock took too long: the operation joins the next batch, at its head, a bounded number of times. */
static bool again(struct append *a, struct op_slot *slot)
{
    struct append_op *op = slot->op;

    if (a->stopping || a->state.halted || op->retries >= BATCH_RETRIES_MAX)
        return false;
    op->retries++;
    a->state.retried++;
    scope_forgive(op->scope);
    queue_head(a, op);
    slot->op = NULL;
    return true;
}

static void settle_op(struct append_batch *b, struct op_slot *slot, err e, const char *detail, struct ready_list *list)
{
    struct append *a = b->a;

    if (slot->state == OP_REFUSED && (e == ERR_OK || !b->writes)) {
        a->state.refused++;
        op_out(a, list, slot, slot->verdict, NULL);
    } else if (slot->state == OP_TAKEN) {
        op_out(a, list, slot, e == ERR_OK ? ERR_BUSY : e, detail);
    } else if (slot->state == OP_AGAIN) {
        if (!again(a, slot))
            op_out(a, list, slot, ERR_BUSY, "not done: what it needs was locked by others; try again");
    } else if (e != ERR_OK && !(slot->state == OP_DECIDED && slot->op->replayed && slot->need <= b->first)) {
        op_out(a, list, slot, e, detail);
    }
}

static void settle_access(struct append_batch *b, struct access_slot *slot, err e, const char *detail,
                          struct ready_list *list)
{
    struct append *a = b->a;

    if (slot->verdict != ERR_OK && (e == ERR_OK || !b->writes)) {
        a->state.refused++;
        if (slot->reason) {
            scope_forgive(slot->access->scope);
            slot->verdict = fail_for(slot->access->scope, slot->verdict, slot->reason, "", "%s", slot->detail);
        }
        access_out(a, list, slot, slot->verdict, slot->detail);
    } else if (e != ERR_OK && !(slot->need != 0 && slot->need <= b->first)) {
        access_out(a, list, slot, e, detail);
    }
}

/*
 * The batch is over. e is ERR_OK if it was committed, or had nothing to commit; else why nothing of it was done.
 * What rests only on earlier entries (replays, open windows) waits for those, whatever became of the batch.
 */
void settle_batch(struct append_batch *b, err e, const char *detail)
{
    struct append *a = b->a;
    struct ready_list list = { 0 };

    pthread_mutex_lock(&a->lock);
    a->current = NULL;
    for (size_t i = b->n_ops; i-- > 0; )     /* backwards: those sent to the next batch keep their order */
        if (b->ops[i].op)
            settle_op(b, &b->ops[i], e, detail, &list);
    for (size_t i = 0; i < b->n_accesses; i++)
        if (b->accesses[i].access)
            settle_access(b, &b->accesses[i], e, detail, &list);
    if (e != ERR_OK)
        b->n_entries = 0;                    /* its root is nobody's */
    a->state.batches += b->n_entries > 0;
    a->state.entries += b->n_entries;
    if (release(a, b, &list)) {
        batch_free(b);
    } else {
        struct append_batch **p = &a->unsigned_batches;

        while (*p)
            p = &(*p)->next;
        *p = b;
        if (a->state.halted || a->cut)
            settle_all(a, &list);
    }
    pthread_cond_broadcast(&a->progress);
    pthread_mutex_unlock(&a->lock);
    ready_call(&list);
}

/* Nothing was done; everybody still waiting goes back to the head of the queue, in order. */
void batch_return(struct append_batch *b)
{
    struct append *a = b->a;
    struct ready_list list = { 0 };

    pthread_mutex_lock(&a->lock);
    a->current = NULL;
    for (size_t i = b->n_ops; i-- > 0; ) {
        if (b->ops[i].op) {
            scope_forgive(b->ops[i].op->scope);
            queue_head(a, b->ops[i].op);
        }
    }
    for (size_t i = b->n_accesses; i-- > 0; ) {
        struct append_access *x = b->accesses[i].access;

        if (!x)
            continue;
        x->next = a->accesses;
        if (!a->accesses)
            a->accesses_end = &x->next;
        a->accesses = x;
        a->n_queued++;
    }
    batch_free(b);
    if (a->state.halted)
        settle_queue(a, &list);
    pthread_cond_broadcast(&a->progress);
    pthread_mutex_unlock(&a->lock);
    ready_call(&list);
}

static void drop_unsigned(struct append *a, struct ready_list *list)
{
    while (a->unsigned_batches) {
        struct append_batch *b = a->unsigned_batches;

        for (size_t i = 0; i < b->n_ops; i++)
            if (b->ops[i].op)
                op_out(a, list, &b->ops[i], ERR_UNKNOWN_OUTCOME, NULL);
        for (size_t i = 0; i < b->n_accesses; i++)
            if (b->accesses[i].access)
                access_out(a, list, &b->accesses[i], ERR_UNKNOWN_OUTCOME, NULL);
        a->unsigned_batches = b->next;
        batch_free(b);
    }
}

static void drop_queue(struct append *a, struct ready_list *list, err e)
{
    for (struct append_op *op = a->ops, *next; op; op = next) {
        next = op->next;
        ready_add(list, (struct ready){ .op = op, .e = told(a, op->scope, e, NULL) });
    }
    for (struct append_access *x = a->accesses, *next; x; x = next) {
        next = x->next;
        ready_add(list, (struct ready){ .access = x, .e = told(a, x->scope, e, NULL) });
    }
    a->ops = NULL;
    a->ops_end = &a->ops;
    a->accesses = NULL;
    a->accesses_end = &a->accesses;
    a->n_queued = 0;
}

void settle_queue(struct append *a, struct ready_list *list)
{
    drop_queue(a, list, a->state.halted ? ERR_HALTED : ERR_BUSY);
}

void settle_all(struct append *a, struct ready_list *list)
{
    settle_queue(a, list);
    drop_unsigned(a, list);
    while (a->waits) {
        struct append_wait *w = a->waits;

        a->waits = w->next;
        ready_add(list, (struct ready){ .wait = w, .e = told(a, w->scope, ERR_UNKNOWN_OUTCOME, NULL) });
    }
}

/* ---- the keeper of deadlines */

static bool late(const struct scope *s, int64_t now)
{
    return s->deadline_ms != 0 && now >= s->deadline_ms;
}

static void keep_queue(struct append *a, int64_t now, struct ready_list *list)
{
    struct append_op **op = &a->ops;
    struct append_access **x = &a->accesses;

    while (*op) {
        struct append_op *this = *op;

        if (late(this->scope, now)) {
            *op = this->next;
            a->n_queued--;
            ready_add(list, (struct ready){ .op = this, .e = told(a, this->scope, ERR_BUSY, NULL) });
        } else {
            op = &this->next;
        }
    }
    a->ops_end = op;
    while (*x) {
        struct append_access *this = *x;

        if (late(this->scope, now)) {
            *x = this->next;
            a->n_queued--;
            ready_add(list, (struct ready){ .access = this, .e = told(a, this->scope, ERR_BUSY, NULL) });
        } else {
            x = &this->next;
        }
    }
    a->accesses_end = x;
}

/* In the current batch an operation that decide() works on is left alone: its scope is in use. */
static void keep_batch(struct append *a, struct append_batch *b, bool current, int64_t now, struct ready_list *list)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        struct op_slot *slot = &b->ops[i];

        if (slot->op && late(slot->op->scope, now) && (!current || slot->state != OP_DECIDING))
            op_out(a, list, slot, current && slot->state != OP_DECIDED ? ERR_BUSY : ERR_UNKNOWN_OUTCOME, NULL);
    }
    for (size_t i = 0; i < b->n_accesses; i++) {
        struct access_slot *slot = &b->accesses[i];

        if (slot->access && late(slot->access->scope, now))
            access_out(a, list, slot, current && !slot->claimed ? ERR_BUSY : ERR_UNKNOWN_OUTCOME, NULL);
    }
}

static void keep_waits(struct append *a, int64_t now, struct ready_list *list)
{
    for (struct append_wait **p = &a->waits; *p; ) {
        struct append_wait *w = *p;

        if (late(w->scope, now)) {
            *p = w->next;
            ready_add(list, (struct ready){ .wait = w, .e = told(a, w->scope, ERR_UNKNOWN_OUTCOME, NULL) });
        } else {
            p = &w->next;
        }
    }
}

void *keeper_main(void *arg)
{
    struct append *a = arg;
    struct timespec pause = { .tv_nsec = KEEPER_TICK_MS * 1000000L };

    pthread_mutex_lock(&a->lock);
    while (!a->keeper_stop) {
        struct ready_list list = { 0 };
        int64_t now = clock_monotonic_ms();

        if (!a->n_queued && !a->taken && !a->current && !a->unsigned_batches && !a->waits) {
            a->keeper_idle = true;
            pthread_cond_wait(&a->keep, &a->lock);
            a->keeper_idle = false;
            continue;
        }
        keep_queue(a, now, &list);
        if (a->current)
            keep_batch(a, a->current, true, now, &list);
        for (struct append_batch *b = a->unsigned_batches; b; b = b->next)
            keep_batch(a, b, false, now, &list);
        keep_waits(a, now, &list);
        pthread_mutex_unlock(&a->lock);
        ready_call(&list);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}
