/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/publish.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/client/say.h"
#include "api/client/verb.h"
#include "schema/base/limits.h"

#define WAIT_POLL_MS 200
#define MEND_WAIT_MS 60000      /* Contents sent again are verified and counted within this, or broken still. */
#define SEAL_POLL_MS 500
#define CARD_BYTES_MAX 60000

struct options {
    const char *title, *description, *modality, *card;
    const char *items;
    struct texts languages, attributes, contributors;
    bool wait, json, no_sidecar, sidecar_too;
};

static const struct flag flags[] = {
    { "title", "TEXT", false, offsetof(struct options, title), "one line; the name if not said" },
    { "description", "TEXT", false, offsetof(struct options, description), "a paragraph" },
    { "modality", "KIND", false, offsetof(struct options, modality),
      "text, image, audio, video, tabular, code or mixed (default)" },
    { "language", "TAG", true, offsetof(struct options, languages), "BCP 47 tag" },
    { "card", "FILE", false, offsetof(struct options, card), "the dataset's card, Markdown" },
    { "items", "FILE", false, offsetof(struct options, items),
      "sidecar: a JSON line an item, {path,attributes,contributors,media_type}; DIR/" SIDECAR " if not said" },
    { "no-sidecar", NULL, false, offsetof(struct options, no_sidecar), "DIR/" SIDECAR " is an item like others" },
    { "sidecar-too", NULL, false, offsetof(struct options, sidecar_too), "it is a sidecar and an item as well" },
    { "attribute", "NAME=VALUE", true, offsetof(struct options, attributes),
      "of every item whose line has not its own: a number, true, false, or text" },
    { "contributor", "PARTY:ROLE:WEIGHT", true, offsetof(struct options, contributors),
      "of every item whose line names none; PARTY is an id, pty_…" },
    { "wait", NULL, false, offsetof(struct options, wait), "wait until a worker has verified every content" },
    { "json", NULL, false, offsetof(struct options, json), "the version as JSON" },
};

struct skips { struct scope *s; size_t n; };

static void skipped(void *arg, const char *path, const char *why)
{
    struct skips *k = arg;

    k->n++;
    complain("skipped %s: %s", printable(k->s, path), why);
}

static err card_read(struct scope *s, const char *path, const char **out)
{
    struct bytes text;

    TRY(file_read(s, path, CARD_BYTES_MAX, &text));
    *out = (const char *)text.p;
    return ERR_OK;
}

static err dataset_make(struct scope *s, struct market *m, const struct options *o, const char *name)
{
    const char *card = NULL;
    json_t *body, *made = NULL;
    err e;

    if (o->card)
        TRY(card_read(s, o->card, &card));
    body = json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "name", name, "title", o->title ? o->title : name, "modality",
                     o->modality ? o->modality : "mixed", "description", o->description, "card", card);
    if (!body)
        return fail(s, ERR_INVALID, "title, description and card must be UTF-8");
    if (o->languages.n) {
        json_t *tags = json_array();
        for (size_t i = 0; i < o->languages.n; i++)
            json_array_append_new(tags, json_string(o->languages.v[i]));
        json_object_set_new(body, "languages", tags);
    }
    e = market_post(s, m, "/v1/datasets", body, NULL, &made);
    if (e == ERR_CONFLICT) {              /* a draft that an earlier run left */
        scope_forgive(s);
        e = ERR_OK;
    }
    json_decref(body);
    json_decref(made);
    return e;
}

/* Datasets are made below the caller's own handle: another owner is a slip, not a wish. */
static err owner_check(struct scope *s, struct market *m, const char *dataset)
{
    size_t len = (size_t)(strchr(dataset, '/') - dataset);
    json_t *me = NULL;
    const char *handle;
    err e;

    TRY(market_get(s, m, "/v1/me", &me));
    e = json_text(s, json_object_get(me, "party"), "handle", &handle);
    if (e == ERR_OK && (strlen(handle) != len || memcmp(handle, dataset, len) != 0))
        e = fail(s, ERR_FORBIDDEN, "your handle is %s: publish to %s/%s", handle, handle, dataset + len + 1);
    json_decref(me);
    return e;
}

