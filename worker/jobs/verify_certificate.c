/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_certificate: an ethical-sourcing certificate is read again, bytes, signature and validity; under the ledger's
 * lock its key is one that the operator trusts and the root is its version's. One that was posted is issued then, or
 * rejected with the code of docs/credentials.md.
 *
 * reverify_certificates: those that were issued are read again on schedule. What no longer verifies is marked and not
 * shown as valid; what its certifier signed whom the operator trusts no more is revoked in the operator's name.
 */
#include <string.h>

#include "ledger/cert/sourcing.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/certificate.h"
#include "schema/store/job.h"
#include "worker/jobs/work.h"

#define DECIDE_MS 15000

struct check {
    struct work *w;
    struct certificate_row row;
    struct sourcing said;
    enum refusal why;                 /* found under the lock */
};

/* Whether it holds by itself and is about the version of its row. */
static err judge(struct scope *s, struct check *c, enum refusal *why)
{
    const struct certified_version *v = &c->row.version;
    struct hash digest = sha256_of(c->row.bytes.p, c->row.bytes.len);
    json_t *document = NULL;
    err e = document_read(s, (const char *)c->row.bytes.p, c->row.bytes.len, &document, why);

    if (e == ERR_OK)
        e = sourcing_read(s, document, &c->said, why);
    json_decref(document);
    if (e == ERR_INVALID || e == ERR_MALFORMED) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    *why = !hash_equal(&digest, &c->row.document) || !hash_equal(&c->said.c.document, &c->row.document) ||
           strcmp(c->said.c.issuer, c->row.public_key) != 0 ? REFUSAL_SIGNATURE_INVALID
         : strcmp(c->said.version_id, v->id.text) != 0 || strcmp(c->said.dataset, v->dataset) != 0 ||
           c->said.version != (uint64_t)v->number || c->said.item_count != (uint64_t)v->item_count ||
           !hash_equal(&c->said.version_root, &v->root) ? REFUSAL_VERSION_OTHER
         : REFUSAL_NONE;
    return ERR_OK;
}

static err decide(struct scope *s, struct check *c, err (*under_lock)(struct scope *, struct append_txn *, void *))
{
    err e = work_append(s, c->w, DECIDE_MS, under_lock, c);

    if (e != ERR_FORBIDDEN && e != ERR_STALE)
        return e;
    scope_forgive(s);                 /* stale: an attempt before this one was through */
    return ERR_OK;
}

/* ---- issuing */

static err issue_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct check *c = arg;
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    struct trusted_certifier certifier;
    uint64_t index;
    struct named_value values[] = {
        { "certificate", EV_TEXT(c->row.id.text) },
        { "certifier", EV_TEXT(c->row.certifier.text) },
        { "document", EV_HASH(&c->row.document) },
        { "from", EV_TEXT(from) },
        { "until", EV_TEXT(until) },
        { "version", EV_TEXT(c->row.version.id.text) },
    };
    err e = certifier_get(s, t->db, c->row.public_key, c->row.certifier.text, &certifier);

    c->why = e == ERR_NOT_FOUND ? REFUSAL_ISSUER_UNTRUSTED
           : t->at_ms >= c->row.valid_until ? REFUSAL_EXPIRED : REFUSAL_NONE;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (c->why != REFUSAL_NONE)
        return fail(s, ERR_FORBIDDEN, "%s", refusal_sentence(c->why));
    time_format(c->row.valid_from, from);
    time_format(c->row.valid_until, until);
    TRY(append_entry(s, t, ENTRY_CERTIFICATE_ISSUED, values, ARRAY_LEN(values), &index));
    return certificate_issue(s, t->db, c->row.no, index, t->at_ms);
}

static err reject(struct scope *s, struct check *c, enum refusal why)
{
    err e = certificate_reject(s, c->w->db, c->row.no, refusal_code(why));

    if (e != ERR_STALE)
        return e;
    scope_forgive(s);                 /* decided by an attempt before this one */
    return ERR_OK;
}

static err issue(struct scope *s, struct check *c)
{
    enum refusal why = REFUSAL_NONE;

    TRY(judge(s, c, &why));
    if (why == REFUSAL_NONE) {
        TRY(decide(s, c, issue_decide));
        why = c->why;
    }
    return why == REFUSAL_NONE ? ERR_OK : reject(s, c, why);
}

/* ---- again */

/* Trust may have come back since: then nothing is revoked. */
static err revoke_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct check *c = arg;
    struct certificate_row row;
    bool distrusted;
    uint64_t index;
    struct named_value values[] = {
        { "certificate", EV_TEXT(c->row.id.text) },
        { "reason", EV_TEXT("operator") },
    };

    TRY(certifier_distrusted(s, t->db, c->row.certifier.text, &distrusted));
    TRY(certificate_get(s, t->db, c->row.id.text, &row));
    if (!distrusted || strcmp(row.state, "issued") != 0)
        return fail(s, ERR_STALE, "nothing is to be revoked any more");
    TRY(append_entry(s, t, ENTRY_CERTIFICATE_REVOKED, values, ARRAY_LEN(values), &index));
    TRY(job_enqueue(s, t->db, JOB_STATUS_LISTS, "withdrawal", "{}", INT64_MIN, NULL));
    return certificate_revoke(s, t->db, row.no, index, t->at_ms, (struct bytes){ 0 });
}

static err again(struct scope *s, struct check *c)
{
    enum refusal why = REFUSAL_NONE;
    bool distrusted;

    TRY(certifier_distrusted(s, c->w->db, c->row.certifier.text, &distrusted));
    if (distrusted)
        return decide(s, c, revoke_decide);
    TRY(judge(s, c, &why));
    if (why != REFUSAL_NONE)
        log_line(LOG_ERROR, "certificate %s does not verify any more: %s", c->row.id.text, refusal_code(why));
    return certificate_verified(s, c->w->db, c->row.no, why == REFUSAL_NONE ? NULL : refusal_code(why));
}

static err verify(struct scope *s, struct work *w, const char *id)
{
    struct check *c = NEW(s, struct check);

    c->w = w;
    TRY(certificate_get(s, w->db, id, &c->row));
    if (strcmp(c->row.state, "received") == 0)
        return issue(s, c);
    return strcmp(c->row.state, "issued") == 0 ? again(s, c) : ERR_OK;
}

err verify_certificate_run(struct scope *s, struct work *w)
{
    const char *id;

    TRY(work_named(s, w, "certificate", &id));
    return verify(s, w, id);
}

/* What one run leaves, the next one finds. */
err reverify_certificates_run(struct scope *s, struct work *w)
{
    int64_t every = w->settings->reverify_ms < CERTIFICATE_REVERIFY_MS ? w->settings->reverify_ms
                                                                       : CERTIFICATE_REVERIFY_MS;
    struct certificate_due *due;
    size_t n;

    TRY(certificate_due(s, w->db, clock_wall_ms() - every, CERTIFICATES_A_RUN, &due, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(work_left(s, w));
        TRY(verify(s, w, due[i].id.text));
    }
    return ERR_OK;
}
