/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "ledger/keys/sha256.h"

struct options { const char *reference; bool json; };

static const struct flag flags[] = {
    { "reference", "TEXT", false, offsetof(struct options, reference),
      "the bank's or your reference; one payment has one" },
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct market m;
    struct hash h;
    json_t *body, *answer = NULL;
    err e;

    if (!o->reference)
        return fail(s, ERR_INVALID, "a payment needs --reference: it is what keeps it from being recorded twice");
    TRY(market_open(s, &m, true));
    body = json_pack("{s:s,s:{s:s,s:s},s:s}", "party", c->args.v[0], "amount", "amount", c->args.v[1], "currency",
                     c->args.v[2], "reference", o->reference);
    /* the same reference is the same request, also after a crash */
    h = sha256_of(o->reference, strlen(o->reference));
    e = body ? market_post(s, &m, "/v1/payments", body, scope_printf(s, "pay-%s", hash_hex(s, &h)), &answer)
             : fail(s, ERR_INVALID, "arguments must be UTF-8");
    if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK)
        say("%s received from %s: %s", money_text(s, json_object_get(answer, "amount")),
            json_text_or(answer, "party", "?"), json_text_or(answer, "id", "?"));
    json_decref(answer);
    json_decref(body);
    market_close(&m);
    return e;
}

const struct verb verb_pay = {
    .name = "pay", .args = "HANDLE AMOUNT CURRENCY", .args_min = 3, .args_max = 3,
    .line = "record money received for a party's balance (operator)",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
