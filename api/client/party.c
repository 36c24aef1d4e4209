/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/verb.h"

struct options {
    struct texts roles;
    const char *name, *contact, *key_out;
    bool json;
};

static const struct flag flags[] = {
    { "role", "ROLE", true, offsetof(struct options, roles),
      "operator, publisher, buyer, creator, auditor or certifier" },
    { "name", "NAME", false, offsetof(struct options, name), "name of the person or organization; kept private" },
    { "contact", "TEXT", false, offsetof(struct options, contact), "how to reach them; kept private" },
    { "key-out", "FILE", false, offsetof(struct options, key_out),
      "write the API key to a new FILE instead of the screen" },
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
    if (fd < 0)
        say("API key  %s", key ? key : "was shown with the first answer, which this repeats");
    else if (!key)
        return fail(s, ERR_CONFLICT, "the party was registered, but its key was lost with the first answer");
    say("entry    %lld", (long long)index);
    return ERR_OK;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    struct market m;
    json_t *body, *answer = NULL;
    int fd;
    err e;

    if (!o->name || o->roles.n == 0)
        return fail(s, ERR_INVALID, "a party needs --name and at least one --role");
    TRY(market_open(s, &m, true));
    TRY(open_key_out(s, o->key_out, &fd));
    body = body_of(o, c->args.v[0]);
    e = body ? market_post(s, &m, "/v1/parties", body, market_new_key(s), &answer)
             : fail(s, ERR_INVALID, "handle and name must be UTF-8");
    if (e == ERR_OK)
        e = tell(s, o, answer, fd);
    else if (fd >= 0)
        unlink(o->key_out);
    if (fd >= 0)
        close(fd);
    json_decref(answer);
    json_decref(body);
    market_close(&m);
    return e;
}

const struct verb verb_party = {
    .name = "party", .args = "HANDLE", .args_min = 1, .args_max = 1,
    .line = "register a party (operator)",
    .more = "Prints the party's id and its first API key, which cannot be shown again.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
