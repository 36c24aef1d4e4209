/* SPDX-License-Identifier: Apache-2.0 */
#include "api/party.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"
#include "schema/json/shape.h"
#include "schema/store/party.h"

#define ROLES_MAX 6
#define SCOPES_MAX 2

static json_t *party_show(const struct party *p)
{
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o}", "id", p->id.text, "handle", p->handle, "roles",
                     show_words(p->roles), "name", show_text(p->name), "contact", show_text(p->contact), "state",
                     p->state, "created_at", show_time(p->created_at), "entry", entry_link((uint64_t)p->index));
}

static json_t *key_show(const struct api_key *k)
{
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "id", k->id.text, "label", k->label, "scopes",
                     show_words(k->scopes), "created_at", show_time(k->created_at), "expires_at",
                     show_time(k->expires_at), "last_used_at", show_time(k->last_used_at), "revoked_at",
                     show_time(k->revoked_at));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* An array of words, sorted, without repeats: at most `cap` (the contract's maxItems). */
static size_t words_sorted(const json_t *array, const char **out, size_t cap)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < json_array_size(array) && n < cap; i++)
        out[n++] = json_string_value(json_array_get(array, i));
    qsort(out, n, sizeof *out, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(out[i], out[kept - 1]) != 0)
            out[kept++] = out[i];
    return kept;
}

/* ---- registering */

struct new_party {
    const char *handle, *name, *contact;
    json_t *roles;
    const char *role[ROLES_MAX];
    size_t n_roles;
    struct bytes roles_json;
    struct id id;
    struct new_key key;
};

static const struct json_member new_party_members[] = {
    JSON_MEMBER(new_party, handle, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_party, name, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_party, contact, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(new_party, roles, JSON_INNER_ARRAY, REQUIRED),
};

static const char *const all_scopes[] = { "read", "write" };

static struct api_key first_key(const struct new_key *key, int64_t now)
{
    return (struct api_key){ .id = key->id, .digest = key->digest, .label = "first key", .created_at = now,
                             .expires_at = INT64_MIN, .last_used_at = INT64_MIN, .revoked_at = INT64_MIN };
}

static err party_write(struct scope *s, struct append_txn *t, const struct new_party *w, uint64_t index,
                       struct party *out)
{
    struct party p = { .id = w->id, .handle = w->handle, .name = w->name, .contact = w->contact, .state = "active",
                       .index = (int64_t)index, .created_at = t->at_ms };
    struct api_key k = first_key(&w->key, t->at_ms);
    err e = party_add(s, t->db, &p, w->role, w->n_roles);

    if (e == ERR_CONFLICT) {
        scope_forgive(s);
        return fail_at(s, ERR_CONFLICT, "/handle", "the handle '%s' is taken", w->handle);
    }
    TRY(e);
    k.party = w->id;
    TRY(api_key_add(s, t->db, &k, all_scopes, ARRAY_LEN(all_scopes)));
    return party_get(s, t->db, w->id.text, out);
}

static err party_decide(struct scope *s, struct append_txn *t, void *state)
{
    struct new_party *w = state;
    struct party p;
    uint64_t index;
    struct named_value values[] = {
        { "party", EV_TEXT(w->id.text) },
        { "roles", EV_JSON(w->roles_json) },
        { "name", EV_TEXT(w->name) },
        { "contact", EV_TEXT(w->contact) },
    };

    TRY(append_entry(s, t, ENTRY_PARTY_REGISTERED, values, ARRAY_LEN(values) - (w->contact == NULL), &index));
    TRY(party_write(s, t, w, index, &p));
    return ledgered_answer(s, t, 201, index,
                           json_pack("{s:o,s:s}", "party", party_show(&p), "key", w->key.text), "key");
}

err register_party(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct new_party *w = NEW(s, struct new_party);
    json_t *sorted = json_array();
    err e;

    TRY(json_shape(s, rq->body, "", new_party_members, ARRAY_LEN(new_party_members), w));
    w->n_roles = words_sorted(w->roles, w->role, ROLES_MAX);
    for (size_t i = 0; i < w->n_roles; i++)
        json_array_append_new(sorted, json_string(w->role[i]));
    e = canon(s, sorted, &w->roles_json);
    json_decref(sorted);
    TRY(e);
    w->id = id_new("pty", clock_wall_ms());
    auth_new_key(rq->app, &w->key);
    return ledgered(rq, party_decide, w);
}

static err first_key_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const char *handle = match_path(&rq->match, "party");
    struct new_key *key = NEW(s, struct new_key);
    struct api_key row;
    err e;

    auth_new_key(rq->app, key);
    row = first_key(key, clock_wall_ms());
    e = api_key_renew(s, db, handle, &row, all_scopes, ARRAY_LEN(all_scopes));
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return fail(s, ERR_NOT_FOUND, "there is no party '%s'", handle);
    }
    TRY(e);
    reply_header(rq, "Cache-Control", "no-store");
    reply_json(rq, 201, json_pack("{s:s,s:s}", "id", key->id.text, "key", key->text));
    return ERR_OK;
}

