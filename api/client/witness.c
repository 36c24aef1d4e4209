/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api/client/say.h"
#include "api/client/signing_key.h"
#include "api/client/verb.h"
#include "api/client/witness_state.h"
#include "api/http/http.h"
#include "ledger/note/add_checkpoint.h"
#include "ledger/note/cosignature.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

/* counterfoil witness: a C2SP tlog-witness for other logs. */
struct options { const char *key, *name, *dir, *listen, *passphrase_file; struct texts log, new; };

static const struct flag flags[] = {
    { "key", "FILE", false, offsetof(struct options, key), "the witness's key file (counterfoil key new)" },
    { "name", "NAME", false, offsetof(struct options, name), "its name in cosignatures, as in witness.example/w1" },
    { "passphrase-file", "FILE", false, offsetof(struct options, passphrase_file), "of a sealed key file" },
    { "dir", "DIR", false, offsetof(struct options, dir), "what it has cosigned; made by a first --new; never shared" },
    { "listen", "ADDR:PORT", false, offsetof(struct options, listen), "where it answers; port 0: any free one" },
    { "log", "VKEY", true, offsetof(struct options, log), "verifier key of a log that it witnesses" },
    { "new", "VKEY", true, offsetof(struct options, new), "the same at its first start, with nothing cosigned yet" },
};

static const char witness_contract[] =
    "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"witness\",\"version\":\"1\"},\"paths\":{\"/add-checkpoint\":{"
    "\"post\":{\"operationId\":\"add_checkpoint\",\"x-role\":\"\",\"x-raw-body\":true,\"requestBody\":{"
    "\"required\":true,\"content\":{\"*/*\":{\"schema\":{\"type\":\"string\"}}}},\"responses\":{\"200\":{}}}}}}";

/* A log that is witnessed: its key, and what was cosigned of it last. */
struct known_log { struct note_key key; struct checkpoint last; };

struct witness {
    struct cosigner cosigner;
    struct secret_key *secret;
    struct witness_state state;
    pthread_mutex_t lock;             /* over all of what follows: compared, stored and cosigned as one act */
    size_t n_known, n_logs;           /* those after the first n_known are new */
    struct known_log logs[WITNESS_LOGS_MAX];
};

/* ---- one request */

static void answer(struct request *rq, int status, const char *text)
{
    reply_text(rq, status, "text/plain; charset=utf-8", text);
}

/* The log of the first line; NULL: unknown. */
static struct known_log *log_of(struct witness *w, const struct bytes *note)
{
    const char *p = (const char *)note->p, *eol = memchr(p, '\n', note->len);

    for (size_t i = 0; eol && i < w->n_logs; i++)
        if (strlen(w->logs[i].key.name) == (size_t)(eol - p) && memcmp(w->logs[i].key.name, p, (size_t)(eol - p)) == 0)
            return &w->logs[i];
    return NULL;
}

/* Two notes of one size by the log's own key, and two roots: kept for whoever asks the log's operator. */
static void fork_tell(struct scope *s, struct witness *w, const struct known_log *log, const struct add_checkpoint *ask,
                      const struct checkpoint *c)
{
    const char *name;

    if (c->size != log->last.size || c->size == 0 || hash_equal(&c->root, &log->last.root))
        return;
    if (witness_state_evidence(s, &w->state, &log->key, &log->last, ask->note, &name) == ERR_OK)
        log_line(LOG_ERROR, "fork origin=%s size=%" PRIu64 " evidence=%s", c->origin, c->size, name);
    else
        log_why(LOG_ERROR, "a fork could not be kept", s);
    scope_forgive(s);
}

