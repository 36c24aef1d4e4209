/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options {
    struct texts roles;
    const char *name, *contact, *key_out;
    bool json, new_key;
};

static const struct flag flags[] = {
    { "role", "ROLE", true, offsetof(struct options, roles),
      "operator, publisher, buyer, creator, auditor or certifier" },
    { "name", "NAME", false, offsetof(struct options, name), "name of the person or organization; kept private" },
    { "contact", "TEXT", false, offsetof(struct options, contact), "how to reach them; kept private" },
    { "key-out", "FILE", false, offsetof(struct options, key_out),
      "write the API key to a new FILE instead of the screen" },
    { "new-key", NULL, false, offsetof(struct options, new_key),
      "the first key anew, of a party that has never used one" },
    { "json", NULL, false, offsetof(struct options, json), "the answer as JSON" },
};

/* Made before the party is: a key that has no place to go would be lost. */
static err open_key_out(struct scope *s, const char *path, int *fd)
{
    *fd = -1;
    if (!path)
        return ERR_OK;
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd >= 0 ? ERR_OK : fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
}

static err keep_key(struct scope *s, int fd, const char *key)
{
    if (dprintf(fd, "%s\n", key) < 0 || fsync(fd) != 0)
        return fail(s, ERR_IO, "the key could not be written, here it is: %s", key);
    return ERR_OK;
}

static json_t *body_of(const struct options *o, const char *handle)
{
    json_t *body = json_pack("{s:s,s:s,s:[]}", "handle", handle, "name", o->name, "roles");

    for (size_t i = 0; i < o->roles.n; i++)
        json_array_append_new(json_object_get(body, "roles"), json_string(o->roles.v[i]));
    if (o->contact)
        json_object_set_new(body, "contact", json_string(o->contact));
    return body;
}

static err tell(struct scope *s, const struct options *o, const json_t *answer, int fd)
{
    const json_t *party = json_object_get(answer, "party");
    const char *key = json_string_value(json_object_get(answer, "key"));
    int64_t index;

    if (fd >= 0 && key)
        TRY(keep_key(s, fd, key));
    if (o->json && fd < 0) {
        say_json(answer);
        return ERR_OK;
    }
    TRY(json_count(s, json_object_get(answer, "entry"), "index", &index));
    say("party    %s", json_text_or(party, "id", "?"));
    if (!key)
        return fail(s, ERR_CONFLICT, "the party was registered, but its key was lost with the first answer: "
                    "'counterfoil party %s --new-key' makes another", json_text_or(party, "handle", "HANDLE"));
    if (fd < 0)
        say("API key  %s", key);
    say("entry    %lld", (long long)index);
    return ERR_OK;
}

/* Nothing is registered: what the lost key's party is needs not be said again. */
static err renew(struct scope *s, struct market *m, const struct options *o, const char *handle, int fd)
{
    json_t *answer = NULL;
    const char *key;
    err e = market_post(s, m, scope_printf(s, "/v1/parties/%s/keys", fetch_escape(s, handle)), NULL, NULL, &answer);

    if (e == ERR_OK)
        e = json_text(s, answer, "key", &key);
    if (e == ERR_OK && fd >= 0)
        e = keep_key(s, fd, key);
    else if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK)
        say("API key  %s", key);
    json_decref(answer);
    return e;
}

static err register_one(struct scope *s, struct market *m, const struct options *o, const char *handle, int fd)
{
    json_t *body = body_of(o, handle), *answer = NULL;
    err e = body ? market_post(s, m, "/v1/parties", body, market_new_key(s), &answer)
                 : fail(s, ERR_INVALID, "handle and name must be UTF-8");

    if (e == ERR_OK)
        e = tell(s, o, answer, fd);
    json_decref(answer);
    json_decref(body);
    return e;
}

static bool is_empty(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_size == 0;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct market m;
    int fd;
    err e;

    if (!o->new_key && (!o->name || o->roles.n == 0))
        return fail(s, ERR_INVALID, "a party needs --name and at least one --role");
    if (o->new_key && (o->name || o->contact || o->roles.n > 0))
        return fail(s, ERR_INVALID, "--new-key changes nothing else of a party");
    TRY(market_open(s, &m, true));
    e = open_key_out(s, o->key_out, &fd);
    if (e == ERR_OK)
        e = (o->new_key ? renew : register_one)(s, &m, o, c->args.v[0], fd);
    if (e != ERR_OK && fd >= 0 && is_empty(fd))
        unlink(o->key_out);
    if (fd >= 0)
        close(fd);
    market_close(&m);
    return e;
}

const struct verb verb_party = {
    .name = "party", .args = "HANDLE", .args_min = 1, .args_max = 1,
    .line = "register a party (operator)",
    .more = "Prints the party's id and its first API key, which cannot be shown again. If it was lost before it was\n"
            "ever used, --new-key makes another in its place.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
