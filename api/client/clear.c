/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "api/client/instant.h"
#include "api/client/issued.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

#define ASK_EVERY_US 200000

struct options { const char *territory, *model, *project, *until, *out; bool json; };

#define AT(member) offsetof(struct options, member)
static const struct flag flags[] = {
    { "territory", "WHERE", false, AT(territory), "where the items are used; the license's territory if not said" },
    { "model", "CLASS", false, AT(model), "in which models: discriminative, embedding, generative (if not said)" },
    { "project", "NAME", false, AT(project), "what you call it; private" },
    { "until", "WHEN", false, AT(until), "for less than a day" },
    { "out", "FILE", false, AT(out), "keep the signed clearance here, and its receipt in FILE.receipt" },
    { "json", NULL, false, AT(json), "the answer as JSON" },
};

/* ---- telling */

static void tell(struct scope *s, const json_t *c)
{
    const json_t *excluded = json_object_get(c, "excluded"), *row;
    const json_t *failure = json_object_get(c, "failure");
    int64_t withdrawn = json_integer_value(json_object_get(c, "withdrawn_since"));
    size_t i;

    say("clearance  %s, %s", json_text_or(c, "id", "?"), json_text_or(c, "state", "?"));
    say("for        %s in %s, %s models", json_text_or(c, "purpose", "?"), json_text_or(c, "territory", "?"),
        json_text_or(c, "model_class", "?"));
    if (json_is_object(failure))
        say("failed     %s, %s; %s (%s)", json_text_or(failure, "reason", "?"), json_text_or(failure, "sentence", "?"),
            json_text_or(failure, "remedy", "?"), json_text_or(failure, "job", "?"));
    say("cleared    %lld of %s", (long long)json_integer_value(json_object_get(c, "cleared")),
        count_text(s, (uint64_t)json_integer_value(json_object_get(c, "item_count")), "item", "items"));
    json_array_foreach(excluded, i, row)
        say("excluded   %lld: %s, %s; %s", (long long)json_integer_value(json_object_get(row, "item_count")),
            json_text_or(row, "reason", "?"), json_text_or(row, "sentence", "?"), json_text_or(row, "remedy", "?"));
    if (withdrawn)
        say("withdrawn  %lld since", (long long)withdrawn);
    say("until      %s", json_text_or(c, "until", "?"));
    if (json_is_object(json_object_get(c, "entry")))
        say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(c, "entry"), "index")));
}

/* ---- asking */

static err ask(struct scope *s, struct market *m, const struct options *o, const char *license, const char **id)
{
    const char *at = scope_printf(s, "/v1/licenses/%s", fetch_escape(s, license)), *made;
    json_t *row = NULL, *body, *answer = NULL;
    const char *until = NULL;
    err e;

    if (o->until)
        TRY(instant_read(s, o->until, &until));
    if (!o->territory)
        TRY(market_get(s, m, at, &row));
    body = json_pack("{s:s,s:s,s:s*,s:s*}", "territory", o->territory ? o->territory : json_text_or(row, "territory",
                     "WORLD"), "model_class", o->model ? o->model : "generative", "project", o->project, "until",
                     until);
    e = body ? market_post(s, m, scope_printf(s, "%s/clearances", at), body, market_new_key(s), &answer)
             : fail(s, ERR_INVALID, "not UTF-8");
    if (e == ERR_OK)
        e = json_text(s, answer, "id", &made);
    if (e == ERR_OK)
        *id = scope_strdup(s, made);
    json_decref(answer);
    json_decref(body);
    json_decref(row);
    return e;
}

static bool settled(const json_t *c)
{
    const char *state = json_text_or(c, "state", "");

    return strcmp(state, "failed") == 0 ||
           (strcmp(state, "pending") != 0 && json_is_object(json_object_get(c, "credential")));
}

/* A worker decides, then the market's issuer signs: for ten million items that takes its time. */
static err wait_for(struct scope *s, struct market *m, const char *id, json_t **out)
{
    for (;; usleep(ASK_EVERY_US)) {
        TRY(market_get(s, m, scope_printf(s, "/v1/clearances/%s", fetch_escape(s, id)), out));
        if (settled(*out))
            return ERR_OK;
        json_decref(*out);
        *out = NULL;
    }
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    json_t *answer = NULL;
    const char *id = NULL;
    struct market m;
    err e;

    TRY(market_id(s, c->args.v[0], "lic_", HINT_LICENSE));
    TRY(market_open(s, &m, true));
    e = ask(s, &m, o, c->args.v[0], &id);
    if (e == ERR_OK)
        e = wait_for(s, &m, id, &answer);
    if (e == ERR_OK && o->out && json_is_object(json_object_get(answer, "credential")))
        e = issued_keep(s, &m, o->out, answer);
    if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK)
        tell(s, answer);
    if (e == ERR_OK && (strcmp(json_text_or(answer, "state", ""), "refused") == 0 ||
                        strcmp(json_text_or(answer, "state", ""), "failed") == 0))
        c->exit_code = EXIT_FINDINGS;
    json_decref(answer);
    market_close(&m);
    return e;
}

const struct verb verb_clear = {
    .name = "clear", .args = "LICENSE", .args_min = 1, .args_max = 1,
    .line = "have a license's items cleared for use now",
    .more = "Every item's bytes and the consent of everybody who made it are checked. Items are delivered under the\n"
            "newest clearance of their license, for a day at most. Exit code 0: some items are cleared, 1: none.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
