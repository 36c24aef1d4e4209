/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ledgered.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "ledger/keys/sha256.h"
#include "schema/base/log.h"

/* 256 bits over what makes two requests the same; lengths keep the parts apart. */
static struct hash fingerprint(const struct request *rq, const char *party)
{
    struct sha256 h;
    char head[32];
    const char *const parts[] = { rq->method, rq->target, party };

    sha256_init(&h);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        snprintf(head, sizeof head, "%zu:", strlen(parts[i]));
        sha256_add(&h, head, strlen(head));
        sha256_add(&h, parts[i], strlen(parts[i]));
    }
    sha256_add(&h, rq->body_bytes.p, rq->body_bytes.len);
    return sha256_end(&h);
}

struct bridge {
    struct append_op op;
    ledgered_decide *decide;
    void *state;
    err (*after)(struct scope *s, struct db *db);
};

static err run_after(struct request *rq, struct db *db)
{
    const struct bridge *b = rq->work;

    return b->after(&rq->scope, db);
}

/* On a worker, since parsing the answer again is no work for the ledger's threads. */
static err answer(struct request *rq)
{
    const struct bridge *b = rq->work;
    json_t *body = json_loads(b->op.answer, 0, NULL);

    if (!body)
        return fail(&rq->scope, ERR_CORRUPT, "the stored answer of a ledgered request is no JSON");
    if (b->op.replayed) {
        reply_header(rq, "Idempotent-Replayed", "true");
    } else if (b->after && app_with_db(rq, run_after) != ERR_OK) {
        log_why(LOG_WARNING, "what follows a recorded request", &rq->scope);
        scope_forgive(&rq->scope);
    }
    reply_json(rq, b->op.status, body);
    return ERR_OK;
}

static void done(struct append_op *op, err e)
{
    struct request *rq = op->arg;

    if (e == ERR_OK)
        request_continue(rq, answer);
    else
        request_finish(rq, e);
}

static err decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct request *rq = arg;
    struct bridge *b = rq->work;

    return b->decide(s, t, b->state);
}

err ledgered(struct request *rq, ledgered_decide *run, void *state)
{
    return ledgered_then(rq, run, state, NULL);
}

err ledgered_then(struct request *rq, ledgered_decide *run, void *state, err (*after)(struct scope *s, struct db *db))
{
    struct app *app = rq->app;
    const struct caller *caller = auth_caller(rq);
    struct bridge *b = NEW(&rq->scope, struct bridge);
    const char *key = rq->idempotency_key;

    if (!key)
        return fail(&rq->scope, ERR_KEY_REQUIRED, "send an Idempotency-Key of your own making: a repeat is then safe");
    if (strlen(key) > IDEMPOTENCY_KEY_MAX)
        return fail(&rq->scope, ERR_INVALID, "an Idempotency-Key has at most %d characters", IDEMPOTENCY_KEY_MAX);
    *b = (struct bridge){ .decide = run, .state = state, .after = after };
    b->op = (struct append_op){
        .scope = &rq->scope, .decide = decide, .done = done, .arg = rq,
        .idempotent = { caller->party.id.text, key, fingerprint(rq, caller->party.id.text) },
    };
    rq->work = b;
    request_suspend(rq);
    append_submit(app->append, &b->op);
    return ERR_OK;
}

json_t *entry_link(uint64_t index)
{
    char proof[64];

    snprintf(proof, sizeof proof, "/v1/entries/%" PRIu64 "/proof", index);
    return json_pack("{s:I,s:s}", "index", (json_int_t)index, "proof", proof);
}

/* jansson's text in the scope. */
static const char *text_of(struct scope *s, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
    const char *kept;

    if (!text)
        abort();
    kept = scope_strdup(s, text);
    free(text);
    return kept;
}

err ledgered_answer(struct scope *s, struct append_txn *t, int status, uint64_t index, json_t *answer,
                    const char *secret)
{
    json_object_set_new(answer, "entry", entry_link(index));
    t->op->status = status;
    t->op->answer = text_of(s, answer);
    if (secret) {
        json_object_set_new(answer, secret, json_null());
        t->op->stored = text_of(s, answer);
    }
    json_decref(answer);
    return ERR_OK;
}

err ledgered_plain(struct scope *s, struct append_txn *t, int status, json_t *answer)
{
    t->op->status = status;
    t->op->answer = text_of(s, answer);
    json_decref(answer);
    return ERR_OK;
}
