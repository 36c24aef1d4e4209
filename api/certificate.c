/* SPDX-License-Identifier: Apache-2.0 */
#include "api/certificate.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/refused.h"
#include "api/show.h"
#include "schema/base/clock.h"
#include "schema/store/certificate.h"

#define SHOWN_MAX 100             /* of one version, in its page; the list has them all */

const char *certificate_state(const struct certificate_row *c, int64_t at)
{
    if (c->index < 0)
        return c->state;
    if (c->withdrawn >= 0 && c->withdrawn_at <= at)
        return "revoked";
    if (at >= c->valid_until)
        return "expired";
    if (c->flaw && c->verified_at <= at)
        return "flawed";
    return at < c->valid_from ? "not_begun" : "valid";
}

/* Its entry is the last one that changed it: what a reader waits for. */
json_t *certificate_show(const struct certificate_row *c, int64_t at)
{
    int64_t entry = c->withdrawn >= 0 ? c->withdrawn : c->index;
    const char *reason = c->index < 0 ? c->reason : c->flaw;
    json_t *shown;

    shown = json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:I,s:s,s:o,s:I,s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o,"
                     "s:o,s:o}", "id", c->id.text, "certifier", c->certifier.text, "certifier_handle",
                     c->certifier_handle, "state", certificate_state(c, at), "reason",
                     show_text(reason), "dataset", c->version.dataset, "version",
                     (json_int_t)c->version.number, "version_id", c->version.id.text, "version_root",
                     show_hash(&c->version.root), "item_count", (json_int_t)c->version.item_count,
                     "scheme", c->scheme, "criteria", show_words(c->criteria), "public_key", c->public_key,
                     "credential", c->credential, "document", show_hash(&c->document), "valid_from",
                     show_time(c->valid_from), "valid_until", show_time(c->valid_until), "status_index",
                     (json_int_t)c->place, "issued_at", show_time(c->index < 0 ? INT64_MIN : c->decided_at),
                     "revoked_at", show_time(c->withdrawn_at), "revoked_by", show_text(c->revoked_by), "verified_at",
                     show_time(c->verified_at), "created_at", show_time(c->created_at), "entry",
                     entry >= 0 ? entry_link((uint64_t)entry) : json_null());
    refusal_show(shown, reason);
    return shown;
}

err certificate_named(struct request *rq, struct db *db, struct certificate_row *out)
{
    struct scope *s = &rq->scope;
    const char *id = match_path(&rq->match, "certificate");
    err e = certificate_get(s, db, id, out);

    if (e == ERR_OK && (out->index >= 0 || caller_oversees(rq->caller) || caller_owns(rq->caller, &out->certifier) ||
                        caller_owns(rq->caller, &out->poster)))
        return ERR_OK;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, ERR_NOT_FOUND, "there is no certificate %s", id);
}

err certificate_instant(struct request *rq, int64_t otherwise, int64_t *at)
{
    const char *when = match_query(&rq->match, "at");

    *at = otherwise;
    if (!when)
        return ERR_OK;
    if (!time_parse_lenient(when, at))
        return fail_at(&rq->scope, ERR_INVALID, "?at", "must be an instant of RFC 3339");
    if (*at > clock_wall_ms() + CLOCK_SKEW_MAX_MS)
        return fail_at(&rq->scope, ERR_INVALID, "?at", "must not be to come: what will stand then, nobody knows");
    return ERR_OK;
}

/* ---- list */

static err certificates_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct caller *c = rq->caller;
    struct certificate_filter f = { .dataset = match_query(&rq->match, "dataset"),
                                    .version = match_query_int(&rq->match, "version", 0), .all = caller_oversees(c),
                                    .party = c && c->verified ? c->party.id.text : NULL };
    int64_t limit = page_limit(rq), now = clock_wall_ms();
    struct certificate_row *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(certificate_instant(rq, INT64_MIN, &f.at));
    TRY(page_after(rq, &after));
    TRY(certificate_list(s, db, &f, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, certificate_show(&rows[i], f.at == INT64_MIN ? now : f.at));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_certificates(struct request *rq)
{
    return app_with_db(rq, certificates_read);
}

/* ---- one */

static err certificate_shown(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct certificate_row c;
    json_t *shown, *request;

    TRY(certificate_named(rq, db, &c));
    shown = certificate_show(&c, clock_wall_ms());
    request = c.withdrawal.p ? show_json(scope_strndup(s, (const char *)c.withdrawal.p, c.withdrawal.len))
                             : json_null();
    json_object_set_new(shown, "certificate", show_json(scope_strndup(s, (const char *)c.bytes.p, c.bytes.len)));
    json_object_set_new(shown, "withdrawal", request);
    reply_covered(rq, shown);
    return ERR_OK;
}

err show_certificate(struct request *rq)
{
    return covered_read(rq, certificate_shown);
}

/* ---- in the catalog */

/* What somebody choosing needs to see. */
static json_t *certificate_short(const struct certificate_row *c)
{
    return json_pack("{s:s,s:s,s:I,s:s,s:o,s:o,s:o,s:s}", "id", c->id.text, "certifier", c->certifier_handle,
                     "version", (json_int_t)c->version.number, "scheme", c->scheme, "criteria",
                     show_words(c->criteria), "valid_from", show_time(c->valid_from), "valid_until",
                     show_time(c->valid_until), "state", certificate_state(c, clock_wall_ms()));
}

err certificates_add(struct scope *s, struct db *db, json_t *datasets)
{
    size_t n = json_array_size(datasets), n_rows = 0, i;
    const char **ids = NEWS(s, const char *, n + 1);
    struct certificate_row *rows;
    json_t *one;

    json_array_foreach(datasets, i, one) {
        ids[i] = json_string_value(json_object_get(one, "id"));
        json_object_set_new(one, "certificates", json_array());
    }
    if (n > 0)
        TRY(certificate_of_datasets(s, db, ids, n, clock_wall_ms(), &rows, &n_rows));
    for (size_t k = 0; k < n_rows; k++)
        json_array_foreach(datasets, i, one)
            if (strcmp(ids[i], rows[k].version.dataset_id.text) == 0)
                json_array_append_new(json_object_get(one, "certificates"), certificate_short(&rows[k]));
    return ERR_OK;
}

err certificates_of_version(struct scope *s, struct db *db, const char *dataset, int64_t version, json_t **out)
{
    struct certificate_filter f = { .dataset = dataset, .version = version, .at = INT64_MIN };
    struct certificate_row *rows;
    size_t n;

    TRY(certificate_list(s, db, &f, "", SHOWN_MAX, &rows, &n));
    *out = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(*out, certificate_short(&rows[i]));
    return ERR_OK;
}
