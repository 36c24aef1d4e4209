/* SPDX-License-Identifier: Apache-2.0 */
#include "api/certifier.h"

#include <string.h>

#include "api/auth.h"
#include "api/covered.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "schema/json/shape.h"
#include "schema/store/certificate.h"
#include "schema/store/job.h"
#include "schema/store/party.h"

struct trust { const char *party, *public_key; bool trusted; };
static const struct json_member trust_members[] = {
    JSON_MEMBER(trust, party, JSON_TEXT, REQUIRED),
    JSON_MEMBER(trust, public_key, JSON_TEXT, OPTIONAL),
    JSON_MEMBER(trust, trusted, JSON_BOOL, REQUIRED),
};

static json_t *certifier_show(const struct trusted_certifier *c)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:o}", "id", c->id.text, "handle", c->handle, "public_key", c->public_key,
                     "trusted_at", show_time(c->at), "entry", entry_link((uint64_t)c->index));
}

/* The certifier that is meant, as it may be trusted, or trusted no more. */
static err certifier_check(struct scope *s, struct db *db, const struct trust *w, struct party *out)
{
    struct trusted_certifier now;
    err e = party_by_handle(s, db, w->party, out);

    if (e == ERR_NOT_FOUND || (e == ERR_OK && !words_have(out->roles, "certifier"))) {
        scope_forgive(s);
        return fail_at(s, ERR_INVALID, "/party", "there is no party '%s' of the role certifier", w->party);
    }
    TRY(e);
    e = certifier_get(s, db, NULL, out->id.text, &now);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (!w->trusted) {
        bool before = false;
        if (e != ERR_OK)
            TRY(certifier_distrusted(s, db, out->id.text, &before));
        return before ? fail(s, ERR_STALE, "%s is not trusted any more already", w->party) : ERR_OK;
    }
    if (strcmp(out->state, "closed") == 0)
        return fail_at(s, ERR_STALE, "/party", "%s is closed", w->party);
    if (!w->public_key)
        return fail_at(s, ERR_INVALID, "/public_key", "say which key is trusted: the one that %s told you", w->party);
    if (!out->public_key || strcmp(out->public_key, w->public_key) != 0)
        return fail_at(s, ERR_CONFLICT, "/public_key",
                       "%s has not registered this key: it must do so first, by POST /v1/me/public-keys", w->party);
    return e == ERR_OK ? fail(s, ERR_STALE, "%s is trusted with this key already", w->party) : ERR_OK;
}

static err trust_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct trust *w = state;
    struct party p;
    uint64_t index;
    json_t *shown;

    TRY(certifier_check(s, t->db, w, &p));
    {
        struct named_value values[] = {
            { "party", EV_TEXT(p.id.text) },
            { "public_key", EV_TEXT(w->public_key) },
        };
        TRY(append_entry(s, t, ENTRY_PARTY_KEY_CHANGED, values, w->trusted ? 2 : 1, &index));
    }
    TRY(certifier_trust(s, t->db, &p.id, w->trusted ? w->public_key : NULL, index, t->at_ms));
    if (!w->trusted)
        TRY(job_enqueue(s, t->db, JOB_REVERIFY_CERTIFICATES, "trust", "{}", INT64_MIN, NULL));
    shown = json_pack("{s:s,s:s,s:o,s:o}", "id", p.id.text, "handle", p.handle, "public_key",
                      w->trusted ? json_string(w->public_key) : json_null(), "trusted_at",
                      w->trusted ? show_time(t->at_ms) : json_null());
    return ledgered_answer(s, t, 201, index, shown, NULL);
}

err trust_certifier(struct request *rq)
{
    struct trust *w = NEW(&rq->scope, struct trust);

    TRY(json_shape(&rq->scope, rq->body, "", trust_members, ARRAY_LEN(trust_members), w));
    return ledgered_then(rq, trust_decide, w, job_notify);
}

static err certifiers_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq);
    struct trusted_certifier *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(certifier_list(s, db, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, certifier_show(&rows[i]));
    reply_covered_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_certifiers(struct request *rq)
{
    return app_with_db(rq, certifiers_read);
}
