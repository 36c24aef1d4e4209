/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revoking an ethical-sourcing certificate by its certifier's signed request. From its entry on it stands no more.
 */
#include <string.h>

#include "api/auth.h"
#include "api/certificate.h"
#include "api/ledgered.h"
#include "api/refused.h"
#include "api/signed.h"
#include "ledger/cert/withdrawal.h"
#include "schema/json/canon.h"
#include "schema/store/certificate.h"
#include "schema/store/job.h"

struct revoking {
    struct id certificate;
    struct withdrawal request;
    struct bytes bytes;
};

static err revoke_decide(struct scope *s, struct append_txn *t, void *state)
{
    const struct revoking *w = state;
    struct certificate_row row;
    uint64_t index;
    struct named_value values[] = {
        { "certificate", EV_TEXT(w->certificate.text) },
        { "reason", EV_TEXT("certifier") },
    };

    TRY(certificate_get(s, t->db, w->certificate.text, &row));
    if (strcmp(row.state, "issued") != 0)
        return fail(s, ERR_STALE, "the certificate is %s: there is nothing to revoke", row.state);
    TRY(append_entry(s, t, ENTRY_CERTIFICATE_REVOKED, values, ARRAY_LEN(values), &index));
    TRY(certificate_revoke(s, t->db, row.no, index, t->at_ms, w->bytes));
    TRY(job_enqueue(s, t->db, JOB_STATUS_LISTS, "withdrawal", "{}", INT64_MIN, NULL));
    TRY(certificate_get(s, t->db, w->certificate.text, &row));
    return ledgered_answer(s, t, 200, index, certificate_show(&row, t->at_ms), NULL);
}

static err request_check(struct scope *s, struct db *db, const struct certificate_row *row, const struct withdrawal *w)
{
    enum refusal why = REFUSAL_NONE;
    struct sourcing said;
    json_t *document;
    err e;

    TRY(document_read(s, (const char *)row->bytes.p, row->bytes.len, &document, &why));
    e = sourcing_read(s, document, &said, &why);
    json_decref(document);
    if (e != ERR_OK)
        return fail(s, ERR_CORRUPT, "a stored certificate cannot be read");
    return signed_withdrawal_check(s, db, w, sourcing_withdrawal_fits(w, &said), &row->certifier);
}

static err revoke_prepare(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct revoking *w = rq->work;
    const json_t *request = json_object_get(rq->body, "request");
    enum refusal why = REFUSAL_NONE;
    struct certificate_row row;
    err e;

    TRY(certificate_named(rq, db, &row));
    if (!caller_owns(auth_caller(rq), &row.certifier))
        return fail(s, ERR_FORBIDDEN, "only its certifier revokes a certificate");
    e = sourcing_withdrawal_read(s, request, &w->request, &why);
    TRY(refused(s, e, why, "/request"));
    TRY(request_check(s, db, &row, &w->request));
    w->certificate = row.id;
    return canon(s, request, &w->bytes);
}

err revoke_certificate(struct request *rq)
{
    struct revoking *w = NEW(&rq->scope, struct revoking);

    rq->work = w;
    TRY(app_with_db(rq, revoke_prepare));
    return ledgered_then(rq, revoke_decide, w, job_notify);
}
