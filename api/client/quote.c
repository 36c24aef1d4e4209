/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/folder.h"
#include "api/client/instant.h"
#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

struct options {
    const char *purpose, *territory, *from, *until, *slice, *filter, *sample, *seed, *model;
    bool distinct, json;
};

static const struct flag flags[] = {
    { "purpose", "PURPOSE", false, offsetof(struct options, purpose),
      "what for: pretraining, finetuning, evaluation, …" },
    { "territory", "WHERE", false, offsetof(struct options, territory), "ISO 3166 country, EU or WORLD" },
    { "from", "WHEN", false, offsetof(struct options, from), "when the license would begin; now if not said" },
    { "until", "WHEN", false, offsetof(struct options, until), "when it would end" },
    { "slice", "FILE", false, offsetof(struct options, slice), "which items: a slice's request as JSON" },
    { "filter", "JSON", false, offsetof(struct options, filter),
      "or its parts: {\"op\":\"=\",\"args\":[{\"property\":\"language\"},\"en\"]}" },
    { "distinct", NULL, false, offsetof(struct options, distinct), "the same bytes once" },
    { "sample", "N", false, offsetof(struct options, sample), "so many of them, by chance that anybody can repeat" },
    { "seed", "TEXT", false, offsetof(struct options, seed), "of the sample" },
    { "model", "CLASS", false, offsetof(struct options, model),
      "forecast a clearance for generative, embedding or discriminative models only" },
    { "json", NULL, false, offsetof(struct options, json), "the quote as JSON" },
};

/* Where nothing is forecast: what the bytes alone would leave out. */
static void tell_exclusions(struct scope *s, json_t *exclusions)
{
    const char *reason;
    json_t *count;

    json_object_foreach(exclusions, reason, count)
        say("excluded   %lld: %s, as far as it is known now", (long long)json_integer_value(count),
            printable(s, reason));
}

static void tell_class(struct scope *s, const json_t *class, const char *name, long long items)
{
    const json_t *out;
    size_t i;

    if (json_is_object(json_object_get(class, "refund")))
        say("  %s: %lld of %lld cleared, %s refunded", name,
            (long long)json_integer_value(json_object_get(class, "cleared")), items,
            money_text(s, json_object_get(class, "refund")));
    else
        say("  %s: refused: none of %lld would be cleared, and nothing refunded before the license ends", name, items);
    json_array_foreach(json_object_get(class, "excluded"), i, out)
        say("    %lld %s: %s; %s", (long long)json_integer_value(json_object_get(out, "item_count")),
            json_text_or(out, "reason", "?"), json_text_or(out, "sentence", "?"), json_text_or(out, "remedy", "?"));
}

static bool all_alike(const json_t *classes)
{
    const json_t *first = json_object_get(json_array_get(classes, 0), "excluded"), *class;
    size_t i;

    json_array_foreach(classes, i, class)
        if (!json_equal(json_object_get(class, "excluded"), first))
            return false;
    return json_array_size(classes) > 1;
}

/* What a clearance would leave out, for each class of models. */
static void tell_forecast(struct scope *s, const json_t *q)
{
    const json_t *f = json_object_get(q, "forecast"), *classes = json_object_get(f, "by_model_class"), *class;
    const char *not_made = json_text_or(f, "not_made", NULL);
    long long items = json_integer_value(json_object_get(q, "item_count"));
    size_t i;

    if (!json_is_object(f) || not_made) {
        tell_exclusions(s, json_object_get(q, "exclusions"));
        if (not_made)
            say("forecast   not made: %s", printable(s, not_made));
        return;
    }
    say("forecast   what a clearance would leave out, as of entry %lld; the clearance decides",
        (long long)json_integer_value(json_object_get(f, "as_of")));
    if (all_alike(classes)) {
        tell_class(s, json_array_get(classes, 0), "any class of models", items);
        return;
    }
    json_array_foreach(classes, i, class)
        tell_class(s, class, json_text_or(class, "model_class", "?"), items);
}

static void tell_split(struct scope *s, const json_t *split)
{
    if (json_is_object(split))
        say("split      %s to %s, fee %s", money_text(s, json_object_get(split, "creators")),
            count_text(s, (uint64_t)json_integer_value(json_object_get(split, "contributors")), "contributor",
                       "contributors"),
            money_text(s, json_object_get(split, "fee")));
}

