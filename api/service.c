/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "schema/store/entry.h"
#include "schema/store/job.h"

#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"

err show_health(struct request *rq)
{
    reply_text(rq, 200, TEXT, "alive\n");
    return ERR_OK;
}

/* ---- readiness: reads go on without the ledger, so it says which of the two is missing */

static err database_answers(struct request *rq, struct db *db)
{
    int64_t size;

    return entry_ping(&rq->scope, db, &size);
}

err show_ready(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct app *app = rq->app;
    struct append_state state;

    append_state(app->append, &state);
    reply_header(rq, "Cache-Control", "no-store");
    if (http_draining(rq->http)) {
        reply_text(rq, 503, TEXT, "stopping\n");
    } else if (app_with_db(rq, database_answers) != ERR_OK) {
        scope_forgive(s);
        reply_text(rq, 503, TEXT, "the database does not answer\n");
    } else if (state.halted) {
        reply_text(rq, 503, TEXT, scope_printf(s, "halted, reads only: %s\n", state.halt_why));
    } else if (state.behind) {
        reply_text(rq, 503, TEXT, "ledgered writes wait for the signer, reads only\n");
    } else {
        reply_text(rq, 200, TEXT, "ready\n");
    }
    return ERR_OK;
}

/* ---- metrics */

static void metric(struct buf *b, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_printf(b, "# HELP counterfoil_%s %s\n# TYPE counterfoil_%s %s\ncounterfoil_%s %" PRIu64 "\n", name, help, name,
               type, name, value);
}

static void ledger_metrics(struct buf *b, const struct append_state *a)
{
    const struct { const char *name, *type, *help; uint64_t value; } rows[] = {
        { "ledger_halted", "gauge", "1 if this process stopped appending.", a->halted },
        { "ledger_behind", "gauge", "1 while ledgered writes wait for a checkpoint.", a->behind },
        { "ledger_head_size", "gauge", "Entries committed, as last seen.", a->head_size },
        { "ledger_signed_size", "gauge", "Entries covered by the newest checkpoint seen.", a->signed_size },
        { "ledger_signer_size", "gauge", "Size the signer signed last, as last seen.", a->signer_size },
        { "ledger_batches_total", "counter", "Batches committed here.", a->batches },
        { "ledger_entries_total", "counter", "Entries committed here.", a->entries },
        { "ledger_accesses_total", "counter", "Accesses asked for here.", a->accesses },
        { "ledger_refused_total", "counter", "Requests refused by a rule.", a->refused },
        { "ledger_retried_total", "counter", "Operations sent to a next batch.", a->retried },
        { "ledger_not_done_total", "counter", "Requests answered \"not done\".", a->not_done },
        { "ledger_unknown_total", "counter", "Requests answered \"outcome unknown\".", a->unknown },
        { "ledger_checkpoints_total", "counter", "Checkpoints stored here.", a->checkpoints },
        { "ledger_sync_marks_total", "counter", "Synchronous writes after an ambiguity.", a->syncs_asked },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        metric(b, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}

static err job_metrics(struct request *rq, struct db *db)
{
    struct job_counts c;
    struct buf *b = rq->work;

    TRY(job_count(&rq->scope, db, &c));
    metric(b, "jobs_queued", "gauge", "Jobs that wait.", (uint64_t)c.queued);
    metric(b, "jobs_running", "gauge", "Jobs under a lease.", (uint64_t)c.running);
    metric(b, "jobs_dead", "gauge", "Jobs given up: an operator should look.", (uint64_t)c.dead);
    return ERR_OK;
}

err show_metrics(struct request *rq)
{
    struct app *app = rq->app;
    struct append_state state;
    struct buf b = BUF(&rq->scope);

    append_state(app->append, &state);
    ledger_metrics(&b, &state);
    http_metrics(rq->http, &b);
    rq->work = &b;
    if (app_with_db(rq, job_metrics) != ERR_OK)
        scope_forgive(&rq->scope);      /* without a database the others still count */
    reply_bytes(rq, 200, TEXT, b.p, b.len);
    return ERR_OK;
}

/* ---- the contract, for machines and for people */

err show_contract(struct request *rq)
{
    struct app *app = rq->app;
    size_t len;
    const char *text = contract_text(app->contract, &len);

    reply_header(rq, "Access-Control-Allow-Origin", "*");
    reply_bytes(rq, 200, "application/json", text, len);
    return ERR_OK;
}

static void html(struct buf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            buf_str(b, "&lt;");
        else if (*text == '&')
            buf_str(b, "&amp;");
        else if (*text == '"')
            buf_str(b, "&quot;");
        else
            buf_char(b, *text);
    }
}

#define PAGE_HEAD "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Counterfoil</title>" \
                  "<meta name=\"viewport\" content=\"width=device-width\"><style>body{font:16px/1.5 sans-serif;" \
                  "max-width:60rem;margin:2rem auto;padding:0 1rem}code{font:14px monospace}td{padding:.2rem .8rem " \
                  ".2rem 0;vertical-align:top}</style></head><body>"

err show_docs(struct request *rq)
{
    struct app *app = rq->app;
    struct buf b = BUF(&rq->scope);
    const struct operation_spec *ops;
    size_t n;

    ops = contract_operations(app->contract, &n);
    buf_str(&b, PAGE_HEAD "<h1>The HTTP API</h1><p>Shapes and parameters stand in <a href=\"/openapi.json\">the "
                          "contract</a>, which the server routes and validates by.</p><table>");
    for (size_t i = 0; i < n; i++) {
        buf_str(&b, "<tr><td><code>");
        html(&b, ops[i].method);
        buf_str(&b, "</code></td><td><code>");
        html(&b, ops[i].path);
        buf_str(&b, "</code></td><td>");
        html(&b, ops[i].id);
        buf_str(&b, "</td><td>");
        html(&b, *ops[i].role ? ops[i].role : "everyone");
        buf_str(&b, "</td></tr>");
    }
    buf_str(&b, "</table></body></html>\n");
    reply_bytes(rq, 200, HTML, b.p, b.len);
    return ERR_OK;
}

err show_front(struct request *rq)
{
    struct app *app = rq->app;
    struct buf b = BUF(&rq->scope);

    buf_str(&b, PAGE_HEAD "<h1>Counterfoil</h1><p>A marketplace for AI training data. Every license and every access "
                          "leaves an entry in a signed, append-only ledger that anybody can check.</p><p>This log: "
                          "<code>");
    html(&b, app->origin);
    buf_str(&b, "</code>, key <code>");
    html(&b, app->log_key);
    buf_str(&b, "</code></p><ul><li><a href=\"/v1/datasets\">Catalog</a></li><li><a href=\"/log/checkpoint\">Newest "
                "checkpoint</a></li><li><a href=\"/v1/entries\">Entries</a></li><li><a href=\"/docs\">API</a></li></ul>"
                "</body></html>\n");
    reply_bytes(rq, 200, HTML, b.p, b.len);
    return ERR_OK;
}
