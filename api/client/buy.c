/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/license_tell.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options { bool json; };

static const struct flag flags[] = {
    { "json", NULL, false, offsetof(struct options, json), "the license as JSON" },
};

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct market m;
    json_t *body, *answer = NULL;
    err e;

    TRY(market_id(s, c->args.v[0], "qte_", "`counterfoil quote OFFER` asks for a quote"));
    TRY(market_open(s, &m, true));
    body = json_pack("{s:s}", "quote", c->args.v[0]);
    /* A quote is bought once: its id makes the request's key, so that a repeat after a crash pays nothing again. */
    e = body ? market_post(s, &m, "/v1/licenses", body, scope_printf(s, "buy-%.100s", fetch_escape(s, c->args.v[0])),
                           &answer)
             : fail(s, ERR_INVALID, "a quote's id is text");
    if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK)
        license_tell(s, answer);
    json_decref(answer);
    json_decref(body);
    market_close(&m);
    return e;
}

const struct verb verb_buy = {
    .name = "buy", .args = "QUOTE", .args_min = 1, .args_max = 1,
    .line = "accept a quote and pay it from your balance",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
