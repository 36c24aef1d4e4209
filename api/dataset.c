/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dataset.h"

#include <string.h>

#include "api/auth.h"
#include "api/certificate.h"
#include "api/page.h"
#include "api/price.h"
#include "api/show.h"
#include "ledger/entry/codes.h"
#include "ledger/rules/terms.h"
#include "schema/base/clock.h"
#include "schema/json/shape.h"
#include "schema/store/offer.h"

#define LANGUAGES_MAX 100
#define OFFERS_SHOWN  100      /* of one dataset, in its page; the list of offers has them all */

static json_t *dataset_show(const struct dataset *d)
{
    json_t *latest = d->latest ? json_integer(d->latest) : json_null();

    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:I}", "id", d->id.text, "owner", d->owner, "name",
                     d->name, "title", d->title, "description", d->description, "modality", d->modality, "languages",
                     show_words(d->languages), "card", d->card, "state", d->state, "created_at",
                     show_time(d->created_at), "latest_version", latest, "versions", (json_int_t)d->versions);
}

static err datasets_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct dataset_filter filter = { match_query(&rq->match, "modality"), match_query(&rq->match, "language"),
                                     match_query(&rq->match, "owner"), match_query(&rq->match, "certified") };
    int64_t limit = page_limit(rq);
    const char *after;
    struct dataset *rows;
    json_t *data;
    size_t n;
    err e;

    TRY(page_after(rq, &after));
    TRY(dataset_list(s, db, &filter, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, dataset_show(&rows[i]));
    e = certificates_add(s, db, data);
    if (e != ERR_OK) {
        json_decref(data);
        return e;
    }
    reply_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_datasets(struct request *rq)
{
    return app_with_db(rq, datasets_read);
}

/* ---- making */

struct dataset_wish { const char *name, *title, *description, *modality, *card; json_t *languages; };
static const struct json_member dataset_wish_members[] = {
    JSON_MEMBER(dataset_wish, name, JSON_TEXT, REQUIRED),
    JSON_MEMBER(dataset_wish, title, JSON_TEXT, REQUIRED),
    JSON_MEMBER(dataset_wish, description, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(dataset_wish, modality, JSON_TEXT, REQUIRED),
    JSON_MEMBER(dataset_wish, card, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(dataset_wish, languages, JSON_INNER_ARRAY, OPTIONAL),
};

static err dataset_make(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct party *party = &auth_caller(rq)->party;
    struct dataset_wish w = { .description = "", .card = "" };
    const char *languages[LANGUAGES_MAX];
    struct dataset d, made;
    size_t n = 0;
    err e;

    TRY(json_shape(s, rq->body, "", dataset_wish_members, ARRAY_LEN(dataset_wish_members), &w));
    if (strstr(w.name, "--"))
        return fail_at(s, ERR_INVALID, "/name", "a name has no two dashes in a row");
    for (size_t i = 0; i < json_array_size(w.languages) && n < LANGUAGES_MAX; i++)
        languages[n++] = json_string_value(json_array_get(w.languages, i));
    d = (struct dataset){ .id = id_new("dts", clock_wall_ms()), .owner = party->handle, .name = w.name,
                          .publisher = party->id, .title = w.title, .description = w.description,
                          .modality = w.modality, .card = w.card };
    e = dataset_add(s, db, &d, languages, n);
    if (e == ERR_CONFLICT) {
        scope_forgive(s);
        return fail_at(s, ERR_CONFLICT, "/name", "%s/%s exists", party->handle, w.name);
    }
    TRY(e);
    TRY(dataset_get(s, db, party->handle, w.name, &made));
    reply_header(rq, "Location", scope_printf(s, "/v1/datasets/%s/%s", made.owner, made.name));
    reply_json(rq, 201, dataset_show(&made));
    return ERR_OK;
}

err create_dataset(struct request *rq)
{
    return app_with_db(rq, dataset_make);
}

/* ---- one */

static err no_dataset(struct request *rq)
{
    scope_forgive(&rq->scope);
    return fail(&rq->scope, ERR_NOT_FOUND, "there is no dataset %s/%s", match_path(&rq->match, "owner"),
                match_path(&rq->match, "name"));
}

err dataset_named(struct request *rq, struct db *db, struct dataset *out)
{
    err e = dataset_get(&rq->scope, db, match_path(&rq->match, "owner"), match_path(&rq->match, "name"), out);

    if (e == ERR_NOT_FOUND)
        return no_dataset(rq);
    TRY(e);
    if (strcmp(out->state, "draft") == 0 && !caller_owns(rq->caller, &out->publisher))
        return no_dataset(rq);
    return ERR_OK;
}

err dataset_owned(struct request *rq, struct db *db, struct dataset *out)
{
    TRY(dataset_named(rq, db, out));
    if (!caller_owns(rq->caller, &out->publisher))
        return fail(&rq->scope, ERR_FORBIDDEN, "%s/%s is another publisher's", out->owner, out->name);
    return ERR_OK;
}

/* The terms in short: what somebody choosing needs to see. */
static json_t *offer_short(struct scope *s, const struct offer *o)
{
    json_t *policy = show_json(o->terms), *purposes = json_array(), *places = json_array();
    char until[TIME_TEXT_SIZE];
    struct tariff price;
    struct terms t;
    json_t *shown = NULL;

    if (terms_read(s, policy, "/terms", &t) == ERR_OK && price_of_offer(s, o, &price) == ERR_OK) {
        for (size_t i = 0; i < t.n_territories; i++)
            json_array_append_new(places, json_string(t.territories[i]));
        for (size_t i = 0; i < purpose_codes.n; i++)
            if (t.purposes >> i & 1)
                json_array_append_new(purposes, json_string(purpose_codes.code[i]));
        time_format(t.until, until);
        shown = json_pack("{s:s,s:I,s:o,s:O,s:O,s:s,s:s}", "id", o->id.text, "version", (json_int_t)o->version.number,
                          "price", show_json((const char *)price_tariff(s, &price).p), "purposes", purposes,
                          "territories", places, "until", until, "sentence", terms_sentence(s, &t));
    }
    scope_forgive(s);
    json_decref(policy);
    json_decref(purposes);
    json_decref(places);
    return shown;
}

static err dataset_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct dataset d;
    struct offer *offers;
    json_t *shown, *list = json_array(), *certificates;
    size_t n = 0;
    err e = dataset_named(rq, db, &d);

    if (e == ERR_OK)
        e = offer_list(s, db, d.owner, d.name, "", OFFERS_SHOWN, &offers, &n);
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        if (strcmp(offers[i].state, "open") == 0 && (shown = offer_short(s, &offers[i])))
            json_array_append_new(list, shown);
    if (e == ERR_OK)
        e = certificates_of_version(s, db, scope_printf(s, "%s/%s", d.owner, d.name), 0, &certificates);
    if (e != ERR_OK) {
        json_decref(list);
        return e;
    }
    shown = dataset_show(&d);
    json_object_set_new(shown, "certificates", certificates);
    json_object_set_new(shown, "offers", list);
    reply_json(rq, 200, shown);
    return ERR_OK;
}

err show_dataset(struct request *rq)
{
    return app_with_db(rq, dataset_read);
}
