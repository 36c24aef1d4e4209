/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options { bool json; };

static const struct flag flags[] = {
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

/* What a creator isn't paid says why. */
static void tell(struct scope *s, const json_t *row)
{
    const char *why = json_text_or(row, "unpaid", NULL), *until = json_text_or(row, "until", NULL);

    say("%-10s %s (%s)%s%s%s%s", json_text_or(row, "kind", "?"), money_text(s, json_object_get(row, "amount")),
        count_text(s, (uint64_t)json_integer_value(json_object_get(row, "lines")), "line", "lines"), why ? ": " : "",
        why ? why : "", until ? " until " : "", until ? until : "");
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct market m;
    json_t *answer = NULL;
    const json_t *row, *data;
    size_t i;
    err e;

    TRY(market_open(s, &m, true));
    e = market_get(s, &m, "/v1/balances", &answer);
    data = json_object_get(answer, "data");
    if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK && json_array_size(data) == 0)
        say("no balances: nothing was paid in by you or allocated to you yet");
    else if (e == ERR_OK)
        json_array_foreach(data, i, row)
            tell(s, row);
    json_decref(answer);
    market_close(&m);
    return e;
}

const struct verb verb_balance = {
    .name = "balance", .args = "",
    .line = "show your balances",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
