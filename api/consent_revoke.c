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
#include "api/signed.h"
#include "ledger/cert/withdrawal.h"
#include "schema/json/canon.h"
#include "schema/store/consent.h"
#include "schema/store/job.h"
#include "schema/store/version.h"

struct revoking {
    struct id consent;
    int64_t no;
    bool named;                       /* the items that rest on it */
    uint64_t size;                    /* of the log, before they were */
    struct withdrawal request;
    struct bytes bytes;
};

/*
 * What was published since the items were named, if it is little: else the lock would be held for as long as a large
 * version takes. Whoever asks again has it named beforehand.
 */
static err rest_name(struct scope *s, struct append_txn *t, const struct revoking *w)
{
    int64_t items;

    TRY(consent_newer_items(s, t->db, w->size, &items));
    if (items > WITHDRAWAL_ITEMS_MAX)
        return fail(s, ERR_BUSY, "%lld items were published meanwhile: send it again", (long long)items);
    return items > 0 ? consent_block_since(s, t->db, w->no, w->size) : ERR_OK;
}

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
        return fail(s, ERR_STALE, "the consent is %s: there is nothing to withdraw%s", row.state,
                    strcmp(row.state, "received") == 0 ? " until it is granted" : "");
    if (!w->named)
        return fail(s, ERR_STALE, "the consent was granted meanwhile: send it again");
    TRY(rest_name(s, t, w));
    TRY(append_entry(s, t, ENTRY_CONSENT_REVOKED, values, ARRAY_LEN(values), &index));
    TRY(consent_revoke(s, t->db, w->no, index, t->at_ms, w->bytes));
    TRY(job_enqueue(s, t->db, JOB_STATUS_LISTS, "withdrawal", "{}", INT64_MIN, NULL));
    TRY(consent_get(s, t->db, w->consent.text, &row));
    return ledgered_answer(s, t, 200, index, consent_show(&row), NULL);
}

static err request_check(struct scope *s, struct db *db, const struct consent_row *row, const struct withdrawal *w)
{
    enum refusal why = REFUSAL_NONE;
    struct consent consent;
    json_t *document;
    err e;

    TRY(document_read(s, (const char *)row->bytes.p, row->bytes.len, &document, &why));
    e = consent_read(s, document, &consent, &why);
    json_decref(document);
    if (e != ERR_OK)
        return fail(s, ERR_CORRUPT, "a stored consent cannot be read");
    TRY(signed_withdrawal_check(s, db, w, withdrawal_fits(w, &consent), &row->creator));
    if (w->action != WITHDRAWAL_REVOKE)
        return fail_at(s, ERR_INVALID, "/request/credentialSubject/action", "a request to revoke is expected here");
    return ERR_OK;
}

/* In transactions of their own, of which the first may take long, and others as long as what is published meanwhile. */
static err items_name(struct scope *s, struct db *db, struct revoking *w)
{
    int64_t newer = 0;

    for (w->named = false; !w->named || newer > WITHDRAWAL_ITEMS_MAX; w->named = true) {
        uint64_t before = w->size;

        TRY(db_begin(s, db));
        TRY(version_unhurried(s, db));
        if (w->named) {
            TRY(consent_log_size(s, db, &w->size));
            TRY(consent_block_since(s, db, w->no, before));
        } else {
            TRY(consent_block(s, db, w->no, &w->size));
        }
        TRY(db_commit(s, db));
        TRY(consent_newer_items(s, db, w->size, &newer));
    }
    return ERR_OK;
}

static err items_name_in_time(struct request *rq, struct db *db, struct revoking *w, int64_t covered)
{
    err e;

    if (covered <= COVERAGE_BRIEF)
        return items_name(&rq->scope, db, w);
    TRY(app_lengthy_begin(rq));
    e = items_name(&rq->scope, db, w);
    app_lengthy_end(rq);
    return e;
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
    TRY(request_check(s, db, &row, &w->request));
    TRY(canon(s, request, &w->bytes));
    w->consent = row.id;
    w->no = row.no;
    return row.index >= 0 && strcmp(row.state, "revoked") != 0 ? items_name_in_time(rq, db, w, row.item_count) : ERR_OK;
}

err revoke_consent(struct request *rq)
{
    struct revoking *w = NEW(&rq->scope, struct revoking);

    rq->work = w;
    TRY(app_with_db(rq, revoke_prepare));
    return ledgered_then(rq, revoke_decide, w, job_notify);
}
