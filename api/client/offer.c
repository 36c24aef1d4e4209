/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/instant.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "ledger/rules/terms.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"

struct options {
    struct texts price, purposes, territories;
    const char *until, *version, *minimum, *split;
    bool per_item, json;
};

static const struct flag flags[] = {
    { "price", "AMOUNT CURRENCY", false, offsetof(struct options, price), "price of a license: 12.00 EUR" },
    { "per-item", NULL, false, offsetof(struct options, per_item), "the price is for each item of a slice" },
    { "minimum", "AMOUNT", false, offsetof(struct options, minimum), "with --per-item: what a slice costs at least" },
    { "split", "RULE", false, offsetof(struct options, split),
      "among the items' contributors, per_item (if not said) or per_byte" },
    { "purpose", "PURPOSE", true, offsetof(struct options, purposes), "what it may be used for" },
    { "territory", "WHERE", true, offsetof(struct options, territories), "ISO 3166 country, EU or WORLD" },
    { "until", "WHEN", false, offsetof(struct options, until), "every license ends before" },
    { "version", "N", false, offsetof(struct options, version), "which version; the newest if not said" },
    { "json", NULL, false, offsetof(struct options, json), "the offer as JSON" },
};

static void tell(struct scope *s, const json_t *o)
{

    say("offer      %s, revision %lld, %s", json_text_or(o, "id", "?"),
        (long long)json_integer_value(json_object_get(o, "revision")), json_text_or(o, "state", "?"));
    say("dataset    %s, version %lld", json_text_or(o, "dataset", "?"),
        (long long)json_integer_value(json_object_get(o, "version")));
    say("price      %s", printable(s, price_text(s, json_object_get(o, "price"))));
    say("split      %s", json_text_or(json_object_get(o, "split"), "rule", "?"));
    say("terms      %s", printable(s, json_text_or(o, "sentence", "?")));
    say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(o, "entry"), "index")));
}

/* The newest version's number, unless one was named. */
static err which_version(struct scope *s, struct market *m, const struct options *o, const char *path, int64_t *number)
{
    json_t *d = NULL;
    uint64_t n;
    err e;

    if (o->version) {
        if (!decimal_read(o->version, strlen(o->version), INT32_MAX, &n) || n == 0)
            return fail(s, ERR_INVALID, "--version is a number from 1");
        *number = (int64_t)n;
        return ERR_OK;
    }
    TRY(market_get(s, m, path, &d));
    e = json_count(s, d, "latest_version", number);
    json_decref(d);
    if (e != ERR_OK) {
        scope_forgive(s);
        return fail(s, ERR_INVALID, "the dataset has no published version yet");
    }
    return ERR_OK;
}

/* Who offers what, as the terms name them: urn:counterfoil:party:pty_… and urn:counterfoil:version:ver_…. */
static err parties_of(struct scope *s, struct market *m, const char *path, int64_t number, struct terms_wish *wish)
{
    json_t *me = NULL, *v = NULL;
    const char *party, *version;
    err e;

    TRY(market_get(s, m, "/v1/me", &me));
    e = json_text(s, json_object_get(me, "party"), "id", &party);
    if (e == ERR_OK)
        wish->assigner = scope_printf(s, "urn:counterfoil:party:%s", party);
    json_decref(me);
    TRY(e);
    TRY(market_get(s, m, scope_printf(s, "%s/versions/%lld", path, (long long)number), &v));
    e = json_text(s, v, "id", &version);
    if (e == ERR_OK)
        wish->target = scope_printf(s, "urn:counterfoil:version:%s", version);
    json_decref(v);
    return e;
}

static err body_make(struct scope *s, struct market *m, const struct options *o, const char *dataset, json_t **body)
{
    const char *path = scope_printf(s, "/v1/datasets/%s", fetch_escape_path(s, dataset));
    struct terms_wish wish = { .purposes = o->purposes.v, .n_purposes = o->purposes.n, .territories = o->territories.v,
                               .n_territories = o->territories.n };
    int64_t number;
    json_t *terms = NULL;
    char *text;

    TRY(instant_or(s, o->until, 0, &wish.until));
    TRY(which_version(s, m, o, path, &number));
    TRY(parties_of(s, m, path, number, &wish));
    random_bytes(wish.random, sizeof wish.random);
    TRY(terms_write(s, &wish, &text));
    TRY(json_read(s, text, strlen(text), &terms));
    *body = json_pack("{s:s,s:I,s:o,s:s*,s:{s:s,s:s,s:s*,s:s*}}", "dataset", dataset, "version", (json_int_t)number,
                      "terms", terms, "split", o->split, "price", "amount", o->price.v[0], "currency", o->price.v[1],
                      "kind", o->per_item ? "per_item" : NULL, "minimum", o->minimum);
    return *body ? ERR_OK : fail(s, ERR_INVALID, "arguments must be UTF-8");
}

static err publish(struct scope *s, struct market *m, const struct options *o, const char *dataset, json_t **answer)
{
    json_t *body = NULL;
    err e;

    if (!o->price.n || !o->purposes.n || !o->territories.n || !o->until)
        return fail(s, ERR_INVALID, "an offer needs --price, --purpose, --territory and --until");
    if (!strchr(dataset, '/'))
        return fail(s, ERR_INVALID, "a dataset is named OWNER/NAME");
    TRY(body_make(s, m, o, dataset, &body));
    e = market_post(s, m, "/v1/offers", body, market_new_key(s), answer);
    json_decref(body);
    return e;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    bool withdraw = strcmp(c->args.v[0], "withdraw") == 0;
    struct market m;
    json_t *answer = NULL;
    err e;

    if (withdraw != (c->args.n == 2))
        return fail(s, ERR_INVALID, "usage: counterfoil offer OWNER/NAME, or counterfoil offer withdraw ID");
    if (withdraw)
        TRY(market_id(s, c->args.v[1], "ofr_", HINT_OFFER));
    TRY(market_open(s, &m, true));
    if (withdraw)
        e = market_post(s, &m, scope_printf(s, "/v1/offers/%s/withdraw", fetch_escape(s, c->args.v[1])), NULL,
                        scope_printf(s, "withdraw-%.60s", fetch_escape(s, c->args.v[1])), &answer);
    else
        e = publish(s, &m, o, c->args.v[0], &answer);
    if (answer && o->json)
        say_json(answer);
    else if (answer)
        tell(s, answer);
    json_decref(answer);
    market_close(&m);
    return e;
}

const struct verb verb_offer = {
    .name = "offer", .args = "OWNER/NAME | withdraw ID", .args_min = 1, .args_max = 2,
    .line = "offer a version at a price, or withdraw an offer",
    .more = "Purposes: data_mining, pretraining, finetuning, evaluation, retrieval, indexing, synthetic_data,\n"
            "voice_cloning, likeness. None implies another; what is not named is not permitted.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
