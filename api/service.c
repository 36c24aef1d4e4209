/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service.h"

#include <inttypes.h>

#include "api/app.h"
#include "schema/store/entry.h"
#include "schema/store/job.h"
#include "schema/store/upkeep.h"

#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"

err show_health(struct request *rq)
{
    reply_header(rq, "Cache-Control", "no-store");
    reply_text(rq, 200, TEXT, "ok\n");
    return ERR_OK;
}

static err ping(struct request *rq, struct db *db)
{
    int64_t size;

    return entry_ping(&rq->scope, db, &size);
}

err show_ready(struct request *rq)
{
    const struct app *app = rq->app;
    struct scope *s = &rq->scope;
    struct append_state state;

    append_state(app->append, &state);
    reply_header(rq, "Cache-Control", "no-store");
    if (state.halted)
        return fail(s, ERR_HALTED, "reads only, at %" PRIu64 " entries with %" PRIu64 " signed: %s", state.head_size,
                    state.signed_size, state.halt_why);
    if (state.behind)
        return fail(s, ERR_UNREACHABLE, "reads only: ledgered writes wait for the signer");
    if (http_draining(rq->http))
        return fail(s, ERR_UNREACHABLE, "this process is stopping");
    TRY(app_with_db(rq, ping));
    reply_text(rq, 200, TEXT, "ready\n");
    return ERR_OK;
}

static void metric(struct buf *b, const char *name, const char *kind, const char *help, uint64_t value)
{
    buf_printf(b, "# HELP counterfoil_%s %s\n# TYPE counterfoil_%s %s\ncounterfoil_%s %" PRIu64 "\n", name, help, name,
               kind, name, value);
}

static void ledger_metrics(struct buf *b, const struct append_state *a)
{
    metric(b, "ledger_halted", "gauge", "1 if this process has stopped appending and signing.", a->halted);
    metric(b, "ledger_behind", "gauge", "1 while ledgered writes wait for a checkpoint.", a->behind);
    metric(b, "ledger_head_size", "gauge", "Entries committed, as last seen here.", a->head_size);
    metric(b, "ledger_signed_size", "gauge", "Entries covered by a checkpoint.", a->signed_size);
    metric(b, "ledger_batches_total", "counter", "Batches committed here.", a->batches);
    metric(b, "ledger_entries_total", "counter", "Entries appended here.", a->entries);
    metric(b, "ledger_accesses_total", "counter", "Accesses granted here.", a->accesses);
    metric(b, "ledger_refused_total", "counter", "Requests refused under the lock.", a->refused);
    metric(b, "ledger_retried_total", "counter", "Operations sent to a next batch.", a->retried);
    metric(b, "ledger_not_done_total", "counter", "Requests answered \"not done\".", a->not_done);
    metric(b, "ledger_unknown_total", "counter", "Requests answered \"outcome unknown\".", a->unknown);
    metric(b, "ledger_checkpoints_total", "counter", "Checkpoints signed and stored here.", a->checkpoints);
}

static err job_metrics(struct request *rq, struct db *db)
{
    struct buf *b = rq->work;
    struct job_counts jobs;
    struct rehash rehash;

    TRY(job_count(&rq->scope, db, &jobs));
    TRY(upkeep_rehash_get(&rq->scope, db, &rehash));
    metric(b, "jobs_queued", "gauge", "Jobs that wait for a worker.", (uint64_t)jobs.queued);
    metric(b, "jobs_running", "gauge", "Jobs under a lease.", (uint64_t)jobs.running);
    metric(b, "jobs_dead", "gauge", "Jobs that an operator must look at.", (uint64_t)jobs.dead);
    metric(b, "jobs_oldest_ms", "gauge", "How long the oldest due job has waited.", (uint64_t)jobs.oldest_ms);
    metric(b, "log_rehash_entries", "gauge", "Entries that the pass under way over the log has hashed again.",
           (uint64_t)rehash.size);
    metric(b, "log_rehash_total", "gauge", "Entries that this pass is to hash.", (uint64_t)rehash.total);
    metric(b, "log_rehashed_entries", "gauge", "Entries of the last pass that came to its end.",
           (uint64_t)rehash.passed_size);
    if (rehash.passed_at != INT64_MIN)
        metric(b, "log_rehashed_time_seconds", "gauge", "When that was.", (uint64_t)rehash.passed_at / 1000);
    return ERR_OK;
}

err show_metrics(struct request *rq)
{
    const struct app *app = rq->app;
    struct buf b = BUF(&rq->scope);
    struct append_state state;

    append_state(app->append, &state);
    http_metrics(rq->http, &b);
    ledger_metrics(&b, &state);
    rq->work = &b;
    if (app_with_db(rq, job_metrics) != ERR_OK)
        scope_forgive(&rq->scope);        /* what the process knows itself is told without a database too */
    reply_header(rq, "Cache-Control", "no-store");
    reply_bytes(rq, 200, "text/plain; version=0.0.4; charset=utf-8", b.p, b.len);
    return ERR_OK;
}

err show_contract(struct request *rq)
{
    const struct app *app = rq->app;
    size_t len;
    const char *text = contract_text(app->contract, &len);

    reply_header(rq, "Access-Control-Allow-Origin", "*");
    reply_bytes(rq, 200, "application/json", text, len);
    return ERR_OK;
}

/* Nothing on our pages is loaded from elsewhere or runs. */
static void page(struct request *rq, const char *html)
{
    reply_header(rq, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors"
                                                " 'none'");
    reply_text(rq, 200, HTML, html);
}

err show_docs(struct request *rq)
{
    const struct app *app = rq->app;

    page(rq, app->docs);
    return ERR_OK;
}

err show_front(struct request *rq)
{
    const struct app *app = rq->app;

    page(rq, app->front);
    return ERR_OK;
}
