/* SPDX-License-Identifier: Apache-2.0 */
#include "api/offer.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/price.h"
#include "api/show.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/life.h"
#include "ledger/rules/split.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"
#include "schema/json/shape.h"
#include "schema/store/offer.h"
#include "schema/store/version.h"

#define PARTY_URN   "urn:counterfoil:party:"
#define VERSION_URN "urn:counterfoil:version:"

err offer_find(struct scope *s, struct db *db, const char *id, struct offer *out)
{
    err e = offer_get(s, db, id, out);

    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "there is no such offer");
}

err offer_terms(struct scope *s, const struct offer *o, struct terms *out)
{
    json_t *policy;
    err e;

    TRY(json_read(s, o->terms, strlen(o->terms), &policy));
    e = terms_read(s, policy, "", out);
    json_decref(policy);
    if (e != ERR_INVALID)
        return e;
    scope_forgive(s);
    return fail(s, ERR_CORRUPT, "the stored terms of %s are none", o->id.text);
}

err offer_for_sale(struct scope *s, const struct offer *o)
{
    if (strcmp(o->state, "withdrawn") == 0)
        return fail(s, ERR_GONE, "the offer was withdrawn");
    if (strcmp(o->state, "open") != 0)
        return fail(s, ERR_STALE, "the offer is %s: some of its content is not in order; try again later", o->state);
    return ERR_OK;
}

static err offer_json(struct scope *s, const struct offer *o, json_t **out)
{
    struct hash digest = sha256_of(o->terms, strlen(o->terms));
    struct hash split = sha256_of(o->split, strlen(o->split)), fee = sha256_of(o->fee, strlen(o->fee));
    struct tariff tariff;
    struct terms terms;

    TRY(offer_terms(s, o, &terms));
    TRY(price_of_offer(s, o, &tariff));
    *out = json_pack("{s:s,s:I,s:s,s:I,s:s,s:s,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o}", "id", o->id.text,
                     "revision", (json_int_t)o->revision, "dataset", o->version.dataset, "version",
                     (json_int_t)o->version.number, "version_id", o->version.id.text, "publisher",
                     o->publisher_handle, "terms", show_json(o->terms), "terms_digest", show_hash(&digest), "sentence",
                     terms_sentence(s, &terms), "price", show_json((const char *)price_tariff(s, &tariff).p), "split",
                     show_json(o->split), "split_digest", show_hash(&split), "fee", show_json(o->fee), "fee_digest",
                     show_hash(&fee), "state", o->state, "created_at", show_time(o->created_at), "withdrawn_at",
                     show_time(o->withdrawn_at), "entry", entry_link((uint64_t)o->index));
    return *out ? ERR_OK : fail(s, ERR_CORRUPT, "the stored offer %s is not UTF-8", o->id.text);
}

/* ---- publishing */

struct new_offer {
    const char *dataset;
    int64_t version;
    json_t *terms, *price;
    const char *rule;             /* of the split */
    struct bytes policy;          /* canonical */
    const char *assigner, *target;
    int64_t until;                /* of the terms */
    const char *split, *fee;      /* canonical */
    struct tariff tariff;
    const struct caller *caller;
};

static const struct json_member new_offer_members[] = {
    JSON_MEMBER(new_offer, dataset, JSON_TEXT, REQUIRED),
    JSON_MEMBER(new_offer, version, JSON_INT64, REQUIRED),
    JSON_MEMBER(new_offer, terms, JSON_INNER_OBJECT, REQUIRED),
    JSON_MEMBER(new_offer, price, JSON_INNER_OBJECT, REQUIRED),
    { "split", JSON_TEXT, OPTIONAL, JSON_PLACE(new_offer, rule), NULL },
};

/* Digests of rules are public: 128 random bits keep them from being guessed. */
static const char *fresh_salt(struct scope *s)
{
    uint8_t noise[SALT_SIZE];
    char text[BASE64_SIZE(SALT_SIZE)];

    random_bytes(noise, sizeof noise);
    base64url_write(noise, sizeof noise, text);
    return scope_strdup(s, text);
}

