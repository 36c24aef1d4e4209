/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/append.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ledger/append/sign.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"

/* ---- opening */

static struct append *made(const struct append_config *config)
{
    struct append *a = calloc(1, sizeof *a);
    pthread_condattr_t monotonic;

    if (!a)
        abort();
    scope_init(&a->scope, 0);
    a->dsn = scope_strdup(&a->scope, config->dsn);
    a->application = scope_strdup(&a->scope, config->application);
    a->signer_socket = config->signer_socket ? scope_strdup(&a->scope, config->signer_socket) : NULL;
    a->ops_end = &a->ops;
    a->accesses_end = &a->accesses;
    a->frontier = FRONTIER_EMPTY;
    a->frontier_root = empty_root();
    a->state.log_key = &a->log_key;
    a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->tiles_lock, NULL);
    pthread_cond_init(&a->work, NULL);
    pthread_cond_init(&a->progress, &monotonic);
    pthread_cond_init(&a->keep, NULL);
    pthread_condattr_destroy(&monotonic);
    return a;
}

static void unmade(struct append *a)
{
    struct ready_list list = { 0 };

    pthread_mutex_lock(&a->lock);
    settle_all(a, &list);
    pthread_mutex_unlock(&a->lock);
    ready_call(&list);
    db_close(a->db);
    if (a->wake_fd >= 0)
        close(a->wake_fd);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->tiles_lock);
    for (size_t i = 0; i < ARRAY_LEN(a->tiles); i++)
        free(a->tiles[i]);
    pthread_cond_destroy(&a->work);
    pthread_cond_destroy(&a->progress);
    pthread_cond_destroy(&a->keep);
    free(a->signed_note);
    scope_free(&a->scope);
    free(a);
}

static err load(struct scope *s, struct append *a)
{
    struct log_settings settings;
    struct log_row row;
    err e = log_load(s, a->db, &row);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, ERR_CONFIG, "this database has no log: run `counterfoil-schema open` once");
    }
    TRY(e);
    if (!note_key_parse(row.log_key, &a->log_key) || strcmp(a->log_key.name, row.origin) != 0)
        return fail(s, ERR_CORRUPT, "the log's key is no key of %s", row.origin);
    TRY(log_settings(s, a->db, &settings));
    if (!settings.fsync || !settings.full_page_writes)
        return fail(s, ERR_CONFIG, "PostgreSQL runs with fsync or full_page_writes off: nothing would be durable");
    if (!settings.synchronous_commit)
        return fail(s, ERR_CONFIG, "synchronous_commit must be `on` for this role and database");
    return ERR_OK;
}

/* The tree as stored must give the newest head's root and the newest checkpoint's; else the log opens halted. */
static err check_tree(struct scope *s, struct append *a)
{
    struct hash_source source = append_hash_source(a->db);
    struct log_view view;
    struct frontier f;
    struct hash root;
    err e;

    TRY(log_view(s, a->db, &view));
    TRY(view_check(s, a, view_floor(a), &view));
    TRY(checkpoint_adopt(s, a, a->db, (uint64_t)view.signed_size, view.note, &view.signed_root));
    e = frontier_load(s, &source, (uint64_t)view.signed_size, &f);
    root = frontier_root(&f);
    if (e == ERR_CORRUPT || (e == ERR_OK && !hash_equal(&root, &view.signed_root))) {
        halt(a, "the entries do not give the signed root of size %lld", (long long)view.signed_size);
        return ERR_HALTED;
    }
    TRY(e);
    e = frontier_follow(s, a->db, &f, (uint64_t)view.size);
    root = frontier_root(&f);
    if (e == ERR_CORRUPT || (e == ERR_OK && !hash_equal(&root, &view.root))) {
        halt(a, "the entries do not give the root of the newest head, size %lld", (long long)view.size);
        return ERR_HALTED;
    }
    TRY(e);
    a->frontier = f;
    a->frontier_root = root;
    return ERR_OK;
}

