/* SPDX-License-Identifier: Apache-2.0 */
#include "api/public_key.h"

#include <string.h>

#include "api/auth.h"
#include "api/ledgered.h"
#include "api/refused.h"
#include "api/show.h"
#include "ledger/cert/possession.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"
#include "schema/store/certificate.h"
#include "schema/store/consent.h"

/* A certifier's key becomes public when the operator trusts it (api/certifier.h). */
struct new_public_key { struct possession said; struct bytes statement; struct id party; bool operator; };

static err is_trusted(struct scope *s, struct db *db, const char *did, const struct id *party, bool *yes)
{
    struct trusted_certifier c;
    err e = certifier_get(s, db, did, party->text, &c);

    *yes = e == ERR_OK;
    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static err key_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct new_public_key *w = state;
    const char *did = w->said.c.issuer;
    struct party_key held, k = { .public_key = did, .party = w->party, .statement = w->statement, .at = t->at_ms };
    struct named_value values[] = { { "party", EV_TEXT(w->party.text) }, { "person_key", EV_TEXT(did) } };
    uint64_t index;
    bool trusted;
    err e = party_key_get(s, t->db, did, &held);

    if (e == ERR_OK && strcmp(held.party.text, w->party.text) != 0)
        return fail_at(s, ERR_CONFLICT, "/statement/issuer", "this key is another party's");
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    TRY(is_trusted(s, t->db, did, &w->party, &trusted));
    if (w->operator || trusted)
        values[1].name = "public_key";
    TRY(append_entry(s, t, ENTRY_PARTY_KEY_CHANGED, values, ARRAY_LEN(values), &index));
    k.index = (int64_t)index;
    TRY(party_key_set(s, t->db, &k));
    return ledgered_answer(s, t, 201, index,
                           json_pack("{s:s,s:s,s:o}", "party", w->party.text, "public_key", did, "registered_at",
                                     show_time(t->at_ms)), NULL);
}

/* Whether it is about the caller, here and now. */
static err statement_check(struct request *rq, const struct possession *p)
{
    const struct app *app = rq->app;
    struct scope *s = &rq->scope;
    int64_t now = clock_wall_ms();

    if (strcmp(p->party, auth_caller(rq)->party.id.text) != 0)
        return fail_at(s, ERR_INVALID, "/statement/credentialSubject/id", "the statement is another party's");
    if (strcmp(p->log, app->origin) != 0)
        return fail_at(s, ERR_INVALID, "/statement/credentialSubject/log", "the statement is made for another log");
    if (p->c.signed_at > now + CLOCK_SKEW_MAX_MS)
        return refuse(s, REFUSAL_NOT_YET_VALID, "/statement/proof/created", NULL);
    if (p->c.signed_at < now - KEY_STATEMENT_MS)
        return refuse(s, REFUSAL_EXPIRED, "/statement/proof/created", "sign a new statement");
    return ERR_OK;
}

err register_public_key(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct new_public_key *w = NEW(s, struct new_public_key);
    const json_t *statement = json_object_get(rq->body, "statement");
    const struct caller *c = auth_caller(rq);
    enum refusal why = REFUSAL_NONE;
    err e;

    e = possession_read(s, statement, &w->said, &why);
    TRY(refused(s, e, why, "/statement"));
    TRY(statement_check(rq, &w->said));
    TRY(canon(s, statement, &w->statement));
    w->party = c->party.id;
    w->operator = caller_is(c, "operator");
    return ledgered(rq, key_decide, w);
}
