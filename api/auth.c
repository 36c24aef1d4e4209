/* SPDX-License-Identifier: Apache-2.0 */
#include "api/auth.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ledger/keys/sign.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"
#include "schema/store/party.h"

#define AUTHORIZATION_MAX 512
#define ID_PART 26

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void auth_new_key(const struct app *app, struct new_key *out)
{
    uint8_t noise[API_KEY_SECRET];
    char *secret = out->text + 3 + ID_PART + 1;

    out->id = id_new("key", clock_wall_ms());
    snprintf(out->text, sizeof out->text, "cf_%s_", out->id.text + 4);
    random_bytes(noise, sizeof noise);
    for (int i = 0; i < API_KEY_SECRET; i++)
        secret[i] = alphabet[noise[i] & 31];
    secret[API_KEY_SECRET] = '\0';
    out->digest = api_key_digest(app->pepper, secret, API_KEY_SECRET);
}

/* Exactly the form of the header; false otherwise. */
static bool key_parse(const char *text, size_t len, struct id *id, const char **secret)
{
    char name[ID_SIZE];

    if (len > 3 && memcmp(text, "hf_", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (len != API_KEY_SIZE - 1 || memcmp(text, "cf_", 3) != 0 || text[3 + ID_PART] != '_')
        return false;
    snprintf(name, sizeof name, "key_%.*s", ID_PART, text + 3);
    *secret = text + 3 + ID_PART + 1;
    return strspn(*secret, alphabet) >= API_KEY_SECRET && id_parse(name, "key", id);
}

/* The key in an Authorization header; `room` holds what Basic decodes to. */
static bool header_key(const char *header, char room[AUTHORIZATION_MAX], struct id *id, const char **secret)
{
    size_t len = strlen(header), n;
    const char *colon;

    if (len > AUTHORIZATION_MAX)
        return false;
    if (strncasecmp(header, "Bearer ", 7) == 0) {
        header += 7 + strspn(header + 7, " ");
        return key_parse(header, strlen(header), id, secret);
    }
    if (strncasecmp(header, "Basic ", 6) != 0)
        return false;
    header += 6 + strspn(header + 6, " ");
    if (!base64_read(header, strlen(header), (uint8_t *)room, AUTHORIZATION_MAX - 1, &n))
        return false;
    room[n] = '\0';
    colon = strchr(room, ':');
    return colon && key_parse(colon + 1, strlen(colon + 1), id, secret);
}

static err unauthenticated(struct request *rq, const char *why)
{
    scope_forgive(&rq->scope);
    return fail(&rq->scope, ERR_UNAUTHENTICATED, "%s", why);
}

static err read_caller(struct request *rq, const char *header, struct caller **out)
{
    struct app *app = rq->app;
    struct caller *c = NEW(&rq->scope, struct caller);
    char room[AUTHORIZATION_MAX];
    const char *secret;

    if (!header_key(header, room, &c->key, &secret))
        return unauthenticated(rq,
                               "the Authorization header holds no key, or not all of one: send it as \"Bearer cf_…\"");
    c->digest = api_key_digest(app->pepper, secret, API_KEY_SECRET);
    explicit_bzero(room, sizeof room);
    *out = c;
    return ERR_OK;
}

static err verify(struct request *rq, struct db *db)
{
    struct caller *c = rq->caller;
    struct app *app = rq->app;
    struct key_holder row;
    int64_t now = clock_wall_ms();
    err e = api_key_holder(&rq->scope, db, c->key.text, &row);

    if (e == ERR_NOT_FOUND)
        return unauthenticated(rq, "no such key, or not its secret");
    TRY(e);
    if (!bytes_equal_constant_time(row.key.digest.b, c->digest.b, HASH_SIZE))
        return unauthenticated(rq, "no such key, or not its secret");
    if (row.key.revoked_at != INT64_MIN)
        return unauthenticated(rq, "the key was revoked");
    if (row.key.expires_at != INT64_MIN && row.key.expires_at <= now)
        return unauthenticated(rq, "the key has expired");
    if (strcmp(row.party.state, "active") != 0)
        return fail(&rq->scope, ERR_FORBIDDEN, "the account is %s", row.party.state);
    c->row = row.key;
    c->party = row.party;
    c->granted = row.granted;
    c->verified = true;
    uses_note(app->uses, &c->key, &c->digest, now);
    return ERR_OK;
}

/*
 * Until a key is found to be right it counts as a wrong one of its address, so that who guesses soon costs no lookup.
 * Not so one that was right a while ago: guesses of others behind the same address don't stop it.
 */
static err look_up(struct request *rq)
{
    struct caller *c = rq->caller;
    struct app *app = rq->app;
    err e;

    if (!c->known)
        TRY(request_guess(rq));
    e = app_with_db(rq, verify);
    if (e == ERR_UNAUTHENTICATED || e == ERR_FORBIDDEN)
        uses_forget(app->uses, &c->digest);
    if (e == ERR_OK && !c->known)
        request_guessed_right(rq);
    return e;
}

static err check_entitled(struct request *rq, const struct caller *c)
{
    bool reads = strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "HEAD") == 0;
    const char *scope = reads ? "read" : "write", *role = rq->op->role;

    if (!words_have(c->row.scopes, scope))
        return fail(&rq->scope, ERR_FORBIDDEN, "this key's scopes lack \"%s\"", scope);
    if (*role && strcmp(role, "any") != 0 && !words_have(c->party.roles, role))
        return fail(&rq->scope, ERR_FORBIDDEN, "this needs the role \"%s\"", role);
    return ERR_OK;
}

err auth_request(struct request *rq)
{
    const char *header;
    struct caller *c;
    struct app *app = rq->app;

    if (rq->op->fast && !*rq->op->role)
        return ERR_OK;
    header = request_header(rq, "Authorization");
    if (!header)
        return *rq->op->role ? unauthenticated(rq, "this needs a key: send \"Authorization: Bearer cf_…\"") : ERR_OK;
    TRY(read_caller(rq, header, &c));
    rq->caller = c;
    c->known = uses_known(app->uses, &c->digest);
    if (!request_may_wait(rq)) {
        /* A secret that nobody has seen to be right goes nowhere near the ledger's batches. */
        if (!c->known || strcmp(rq->method, "GET") != 0)
            request_defer(rq);
        if (c->known)
            rq->rate_key = c->key.text;
        return ERR_OK;
    }
    TRY(look_up(rq));
    rq->rate_key = c->key.text;
    return check_entitled(rq, c);
}

const struct caller *auth_caller(const struct request *rq)
{
    const struct caller *c = rq->caller;

    assert(c && c->verified);
    return c;
}
