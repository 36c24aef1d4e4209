/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "api/client/folder.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "ledger/keys/sha256.h"

#define PAUSE_MS 200
#define PAUSES_MAX 3000           /* ten minutes for a run; it goes on without us */

struct options { bool json; const char *minimum, *currency, *reference, *run, *out, *repeat; };

static const struct flag flags[] = {
    { "minimum", "AMOUNT", false, offsetof(struct options, minimum), "of a run: pay out nothing less" },
    { "currency", "CODE", false, offsetof(struct options, currency), "of a run" },
    { "out", "FILE", false, offsetof(struct options, out), "of a run: write the rail's file to a new FILE" },
    { "run", "RUN", false, offsetof(struct options, run), "list the payouts of one run; or the file of a run again" },
    { "repeat", "KEY", false, offsetof(struct options, repeat),
      "of a run: a word of your own; the same word again is the same run, whatever became of the first answer" },
    { "reference", "TEXT", false, offsetof(struct options, reference), "of settle and fail: what the rail said" },
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

/* ---- a run */

static err run_wait(struct scope *s, struct market *m, const char *id, json_t **run)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    const char *path = scope_printf(s, "/v1/payout-runs/%s", fetch_escape(s, id));

    for (int i = 0; i < PAUSES_MAX; i++) {
        TRY(market_get(s, m, path, run));
        if (strcmp(json_text_or(*run, "state", ""), "instructed") == 0)
            return ERR_OK;
        json_decref(*run);
        *run = NULL;
        nanosleep(&pause, NULL);
    }
    return fail(s, ERR_BUSY, "run %s is not done yet: counterfoil payout run --run %s asks again", id, id);
}

static err file_keep(struct scope *s, struct market *m, const char *id, const char *path)
{
    struct fetch_request rq = { .method = FETCH_GET, .answer_max = MARKET_ANSWER_MAX };
    struct fetch_answer a;

    if (!path)
        return ERR_OK;
    TRY(market_run(s, m, scope_printf(s, "/v1/payout-runs/%s/file", fetch_escape(s, id)), &rq, true, &a));
    return file_write(s, path, a.body.p, a.body.len);
}

static void run_tell(struct scope *s, const json_t *run)
{
    const json_t *left;
    size_t i;

    say("run        %s, %s, %s", json_text_or(run, "id", "?"),
        count_text(s, (uint64_t)json_integer_value(json_object_get(run, "payouts")), "payout", "payouts"),
        money_text(s, json_object_get(run, "total")));
    json_array_foreach(json_object_get(run, "left"), i, left)
        say("not paid   %s  %s: %s", money_text(s, json_object_get(left, "amount")), json_text_or(left, "party", "?"),
            json_text_or(left, "reason", "?"));
}

/* Who has lost the answer asks again by the same key, and is told the run that there is. */
static err run_post(struct scope *s, struct market *m, const char *key, const json_t *body, json_t **made)
{
    err e = market_post(s, m, "/v1/payout-runs", body, key, made);

    const char *why;

    if (e == ERR_OK || err_fault(e) == FAULT_CALLER)
        return e;
    why = scope_strdup(s, s->why.detail);
    scope_forgive(s);
    return fail(s, e, "%s; the same with --repeat %s asks again, and runs once", why, key);
}

static err start(struct scope *s, struct market *m, const struct options *o, const char **id)
{
    json_t *body, *made = NULL;
    err e;

    if (o->run) {
        *id = o->run;
        return ERR_OK;
    }
    if (!o->minimum || !o->currency)
        return fail(s, ERR_INVALID, "a run wants --minimum and --currency");
    body = json_pack("{s:s,s:{s:s,s:s}}", "rail", "csv", "minimum", "amount", o->minimum, "currency", o->currency);
    e = body ? run_post(s, m, o->repeat ? o->repeat : market_new_key(s), body, &made)
             : fail(s, ERR_INVALID, "not text");
    json_decref(body);
    if (e == ERR_OK)
        e = json_text(s, made, "id", id);
    if (e == ERR_OK)
        *id = scope_strdup(s, *id);
    json_decref(made);
    return e;
}

static err do_run(struct scope *s, struct market *m, const struct options *o)
{
    json_t *run = NULL;
    const char *id;
    err e;

    TRY(start(s, m, o, &id));
    TRY(run_wait(s, m, id, &run));
    e = file_keep(s, m, id, o->out);
    if (e == ERR_OK && o->json)
        say_json(run);
    else if (e == ERR_OK)
        run_tell(s, run);
    json_decref(run);
    return e;
}