/* Compares, stores, cosigns; w->lock is held. */
static err decide(struct request *rq, struct witness *w, struct known_log *log, const struct add_checkpoint *ask,
                  const struct checkpoint *c)
{
    struct scope *s = &rq->scope;
    struct hash empty = empty_root();

    if (ask->old_size != log->last.size) {
        reply_text(rq, 409, WITNESS_SIZE_TYPE, scope_printf(s, "%" PRIu64 "\n", log->last.size));
        return ERR_OK;
    }
    if (!proof_check_consistency(ask->old_size, &log->last.root, c->size, &c->root, &ask->proof) ||
        (c->size == 0 && !hash_equal(&c->root, &empty))) {
        log_line(LOG_ERROR, "not consistent origin=%s had=%" PRIu64 " root=%s asked=%" PRIu64 " root=%s", c->origin,
                 log->last.size, hash_hex(s, &log->last.root), c->size, hash_hex(s, &c->root));
        fork_tell(s, w, log, ask, c);
        answer(rq, 422, "the proof does not lead from the checkpoint cosigned before to this one\n");
        return ERR_OK;
    }
    if (c->size > log->last.size) {
        TRY(witness_state_note(s, &w->state, &log->key, &log->last, ask->note));
        TRY(witness_state_put(s, &w->state, c));
    }
    log->last = *c;
    answer(rq, 200, cosignature_make(s, checkpoint_text(s, c), &w->cosigner, w->secret, clock_wall_ms() / 1000));
    return ERR_OK;
}

static err judge(struct request *rq, struct witness *w, const char *body, size_t len)
{
    struct scope *s = &rq->scope;
    struct add_checkpoint ask;
    struct bytes text, lines;
    struct known_log *log;
    struct checkpoint c;
    err e;

    if (!add_checkpoint_parse(body, len, &ask) ||
        note_split(s, (const char *)ask.note.p, ask.note.len, &text, &lines) != ERR_OK) {
        answer(rq, 400, "not an add-checkpoint request\n");
        return ERR_OK;
    }
    log = log_of(w, &ask.note);
    if (!log) {
        answer(rq, 404, "this log is not witnessed here\n");
        return ERR_OK;
    }
    if (note_open(s, (const char *)ask.note.p, ask.note.len, &log->key, &text) != ERR_OK) {
        answer(rq, 403, "the checkpoint has no good signature of the log's key\n");
        return ERR_OK;
    }
    if (!checkpoint_read((const char *)text.p, text.len, &c) || ask.old_size > c.size) {
        answer(rq, 400, "not a checkpoint of three lines, or smaller than the old size\n");
        return ERR_OK;
    }
    pthread_mutex_lock(&w->lock);
    e = decide(rq, w, log, &ask, &c);
    pthread_mutex_unlock(&w->lock);
    return e;
}

