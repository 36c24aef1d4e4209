/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options {
    bool json;
    const char *query, *modality, *language, *owner, *purpose, *territory, *max_price, *currency, *sort, *certified;
};

#define FLAG(name, value, member, help) { name, value, false, offsetof(struct options, member), help }
static const struct flag flags[] = {
    { "json", NULL, false, offsetof(struct options, json), "the dataset, or each one found, as JSON" },
    FLAG("query", "WORDS", query, "words that must be there; \"a phrase\", -without, or"),
    FLAG("modality", "KIND", modality, "text, image, audio, video, tabular, code, mixed"),
    FLAG("language", "TAG", language, "of its content, BCP 47"),
    FLAG("owner", "HANDLE", owner, "its publisher"),
    FLAG("purpose", "PURPOSE", purpose, "that an open offer grants"),
    FLAG("territory", "PLACE", territory, "where it grants that"),
    FLAG("max-price", "AMOUNT", max_price, "of the whole version, with --currency"),
    FLAG("currency", "CODE", currency, "of that price"),
    FLAG("certified", "CRITERION", certified, "whose newest version a certificate says this of; true: any certificate"),
    FLAG("sort", "ORDER", sort, "relevance, newest, oldest, price"),
};

struct found { size_t n; bool json; };

/* Whether a certificate stands of its newest version. */
static bool certified(const json_t *d)
{
    const json_t *c;
    size_t i;

    json_array_foreach(json_object_get(d, "certificates"), i, c)
        if (json_equal(json_object_get(c, "version"), json_object_get(d, "latest_version")) &&
            strcmp(json_text_or(c, "state", ""), "valid") == 0)
            return true;
    return false;
}

static err tell_short(struct scope *s, void *arg, json_t *d)
{
    struct found *found = arg;

    found->n++;
    if (found->json)
        say_json(d);
    else
        say("%s/%s  version %lld  %s%s", json_text_or(d, "owner", "?"), json_text_or(d, "name", "?"),
            (long long)json_integer_value(json_object_get(d, "latest_version")),
            printable(s, json_text_or(d, "title", "")), certified(d) ? ", certified" : "");
    return ERR_OK;
}

static err tell_version(struct scope *s, void *arg, json_t *v)
{
    (void)arg;
    say("version %lld  %s  %lld items, %s  root %s", (long long)json_integer_value(json_object_get(v, "number")),
        json_text_or(v, "state", "?"), (long long)json_integer_value(json_object_get(v, "item_count")),
        size_text(s, json_integer_value(json_object_get(v, "bytes"))), json_text_or(v, "root", "?"));
    return ERR_OK;
}

/* Of the newest version, what workers have found in its contents. */
static err tell_verification(struct scope *s, struct market *m, const char *path, int64_t newest)
{
    const json_t *seen;
    json_t *v = NULL;

    TRY(market_get(s, m, scope_printf(s, "%s/versions/%lld", path, (long long)newest), &v));
    seen = json_object_get(v, "verification");
    if (seen)
        say("           verified %lld, not yet %lld, corrupt %lld, missing %lld",
            (long long)json_integer_value(json_object_get(seen, "verified")),
            (long long)json_integer_value(json_object_get(seen, "unverified")),
            (long long)json_integer_value(json_object_get(seen, "corrupt")),
            (long long)json_integer_value(json_object_get(seen, "missing")));
    json_decref(v);
    return ERR_OK;
}

/* Certificates of sourcing, each with what it is by now. */
static void tell_certificates(struct scope *s, const json_t *list)
{
    const json_t *c;
    size_t i;

    json_array_foreach(list, i, c)
        say("certificate %s  version %lld  %s, by %s", json_text_or(c, "id", "?"),
            (long long)json_integer_value(json_object_get(c, "version")), json_text_or(c, "state", "?"),
            printable(s, json_text_or(c, "certifier", "?")));
}

static void tell(struct scope *s, const json_t *d)
{
    const json_t *o;
    size_t i;

    say("%s/%s: %s", json_text_or(d, "owner", "?"), json_text_or(d, "name", "?"),
        printable(s, json_text_or(d, "title", "")));
    if (*json_text_or(d, "description", ""))
        say("%s", printable(s, json_text_or(d, "description", "")));
    json_array_foreach(json_object_get(d, "offers"), i, o)
        say("offer %s  version %lld  %s\n      %s", json_text_or(o, "id", "?"),
            (long long)json_integer_value(json_object_get(o, "version")),
            printable(s, price_text(s, json_object_get(o, "price"))), printable(s, json_text_or(o, "sentence", "")));
    tell_certificates(s, json_object_get(d, "certificates"));
}

static err show(struct scope *s, struct market *m, const char *name, bool json)
{
    const char *path = scope_printf(s, "/v1/datasets/%s", fetch_escape_path(s, name));
    json_t *d = NULL;
    int64_t newest;

    if (!strchr(name, '/'))
        return fail(s, ERR_INVALID, "a dataset is named OWNER/NAME");
    TRY(market_get(s, m, path, &d));
    if (json)
        say_json(d);
    else
        tell(s, d);
    newest = json_integer_value(json_object_get(d, "latest_version"));
    json_decref(d);
    if (json || newest == 0)
        return ERR_OK;
    TRY(market_each(s, m, scope_printf(s, "%s/versions", path), tell_version, NULL));
    return tell_verification(s, m, path, newest);
}

static const char *catalog(struct scope *s, const struct options *o)
{
    const struct { const char *name, *value; } parameters[] = {
        { "q", o->query }, { "modality", o->modality }, { "language", o->language }, { "owner", o->owner },
        { "purpose", o->purpose }, { "territory", o->territory }, { "max_price", o->max_price },
        { "currency", o->currency }, { "sort", o->sort }, { "certified", o->certified },
    };
    struct buf b = BUF(s);

    buf_str(&b, "/v1/datasets?limit=200");
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].value)
            buf_printf(&b, "&%s=%s", parameters[i].name, fetch_escape(s, parameters[i].value));
    return b.p;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct found found = { .json = o->json };
    struct market m;
    err e;

    TRY(market_open(s, &m, false));
    if (c->args.n == 1) {
        e = show(s, &m, c->args.v[0], o->json);
    } else {
        e = market_each(s, &m, catalog(s, o), tell_short, &found);
        if (e == ERR_OK && found.n == 0 && !o->json)
            say("no datasets");
    }
    market_close(&m);
    return e;
}

const struct verb verb_datasets = {
    .name = "datasets", .args = "[OWNER/NAME]", .args_max = 1,
    .line = "look through the catalog",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