static void tell(struct scope *s, const json_t *q)
{
    say("quote      %s", json_text_or(q, "id", "?"));
    say("dataset    %s, version %lld", json_text_or(q, "dataset", "?"),
        (long long)json_integer_value(json_object_get(q, "version")));
    say("for        %s in %s until %s", json_text_or(q, "purpose", "?"), json_text_or(q, "territory", "?"),
        json_text_or(q, "until", "?"));
    say("items      %lld, %s", (long long)json_integer_value(json_object_get(q, "item_count")),
        size_text(s, json_integer_value(json_object_get(q, "bytes"))));
    say("root       %s", json_text_or(q, "slice_root", "?"));
    say("price      %s", money_text(s, json_object_get(q, "price")));
    tell_split(s, json_object_get(q, "split"));
    tell_forecast(s, q);
    say("good until %s", json_text_or(q, "expires_at", "?"));
}

static err read_json(struct scope *s, const char *what, struct bytes text, json_t **out)
{
    err e = json_read_as(s, (const char *)text.p, text.len, (struct json_rules){ .any_number = true }, out);
    const char *why;

    if (e == ERR_OK && json_is_object(*out))
        return ERR_OK;
    why = scope_strdup(s, e == ERR_OK ? "is no object" : s->why.detail);
    if (e == ERR_OK)
        json_decref(*out);
    *out = NULL;
    scope_forgive(s);
    return fail(s, ERR_INVALID, "%s is a JSON object: %s", what, why);
}

/* The request by its parts; NULL: the whole version. */
static err slice_of_parts(struct scope *s, const struct options *o, json_t **out)
{
    struct bytes text = { (const uint8_t *)o->filter, o->filter ? strlen(o->filter) : 0 };
    json_t *filter = NULL;
    uint64_t n = 0;

    if (!o->sample != !o->seed || (o->sample && !decimal_read(o->sample, strlen(o->sample), VERSION_ITEMS_MAX, &n)))
        return fail(s, ERR_INVALID, "a sample is --sample N --seed TEXT");
    if (o->filter)
        TRY(read_json(s, "--filter", text, &filter));
    *out = json_pack("{s:o*,s:s*}", "filter", filter, "distinct", o->distinct ? "sha256" : NULL);
    if (o->sample)
        json_object_set_new(*out, "sample", json_pack("{s:I,s:s}", "count", (json_int_t)n, "seed", o->seed));
    return ERR_OK;
}

static err slice_read_options(struct scope *s, const struct options *o, json_t **out)
{
    struct bytes text;

    if (!o->slice)
        return slice_of_parts(s, o, out);
    if (o->filter || o->distinct || o->sample || o->seed)
        return fail(s, ERR_INVALID, "--slice has it all: --filter, --distinct, --sample and --seed go without it");
    TRY(file_read(s, o->slice, SLICE_BYTES_MAX, &text));
    return read_json(s, printable(s, o->slice), text, out);
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    const char *until, *from = NULL;
    struct market m;
    json_t *body, *slice = NULL, *answer = NULL;
    err e;

    if (!o->purpose || !o->territory || !o->until)
        return fail(s, ERR_INVALID, "a quote needs --purpose, --territory and --until");
    TRY(market_id(s, c->args.v[0], "ofr_", HINT_OFFER));
    TRY(instant_read(s, o->until, &until));
    if (o->from)
        TRY(instant_read(s, o->from, &from));
    TRY(slice_read_options(s, o, &slice));
    e = market_open(s, &m, true);
    if (e != ERR_OK) {
        json_decref(slice);
        return e;
    }
    body = json_pack("{s:s,s:s,s:s,s:s,s:s*,s:o*,s:s*}", "offer", c->args.v[0], "purpose", o->purpose, "territory",
                     o->territory, "until", until, "from", from, "slice", slice, "model_class", o->model);
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
    .line = "ask what an offer would cost you, or a slice of it",
    .more = "The same request on the same version gives the same items and root forever. A filter is CQL2-JSON over\n"
            "path, size, media_type and the items' attributes: and, or, not, =, <>, <, <=, >, >=, in, between,\n"
            "like, isNull.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
