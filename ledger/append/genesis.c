/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/append/append.h"
#include "ledger/append/ask.h"
#include "ledger/keys/sign.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"
#include "schema/store/log.h"
#include "schema/store/party.h"

#define KEY_SECRET    52         /* Characters of a key's secret part, 260 bits, */
#define KEY_SECRET_AT 30         /* and where they begin, after `cf_`, 26 characters of id and `_`. */
#define RULES_MS 5000            /* For the entry that changes the rules; signing may come later. */
#define GENESIS_MS 20000         /* Each of the two steps. */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void genesis_key(struct genesis *g, const uint8_t pepper[GENESIS_PEPPER], char text[GENESIS_KEY_SIZE])
{
    uint8_t noise[KEY_SECRET];
    struct id id = id_new("key", clock_wall_ms());
    int at = snprintf(text, GENESIS_KEY_SIZE, "cf_%s_", id.text + 4);

    random_bytes(noise, sizeof noise);
    for (int i = 0; i < KEY_SECRET; i++)
        text[at + i] = alphabet[noise[i] & 31];
    text[at + KEY_SECRET] = '\0';
    if (!genesis_key_again(g, pepper, text))
        abort();
}

bool genesis_key_again(struct genesis *g, const uint8_t pepper[GENESIS_PEPPER], const char *text)
{
    char id[ID_SIZE];

    keys_init();
    if (strlen(text) != GENESIS_KEY_SIZE - 1 || strncmp(text, "cf_", 3) != 0 || text[KEY_SECRET_AT - 1] != '_' ||
        strspn(text + KEY_SECRET_AT, alphabet) != KEY_SECRET)
        return false;
    snprintf(id, sizeof id, "key_%.*s", KEY_SECRET_AT - 4, text + 3);
    g->key_digest = api_key_digest(pepper, text + KEY_SECRET_AT, KEY_SECRET);
    return id_parse(id, "key", &g->key);
}

/* What the signer holds: keys and last checkpoint. */
struct held { char *log_key, *issuer_key, *note; struct note_key key; struct checkpoint last; };

static err ask_signer(struct scope *s, const char *socket, struct held *out)
{
    struct signer g;
    err e;

    signer_init(&g, socket);
    e = signer_keys(s, &g, &out->log_key, &out->issuer_key);
    if (e == ERR_OK)
        e = signer_last(s, &g, &out->note);
    signer_close(&g);
    TRY(e);
    if (!note_key_parse(out->log_key, &out->key))
        return fail(s, ERR_CORRUPT, "the signer's log key is no verifier key: %s", out->log_key);
    return checkpoint_open(s, out->note, strlen(out->note), &out->key, &out->last);
}

/* A log that was begun but has no entry yet is this signer's, and may be finished. */
static err resumable(struct scope *s, struct db *db, const struct log_row *row, const struct held *held)
{
    struct log_view view;

    if (strcmp(row->log_key, held->log_key) != 0 || strcmp(row->issuer_key, held->issuer_key) != 0)
        return fail(s, ERR_CONFLICT, "this database has the log %s, whose keys are not this signer's", row->origin);
    TRY(log_view(s, db, &view));
    if (view.size > 0)
        return fail(s, ERR_CONFLICT, "this database has the log %s already, opened with %lld entries until now: "
                    "nothing was done", row->origin, (long long)view.size);
    return ERR_OK;
}

static err begin(struct scope *s, struct db *db, const struct held *held)
{
    struct hash empty = empty_root();
    struct log_row row = { held->key.name, held->log_key, held->issuer_key, 0 }, there;
    err e = log_load(s, db, &there);

    if (e == ERR_OK)
        return resumable(s, db, &there, held);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (held->last.size != 0)
        return fail(s, ERR_CONFLICT, "the signer of %s has signed %llu entries, which are not in this database",
                    held->key.name, (unsigned long long)held->last.size);
    TRY(db_begin(s, db));
    e = log_create(s, db, &row, &empty, held->note);
    if (e == ERR_OK)
        return db_commit(s, db);
    db_rollback(db);
    return e;
}

err genesis_begin(struct scope *s, const struct genesis *g)
{
    struct held held;
    struct db *db;
    err e;

    keys_init();
    TRY(ask_signer(s, g->signer_socket, &held));
    TRY(db_open(s, g->dsn, g->application, &db));
    e = begin(s, db, &held);
    db_close(db);
    return e;
}

/* ---- the next rules version of a log that began under an older one */

/* Decided under the log's lock: whoever comes second finds nothing to do. */
static err next_rules(struct scope *s, struct append_txn *t, void *arg)
{
    bool *changed = arg;
    uint64_t index;

    for (*changed = false; append_rules_version(t) < RULES_VERSION; *changed = true)
        TRY(append_rules(s, t, append_rules_version(t) + 1, &index));
    return ERR_OK;
}

/* True: the log has entries, and these are under older rules. */
static err outdated(struct scope *s, const char *dsn, const char *application, bool *out)
{
    struct log_view view;
    struct log_row row;
    struct db *db;
    err e;

    *out = false;
    TRY(db_open(s, dsn, application, &db));
    e = log_load(s, db, &row);
    if (e == ERR_OK)
        e = log_view(s, db, &view);
    db_close(db);
    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    *out = view.size > 0 && view.rules < RULES_VERSION;
    return ERR_OK;
}

