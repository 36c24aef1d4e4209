/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "ledger/append/state.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/access.h"

#define LOCK_WAIT_MAX_MS   1000       /* One wait for the log's lock; then who can still wait asks again. */
#define POLL_MS            50         /* The committer looks for the awaited checkpoint itself this often. */
#define SETTLE_MS          5000       /* One try to find out about an ambiguous commit, */
#define SETTLE_PAUSE_MS    100        /* and between two. */
#define LEAVES_PAGE        4096       /* Leaves read back at a time. */
#define LEAVES_FOLLOWED    65536      /* A frontier further behind is rebuilt from subtrees. */

err frontier_follow(struct scope *s, struct db *db, struct frontier *f, uint64_t size)
{
    struct hash_source source = append_hash_source(db);

    if (size - f->size > LEAVES_FOLLOWED)
        return frontier_load(s, &source, size, f);
    while (f->size < size) {
        uint64_t end = size - f->size > LEAVES_PAGE ? f->size + LEAVES_PAGE : size;
        struct leaf_row *rows;
        size_t n;

        TRY(log_leaves(s, db, f->size, end, &rows, &n));
        if (n != end - f->size)
            return fail(s, ERR_CORRUPT, "entries %llu to %llu are not all there", (unsigned long long)f->size,
                        (unsigned long long)end);
        for (size_t i = 0; i < n; i++) {
            if ((uint64_t)rows[i].index != f->size)
                return fail(s, ERR_CORRUPT, "entry %llu is not there", (unsigned long long)f->size);
            frontier_append(f, rows[i].leaf);
        }
    }
    return ERR_OK;
}

/* ---- entering: the lock, the newest head, `at` */

/* How long the most hurried of the batch can wait for the lock. */
static int64_t lock_ms(struct append_batch *b)
{
    int64_t least = LOCK_WAIT_MAX_MS, left;

    pthread_mutex_lock(&b->a->lock);
    for (size_t i = 0; i < b->n_ops; i++)
        if (b->ops[i].op && (left = scope_left_ms(b->ops[i].op->scope)) < least)
            least = left;
    for (size_t i = 0; i < b->n_accesses; i++)
        if (b->accesses[i].access && (left = scope_left_ms(b->accesses[i].access->scope)) < least)
            least = left;
    pthread_mutex_unlock(&b->a->lock);
    return least > 0 ? least : 1;
}

static err take_time(struct append_batch *b, const struct log_view *view)
{
    int64_t at = view->now > view->at ? view->now : view->at, apart = at - clock_wall_ms();

    if (apart > CLOCK_SKEW_MAX_MS || apart < -CLOCK_SKEW_MAX_MS)
        return fail(&b->scope, ERR_UNREACHABLE, "the clocks of database and process are %lld ms apart",
                    (long long)apart);
    b->at_ms = at;
    return ERR_OK;
}

/* A program that doesn't know the rules in force must not write by older ones. */
static err take_rules(struct append_batch *b, const struct log_view *view)
{
    if (view->rules > RULES_VERSION)
        return fail(&b->scope, ERR_CONFIG, "the log is under rules version %d, this program knows %d", (int)view->rules,
                    RULES_VERSION);
    b->frozen = view->frozen;
    b->rules = view->rules ? (unsigned)view->rules : RULES_VERSION;
    return ERR_OK;
}

/* The committer's frontier at the newest head; its root must be the head's. */
static err follow_head(struct append_batch *b, const struct log_view *view)
{
    struct append *a = b->a;
    struct frontier f = a->frontier;
    struct hash root;
    err e = ERR_OK;

    if (f.size == (uint64_t)view->size && hash_equal(&a->frontier_root, &view->root))
        return ERR_OK;
    if (f.size < (uint64_t)view->size)
        e = frontier_follow(&b->scope, a->db, &f, (uint64_t)view->size);
    root = frontier_root(&f);
    if (e == ERR_CORRUPT || (e == ERR_OK && (f.size != (uint64_t)view->size || !hash_equal(&root, &view->root)))) {
        halt(a, "the entries do not give the root of the newest head, size %lld", (long long)view->size);
        return fail(&b->scope, ERR_HALTED, "frontier and head differ");
    }
    TRY(e);
    a->frontier = f;
    a->frontier_root = root;
    return ERR_OK;
}

