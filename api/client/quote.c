/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/instant.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options { const char *purpose, *territory, *from, *until; bool json; };

static const struct flag flags[] = {
    { "purpose", "PURPOSE", false, offsetof(struct options, purpose),
      "what for: pretraining, finetuning, evaluation, …" },
    { "territory", "WHERE", false, offsetof(struct options, territory), "ISO 3166 country, EU or WORLD" },
    { "from", "WHEN", false, offsetof(struct options, from), "when the license would begin; now if not said" },
    { "until", "WHEN", false, offsetof(struct options, until), "when it would end" },
    { "json", NULL, false, offsetof(struct options, json), "the quote as JSON" },
};

static void tell(struct scope *s, const json_t *q)
{
    say("quote      %s", json_text_or(q, "id", "?"));
    say("dataset    %s, version %lld", json_text_or(q, "dataset", "?"),
        (long long)json_integer_value(json_object_get(q, "version")));
    say("for        %s in %s until %s", json_text_or(q, "purpose", "?"), json_text_or(q, "territory", "?"),
        json_text_or(q, "until", "?"));
    say("items      %lld, %s", (long long)json_integer_value(json_object_get(q, "item_count")),
        size_text(s, json_integer_value(json_object_get(q, "bytes"))));
    say("price      %s", money_text(s, json_object_get(q, "price")));
    say("good until %s", json_text_or(q, "expires_at", "?"));
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    const char *until, *from = NULL;
    struct market m;
    json_t *body, *answer = NULL;
    err e;

    if (!o->purpose || !o->territory || !o->until)
        return fail(s, ERR_INVALID, "a quote needs --purpose, --territory and --until");
    TRY(instant_read(s, o->until, &until));
    if (o->from)
        TRY(instant_read(s, o->from, &from));
    TRY(market_open(s, &m, true));
    body = json_pack("{s:s,s:s,s:s,s:s,s:s*}", "offer", c->args.v[0], "purpose", o->purpose, "territory", o->territory,
                     "until", until, "from", from);
    e = body ? market_post(s, &m, "/v1/quotes", body, NULL, &answer) : fail(s, ERR_INVALID, "arguments must be UTF-8");
    if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK)
        tell(s, answer);
    json_decref(answer);
    json_decref(body);
    market_close(&m);
    return e;
}

const struct verb verb_quote = {
    .name = "quote", .args = "OFFER", .args_min = 1, .args_max = 1,
    .line = "ask what an offer would cost you",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