err genesis_rules(struct scope *s, const struct append_config *config, bool *changed)
{
    struct append_op op = { .decide = next_rules, .arg = changed };
    struct append *a;
    struct scope work;
    bool due;
    err e;

    *changed = false;
    TRY(outdated(s, config->dsn, config->application, &due));
    if (!due)
        return ERR_OK;
    keys_init();
    TRY(append_open(s, config, &a));
    scope_init(&work, RULES_MS);
    op.scope = &work;
    e = append_run(a, &op);
    if (e == ERR_UNKNOWN_OUTCOME)         /* committed: whoever has the signer signs it */
        e = outdated(s, config->dsn, config->application, &due) == ERR_OK && !due ? ERR_OK : e;
    if (e != ERR_OK)
        e = fail(s, e, "rules version %d: %s", RULES_VERSION, work.why.detail);
    *changed = *changed && e == ERR_OK;
    append_close(a, RULES_MS);
    scope_free(&work);
    return e;
}

struct first { struct genesis *g; struct held held; };

/* The member that log.opened gets; absent without one. */
static err predecessor_of(struct scope *s, const struct genesis *g, struct entry_value *out)
{
    const struct checkpoint *last = &g->predecessor_last;
    json_t *json;
    err e;

    *out = (struct entry_value){ .kind = V_ABSENT };
    if (!g->predecessor)
        return ERR_OK;
    json = json_pack("{s:s, s:s, s:s, s:I}", "key", g->predecessor, "origin", last->origin, "root",
                     hash_hex(s, &last->root), "size", (json_int_t)last->size);
    out->kind = V_JSON;
    e = canon(s, json, &out->v.json);
    json_decref(json);
    return e;
}

static err append_first(struct scope *s, struct append_txn *t, struct first *f, uint64_t *index)
{
    static const char roles[] = "[\"operator\"]";
    const char *versions = scope_printf(s, "{\"entry\":1,\"rules\":%d}", RULES_VERSION);
    struct bytes versions_json = { (const uint8_t *)versions, strlen(versions) };
    struct bytes roles_json = { (const uint8_t *)roles, sizeof roles - 1 };
    struct named_value opened[] = {
        { "origin", EV_TEXT(f->held.key.name) }, { "log_key", EV_TEXT(f->held.log_key) },
        { "issuer_key", EV_TEXT(f->held.issuer_key) }, { "predecessor", { .kind = V_ABSENT } },
        { "versions", EV_JSON(versions_json) },
    };
    struct named_value party[] = {
        { "party", EV_TEXT(f->g->party.text) }, { "roles", EV_JSON(roles_json) }, { "name", EV_TEXT(f->g->name) },
        { "contact", f->g->contact ? EV_TEXT(f->g->contact) : (struct entry_value){ .kind = V_ABSENT } },
    };

    TRY(predecessor_of(s, f->g, &opened[3].value));
    TRY(append_entry(s, t, ENTRY_LOG_OPENED, opened, ARRAY_LEN(opened), index));
    if (*index != 0)
        return fail(s, ERR_CONFLICT, "the log was opened by somebody else meanwhile");
    TRY(log_rules_add(s, t->db, RULES_VERSION, *index));
    return append_entry(s, t, ENTRY_PARTY_REGISTERED, party, ARRAY_LEN(party), index);
}

static err decide(struct scope *s, struct append_txn *t, void *arg)
{
    static const char *const roles[] = { "operator" }, *const scopes[] = { "read", "write" };
    struct first *f = arg;
    struct party party = {
        .id = f->g->party, .handle = f->g->handle, .name = f->g->name, .contact = f->g->contact, .created_at = t->at_ms,
    };
    struct api_key key = {
        .id = f->g->key, .party = f->g->party, .digest = f->g->key_digest, .label = "first key of the operator",
        .created_at = t->at_ms, .expires_at = INT64_MIN, .last_used_at = INT64_MIN, .revoked_at = INT64_MIN,
    };
    uint64_t index;

    TRY(append_first(s, t, f, &index));
    party.index = (int64_t)index;
    TRY(party_add(s, t->db, &party, roles, ARRAY_LEN(roles)));
    return api_key_add(s, t->db, &key, scopes, ARRAY_LEN(scopes));
}

err genesis_finish(struct scope *s, struct genesis *g)
{
    struct append_config config = { g->dsn, g->application, g->signer_socket };
    struct first first = { .g = g };
    struct append_op op = { .decide = decide, .arg = &first };
    struct append *a;
    struct scope work;
    err e;

    TRY(ask_signer(s, g->signer_socket, &first.held));
    g->party = id_new("pty", clock_wall_ms());
    TRY(append_open(s, &config, &a));
    scope_init(&work, GENESIS_MS);
    op.scope = &work;
    e = append_run(a, &op);
    if (e != ERR_OK)
        e = fail(s, e, "%s", work.why.detail);
    append_close(a, GENESIS_MS);
    scope_free(&work);
    return e;
}