/* The answer that showed a party's key may have been lost, and with it the party's only way in. */
err renew_first_key(struct request *rq)
{
    return app_with_db(rq, first_key_make);
}

/* ---- reading */

static err parties_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    const char *after;
    struct party *rows;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(party_list(s, db, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, party_show(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_parties(struct request *rq)
{
    return app_with_db(rq, parties_read);
}

err show_me(struct request *rq)
{
    const struct caller *c = auth_caller(rq);

    reply_json(rq, 200, json_pack("{s:o,s:o,s:b}", "party", as_covered(rq, party_show(&c->party)), "key",
                                  key_show(&c->row), "granted", c->granted));
    return ERR_OK;
}

/* ---- keys */

static err keys_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    const char *after;
    struct api_key *rows;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(api_key_list(s, db, auth_caller(rq)->party.id.text, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, key_show(&rows[i]));
    reply_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_keys(struct request *rq)
{
    return app_with_db(rq, keys_read);
}

struct key_wish { const char *label; json_t *scopes; int64_t expires_at; };
static const struct json_member key_wish_members[] = {
    JSON_MEMBER(key_wish, label, JSON_TEXT, REQUIRED),
    JSON_MEMBER(key_wish, scopes, JSON_INNER_ARRAY, OPTIONAL),
    JSON_MEMBER(key_wish, expires_at, JSON_INSTANT, OPTIONAL),
};

/* A key makes keys of its own scopes at most: a stolen reader doesn't become a writer. */
static err scopes_choose(struct request *rq, const json_t *wish, const char **out, size_t *n)
{
    const char *own = auth_caller(rq)->row.scopes;

    *n = wish ? words_sorted(wish, out, SCOPES_MAX) : 0;
    for (size_t i = 0; i < *n; i++)
        if (!words_have(own, out[i]))
            return fail_at(&rq->scope, ERR_FORBIDDEN, "/scopes", "the key in use does not have \"%s\" itself", out[i]);
    if (!wish)
        for (size_t i = 0; i < ARRAY_LEN(all_scopes); i++)
            if (words_have(own, all_scopes[i]))
                out[(*n)++] = all_scopes[i];
    return ERR_OK;
}

static err key_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct key_wish w = { .expires_at = INT64_MIN };
    const char *scopes[SCOPES_MAX];
    struct new_key *key = NEW(s, struct new_key);
    struct api_key row;
    int64_t live, now = clock_wall_ms();
    size_t n;

    TRY(json_shape(s, rq->body, "", key_wish_members, ARRAY_LEN(key_wish_members), &w));
    if (w.expires_at != INT64_MIN && w.expires_at <= now)
        return fail_at(s, ERR_INVALID, "/expires_at", "this is in the past");
    TRY(scopes_choose(rq, w.scopes, scopes, &n));
    TRY(api_key_count(s, db, auth_caller(rq)->party.id.text, &live));
    if (live >= KEYS_PER_PARTY_MAX)
        return fail(s, ERR_CONFLICT, "a party holds at most %d keys: revoke one first", KEYS_PER_PARTY_MAX);
    auth_new_key(rq->app, key);
    row = (struct api_key){ .id = key->id, .party = auth_caller(rq)->party.id, .digest = key->digest, .label = w.label,
                            .created_at = now, .expires_at = w.expires_at, .last_used_at = INT64_MIN,
                            .revoked_at = INT64_MIN };
    TRY(api_key_add(s, db, &row, scopes, n));
    reply_header(rq, "Cache-Control", "no-store");
    reply_json(rq, 201, json_pack("{s:s,s:s}", "id", key->id.text, "key", key->text));
    return ERR_OK;
}

err create_key(struct request *rq)
{
    return app_with_db(rq, key_make);
}

static err key_revoke(struct request *rq, struct db *db)
{
    TRY(api_key_revoke(&rq->scope, db, auth_caller(rq)->party.id.text, match_path(&rq->match, "key")));
    reply_empty(rq, 204);
    return ERR_OK;
}

err revoke_key(struct request *rq)
{
    return app_with_db(rq, key_revoke);
}
