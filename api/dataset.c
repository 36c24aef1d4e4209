/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dataset.h"

#include <inttypes.h>
#include <string.h>

#include "api/auth.h"
#include "api/certificate.h"
#include "api/page.h"
#include "api/price.h"
#include "api/show.h"
#include "ledger/entry/codes.h"
#include "ledger/rules/terms.h"
#include "ledger/rules/territory.h"
#include "schema/base/clock.h"
#include "schema/base/money.h"
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

/* ---- the catalog */

static const struct { const char *name, *mark; } sorts[] = {      /* the mark is in the cursors of its order */
    [DATASET_OLDEST] = { "oldest", "" },
    [DATASET_NEWEST] = { "newest", "n" },
    [DATASET_PRICE] = { "price", "p" },
    [DATASET_RELEVANCE] = { "relevance", "r" },
};

static err read_sort(struct request *rq, const struct dataset_filter *f, enum dataset_sort *out)
{
    const char *name = match_query(&rq->match, "sort");

    *out = f->words ? DATASET_RELEVANCE : DATASET_OLDEST;
    for (size_t i = 0; name && i < ARRAY_LEN(sorts); i++)
        if (strcmp(sorts[i].name, name) == 0)
            *out = (enum dataset_sort)i;
    if (*out == DATASET_RELEVANCE && !f->words)
        return fail_at(&rq->scope, ERR_INVALID, "?sort", "relevance is to words: send ?q too");
    if (*out == DATASET_PRICE && !f->currency)
        return fail_at(&rq->scope, ERR_INVALID, "?sort", "prices compare in one currency: send ?currency too");
    return ERR_OK;
}

/* "id", "n.id", "p.key.id", "r.key.id": a cursor of another order is none of this list's. */
static err read_after(struct request *rq, struct dataset_page *p)
{
    const char *text, *mark = sorts[p->sort].mark, *dot;
    bool keyed = p->sort == DATASET_PRICE || p->sort == DATASET_RELEVANCE;
    size_t n = strlen(mark);
    uint64_t key = 0;

    p->after = p->sort == DATASET_NEWEST ? "~" : "";
    p->after_key = -1;
    TRY(page_after(rq, &text));
    if (!*text)
        return ERR_OK;
    dot = keyed && strncmp(text, mark, n) == 0 && text[n] == '.' ? strchr(text + n + 1, '.') : NULL;
    if (keyed ? !dot || !decimal_read(text + n + 1, (size_t)(dot - text) - n - 1, INT64_MAX, &key)
              : strncmp(text, mark, n) != 0 || (n > 0 && text[n] != '.') || (n == 0 && strchr(text, '.')))
        return fail_at(&rq->scope, ERR_INVALID, "?cursor", "is of another order: start without one");
    p->after = keyed ? dot + 1 : text + n + (n > 0);
    p->after_key = keyed ? (int64_t)key : -1;
    return ERR_OK;
}

static const char *cursor_of(struct scope *s, enum dataset_sort sort, const struct dataset_row *row)
{
    const char *id = row->dataset.id.text;

    if (sort == DATASET_OLDEST)
        return id;
    if (sort == DATASET_NEWEST)
        return scope_printf(s, "%s.%s", sorts[sort].mark, id);
    return scope_printf(s, "%s.%" PRId64 ".%s", sorts[sort].mark, row->key, id);
}

/* Codes that contain the territory alone, and the countries that do so together: terms may list either. */
static err read_territory(struct request *rq, struct dataset_filter *f)
{
    static const char *const unions[] = { "EU", "WORLD" };
    const char *code = match_query(&rq->match, "territory");
    const char **covering = NEWS(&rq->scope, const char *, 1 + ARRAY_LEN(unions));
    const char **members = NEWS(&rq->scope, const char *, 26 * 26);
    struct territory wanted, other;
    char country[3] = "";

    if (!code)
        return ERR_OK;
    if (!territory_parse(code, &wanted))
        return fail_at(&rq->scope, ERR_INVALID, "?territory", "is no territory: ISO 3166-1 alpha-2, EU or WORLD");
    covering[f->n_covering++] = code;
    for (size_t i = 0; i < ARRAY_LEN(unions); i++)
        if (territory_parse(unions[i], &other) && territory_within(&wanted, &other))
            covering[f->n_covering++] = unions[i];
    for (int i = 0; i < 26 * 26; i++) {
        country[0] = (char)('A' + i / 26);
        country[1] = (char)('A' + i % 26);
        if (strcmp(country, "EU") != 0 && territory_parse(country, &other) && territory_within(&other, &wanted))
            members[f->n_members++] = scope_strdup(&rq->scope, country);
    }
    if (strcmp(code, "WORLD") == 0) {         /* more than all countries */
        members[0] = code;
        f->n_members = 1;
    }
    f->covering = covering;
    f->members = members;
    return ERR_OK;
}

static err read_filter(struct request *rq, struct dataset_filter *f)
{
    const char *max = match_query(&rq->match, "max_price");

    *f = (struct dataset_filter){ .words = match_query(&rq->match, "q"),
                                  .modality = match_query(&rq->match, "modality"),
                                  .language = match_query(&rq->match, "language"),
                                  .owner = match_query(&rq->match, "owner"),
                                  .purpose = match_query(&rq->match, "purpose"),
                                  .currency = match_query(&rq->match, "currency"),
                                  .certified = match_query(&rq->match, "certified"), .now = clock_wall_ms() };
    TRY(read_territory(rq, f));
    if (f->currency && !currency_known(f->currency))
        return fail_at(&rq->scope, ERR_INVALID, "?currency", "is no currency of ISO 4217");
    if (!max)
        return ERR_OK;
    if (!f->currency)
        return fail_at(&rq->scope, ERR_INVALID, "?max_price", "is an amount of a currency: send ?currency too");
    f->bounded = money_parse_lenient(max, f->currency, &f->max_price);
    return f->bounded ? ERR_OK : fail_at(&rq->scope, ERR_INVALID, "?max_price", "is no amount of this currency");
}

static err datasets_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct dataset_filter filter;
    int64_t limit = page_limit(rq);
    struct dataset_page page = { .limit = limit + 1 };
    struct dataset_row *rows;
    json_t *data;
    size_t n;
    err e;

    TRY(read_filter(rq, &filter));
    TRY(read_sort(rq, &filter, &page.sort));
    TRY(read_after(rq, &page));
    TRY(dataset_list(s, db, &filter, &page, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, dataset_show(&rows[i].dataset));
    e = certificates_add(s, db, data);
    if (e != ERR_OK) {
        json_decref(data);
        return e;
    }
    reply_page(rq, data, n > (size_t)limit ? cursor_of(s, page.sort, &rows[limit - 1]) : NULL);
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
