/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ledger/append/sign.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"

#define POLL_MS            50        /* Heads and checkpoints of other processes are noticed within this. */
#define POLL_COMMITTING_MS 2         /* The same while our own COMMIT is on its way: it will wake us anyway. */
#define LISTEN_MS          2000      /* How long others' checkpoints are listened for after one was awaited. */
#define SILENT_FACTOR      4         /* So many times as long as it was silent, a signer is left alone. */
#define RETRY_MS           100       /* Between two tries to reach database or signer. */

void loop_wake(struct append *a)
{
    uint64_t one = 1;

    if (write(a->wake_fd, &one, sizeof one) < 0)
        return;                      /* the counter is full: it is awake already */
}

/*
 * Most processes await no checkpoint but those that their own loop stores, or none at all: they don't listen, so that
 * under load not every one of them is woken for every batch. Who waits for another's is told at once.
 */
void loop_expect(struct append *a)
{
    int64_t now = clock_monotonic_ms(), before = atomic_exchange(&a->others_until_ms, now + LISTEN_MS);

    if (before <= now)
        loop_wake(a);
}

static err listen_or_not(struct scope *s, struct loop *l)
{
    bool wanted = clock_monotonic_ms() < atomic_load(&l->a->others_until_ms);

    if (wanted == l->listening)
        return ERR_OK;
    TRY((wanted ? db_listen : db_unlisten)(s, l->db, LOG_CHANNEL_CHECKPOINT));
    l->listening = wanted;
    return ERR_OK;
}

static void drain(struct append *a)
{
    uint64_t count;

    if (read(a->wake_fd, &count, sizeof count) < 0)
        return;                      /* nobody woke us: a notification or the time did */
}

static bool running(struct loop *l)
{
    bool is;

    pthread_mutex_lock(&l->a->lock);
    is = !l->a->loop_stop;
    pthread_mutex_unlock(&l->a->lock);
    return is;
}

/* A new session: the election is open again, and the signer's last checkpoint is compared before anything is asked. */
static err loop_session(struct scope *s, struct loop *l)
{
    if (l->db && db_healthy(l->db))
        return ERR_OK;
    l->elected = l->compared = l->listening = false;
    atomic_store(&l->a->signs, false);
    if (!l->db)
        TRY(db_open(s, l->a->dsn, l->a->application, &l->db));
    else
        TRY(db_reopen(s, l->db));
    TRY(log_session(s, l->db));
    if (l->eligible)
        TRY(db_listen(s, l->db, LOG_CHANNEL_HEAD));
    if (atomic_load(&l->a->doubtful)) {  /* the last session ended inside a write: what is visible may not be durable */
        TRY(sync_marked(s, l, "session lost in the checkpoint loop"));
        atomic_store(&l->a->doubtful, false);
    }
    return ERR_OK;
}

/* The newest rows in one round trip: the election if it is open, head and checkpoint, the leaves after our frontier. */
static err look(struct scope *s, struct loop *l, struct look *out)
{
    struct append *a = l->a;
    struct view_floor floor = view_floor(a);
    struct pipe_result results[3];
    bool candidate = l->eligible && l->compared && !l->elected;
    size_t n = 0;

    if (candidate)
        TRY(log_elect_send(s, l->db, &results[n++]));
    TRY(log_view_send(s, l->db, &results[n++]));
    if (l->eligible && l->compared)
        TRY(log_leaves_send(s, l->db, l->frontier.size, l->frontier.size + LOOP_LEAVES, &results[n++]));
    TRY(db_pipe_run(s, l->db, results, n));
    n = 0;
    if (candidate && log_elected(&results[n++])) {
        l->elected = true;
        log_line(LOG_INFO, "elected: this process signs the heads of others too");
    }
    if (results[n].n != 1)
        return fail(s, ERR_CONFIG, "the log has no head or no checkpoint: it was not opened");
    out->view = *(struct log_view *)results[n++].rows;
    out->leaves = l->eligible && l->compared ? results[n].rows : NULL;
    out->n_leaves = l->eligible && l->compared ? results[n].n : 0;
    TRY(view_check(s, a, floor, &out->view));
    return checkpoint_adopt(s, a, l->db, (uint64_t)out->view.signed_size, out->view.note, &out->view.signed_root);
}

/*
 * Whether to sign this head: our own batch's at once; another process's if we are elected; anybody's that waits too
 * long. The head of a COMMIT of ours that is still on its way is left to the wake that follows it.
 */
