/* SPDX-License-Identifier: Apache-2.0 */
#include "api/grant.h"

#include "api/auth.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "schema/base/clock.h"
#include "schema/json/shape.h"
#include "schema/store/grant.h"
#include "schema/store/party.h"

struct wish { const char *party; int64_t until; const struct caller *caller; };
static const struct json_member wish_members[] = {
    JSON_MEMBER(wish, party, JSON_TEXT, REQUIRED),
    JSON_MEMBER(wish, until, JSON_INSTANT, OPTIONAL),
};

json_t *grant_json(const struct auditor_grant *g)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "id", g->id.text, "party", g->handle, "granted_by",
                     g->granted_by.text, "granted_at", show_time(g->granted_at), "until",
                     show_time(g->until == INT64_MAX ? INT64_MIN : g->until), "revoked_at", show_time(g->revoked_at));
}

static err grant_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct wish *w = arg;
    struct auditor_grant g = { .id = id_new("grt", t->at_ms), .granted_by = w->caller->party.id, .until = w->until };
    struct party p;
    err e = party_by_handle(s, t->db, w->party, &p);

    if (e == ERR_NOT_FOUND || (e == ERR_OK && !words_have(p.roles, "auditor"))) {
        scope_forgive(s);
        return fail_at(s, ERR_INVALID, "/party", "there is no party '%s' of the role auditor", w->party);
    }
    TRY(e);
    if (w->until <= t->at_ms)
        return fail_at(s, ERR_INVALID, "/until", "this is in the past");
    g.party = p.id;
    TRY(grant_add(s, t->db, &g));
    TRY(grant_get(s, t->db, g.id.text, &g));
    return ledgered_plain(s, t, 201, grant_json(&g));
}

err create_grant(struct request *rq)
{
    struct wish *w = NEW(&rq->scope, struct wish);

    w->until = INT64_MAX;
    TRY(json_shape(&rq->scope, rq->body, "", wish_members, ARRAY_LEN(wish_members), w));
    w->caller = auth_caller(rq);
    return ledgered(rq, grant_decide, w);
}

/* All of them for the operator; an auditor is told its own. */
static err grants_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    const struct caller *c = auth_caller(rq);
    int64_t limit = page_limit(rq);
    struct auditor_grant *rows;
    const char *after;
    json_t *data;
    size_t n;

    TRY(page_after(rq, &after));
    TRY(grant_list(s, db, caller_is(c, "operator") ? NULL : c->party.id.text, after, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, grant_json(&rows[i]));
    reply_page(rq, data, n > (size_t)limit ? rows[limit - 1].id.text : NULL);
    return ERR_OK;
}

err list_grants(struct request *rq)
{
    return app_with_db(rq, grants_read);
}

static err grant_take_back(struct request *rq, struct db *db)
{
    TRY(grant_revoke(&rq->scope, db, match_path(&rq->match, "grant"), auth_caller(rq)->party.id.text));
    reply_empty(rq, 204);
    return ERR_OK;
}

err revoke_grant(struct request *rq)
{
    return app_with_db(rq, grant_take_back);
}