/* ---- payouts */

static void tell(struct scope *s, const json_t *p)
{
    say("%s  %s  %s  %s  %s", json_text_or(p, "id", "?"), money_text(s, json_object_get(p, "amount")),
        printable(s, json_text_or(p, "party", "?")), json_text_or(p, "state", "?"), json_text_or(p, "run", "?"));
}

static err list_row(struct scope *s, void *arg, json_t *row)
{
    const struct options *o = arg;

    if (o->json)
        say_json(row);
    else
        tell(s, row);
    return ERR_OK;
}

static err do_list(struct scope *s, struct market *m, const struct options *o)
{
    const char *path = o->run ? scope_printf(s, "/v1/payouts?limit=1000&run=%s", fetch_escape(s, o->run))
                              : "/v1/payouts?limit=1000";

    return market_each(s, m, path, list_row, (void *)o);
}

static err runs_row(struct scope *s, void *arg, json_t *row)
{
    const struct options *o = arg;

    if (o->json)
        say_json(row);
    else
        say("%s  %s  %s  %s  %s", json_text_or(row, "id", "?"), money_text(s, json_object_get(row, "total")),
            count_text(s, (uint64_t)json_integer_value(json_object_get(row, "payouts")), "payout", "payouts"),
            json_text_or(row, "state", "?"), json_text_or(row, "created_at", "?"));
    return ERR_OK;
}

/*
 * The payout and what is said of it make the key: a repeat after a crash tells nothing twice. Such a repeat is answered
 * as the first time, so what has become of the payout since is asked for.
 */
static err do_answer(struct scope *s, struct market *m, const struct options *o, const char *verb, const char *id)
{
    const char *at = scope_printf(s, "/v1/payouts/%s", fetch_escape(s, id));
    json_t *body, *answer = NULL;
    struct hash words;
    err e;

    if (!o->reference)
        return fail(s, ERR_INVALID, "payout %s wants --reference: what the rail said", verb);
    TRY(market_id(s, id, "pyo_", "`counterfoil payout list` shows them"));
    words = sha256_of(o->reference, strlen(o->reference));
    body = json_pack("{s:s}", "reference", o->reference);
    e = body ? market_post(s, m, scope_printf(s, "%s/%s", at, verb), body,
                           scope_printf(s, "%s-%.40s-%.16s", verb, fetch_escape(s, id), hash_hex(s, &words)), &answer)
             : fail(s, ERR_INVALID, "a reference is text");
    json_decref(body);
    json_decref(answer);
    TRY(e);
    TRY(market_get(s, m, at, &answer));
    e = list_row(s, (void *)o, answer);
    if (e == ERR_OK && strncmp(json_text_or(answer, "state", ""), verb, 4) != 0)
        e = fail(s, ERR_STALE, "this was recorded before; the payout is %s by now", json_text_or(answer, "state", "?"));
    json_decref(answer);
    return e;
}

static err run(struct scope *s, struct call *c)
{
    const char *what = c->args.v[0], *id = c->args.n > 1 ? c->args.v[1] : NULL;
    bool answer = strcmp(what, "settle") == 0 || strcmp(what, "fail") == 0;
    bool start = strcmp(what, "run") == 0, runs = strcmp(what, "runs") == 0;
    struct market m;
    err e;

    if (answer != (id != NULL) || (!answer && !start && !runs && strcmp(what, "list") != 0))
        return fail(s, ERR_INVALID, "usage: counterfoil payout run, runs, list, settle PAYOUT, or fail PAYOUT");
    TRY(market_open(s, &m, true));
    e = answer ? do_answer(s, &m, c->options, what, id)
      : start ? do_run(s, &m, c->options)
      : runs ? market_each(s, &m, "/v1/payout-runs", runs_row, (void *)c->options) : do_list(s, &m, c->options);
    market_close(&m);
    return e;
}

const struct verb verb_payout = {
    .name = "payout", .args = "run|runs|list|settle|fail [PAYOUT]", .args_min = 1, .args_max = 2,
    .line = "pay creators out, list payouts, tell what became of them",
    .more = "run: pays out what is available, and writes the file for the bank. What isn't paid says why: held,\n"
            "below the minimum, or in a payout that has no answer yet. runs: those there are;\n"
            "run --run RUN --out FILE writes the file of one again. settle, fail: the bank's answer,\n"
            "for the operator to tell; what failed is available again.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