static bool ours_to_sign(struct loop *l, const struct log_view *view, bool *acknowledged, int *pause_ms)
{
    struct append *a = l->a;
    uint64_t size = (uint64_t)view->size;
    int64_t now = clock_monotonic_ms();
    bool on_its_way;

    if (l->unsigned_size != size) {
        l->unsigned_size = size;
        l->unsigned_since = now;
    }
    pthread_mutex_lock(&a->lock);
    *acknowledged = size == a->committed_size;
    on_its_way = a->current && a->current->committing && a->current->first + a->current->n_entries == size;
    pthread_mutex_unlock(&a->lock);
    if (*acknowledged || now - l->unsigned_since >= HEAD_UNSIGNED_MS)
        return true;
    if (on_its_way)
        *pause_ms = POLL_COMMITTING_MS;
    return l->elected && !on_its_way;
}

/*
 * A signer that does not answer, or not as this log's: then this process is like one without a signer. It goes on
 * looking, so that what others sign reaches those who wait here, and asks the signer again.
 */
static err try_signer(struct scope *s, struct loop *l)
{
    int64_t began = clock_monotonic_ms();
    err e;

    if (!l->eligible || l->compared || began < l->ask_again)
        return ERR_OK;
    e = signer_compare(s, l);
    if (e == ERR_OK) {
        atomic_store(&l->a->signs, true);
        l->more = true;              /* look again, with the leaves that signing needs */
        return ERR_OK;
    }
    if (e == ERR_HALTED || !db_healthy(l->db) || atomic_load(&l->a->doubtful))
        return e;
    if (!l->trouble)
        log_why(LOG_WARNING, "checkpoint loop interrupted", s);
    scope_forgive(s);
    signer_close(&l->signer);
    l->trouble = true;
    /* One that keeps its callers waiting is asked the less often, so that what others sign is seen in between. */
    l->ask_again = clock_monotonic_ms() + RETRY_MS + SILENT_FACTOR * (clock_monotonic_ms() - began);
    return ERR_OK;
}

static err step(struct scope *s, struct loop *l, int *pause_ms)
{
    bool signs, acknowledged;
    struct look seen;

    TRY(loop_session(s, l));
    TRY(listen_or_not(s, l));
    signs = l->compared;
    TRY(look(s, l, &seen));
    TRY(try_signer(s, l));
    if (seen.view.size == seen.view.signed_size) {
        l->unsigned_size = 0;
        return signs ? loop_follow(s, l, &seen) : ERR_OK;
    }
    if (!signs)
        return announce(s, l, &seen.view);
    if (!ours_to_sign(l, &seen.view, &acknowledged, pause_ms))
        return ERR_OK;
    return sign_head(s, l, &seen, acknowledged);
}

/* Any failure closes the session, and with it the election's lock; whoever else is eligible takes over. */
static void leave(struct scope *s, struct loop *l, err e)
{
    if (e != ERR_HALTED && !l->trouble)
        log_why(LOG_WARNING, "checkpoint loop interrupted", s);
    if (l->elected)
        log_line(LOG_INFO, "no longer elected");
    l->trouble = true;
    l->elected = l->compared = false;
    atomic_store(&l->a->signs, false);
    signer_close(&l->signer);
    db_close(l->db);
    l->db = NULL;
}

static void pause_without_session(struct append *a, int ms)
{
    struct pollfd wake = { .fd = a->wake_fd, .events = POLLIN };

    if (poll(&wake, 1, ms) > 0)
        poll(NULL, 0, ms / 4);       /* somebody wants a signature: soon, but not at once */
}

void *loop_main(void *arg)
{
    struct append *a = arg;
    struct loop l = { .a = a, .eligible = a->signer_socket != NULL, .frontier = FRONTIER_EMPTY };

    signer_init(&l.signer, a->signer_socket ? a->signer_socket : "");
    while (running(&l)) {
        int pause_ms = POLL_MS;
        struct scope s;
        err e = ERR_HALTED;

        scope_init(&s, SIGNER_TIMEOUT_MS);
        drain(a);
        if (!halted(a))
            e = step(&s, &l, &pause_ms);
        if (e == ERR_OK && l.trouble && (l.compared || !l.eligible)) {
            log_line(LOG_INFO, "checkpoint loop recovered");
            l.trouble = false;
        }
        if (e != ERR_OK)
            leave(&s, &l, e);
        if (e == ERR_OK && !l.more)
            db_wait_notify(l.db, a->wake_fd, pause_ms);
        else if (e != ERR_OK)
            pause_without_session(a, RETRY_MS);
        l.more = false;
        scope_free(&s);
    }
    signer_close(&l.signer);
    db_close(l.db);
    return NULL;
}