/* The published version, which must be the caller's. */
static err version_offered(struct scope *s, struct db *db, const struct new_offer *w, struct version *v)
{
    size_t owner = strcspn(w->dataset, "/");
    err e = version_get(s, db, scope_strndup(s, w->dataset, owner), w->dataset + owner + 1,
                        scope_printf(s, "%lld", (long long)w->version), v);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND || strcmp(v->state, "published") != 0 || !caller_owns(w->caller, &v->publisher)) {
        scope_forgive(s);
        return fail_at(s, ERR_NOT_FOUND, "/version", "you have published no version %lld of %s", (long long)w->version,
                       w->dataset);
    }
    return ERR_OK;
}

/* Terms of another party or about something else are not this offer's. */
static err check_names(struct scope *s, const struct new_offer *w, const struct version *v)
{
    const char *party = scope_printf(s, PARTY_URN "%s", w->caller->party.id.text);
    const char *version = scope_printf(s, VERSION_URN "%s", v->id.text);

    if (strcmp(w->assigner, party) != 0)
        return fail_at(s, ERR_INVALID, "/terms/permission/0/assigner", "must be you: \"%s\"", party);
    if (strcmp(w->target, version) != 0)
        return fail_at(s, ERR_INVALID, "/terms/permission/0/target", "must be the version: \"%s\"", version);
    return ERR_OK;
}

/* What is over grants nothing to anybody. */
static err check_open(struct scope *s, const struct new_offer *w, int64_t now)
{
    const json_t *permission = json_array_get(json_object_get(w->terms, "permission"), 0), *one;
    size_t i;

    if (w->until > now)
        return ERR_OK;
    json_array_foreach(json_object_get(permission, "constraint"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "leftOperand")), "dateTime") == 0)
            break;
    return fail_at(s, ERR_INVALID, scope_printf(s, "/terms/permission/0/constraint/%zu/rightOperand/@value", i),
                   "lies in the past: nothing could be licensed any more");
}

static err offer_enter(struct scope *s, struct append_txn *t, const struct new_offer *w, const struct version *v,
                       const struct id *id, uint64_t *index)
{
    struct hash fee = sha256_of(w->fee, strlen(w->fee)), split = sha256_of(w->split, strlen(w->split));
    struct hash terms = sha256_of(w->policy.p, w->policy.len);
    struct named_value values[] = {
        { "fee_digest", EV_HASH(&fee) },
        { "offer", EV_TEXT(id->text) },
        { "revision", EV_COUNT(1) },
        { "split_digest", EV_HASH(&split) },
        { "terms_digest", EV_HASH(&terms) },
        { "version", EV_TEXT(v->id.text) },
        { "price", EV_JSON(price_tariff(s, &w->tariff)) },
    };

    return append_entry(s, t, ENTRY_OFFER_PUBLISHED, values, ARRAY_LEN(values), index);
}

static err publish_decide(struct scope *s, struct append_txn *t, void *state)
{
    struct new_offer *w = state;
    struct version v;
    struct offer o;
    uint64_t index;
    json_t *answer;

    TRY(version_offered(s, t->db, w, &v));
    TRY(check_names(s, w, &v));
    TRY(check_open(s, w, t->at_ms));
    o = (struct offer){ .id = id_new("ofr", t->at_ms), .revision = 1, .version.no = v.no,
                        .publisher = w->caller->party.id, .split = w->split, .fee = w->fee,
                        .terms = scope_strndup(s, (const char *)w->policy.p, w->policy.len),
                        .kind = tariff_kind_name(w->tariff.kind), .amount = w->tariff.amount,
                        .minimum = w->tariff.minimum, .currency = w->tariff.currency, .created_at = t->at_ms };
    TRY(offer_enter(s, t, w, &v, &o.id, &index));
    o.index = (int64_t)index;
    TRY(offer_add(s, t->db, &o));
    TRY(offer_get(s, t->db, o.id.text, &o));
    TRY(offer_json(s, &o, &answer));
    return ledgered_answer(s, t, 201, index, answer, NULL);
}

