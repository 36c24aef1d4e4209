/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/instant.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options { const char *until; bool json; };

static const struct flag flags[] = {
    { "until", "INSTANT", false, offsetof(struct options, until), "of give: a date or instant; else until revoked" },
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

static err row(struct scope *s, void *arg, json_t *g)
{
    const struct options *o = arg;

    if (o->json)
        say_json(g);
    else
        say("%s  %s  from %s  until %s%s%s", json_text_or(g, "id", "?"), printable(s, json_text_or(g, "party", "?")),
            json_text_or(g, "granted_at", "?"), json_text_or(g, "until", "it is revoked"),
            json_is_string(json_object_get(g, "revoked_at")) ? ", revoked " : "", json_text_or(g, "revoked_at", ""));
    return ERR_OK;
}

static err give(struct scope *s, struct market *m, const struct options *o, const char *party)
{
    json_t *body = json_pack("{s:s}", "party", party), *answer = NULL;
    const char *until = NULL;
    err e = body ? ERR_OK : fail(s, ERR_INVALID, "a party is a handle");

    if (e == ERR_OK && o->until)
        e = instant_read(s, o->until, &until);
    if (until)
        json_object_set_new(body, "until", json_string(until));
    if (e == ERR_OK)
        e = market_post(s, m, "/v1/auditor-grants", body, market_new_key(s), &answer);
    if (e == ERR_OK)
        e = row(s, (void *)o, answer);
    json_decref(body);
    json_decref(answer);
    return e;
}

static err revoke(struct scope *s, struct market *m, const char *id)
{
    struct fetch_request rq = { .method = FETCH_DELETE, .answer_max = MARKET_ANSWER_MAX };
    struct fetch_answer a;

    TRY(market_id(s, id, "grt_", "`counterfoil grant list` shows them"));
    return market_run(s, m, scope_printf(s, "/v1/auditor-grants/%s", fetch_escape(s, id)), &rq, true, &a);
}

static err run(struct scope *s, struct call *c)
{
    const char *what = c->args.v[0], *whom = c->args.n > 1 ? c->args.v[1] : NULL;
    bool list = strcmp(what, "list") == 0, gives = strcmp(what, "give") == 0;
    struct market m;
    err e;

    if (!list && !gives && strcmp(what, "revoke") != 0)
        return fail(s, ERR_INVALID, "grant wants give, list or revoke, not '%s'", what);
    if (list == (whom != NULL))
        return fail(s, ERR_INVALID, list ? "grant list takes nothing more" : "grant %s wants whom or what", what);
    TRY(market_open(s, &m, true));
    e = list ? market_each(s, &m, "/v1/auditor-grants", row, (void *)c->options)
      : gives ? give(s, &m, c->options, whom) : revoke(s, &m, whom);
    market_close(&m);
    return e;
}

const struct verb verb_grant = {
    .name = "grant", .args = "give AUDITOR | list | revoke GRANT", .args_min = 1, .args_max = 2,
    .line = "let an auditor read everybody's private fields and lists, by the operator",
    .more = "An auditor without a grant reads what everybody does. A grant is whole, for all of the auditor's keys,\n"
            "and holds until an instant or until it is revoked.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