/* Steps 1 and 2. A batch of accesses alone asks for its facts in the same round trip: their snapshot is younger too. */
static err enter(struct append_batch *b, struct pipe_result *facts)
{
    struct append *a = b->a;
    struct pipe_result results[LOG_ENTER_RESULTS + 1];
    const struct log_view *view;
    struct view_floor floor = view_floor(a);
    size_t n = LOG_ENTER_RESULTS;

    TRY(log_enter_send(&b->scope, a->db, lock_ms(b), results));
    if (b->n_ops == 0)
        TRY(accesses_ask(b, &results[n++]));
    TRY(db_pipe_run(&b->scope, a->db, results, n));
    if (results[LOG_ENTER_RESULTS - 1].n != 1)
        return fail(&b->scope, ERR_CONFIG, "the log has no head or no checkpoint: it was not opened");
    view = results[LOG_ENTER_RESULTS - 1].rows;
    *facts = results[n - 1];
    TRY(view_check(&b->scope, a, floor, view));
    TRY(take_time(b, view));
    TRY(take_rules(b, view));
    TRY(checkpoint_found(&b->scope, a, view));
    TRY(follow_head(b, view));
    b->first = (uint64_t)view->size;
    return ERR_OK;
}

/* ---- deciding: operations as they arrived, then accesses */

/* A statement that fails for the accesses fails for them alone. */
static err ask_after_operations(struct append_batch *b, struct pipe_result *facts)
{
    struct pipe_result results[3] = { 0 };
    struct db *db = b->a->db;
    err e;

    TRY(log_savepoint_send(&b->scope, db));
    TRY(accesses_ask(b, &results[1]));
    TRY(log_savepoint_release_send(&b->scope, db));
    e = db_pipe_run(&b->scope, db, results, ARRAY_LEN(results));
    *facts = results[1];
    if (e == ERR_OK || !db_healthy(db))
        return e;
    log_why(LOG_ERROR, "the facts of accesses could not be read", &b->scope);
    scope_forgive(&b->scope);
    for (size_t i = 0; i < b->n_accesses; i++) {
        b->accesses[i].verdict = e;
        b->accesses[i].detail = "the facts could not be read";
    }
    facts->n = 0;
    return db_savepoint_rollback(&b->scope, db);
}

static err decide(struct append_batch *b, struct pipe_result *facts)
{
    if (b->n_ops > 0) {
        TRY(operations_decide(b));
        if (b->n_accesses > 0)
            TRY(ask_after_operations(b, facts));
    }
    if (b->n_accesses > 0 && b->accesses[0].verdict == ERR_OK)
        TRY(accesses_decide(b, facts));
    b->writes = b->writes || b->n_entries > 0;
    return ERR_OK;
}

/* ---- the predecessor's checkpoint */

static err look(struct append_batch *b)
{
    struct append *a = b->a;
    struct view_floor floor = view_floor(a);
    struct scope s;
    struct log_view view;
    err e;

    scope_init(&s, SETTLE_MS);
    e = log_view(&s, a->db, &view);
    if (e == ERR_OK)
        e = view_check(&s, a, floor, &view);
    if (e == ERR_OK)
        e = checkpoint_found(&s, a, &view);
    if (e != ERR_OK)
        e = fail(&b->scope, e, "%s", s.why.detail);
    scope_free(&s);
    return e;
}

static void wait_progress(struct append *a, uint64_t size, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&a->lock);
    while (a->signed_size < size && !a->state.halted && !a->cut &&
           pthread_cond_timedwait(&a->progress, &a->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&a->lock);
}

/* From now on ledgered writes are refused at once, until the checkpoint that did not come is seen. */
static void fall_behind(struct append *a, uint64_t size)
{
    struct ready_list list = { 0 };

    pthread_mutex_lock(&a->lock);
    if (a->signed_size < size) {
        a->state.behind = true;
        a->behind_size = size;
        settle_queue(a, &list);
    }
    pthread_mutex_unlock(&a->lock);
    log_line(LOG_WARNING,
             "ledger behind: the checkpoint of size %llu did not come; ledgered writes are refused until it does",
             (unsigned long long)size);
    ready_call(&list);
}

static err await_predecessor(struct append_batch *b)
{
    struct append *a = b->a;
    int64_t until = clock_monotonic_ms() + BATCH_WAIT_CHECKPOINT_MS;

    if (append_signed_size(a) < b->first && b->first > a->committed_size)     /* written by no other thread */
        loop_expect(a);
    while (append_signed_size(a) < b->first) {
        wait_progress(a, b->first, POLL_MS);
        if (halted(a))
            return fail(&b->scope, ERR_HALTED, "halted");
        if (append_signed_size(a) >= b->first)
            break;
        TRY(look(b));
        if (append_signed_size(a) >= b->first)
            break;
        if (a->cut || clock_monotonic_ms() >= until) {
            fall_behind(a, b->first);
            return fail(&b->scope, ERR_BUSY, "not done: the signer does not answer; try again");
        }
    }
    return ERR_OK;
}

/* ---- COMMIT */

/*
 * Nobody knows whether the batch is there. A new session waits for the log's lock, so that the old backend has
 * ended, makes a synchronous write, so that what it sees is durable, and looks for the batch. Without a database
 * nothing else could be done either, so this ends only with an answer or with the process.
 */