/* A signer that answers is asked before the first batch; one that does not is asked by the loop when it does. */
static err check_signer(struct scope *s, struct append *a)
{
    struct loop l = { .a = a, .db = a->db, .frontier = FRONTIER_EMPTY };
    err e;

    if (!a->signer_socket)
        return ERR_OK;
    signer_init(&l.signer, a->signer_socket);
    e = signer_compare(s, &l);
    signer_close(&l.signer);
    if (e == ERR_OK || e == ERR_HALTED || !db_healthy(a->db))
        return e;
    log_why(LOG_WARNING, "the signer does not answer at start", s);
    scope_forgive(s);
    return ERR_OK;
}

static err check(struct scope *s, struct append *a)
{
    err e;

    if (a->wake_fd < 0)
        return fail(s, ERR_IO, "eventfd: %s", strerror(errno));
    TRY(db_open(s, a->dsn, a->application, &a->db));
    TRY(log_session(s, a->db));
    TRY(load(s, a));
    e = check_tree(s, a);
    if (e == ERR_OK)
        e = check_signer(s, a);
    if (e == ERR_HALTED) {              /* reads go on, and the state says why nothing else does */
        scope_forgive(s);
        return ERR_OK;
    }
    return e;
}

err append_open(struct scope *s, const struct append_config *config, struct append **out)
{
    struct append *a = made(config);
    err e = check(s, a);

    *out = NULL;
    if (e != ERR_OK) {
        unmade(a);
        return e;
    }
    if (pthread_create(&a->committer, NULL, committer_main, a) != 0 ||
        pthread_create(&a->loop, NULL, loop_main, a) != 0 ||
        pthread_create(&a->keeper, NULL, keeper_main, a) != 0)
        abort();                        /* a process that cannot start three threads has nothing to lose */
    *out = a;
    return ERR_OK;
}

/* ---- closing: quiesce, drain, then cut */

static bool busy(const struct append *a)
{
    return a->n_queued || a->taken || a->current || a->unsigned_batches || a->waits;
}

void append_close(struct append *a, int64_t timeout_ms)
{
    struct ready_list list = { 0 };
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_broadcast(&a->work);
    while (busy(a) && pthread_cond_timedwait(&a->progress, &a->lock, &until) == 0)
        ;
    a->cut = a->loop_stop = a->keeper_stop = true;
    settle_all(a, &list);
    pthread_cond_broadcast(&a->work);
    pthread_cond_broadcast(&a->progress);
    pthread_cond_broadcast(&a->keep);
    pthread_mutex_unlock(&a->lock);
    ready_call(&list);
    pthread_join(a->committer, NULL);
    loop_wake(a);
    pthread_join(a->loop, NULL);
    pthread_join(a->keeper, NULL);
    unmade(a);
}

/* ---- submitting */

/* Why nothing is taken now; ERR_OK: it is. Lock held. */
static err closed(const struct append *a, const char **detail)
{
    *detail = NULL;
    if (a->state.halted)
        return ERR_HALTED;
    if (a->stopping)
        *detail = "not done: this process is stopping; try again";
    else if (a->state.behind)
        *detail = "not done: the ledger waits for its signer; try again";
    else if (a->n_queued >= BATCH_QUEUE_MAX)
        *detail = "not done: too many ledgered requests are waiting; try again";
    return *detail ? ERR_BUSY : ERR_OK;
}

static void queued(struct append *a)
{
    if (a->n_queued++ == 0)
        pthread_cond_signal(&a->work);
    if (a->keeper_idle)
        pthread_cond_signal(&a->keep);
}

static bool text_fits(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    return len > 0 && len <= max && utf8_valid(text, len);
}

