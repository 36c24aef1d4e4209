/* SPDX-License-Identifier: Apache-2.0 */
#include "api/behind.h"

#include <string.h>

#include "api/auth.h"
#include "api/certificate.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/show.h"
#include "api/version.h"
#include "schema/base/clock.h"
#include "schema/store/certificate.h"
#include "schema/store/version.h"

/* How much of it the caller sees. */
enum sight { SEES_NOTHING, SEES_OWN, SEES_UNNAMED, SEES_ALL };

static err sight_of(struct request *rq, struct db *db, const struct version *v, const struct item *i, enum sight *out)
{
    const struct caller *c = auth_caller(rq);
    struct behind_asker asker;

    *out = SEES_ALL;
    if (caller_oversees(c) || caller_owns(c, &v->publisher))
        return ERR_OK;
    TRY(behind_asker(&rq->scope, db, v->no, i->n, c->party.id.text, &asker));
    *out = asker.buyer ? SEES_UNNAMED : asker.creator ? SEES_OWN : SEES_NOTHING;
    return ERR_OK;
}

/* ---- consents */

static const char *consent_state(const struct behind_row *r, int64_t at)
{
    if (r->withdrawn >= 0 && r->withdrawn_at <= at)
        return r->state;
    return at < r->valid_from ? "not_begun" : at >= r->valid_until ? "expired" : "valid";
}

static json_t *link_of(int64_t index)
{
    return index >= 0 ? entry_link((uint64_t)index) : json_null();
}

/* A withdrawal that came later is not told: what stood then is the question. */
static json_t *consent_of(const struct behind_row *r, int64_t at)
{
    bool withdrawn = r->withdrawn >= 0 && r->withdrawn_at <= at;

    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", r->consent.text, "state",
                     consent_state(r, at), "credential", r->credential, "document", show_hash(&r->document),
                     "purposes", show_words(r->purposes), "prohibitions", show_words(r->prohibitions), "valid_from",
                     show_time(r->valid_from), "valid_until", show_time(r->valid_until), "granted_at",
                     show_time(r->granted_at), "entry", link_of(r->index), "withdrawn_at",
                     show_time(withdrawn ? r->withdrawn_at : INT64_MIN), "withdrawal_entry",
                     link_of(withdrawn ? r->withdrawn : -1));
}

static json_t *contributor_of(const struct behind_row *r, const struct version *v, bool published, bool named)
{
    return json_pack("{s:o,s:s,s:o,s:b,s:[]}", "party", named ? json_string(r->party.text) : json_null(), "role",
                     r->role, "publication", published ? link_of(v->index) : json_null(), "consented", published,
                     "consents");
}

/* An item that declares no contributors has its publisher alone, whose consent is the publication. */
static json_t *contributors_of(const struct caller *c, const struct version *v, const struct item *i, enum sight sight,
                               const struct behind_row *rows, size_t n, int64_t at)
{
    bool published = strcmp(i->contributors, "[]") == 0;
    json_t *list = json_array(), *one = NULL;

    for (size_t k = 0; k < n; k++) {
        const struct behind_row *r = &rows[k];
        bool own = caller_owns(c, &r->party);
        if (sight == SEES_OWN && !own)
            continue;
        if (k == 0 || rows[k - 1].place != r->place || !one) {
            one = contributor_of(r, v, published, sight == SEES_ALL || own);
            json_array_append_new(list, one);
        }
        if (!r->consent.text[0])
            continue;
        json_array_append_new(json_object_get(one, "consents"), consent_of(r, at));
        if (strcmp(consent_state(r, at), "valid") == 0)
            json_object_set_new(one, "consented", json_true());
    }
    return list;
}

/* ---- certificates */

static json_t *certificate_of(const struct certificate_row *c, int64_t at)
{
    bool revoked = c->withdrawn >= 0 && c->withdrawn_at <= at;

    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", c->id.text, "state",
                     certificate_state(c, at), "certifier", c->certifier.text, "certifier_handle",
                     c->certifier_handle, "scheme", c->scheme, "criteria", show_words(c->criteria), "credential",
                     c->credential, "document", show_hash(&c->document), "valid_from", show_time(c->valid_from),
                     "valid_until", show_time(c->valid_until), "issued_at", show_time(c->decided_at), "entry",
                     link_of(c->index), "revoked_at", show_time(revoked ? c->withdrawn_at : INT64_MIN),
                     "revocation_entry", link_of(revoked ? c->withdrawn : -1));
}

static err certificates_of(struct scope *s, struct db *db, const struct version *v, int64_t at, json_t *list)
{
    struct certificate_filter f = { .dataset = scope_printf(s, "%s/%s", v->owner, v->name), .version = v->number,
                                    .at = INT64_MIN };
    struct certificate_row *rows;
    size_t n;

    TRY(certificate_list(s, db, &f, "", LIST_LIMIT_MAX, &rows, &n));
    for (size_t i = 0; i < n; i++)
        if (rows[i].decided_at <= at)
            json_array_append_new(list, certificate_of(&rows[i], at));
    return ERR_OK;
}

/* ---- the answer */

static err item_find(struct request *rq, struct db *db, struct version *v, struct item *item, enum sight *sight)
{
    struct scope *s = &rq->scope;
    const char *path = match_path(&rq->match, "path");
    err e;

    TRY(version_named(rq, db, v));
    e = v->number > 0 ? item_by_path(s, db, v->no, path, item) : ERR_NOT_FOUND;
    if (e == ERR_OK)
        TRY(sight_of(rq, db, v, item, sight));
    else if (e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_OK && *sight != SEES_NOTHING)
        return ERR_OK;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "there is no item %s of yours in this version", path);
}

static err behind_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    json_t *shown, *certificates;
    struct behind_row *rows;
    struct version v;
    struct item item;
    enum sight sight;
    int64_t at;
    size_t n;
    err e;

    TRY(item_find(rq, db, &v, &item, &sight));
    TRY(certificate_instant(rq, clock_wall_ms(), &at));
    if (at < v.published_at)
        return fail_at(s, ERR_INVALID, "?at", "the version was not published yet: nothing stood behind it");
    TRY(behind_item(s, db, v.no, item.n, &item.sha256, at, &rows, &n));
    certificates = json_array();
    e = certificates_of(s, db, &v, at, certificates);
    if (e != ERR_OK) {
        json_decref(certificates);
        return e;
    }
    shown = json_pack("{s:s,s:I,s:o,s:o,s:i,s:s,s:o,s:o,s:o,s:o}", "dataset",
                      scope_printf(s, "%s/%s", v.owner, v.name), "version", (json_int_t)v.number, "version_root",
                      show_hash(&v.root), "at", show_time(at), "n", (int)item.n, "path", item.path, "sha256",
                      show_hash(&item.sha256), "entry", link_of(v.index), "contributors",
                      contributors_of(auth_caller(rq), &v, &item, sight, rows, n, at), "certificates", certificates);
    reply_covered(rq, shown);
    return ERR_OK;
}

err show_behind(struct request *rq)
{
    return covered_read(rq, behind_read);
}