static bool differs(const json_t *dataset, const char *name, const char *wish)
{
    return wish && strcmp(json_text_or(dataset, name, wish), wish) != 0;
}

/* Makes the dataset if it isn't there; `same` is the number of its newest version if that has our root, else 0. */
static err dataset_ready(struct scope *s, struct market *m, const struct options *o, const char *path, const char *name,
                         const struct hash *root, json_t **same)
{
    json_t *d = NULL, *v = NULL;
    int64_t newest;
    err e = market_get(s, m, path, &d);

    *same = NULL;
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return dataset_make(s, m, o, name);
    }
    newest = json_integer_value(json_object_get(d, "latest_version"));
    if (differs(d, "title", o->title) || differs(d, "description", o->description) ||
        differs(d, "modality", o->modality))
        complain("the dataset is there already: its title, description and modality stay as they are");
    json_decref(d);
    if (e != ERR_OK || newest == 0)
        return e;
    TRY(market_get(s, m, scope_printf(s, "%s/versions/%lld", path, (long long)newest), &v));
    if (strcmp(json_text_or(v, "root", ""), hash_hex(s, root)) == 0 &&
        strcmp(json_text_or(v, "state", ""), "published") == 0)
        *same = v;
    else
        json_decref(v);
    return ERR_OK;
}

/* One wish to publish; *version: what it is by now, with an entry once it is published. */
static err publish_ask(struct scope *s, struct market *m, const char *path, const char *key, struct progress *p,
                       json_t **version, bool *done)
{
    json_t *answer = NULL;

    TRY(market_post(s, m, path, NULL, key, &answer));
    *version = json_incref(json_object_get(answer, "version"));
    *done = json_object_get(answer, "entry") != NULL;
    json_decref(answer);
    if (*done)
        return ERR_OK;
    p->things_done = (uint64_t)json_integer_value(json_object_get(*version, "sealed_items"));
    progress_add(p, 0, 0);
    json_decref(*version);
    *version = NULL;
    return ERR_OK;
}

/* The same wish again and again as long as a worker sorts and hashes the list; repeats are safe. */
static err publish_wait(struct scope *s, struct market *m, const char *path, const char *key, size_t items,
                        json_t **version)
{
    const struct timespec pause = { 0, SEAL_POLL_MS * 1000000L };
    struct progress p;
    bool done = false;
    err e = ERR_OK;

    progress_start(&p, "sealing", items, 0);
    while (e == ERR_OK && !done) {
        struct scope one;

        scope_init(&one, 0);
        e = publish_ask(&one, m, path, key, &p, version, &done);
        if (e != ERR_OK)
            s->why = one.why;
        scope_free(&one);
        if (e == ERR_OK && !done)
            nanosleep(&pause, NULL);
    }
    progress_end(&p);
    return e;
}

/* A draft, its items, its publication; the market must arrive at the root that we computed ourselves. */
static err version_make(struct scope *s, struct market *m, const char *path, const struct files *files,
                        const struct sidecar *sc, const struct hash *root, json_t **version)
{
    json_t *draft = NULL;
    const char *id, *at, *theirs;
    err e;

    TRY(market_post(s, m, scope_printf(s, "%s/versions", path), NULL, NULL, &draft));
    e = json_text(s, draft, "id", &id);
    at = e == ERR_OK ? scope_printf(s, "%s/versions/%s", path, fetch_escape(s, id)) : "";
    if (e == ERR_OK)
        e = publish_list(s, m, at, files, sc);
    if (e == ERR_OK)
        e = publish_wait(s, m, scope_printf(s, "%s/publish", at), scope_printf(s, "publish-%.60s", id), files->n,
                         version);
    json_decref(draft);
    TRY(e);
    TRY(json_text(s, *version, "root", &theirs));
    return strcmp(theirs, hash_hex(s, root)) == 0 ? ERR_OK
         : fail(s, ERR_CORRUPT, "the market published root %s, these files have %s", theirs, hash_hex(s, root));
}

