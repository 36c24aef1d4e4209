/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/state.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/store/idempotency.h"

/* Claims the operation's scope for this thread; false if it was answered or its time is over (the keeper says so). */
static bool begin(struct append_batch *b, struct op_slot *slot)
{
    struct append *a = b->a;
    bool mine;

    pthread_mutex_lock(&a->lock);
    mine = slot->op && scope_left_ms(slot->op->scope) > 0;
    if (mine)
        slot->state = OP_DECIDING;
    pthread_mutex_unlock(&a->lock);
    return mine;
}

static void end(struct append_batch *b, struct op_slot *slot, err e, uint64_t need)
{
    struct append *a = b->a;

    pthread_mutex_lock(&a->lock);
    slot->verdict = e;
    slot->need = need;
    slot->state = e == ERR_OK ? OP_DECIDED : e == ERR_BUSY ? OP_AGAIN : OP_REFUSED;
    pthread_mutex_unlock(&a->lock);
}

/* SAVEPOINT, and what was answered to this key before: in the batch's time, since a failure here is the batch's. */
static err open_savepoint(struct append_txn *t, struct idempotency_row **before)
{
    struct scope *s = &t->batch->scope;
    struct append_op *op = t->op;
    struct pipe_result results[2] = { 0 };
    size_t n = 1;

    *before = NULL;
    TRY(log_savepoint_send(s, t->db));
    if (op->idempotent.key)
        TRY(idempotency_find_send(s, t->db, op->idempotent.party, op->idempotent.key, &results[n++]));
    TRY(db_pipe_run(s, t->db, results, n));
    if (n == 2 && results[1].n == 1)
        *before = results[1].rows;
    return ERR_OK;
}

/* The first answer again, if this is the same request; all 256 bits are compared. */
static err replay(struct append_op *op, const struct idempotency_row *before)
{
    if (!hash_equal(&before->fingerprint, &op->idempotent.fingerprint))
        return fail(op->scope, ERR_IDEMPOTENCY, "this Idempotency-Key was used for another request");
    if (before->status == IDEMPOTENCY_ERASED)
        return fail(op->scope, ERR_GONE, "this was done; what was answered went with the erasure of who it named");
    op->replayed = true;
    op->status = before->status;
    op->answer = scope_strdup(op->scope, before->answer);
    op->first_index = before->index < 0 ? 0 : (uint64_t)before->index;
    return ERR_OK;
}

/* Deferred constraints are checked, the answer is stored (a replay has neither), the savepoint is released. */
static err close_savepoint(struct append_txn *t)
{
    struct append_op *op = t->op;
    struct pipe_result results[LOG_CONSTRAINTS_RESULTS + 2] = { 0 };
    size_t n = 1;
    const char *answer = op->stored ? op->stored : op->answer;
    struct idempotency_row row = {
        .fingerprint = op->idempotent.fingerprint, .status = op->status, .answer = answer ? answer : "",
        .index = op->n_entries ? (int64_t)(op->first_index + op->n_entries - 1) : -1,
        .expires_at = t->at_ms + IDEMPOTENCY_HOURS * 3600 * INT64_C(1000),
    };

    if (!op->replayed) {
        TRY(log_constraints_send(op->scope, t->db));
        n += LOG_CONSTRAINTS_RESULTS;
    }
    if (!op->replayed && op->idempotent.key) {
        TRY(idempotency_store_send(op->scope, t->db, op->idempotent.party, op->idempotent.key, &row));
        n++;
    }
    TRY(log_savepoint_release_send(op->scope, t->db));
    return db_pipe_run(op->scope, t->db, results, n);
}

static err decide(struct append_txn *t, const struct idempotency_row *before, uint64_t *need)
{
    struct append_op *op = t->op;

    if (before && before->expires_at > t->at_ms) {
        TRY(replay(op, before));
        *need = before->index < 0 ? 0 : (uint64_t)before->index + 1;
        return close_savepoint(t);
    }
    if (before)
        TRY(idempotency_forget(op->scope, t->db, op->idempotent.party, op->idempotent.key, t->at_ms));
    TRY(op->decide(op->scope, t, op->arg));
    TRY(close_savepoint(t));
    *need = op->n_entries ? op->first_index + op->n_entries : 0;
    return ERR_OK;
}

/* A refusal takes back the operation's own writes and entries, nobody else's. */
static err undo(struct append_batch *b, size_t entries, size_t documents, unsigned rules, bool frozen)
{
    b->frozen = frozen;
    b->rules = rules;
    b->n_entries = entries;
    b->n_documents = documents;
    return db_savepoint_rollback(&b->scope, b->a->db);
}

static err decide_slot(struct append_batch *b, struct op_slot *slot)
{
    struct append_op *op = slot->op;
    struct append_txn t = { .db = b->a->db, .at_ms = b->at_ms, .op = op, .batch = b };
    size_t entries = b->n_entries, documents = b->n_documents;
    struct idempotency_row *before;
    unsigned rules = b->rules;
    bool frozen = b->frozen;
    uint64_t need = 0;
    err e;

    op->status = 0;
    op->answer = op->stored = NULL;
    op->replayed = false;
    op->first_index = op->n_entries = 0;
    e = open_savepoint(&t, &before);
    if (e != ERR_OK) {
        end(b, slot, ERR_BUSY, 0);
        return e;
    }
    e = decide(&t, before, &need);
    if (!db_healthy(t.db)) {
        e = fail(&b->scope, ERR_UNREACHABLE, "the database connection was lost: %s", op->scope->why.detail);
        end(b, slot, ERR_BUSY, 0);      /* from here on the keeper may answer it */
        return e;
    }
    if (e == ERR_OK) {
        b->writes = b->writes || !op->replayed;
    } else {
        op->first_index = op->n_entries = 0;
        TRY(undo(b, entries, documents, rules, frozen));
    }
    end(b, slot, e, need);
    return ERR_OK;
}

err operations_decide(struct append_batch *b)
{
    for (size_t i = 0; i < b->n_ops; i++)
        if (begin(b, &b->ops[i]))
            TRY(decide_slot(b, &b->ops[i]));
    return ERR_OK;
}