static err settle_ambiguous(struct append_batch *b)
{
    struct append *a = b->a;
    struct timespec pause = { .tv_nsec = SETTLE_PAUSE_MS * 1000000L };

    log_line(LOG_WARNING, "ambiguous commit: looking for the batch first=%llu", (unsigned long long)b->first);
    while (!a->cut) {
        struct scope s;
        struct hash leaf;
        bool found;
        err e;

        scope_init(&s, SETTLE_MS);
        e = db_reopen(&s, a->db);
        if (e == ERR_OK)
            e = log_session(&s, a->db);
        if (e == ERR_OK)
            e = log_settle(&s, a->db, LOCK_WAIT_MAX_MS, b->first, &found, &leaf);
        scope_free(&s);
        if (e == ERR_OK) {
            pthread_mutex_lock(&a->lock);
            a->state.syncs_asked++;
            pthread_mutex_unlock(&a->lock);
            found = found && b->n_entries > 0 && hash_equal(&leaf, &b->entries[0].leaf);
            log_line(LOG_INFO, "ambiguous commit settled: %s", found ? "done" : "not done");
            if (found)
                scope_forgive(&b->scope);
            return found ? ERR_OK : b->n_entries ? ERR_UNREACHABLE : ERR_UNKNOWN_OUTCOME;
        }
        nanosleep(&pause, NULL);
    }
    return ERR_UNKNOWN_OUTCOME;
}

/*
 * If the process dies before COMMIT is sent, nothing was done. If it dies after, the batch is there whole or not at
 * all, its head is found by the next look of any checkpoint loop, and its askers repeat with the same keys.
 */
static err commit(struct append_batch *b)
{
    struct append *a = b->a;
    err e;

    pthread_mutex_lock(&a->lock);
    e = a->state.halted ? ERR_HALTED : ERR_OK;
    b->committing = e == ERR_OK;
    pthread_mutex_unlock(&a->lock);
    TRY(e);
    e = db_commit(&b->scope, a->db);
    if (e == ERR_UNKNOWN_OUTCOME)
        e = settle_ambiguous(b);
    return e;
}

/* ---- one batch */

static err run(struct append_batch *b, struct frontier *after)
{
    struct pipe_result facts = { 0 };
    struct append *a = b->a;

    if (!db_healthy(a->db)) {
        TRY(db_reopen(&b->scope, a->db));
        TRY(log_session(&b->scope, a->db));
    }
    TRY(enter(b, &facts));
    TRY(decide(b, &facts));
    *after = a->frontier;
    if (!b->writes) {
        db_rollback(a->db);
        return ERR_OK;
    }
    if (b->n_entries > 0) {
        TRY(batch_write(b, after));
        b->written = true;
        TRY(await_predecessor(b));
    }
    return commit(b);
}

static void done(struct append_batch *b, const struct frontier *after)
{
    struct append *a = b->a;
    uint64_t end = after->size;
    bool grown = b->n_entries > 0;

    if (grown) {
        a->frontier = *after;
        a->frontier_root = b->root;
    }
    settle_batch(b, ERR_OK, NULL);      /* the batch is the loop's now */
    if (!grown)
        return;
    pthread_mutex_lock(&a->lock);
    a->committed_size = a->state.head_size = end;
    pthread_mutex_unlock(&a->lock);
    if (!atomic_load(&a->signs))
        loop_expect(a);             /* others sign it */
    loop_wake(a);
}

/* Nothing of the batch is there: who may still be helped goes into the next one. */
static void not_done(struct append_batch *b, err e, int *losses)
{
    struct append *a = b->a;
    bool entered = b->at_ms != 0;
    bool lost = !db_healthy(a->db) || e == ERR_UNREACHABLE || (e == ERR_BUSY && !b->written);

    if (b->committing && e == ERR_UNKNOWN_OUTCOME) {
        settle_batch(b, e, NULL);
        return;
    }
    if (e != ERR_BUSY && e != ERR_HALTED)
        log_why(LOG_WARNING, "batch not done", &b->scope);
    db_rollback(a->db);
    if ((e == ERR_BUSY && !entered && db_healthy(a->db)) || (lost && (*losses)++ == 0))
        batch_return(b);
    else
        settle_batch(b, e, *b->scope.why.detail ? b->scope.why.detail : NULL);
}

void *committer_main(void *arg)
{
    struct append *a = arg;
    int losses = 0;

    for (;;) {
        struct append_batch *b;
        struct frontier after;
        err e;

        pthread_mutex_lock(&a->lock);
        while (!(b = batch_take(a)) && !a->stopping)
            pthread_cond_wait(&a->work, &a->lock);
        pthread_mutex_unlock(&a->lock);
        if (!b)
            return NULL;
        batch_link(b);
        e = run(b, &after);
        if (e == ERR_OK) {
            losses = 0;
            done(b, &after);
        } else {
            not_done(b, e, &losses);
        }
    }
}
