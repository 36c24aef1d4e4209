/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Posting an ethical-sourcing certificate. What one request can see is refused at once: form, signature, issuer,
 * subject, validity, place in the status list. A worker verifies it anew and issues it under the ledger's lock.
 */
#include <string.h>

#include "api/auth.h"
#include "api/certificate.h"
#include "api/covered.h"
#include "api/refused.h"
#include "api/signed.h"
#include "ledger/cert/sourcing.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"
#include "schema/store/certificate.h"
#include "schema/store/consent.h"
#include "schema/store/job.h"

struct posting {
    struct sourcing said;
    struct certificate_row row;
};

static err issuer_check(struct scope *s, struct db *db, struct posting *p)
{
    struct trusted_certifier c;
    err e = certifier_get(s, db, p->said.c.issuer, NULL, &c);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return refuse(s, REFUSAL_ISSUER_UNTRUSTED, "/certificate/issuer",
                      "GET /v1/certifiers has the register: the certifier registers its key, then the operator trusts "
                      "it by POST /v1/certifiers");
    }
    TRY(e);
    p->row.certifier = c.id;
    return ERR_OK;
}

/* Words and figures, all of them: a certificate of another root is one of another thing. */
static err version_check(struct scope *s, struct db *db, struct posting *p)
{
    struct certified_version *v = &p->row.version;
    err e = certificate_version(s, db, p->said.version_id, v);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (e == ERR_NOT_FOUND || strcmp(v->dataset, p->said.dataset) != 0 || (uint64_t)v->number != p->said.version ||
        !hash_equal(&v->root, &p->said.version_root) || (uint64_t)v->item_count != p->said.item_count)
        return refuse(s, REFUSAL_VERSION_OTHER, "/certificate/credentialSubject",
                      "compare with GET /v1/datasets/{owner}/{name}/versions/{version}");
    return ERR_OK;
}

static err poster_check(struct request *rq, struct posting *p)
{
    const struct caller *c = auth_caller(rq);

    p->row.poster = c->party.id;
    if (caller_owns(c, &p->row.certifier) || caller_owns(c, &p->row.version.publisher))
        return ERR_OK;
    return fail(&rq->scope, ERR_FORBIDDEN, "a certificate is posted by its certifier or by the version's publisher");
}

static err status_check(struct scope *s, struct db *db, struct posting *p)
{
    const struct credential *c = &p->said.c;
    struct status_list_row *lists;
    size_t n;

    if (c->n_status != 1 || c->status[0].purpose != STATUS_REVOCATION)
        return refuse(s, REFUSAL_STATUS_UNKNOWN, "/certificate/credentialStatus",
                      "it must name one place of the certificates' revocation list of GET /v1/status-lists");
    TRY(status_lists(s, db, &lists, &n));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(lists[i].url, c->status[0].list) != 0)
            continue;
        if (strcmp(lists[i].kind, "certificate") != 0 || c->status[0].index >= (uint64_t)lists[i].places)
            return refuse(s, REFUSAL_STATUS_UNKNOWN, "/certificate/credentialStatus",
                          "this is another list, or the place is beyond its end");
        p->row.pair = lists[i].pair;
        p->row.place = (int64_t)c->status[0].index;
        return ERR_OK;
    }
    return refuse(s, REFUSAL_STATUS_FOREIGN, "/certificate/credentialStatus",
                  "take a place of the certificates' revocation list of GET /v1/status-lists");
}

static err reply_certificate(struct request *rq, struct db *db, int status, const char *id)
{
    struct certificate_row row;

    TRY(certificate_get(&rq->scope, db, id, &row));
    reply_header(rq, "Location", scope_printf(&rq->scope, "/v1/certificates/%s", id));
    reply_json(rq, status, as_covered(rq, certificate_show(&row, clock_wall_ms())));       /* it may be issued by now */
    return ERR_OK;
}

static err row_add(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct posting *p = rq->work;
    const struct sourcing *w = &p->said;
    const char *met[CRITERIA], *args;
    size_t n = 0;

    for (size_t i = 0; i < CRITERIA; i++)
        if (w->criteria >> i & 1)
            met[n++] = criterion_codes.code[i];
    p->row.id = id_new("crt", clock_wall_ms());
    p->row.public_key = w->c.issuer;
    p->row.credential = w->c.id;
    p->row.document = w->c.document;
    p->row.scheme = w->scheme;
    p->row.valid_from = w->c.valid_from;
    p->row.valid_until = w->c.valid_until;
    TRY(db_begin(s, db));
    TRY(certificate_add(s, db, &p->row, met, n));
    args = scope_printf(s, "{\"certificate\":\"%s\"}", p->row.id.text);
    TRY(job_enqueue(s, db, JOB_VERIFY_CERTIFICATE, p->row.id.text, args, INT64_MIN, NULL));
    TRY(db_commit(s, db));
    TRY(job_notify(s, db));
    return reply_certificate(rq, db, 201, p->row.id.text);
}

/* The same again: the answer was lost, perhaps. ERR_NOT_FOUND: it is a new one. */
static err answer_again(struct request *rq, struct db *db)
{
    const struct posting *p = rq->work;
    struct certificate_row before;

    TRY(certificate_by_document(&rq->scope, db, &p->said.c.document, &before));
    return reply_certificate(rq, db, 200, before.id.text);
}

static err certificate_store(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct posting *p = rq->work;
    err e;

    TRY(issuer_check(s, db, p));
    TRY(version_check(s, db, p));
    TRY(poster_check(rq, p));
    e = answer_again(rq, db);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (p->said.c.valid_until <= clock_wall_ms())
        return refuse(s, REFUSAL_EXPIRED, "/certificate/validUntil", NULL);
    if (p->said.c.signed_at > clock_wall_ms() + CLOCK_SKEW_MAX_MS)
        return refuse(s, REFUSAL_NOT_YET_VALID, "/certificate/proof/created", NULL);
    TRY(status_check(s, db, p));
    return signed_add_once(rq, db, row_add, answer_again);
}

err post_certificate(struct request *rq)
{
    struct scope *s = &rq->scope;
    struct posting *p = NEW(s, struct posting);
    const json_t *document = json_object_get(rq->body, "certificate");
    enum refusal why = REFUSAL_NONE;
    err e = sourcing_read(s, document, &p->said, &why);

    TRY(refused(s, e, why, "/certificate"));
    TRY(canon(s, document, &p->row.bytes));
    if (p->row.bytes.len > CERTIFICATE_BYTES_MAX)
        return fail(s, ERR_TOO_LARGE, "a certificate has at most %d bytes", CERTIFICATE_BYTES_MAX);
    rq->work = p;
    return app_with_db(rq, certificate_store);
}