void append_submit(struct append *a, struct append_op *op)
{
    const char *detail;
    err e;

    op->next = NULL;
    op->retries = 0;
    if (op->idempotent.key && !text_fits(op->idempotent.key, IDEMPOTENCY_KEY_MAX)) {
        op->done(op, fail(op->scope, ERR_MALFORMED, "an Idempotency-Key has 1 to %d bytes of UTF-8",
                          IDEMPOTENCY_KEY_MAX));
        return;
    }
    pthread_mutex_lock(&a->lock);
    e = closed(a, &detail);
    if (e == ERR_OK) {
        *a->ops_end = op;
        a->ops_end = &op->next;
        queued(a);
    }
    pthread_mutex_unlock(&a->lock);
    if (e != ERR_OK)
        settle_now(a, (struct ready){ .op = op, .e = e }, detail);
}

/* What no row can match is refused before it can harm a batch. */
static err access_valid(struct append_access *x)
{
    struct id id;

    if (!id_parse(x->key_id, "key", &id))
        return fail(x->scope, ERR_UNAUTHENTICATED, "no such key, or not its secret");
    if (!id_parse(x->license_id, "lic", &id))
        return fail(x->scope, ERR_NOT_FOUND, "no such license of yours");
    if (!text_fits(x->path, ITEM_PATH_MAX))
        return fail(x->scope, ERR_NOT_FOUND, "the license covers no such item");
    return ERR_OK;
}

void append_access_submit(struct append *a, struct append_access *x)
{
    const char *detail;
    err e = access_valid(x);

    x->next = NULL;
    if (e != ERR_OK) {
        x->done(x, e);
        return;
    }
    pthread_mutex_lock(&a->lock);
    e = closed(a, &detail);
    if (e == ERR_OK) {
        *a->accesses_end = x;
        a->accesses_end = &x->next;
        queued(a);
    }
    pthread_mutex_unlock(&a->lock);
    if (e != ERR_OK)
        settle_now(a, (struct ready){ .access = x, .e = e }, detail);
}

void append_wait(struct append *a, struct append_wait *w)
{
    bool others = false;
    err e = ERR_OK;

    pthread_mutex_lock(&a->lock);
    if (w->index >= a->signed_size && (a->state.halted || a->cut)) {
        e = ERR_UNKNOWN_OUTCOME;
    } else if (w->index >= a->signed_size) {
        others = w->index >= a->committed_size;
        w->next = a->waits;
        a->waits = w;
        if (a->keeper_idle)
            pthread_cond_signal(&a->keep);
        w = NULL;
    }
    pthread_mutex_unlock(&a->lock);
    if (others)
        loop_expect(a);
    if (w)
        settle_now(a, (struct ready){ .wait = w, .e = e }, NULL);
}

/* ---- submitting and waiting */

struct waiter { pthread_mutex_t lock; pthread_cond_t settled; bool done; err e; };

static void wake_waiter(struct append_op *op, err e)
{
    struct waiter *w = op->waiter;

    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->e = e;
    pthread_cond_signal(&w->settled);
    pthread_mutex_unlock(&w->lock);
}

err append_run(struct append *a, struct append_op *op)
{
    struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER, .settled = PTHREAD_COND_INITIALIZER };

    op->done = wake_waiter;
    op->waiter = &w;
    append_submit(a, op);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.settled, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_mutex_destroy(&w.lock);
    pthread_cond_destroy(&w.settled);
    op->waiter = NULL;
    return w.e;
}

/* ---- what is signed, and how it goes */

struct append_signed append_signed(struct scope *s, struct append *a)
{
    struct append_signed out;

    pthread_mutex_lock(&a->lock);
    out = (struct append_signed){ a->signed_size, scope_strdup(s, a->signed_note ? a->signed_note : "") };
    pthread_mutex_unlock(&a->lock);
    return out;
}

uint64_t append_signed_size(struct append *a)
{
    return a->signed_size;
}

void append_state(struct append *a, struct append_state *out)
{
    pthread_mutex_lock(&a->lock);
    *out = a->state;
    pthread_mutex_unlock(&a->lock);
}
