/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/issued.h"
#include "api/client/license_tell.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options { const char *out; bool json; };

static const struct flag flags[] = {
    { "out", "FILE", false, offsetof(struct options, out),
      "keep the signed license here, and its receipt in FILE.receipt, for counterfoil verify" },
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

void license_tell(struct scope *s, const json_t *l)
{
    const char *reason = json_text_or(l, "reason", NULL);
    const json_t *price = json_object_get(l, "price");

    say("license    %s, %s%s%s", json_text_or(l, "id", "?"), json_text_or(l, "state", "?"), reason ? ": " : "",
        reason ? reason : "");
    say("dataset    %s, version %lld", json_text_or(l, "dataset", "?"),
        (long long)json_integer_value(json_object_get(l, "version")));
    say("for        %s in %s, %s to %s", json_text_or(l, "purpose", "?"), json_text_or(l, "territory", "?"),
        json_text_or(l, "from", "?"), json_text_or(l, "until", "?"));
    say("buyer      %s from %s", json_text_or(l, "buyer", "(not shown)"), json_text_or(l, "publisher", "?"));
    say("price      %s, paid by %s", price ? money_text(s, price) : "(not shown)", json_text_or(l, "payment", "?"));
    say("items      %lld, root %s", (long long)json_integer_value(json_object_get(l, "item_count")),
        json_text_or(l, "slice_root", "?"));
    say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(l, "entry"), "index")));
}

static err tell_short(struct scope *s, void *arg, json_t *l)
{
    size_t *n = arg;

    (*n)++;
    say("%s  %-9s  %s v%lld  %s, %s, until %s  %s", json_text_or(l, "id", "?"), json_text_or(l, "state", "?"),
        json_text_or(l, "dataset", "?"), (long long)json_integer_value(json_object_get(l, "version")),
        json_text_or(l, "purpose", "?"), json_text_or(l, "territory", "?"), json_text_or(l, "until", "?"),
        money_text(s, json_object_get(l, "price")));
    return ERR_OK;
}

static err list(struct scope *s, struct market *m)
{
    size_t n = 0;

    TRY(market_each(s, m, "/v1/licenses?limit=200", tell_short, &n));
    if (n == 0)
        say("no licenses");
    return ERR_OK;
}

static err end(struct scope *s, struct market *m, const char *id, json_t **answer)
{
    return market_post(s, m, scope_printf(s, "/v1/licenses/%s/end", fetch_escape(s, id)), NULL,
                       scope_printf(s, "end-%.100s", id), answer);
}

static err keep(struct scope *s, struct market *m, const char *path, const json_t *answer)
{
    if (!json_is_object(json_object_get(answer, "credential")))
        return fail(s, ERR_BUSY, "the license is not signed, or not for you to read: ask again in a moment");
    return issued_keep(s, m, path, answer);
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    bool ending = c->args.n > 0 && strcmp(c->args.v[0], "end") == 0;
    struct market m;
    json_t *answer = NULL;
    err e;

    if (ending != (c->args.n == 2))
        return fail(s, ERR_INVALID,
                    "usage: counterfoil license, counterfoil license ID, or counterfoil license end ID");
    if (o->out && c->args.n != 1)
        return fail(s, ERR_INVALID, "--out goes with counterfoil license ID");
    if (c->args.n > 0)
        TRY(market_id(s, c->args.v[c->args.n - 1], "lic_", HINT_LICENSE));
    TRY(market_open(s, &m, true));
    if (c->args.n == 0)
        e = list(s, &m);
    else if (ending)
        e = end(s, &m, c->args.v[1], &answer);
    else
        e = market_get(s, &m, scope_printf(s, "/v1/licenses/%s", fetch_escape(s, c->args.v[0])), &answer);
    if (e == ERR_OK && o->out)
        e = keep(s, &m, o->out, answer);
    if (answer && o->json)
        say_json(answer);
    else if (answer)
        license_tell(s, answer);
    json_decref(answer);
    market_close(&m);
    return e;
}

const struct verb verb_license = {
    .name = "license", .args = "[[end] ID]", .args_max = 2,
    .line = "list your licenses, show one, or end it",
    .more = "end: nothing is delivered under it from then on. If no clearance of it ever cleared anything and\n"
            "nothing was fetched, its whole price is back on your balance in a moment; else nothing comes back.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