err publish_offer(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct new_offer *w = NEW(s, struct new_offer);
    const struct app *app = rq->app;
    enum split_rule rule;
    struct terms terms;

    w->rule = split_rule_name(SPLIT_PER_ITEM);
    TRY(json_shape(s, rq->body, "", new_offer_members, ARRAY_LEN(new_offer_members), w));
    if (!split_rule_parse(w->rule, &rule))
        return fail_at(s, ERR_INVALID, "/split", "is no rule that splits");
    TRY(price_read_tariff(s, w->price, "/price", &w->tariff));
    TRY(terms_read(s, w->terms, "/terms", &terms));
    TRY(canon(s, w->terms, &w->policy));
    w->assigner = terms.assigner;
    w->target = terms.target;
    w->until = terms.until;
    w->split = split_rule_write(s, rule, fresh_salt(s));
    w->fee = split_fee_write(s, app->config.fee_ppm, fresh_salt(s));
    w->caller = auth_caller(rq);
    return ledgered(rq, publish_decide, w);
}

/* ---- withdrawing */

struct withdrawal { const char *id; const struct caller *caller; };

static err withdraw_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct withdrawal *w = arg;
    enum offer_state state, next;
    struct offer o;
    uint64_t index;
    json_t *answer;

    TRY(offer_find(s, t->db, w->id, &o));
    if (!caller_owns(w->caller, &o.publisher))
        return fail(s, ERR_FORBIDDEN, "only its publisher withdraws an offer");
    if (!offer_state_parse(o.state, &state) || !offer_step(state, OFFER_WITHDRAW, &next))
        return fail(s, ERR_STALE, "the offer is %s", o.state);
    TRY(offer_withdraw(s, t->db, w->id, t->at_ms));
    struct named_value values[] = {
        { "offer", EV_TEXT(o.id.text) },
        { "revision", EV_COUNT((uint64_t)o.revision) },
    };
    TRY(append_entry(s, t, ENTRY_OFFER_WITHDRAWN, values, ARRAY_LEN(values), &index));
    TRY(offer_get(s, t->db, w->id, &o));
    TRY(offer_json(s, &o, &answer));
    return ledgered_answer(s, t, 200, index, answer, NULL);
}

err withdraw_offer(struct request *rq)
{
    struct withdrawal *w = NEW(&rq->scope, struct withdrawal);

    *w = (struct withdrawal){ match_path(&rq->match, "offer"), auth_caller(rq) };
    return ledgered(rq, withdraw_decide, w);
}

/* ---- reading */

static err offer_read(struct request *rq, struct db *db)
{
    struct offer o;
    json_t *answer;

    TRY(offer_find(&rq->scope, db, match_path(&rq->match, "offer"), &o));
    TRY(offer_json(&rq->scope, &o, &answer));
    reply_covered(rq, answer);
    return ERR_OK;
}

err show_offer(struct request *rq)
{
    return covered_read(rq, offer_read);
}

/* ?dataset=owner/name; both NULL without it. */
static err dataset_filter(struct request *rq, const char **owner, const char **name)
{
    const char *dataset = match_query(&rq->match, "dataset"), *slash = dataset ? strchr(dataset, '/') : NULL;

    *owner = *name = NULL;
    if (!dataset)
        return ERR_OK;
    if (!slash)
        return fail_at(&rq->scope, ERR_INVALID, "?dataset", "must be owner/name");
    *owner = scope_strndup(&rq->scope, dataset, (size_t)(slash - dataset));
    *name = slash + 1;
    return ERR_OK;
}

static err offers_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    const char *after, *owner, *name;
    struct offer *rows;
    json_t *data, *row;
    size_t n;
    err e = ERR_OK;

    TRY(page_after(rq, &after));
    TRY(dataset_filter(rq, &owner, &name));
    TRY(offer_list(s, db, owner, name, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; e == ERR_OK && i < n && i < (size_t)limit; i++) {
        e = offer_json(s, &rows[i], &row);
        if (e == ERR_OK)
            json_array_append_new(data, row);
    }
    if (e != ERR_OK)
        json_decref(data);
    else
        reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return e;
}

err list_offers(struct request *rq)
{
    return app_with_db(rq, offers_read);
}
