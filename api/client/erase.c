/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

#define PAUSE_MS 200
#define PAUSES_MAX 3000           /* ten minutes; it goes on without us */

struct options { const char *reason; bool forfeit, no_wait, json; };

static const struct flag flags[] = {
    { "reason", "CODE", false, offsetof(struct options, reason),
      "request (the party's own), order (of a court or authority), inactive; it is in the log for ever" },
    { "forfeit", NULL, false, offsetof(struct options, forfeit),
      "what the party still has, and is not paid out, falls to the platform" },
    { "no-wait", NULL, false, offsetof(struct options, no_wait), "end when the party is closed" },
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

static void tell(const json_t *e)
{
    long long closed = (long long)json_integer_value(json_object_get(json_object_get(e, "closed"), "index"));
    const json_t *entry = json_object_get(e, "entry");

    say("erasure    %s, %s", json_text_or(e, "id", "?"), json_text_or(e, "state", "?"));
    say("closed     entry %lld", closed);
    say("listed     %lld, of which %lld still have what goes",
        (long long)json_integer_value(json_object_get(e, "entries")),
        (long long)json_integer_value(json_object_get(e, "left")));
    if (json_is_object(entry))
        say("erased     entry %lld", (long long)json_integer_value(json_object_get(entry, "index")));
    if (strcmp(json_text_or(e, "state", ""), "done") == 0)
        say("           deleted rows leave the database's files by the commands of docs/operating.md, \"Erasure\"");
}

static err wait_done(struct scope *s, struct market *m, const char *id, json_t **e)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    const char *path = scope_printf(s, "/v1/erasures/%s", fetch_escape(s, id));

    for (int i = 0; i < PAUSES_MAX; i++) {
        json_decref(*e);
        *e = NULL;
        TRY(market_get(s, m, path, e));
        if (strcmp(json_text_or(*e, "state", ""), "done") == 0)
            return ERR_OK;
        nanosleep(&pause, NULL);
    }
    return fail(s, ERR_BUSY, "erasure %s is not done yet; the market's workers go on with it", id);
}

static err erase(struct scope *s, struct market *m, const struct options *o, const char *party, json_t **e)
{
    json_t *body = json_pack("{s:s,s:s,s:b}", "party", party, "reason", o->reason, "forfeit", o->forfeit);
    const char *id;
    err got = body ? market_post(s, m, "/v1/erasures", body, market_new_key(s), e)
                   : fail(s, ERR_INVALID, "a party is a handle or an id");

    json_decref(body);
    TRY(got);
    if (o->no_wait)
        return ERR_OK;
    TRY(json_text(s, *e, "id", &id));
    return wait_done(s, m, scope_strdup(s, id), e);
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    json_t *e = NULL;
    struct market m;
    err got;

    if (!o->reason)
        return fail(s, ERR_INVALID, "an erasure wants --reason: request, order or inactive");
    TRY(market_open(s, &m, true));
    got = erase(s, &m, o, c->args.v[0], &e);
    if (got == ERR_OK && o->json)
        say_json(e);
    else if (got == ERR_OK)
        tell(e);
    json_decref(e);
    market_close(&m);
    return got;
}

const struct verb verb_erase = {
    .name = "erase", .args = "PARTY", .args_min = 1, .args_max = 1,
    .line = "close a party and erase what is private about it, by the operator",
    .more = "The market refuses, and says what to do, while licenses run, money is owed or consents stand. Then the\n"
            "party is closed by an entry, a second entry has the root over what goes, and it goes: private fields,\n"
            "names, keys, answers. The log goes on verifying, and an audit says what it can check no more.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