static err body_piece(struct request *rq, const void *bytes, size_t len)
{
    struct buf *body = rq->work;

    if (body->len + len > ADD_CHECKPOINT_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a request has at most %d bytes", ADD_CHECKPOINT_BYTES_MAX);
    buf_add(body, bytes, len);
    return ERR_OK;
}

static err body_done(struct request *rq)
{
    const struct buf *body = rq->work;

    return judge(rq, rq->app, body->p ? body->p : "", body->len);
}

static err add_checkpoint(struct request *rq)
{
    static const struct body_sink sink = { body_piece, body_done };
    struct buf *body = NEW(&rq->scope, struct buf);

    *body = BUF(&rq->scope);
    rq->work = body;
    request_read_body(rq, &sink);
    return ERR_OK;
}

/* ---- the program */

static err logs_open(struct scope *s, struct witness *w, const struct texts *vkeys,
                     err (*open)(struct scope *s, const struct witness_state *w, const char *origin,
                                 struct checkpoint *out))
{
    for (size_t i = 0; i < vkeys->n; i++) {
        struct known_log *log = &w->logs[w->n_logs];

        if (w->n_logs == WITNESS_LOGS_MAX)
            return fail(s, ERR_INVALID, "more than %d logs", WITNESS_LOGS_MAX);
        if (!note_key_parse(vkeys->v[i], &log->key))
            return fail(s, ERR_INVALID, "not a verifier key of a log: %s", vkeys->v[i]);
        for (size_t j = 0; j < w->n_logs; j++)
            if (strcmp(w->logs[j].key.name, log->key.name) == 0)
                return fail(s, ERR_INVALID, "two keys of %s: a log has one", log->key.name);
        TRY(open(s, &w->state, log->key.name, &log->last));
        w->n_logs++;
    }
    return ERR_OK;
}

static err address_split(struct scope *s, const char *listen, char **address, int64_t *port)
{
    const char *colon = strrchr(listen, ':');
    uint64_t n;

    if (!colon || !decimal_read(colon + 1, strlen(colon + 1), 65535, &n))
        return fail(s, ERR_INVALID, "--listen takes ADDRESS:PORT, not %s", listen);
    *address = scope_strndup(s, listen, (size_t)(colon - listen));
    *port = (int64_t)n;
    return ERR_OK;
}

/*
 * Nobody is answered before the new logs have their files, and these are made once it listens: what could not begin
 * is begun again by the same command.
 */
static err begin(struct scope *s, struct witness *w, const struct http_config *config, struct http **http)
{
    err e;

    pthread_mutex_lock(&w->lock);
    e = http_start(s, config, http);
    for (size_t i = w->n_known; e == ERR_OK && i < w->n_logs; i++)
        e = witness_state_put(s, &w->state, &w->logs[i].last);
    pthread_mutex_unlock(&w->lock);
    if (e != ERR_OK)
        http_stop(*http);
    return e;
}

static err serve(struct scope *s, struct witness *w, const struct options *o)
{
    static const struct http_handler handlers[] = { { "add_checkpoint", add_checkpoint } };
    struct http_config config = { .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .app = w,
                                  .body_max = ADD_CHECKPOINT_BYTES_MAX };
    struct contract *contract = NULL;
    struct http *http = NULL;
    sigset_t ends;
    char *address = NULL;
    int got = 0;
    err e;

    TRY(address_split(s, o->listen, &address, &config.port));
    config.address = address;
    TRY(contract_load(s, witness_contract, sizeof witness_contract - 1, &contract));
    config.contract = contract;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);      /* every thread inherits it: only sigwait() below takes them */
    e = begin(s, w, &config, &http);
    if (e == ERR_OK) {
        say("witness %s", cosigner_text(s, &w->cosigner));
        say("listening on %s:%d for %zu logs", address, http_port(http), w->n_logs);
        fflush(stdout);
        sigwait(&ends, &got);
        http_stop(http);
    }
    contract_free(contract);
    return e;
}

static err open_and_serve(struct scope *s, struct witness *w, const struct options *o)
{
    struct public_key public;
    err e;

    TRY(signing_key_load(s, o->passphrase_file, o->key, &w->secret));
    public = secret_key_public(w->secret);
    if (!cosigner_make(o->name, &public, &w->cosigner))
        return fail(s, ERR_INVALID, "not a name of a witness (no spaces, no '+'): %s", o->name);
    TRY(witness_state_open(s, o->dir, o->new.n > 0, &w->state));
    e = logs_open(s, w, &o->log, witness_state_get);
    w->n_known = w->n_logs;
    if (e == ERR_OK)
        e = logs_open(s, w, &o->new, witness_state_new);
    if (e == ERR_OK)
        e = serve(s, w, o);
    witness_state_close(&w->state);
    return e;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct witness *w = NEW(s, struct witness);
    err e;

    if (!o->key || !o->name || !o->dir || !o->listen || o->log.n + o->new.n == 0)
        return fail(s, ERR_INVALID, "--key, --name, --dir, --listen and at least one --log or --new are needed");
    pthread_mutex_init(&w->lock, NULL);
    e = open_and_serve(s, w, o);
    secret_key_free(w->secret);
    pthread_mutex_destroy(&w->lock);
    return e;
}

const struct verb verb_witness = {
    .name = "witness", .args = "", .args_min = 0, .args_max = 0,
    .line = "cosign the checkpoints of other logs, as a server",
    .more = "Answers POST /add-checkpoint (C2SP tlog-witness) until SIGTERM: cosigns a checkpoint only if it extends\n"
            "what was cosigned of that log before, and keeps that in DIR, durable before it answers. DIR is the\n"
            "witness: never copy it to run two, never restore it from a backup older than its last answer.\n"
            "A log without its file in DIR is refused, unless it is said to be new; one that has it is not new.\n"
            "Prints its verifier key, for the policies of others. TLS is a proxy's.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