/* Whether a worker found contents of this version corrupt or missing. */
static bool is_broken(const json_t *version)
{
    const json_t *seen = json_object_get(version, "verification");

    return json_integer_value(json_object_get(seen, "corrupt")) > 0 ||
           json_integer_value(json_object_get(seen, "missing")) > 0;
}

/* The version stays as it is; what the market no longer holds of it is sent again. */
static err version_mend(struct scope *s, struct market *m, const char *path, int folder, const struct files *files,
                        struct uploaded *up, json_t **version)
{
    int64_t number;

    TRY(json_count(s, *version, "number", &number));
    TRY(publish_upload(s, m, folder, files, up));
    json_decref(*version);
    *version = NULL;
    return market_get(s, m, scope_printf(s, "%s/versions/%lld", path, (long long)number), version);
}

/*
 * Polls the version until no content waits for a worker. The market counts with a delay: what was broken and has just
 * been sent again still counts as broken for a while.
 */
static err wait_verified(struct scope *s, struct market *m, const char *path, bool mended, json_t **version)
{
    int64_t number, waiting, patience = mended ? MEND_WAIT_MS / WAIT_POLL_MS : 0;
    struct progress p;
    err e = json_count(s, *version, "number", &number);

    progress_start(&p, "verified", (uint64_t)json_integer_value(json_object_get(*version, "item_count")), 0);
    while (e == ERR_OK) {
        struct timespec pause = { 0, WAIT_POLL_MS * 1000000L };
        const json_t *seen;
        json_decref(*version);
        *version = NULL;
        e = market_get(s, m, scope_printf(s, "%s/versions/%lld", path, (long long)number), version);
        seen = json_object_get(*version, "verification");
        if (e == ERR_OK)
            e = json_count(s, seen, "unverified", &waiting);
        if (e != ERR_OK || (waiting == 0 && !(is_broken(*version) && patience-- > 0)))
            break;
        p.things_done = (uint64_t)json_integer_value(json_object_get(seen, "verified"));
        progress_add(&p, 0, 0);
        nanosleep(&pause, NULL);
    }
    progress_end(&p);
    if (e == ERR_OK && is_broken(*version))
        e = fail(s, ERR_CONTENT_CORRUPT, "a worker found contents that are corrupt or missing");
    return e;
}

static void tell(struct scope *s, const char *name, const json_t *v, const struct uploaded *up, bool anew)
{
    const json_t *seen = json_object_get(v, "verification");

    if (anew || up->contents)
        say("uploaded   %s of %zu, %s", count_text(s, up->sent, "content", "contents"), up->contents,
            size_text(s, up->bytes_sent));
    say("%s %s, version %lld: %s, %s", anew ? "published " : "unchanged ", name,
        (long long)json_integer_value(json_object_get(v, "number")),
        count_text(s, (uint64_t)json_integer_value(json_object_get(v, "item_count")), "item", "items"),
        size_text(s, json_integer_value(json_object_get(v, "bytes"))));
    say("root       %s", json_text_or(v, "root", "?"));
    say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(v, "entry"), "index")));
    if (seen)
        say("verified   %lld, waiting %lld", (long long)json_integer_value(json_object_get(seen, "verified")),
            (long long)json_integer_value(json_object_get(seen, "unverified")));
}

/* What there is to publish. */
static err folder_read_all(struct scope *s, const struct options *o, int folder, struct files *files,
                           struct sidecar *sc)
{
    const struct sidecar_wish wish = { o->items, o->no_sidecar, o->sidecar_too, &o->attributes, &o->contributors };
    struct skips skips = { .s = s };

