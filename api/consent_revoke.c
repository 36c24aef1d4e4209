/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Withdrawing a consent by one signed request. The items that rest on it are named before the ledger's lock, seen by
 * nobody; under it one row makes them count, with the entry. From that entry on no access is granted to them.
 */
#include <string.h>

#include "api/auth.h"
#include "api/consent.h"
#include "api/ledgered.h"
#include "api/refused.h"
#include "ledger/cert/withdrawal.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"
#include "schema/store/consent.h"
#include "schema/store/job.h"
#include "schema/store/party.h"
#include "schema/store/version.h"

struct revoking {
    struct id consent;
    int64_t no;
    uint64_t size;                    /* of the log, before the items were named */
    struct withdrawal request;
    struct bytes bytes;
};

static err revoke_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct revoking *w = state;
    struct consent_row row;
    uint64_t index;
    struct named_value values[] = {
        { "consent", EV_TEXT(w->consent.text) },
        { "document", EV_HASH(&w->request.c.document) },
        { "reason", EV_TEXT("creator") },
    };

    TRY(consent_get(s, t->db, w->consent.text, &row));
    if (strcmp(row.state, "granted") != 0 && strcmp(row.state, "suspended") != 0)
        return fail(s, ERR_STALE, "the consent is %s: there is nothing to withdraw", row.state);
    TRY(consent_block_since(s, t->db, w->no, w->size));
    TRY(append_entry(s, t, ENTRY_CONSENT_REVOKED, values, ARRAY_LEN(values), &index));
    TRY(consent_revoke(s, t->db, w->no, index, t->at_ms, w->bytes));
    TRY(job_enqueue(s, t->db, JOB_STATUS_LISTS, "withdrawal", "{}", INT64_MIN, NULL));
    TRY(consent_get(s, t->db, w->consent.text, &row));
    return ledgered_answer(s, t, 200, index, consent_show(&row), NULL);
}

/* By the key that signed the consent, or by the one that is its creator's now: keys get lost. */
static err request_check(struct request *rq, struct db *db, const struct consent_row *row, const struct withdrawal *w)
{
    struct scope *s = &rq->scope;
    enum refusal why = REFUSAL_NONE;
    struct consent consent;
    struct party creator;
    json_t *document;
    err e;

    TRY(document_read(s, (const char *)row->bytes.p, row->bytes.len, &document, &why));
    e = consent_read(s, document, &consent, &why);
    json_decref(document);
    if (e != ERR_OK)
        return fail(s, ERR_CORRUPT, "a stored consent cannot be read");
    why = withdrawal_fits(w, &consent);
    if (why == REFUSAL_WITHDRAWAL_STRANGER) {
        TRY(party_get(s, db, row->creator.text, &creator));
        if (creator.public_key && strcmp(creator.public_key, w->c.issuer) == 0)
            why = REFUSAL_NONE;
    }
    if (why != REFUSAL_NONE)
        return refuse(s, why, why == REFUSAL_WITHDRAWAL_OTHER ? "/request/credentialSubject" : "/request/issuer", NULL);
    if (w->action != WITHDRAWAL_REVOKE)
        return fail_at(s, ERR_INVALID, "/request/credentialSubject/action", "a request to revoke is expected here");
    if (w->c.signed_at > clock_wall_ms() + CLOCK_SKEW_MAX_MS)
        return refuse(s, REFUSAL_NOT_YET_VALID, "/request/proof/created", NULL);
    return ERR_OK;
}

/* In a transaction of its own, which may take long for what covers millions. */
static err items_name(struct request *rq, struct db *db, struct revoking *w)
{
    struct scope *s = &rq->scope;

    app_more_time(rq, COVERAGE_MS);
    TRY(db_begin(s, db));
    TRY(version_unhurried(s, db));
    TRY(consent_block(s, db, w->no, &w->size));
    TRY(db_commit(s, db));
    app_more_time(rq, HTTP_REQUEST_MS);
    return ERR_OK;
}

static err revoke_prepare(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct revoking *w = rq->work;
    const json_t *request = json_object_get(rq->body, "request");
    enum refusal why = REFUSAL_NONE;
    struct consent_row row;
    err e;

    TRY(consent_named(rq, db, &row));
    if (!caller_owns(auth_caller(rq), &row.creator))
        return fail(s, ERR_FORBIDDEN, "only its creator withdraws a consent");
    e = withdrawal_read(s, request, &w->request, &why);
    TRY(refused(s, e, why, "/request"));
    TRY(request_check(rq, db, &row, &w->request));
    TRY(canon(s, request, &w->bytes));
    w->consent = row.id;
    w->no = row.no;
    return row.index >= 0 && strcmp(row.state, "revoked") != 0 ? items_name(rq, db, w) : ERR_OK;
}

err revoke_consent(struct request *rq)
{
    struct revoking *w = NEW(&rq->scope, struct revoking);

    rq->work = w;
    TRY(app_with_db(rq, revoke_prepare));
    return ledgered_then(rq, revoke_decide, w, job_notify);
}