    TRY(files_list(s, folder, files, skipped, &skips));
    TRY(sidecar_open(s, &wish, folder, files, sc));
    if (files->n == 0)
        return fail(s, ERR_INVALID, "there is nothing to publish in this folder");
    if (files->n > VERSION_ITEMS_MAX)
        return fail(s, ERR_TOO_LARGE, "a version has at most %d items", VERSION_ITEMS_MAX);
    return ERR_OK;
}

/* The newest version has these files: it stands unless something else is said about them. */
static err version_stands(struct scope *s, struct market *m, const char *path, const struct files *files,
                          const struct sidecar *sc, json_t **version)
{
    long long number = (long long)json_integer_value(json_object_get(*version, "number"));
    bool same = false;

    err e = publish_same(s, m, scope_printf(s, "%s/versions/%lld/items?limit=500", path, number), files, sc, &same);

    if (!same) {
        json_decref(*version);
        *version = NULL;
    }
    return e;
}

static err publish_files(struct scope *s, struct market *m, const struct options *o, int folder, const char *dataset,
                         struct files *files, const struct sidecar *sc)
{
    const char *path = scope_printf(s, "/v1/datasets/%s", fetch_escape_path(s, dataset));
    struct uploaded up = { 0 };
    json_t *version = NULL;
    struct hash root;
    bool anew = false;
    err e = publish_hash(s, folder, files, &root);

    if (e == ERR_OK)
        e = dataset_ready(s, m, o, path, strchr(dataset, '/') + 1, &root, &version);
    if (e == ERR_OK && version)
        e = version_stands(s, m, path, files, sc, &version);
    if (e == ERR_OK && !version) {
        anew = true;
        e = publish_upload(s, m, folder, files, &up);
        if (e == ERR_OK)
            e = version_make(s, m, path, files, sc, &root, &version);
    } else if (e == ERR_OK && is_broken(version)) {
        e = version_mend(s, m, path, folder, files, &up, &version);
    }
    if (e == ERR_OK && o->wait)
        e = wait_verified(s, m, path, !anew && up.sent > 0, &version);
    if (version && o->json)
        say_json(version);
    else if (version)
        tell(s, dataset, version, &up, anew);
    json_decref(version);
    return e;
}

static err publish(struct scope *s, struct market *m, const struct options *o, int folder, const char *dataset)
{
    struct sidecar sc = { .fd = -1 };
    struct files files = { 0 };
    err e = folder_read_all(s, o, folder, &files, &sc);

    if (e == ERR_OK)
        e = publish_files(s, m, o, folder, dataset, &files, &sc);
    sidecar_close(&sc);
    files_free(&files);
    return e;
}

static err run(struct scope *s, struct call *c)
{
    const char *dataset = c->args.v[1];
    struct market m;
    int folder;
    err e;

    if (!strchr(dataset, '/'))
        return fail(s, ERR_INVALID, "a dataset is named OWNER/NAME");
    TRY(folder_open(s, c->args.v[0], false, &folder));
    e = market_open(s, &m, true);
    if (e == ERR_OK) {
        e = owner_check(s, &m, dataset);
        if (e == ERR_OK)
            e = publish(s, &m, c->options, folder, dataset);
        market_close(&m);
    }
    close(folder);
    return e;
}

const struct verb verb_publish = {
    .name = "publish", .args = "DIR OWNER/NAME", .args_min = 2, .args_max = 2,
    .line = "publish a folder as a version of a dataset",
    .more = "Hashes the folder's files on all cores, uploads what the market does not hold from you yet, and\n"
            "publishes their list. Cut off, it is simply run again: what was uploaded is not sent twice, and a\n"
            "folder that equals the newest version makes no new one; contents of it that the market has lost or\n"
            "found corrupt are sent again. Links are followed only inside the folder;\n"
            "what cannot be an item is named. DIR/" SIDECAR " is no item but says more about them: attributes,\n"
            "contributors {party,role,weight}, media types; saying something else makes a new version.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
