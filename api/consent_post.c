/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Posting a consent. The body is spooled to a file without a name first, so that a slow creator holds neither a
 * connection to the database nor memory; then it is read, checked and copied in one transaction. A worker verifies it
 * afterwards, root and all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/consent.h"
#include "api/covered.h"
#include "api/refused.h"
#include "api/signed.h"
#include "ledger/cert/consent.h"
#include "ledger/cert/coverage.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"
#include "schema/store/consent.h"
#include "schema/store/job.h"
#include "schema/store/version.h"

#define LINE_HEAD "{\"sha256\":\""
#define LINE_TAIL "\"}"
#define LINE_LEN  (sizeof LINE_HEAD - 1 + 2 * HASH_SIZE + sizeof LINE_TAIL - 1)      /* a leaf (coverage.h) */

struct posting {
    FILE *spool;
    int64_t bytes;
    char *line;
    size_t line_cap;
    struct consent consent;
    struct consent_row row;
};

/* ---- lines */

/* The next line without its end; false at the end of the body. */
static bool line_next(struct posting *p, size_t *len)
{
    ssize_t n = getline(&p->line, &p->line_cap, p->spool);

    if (n < 0)
        return false;
    *len = (size_t)(n > 0 && p->line[n - 1] == '\n' ? n - 1 : n);
    return true;
}

static err coverage_lines(struct scope *s, struct db *db, struct posting *p)
{
    const char *coverage = refusal_code(REFUSAL_COVERAGE_INVALID);
    struct hash last = { { 0 } }, item;
    uint64_t n = 0;
    size_t len;

    for (; line_next(p, &len); n++, last = item) {
        if (!coverage_leaf_read(p->line, len, &item))
            return fail_for(s, ERR_INVALID, coverage, scope_printf(s, "/%llu", (unsigned long long)n + 2),
                            "line %llu is not " LINE_HEAD "<64 digits>" LINE_TAIL,
                            (unsigned long long)n + 2);
        if (n > 0 && memcmp(last.b, item.b, HASH_SIZE) >= 0)
            return fail_for(s, ERR_INVALID, coverage, scope_printf(s, "/%llu", (unsigned long long)n + 2),
                            "line %llu does not follow the hash before it: sort them, each once",
                            (unsigned long long)n + 2);
        if (n == COVERAGE_ITEMS_MAX)
            return fail(s, ERR_TOO_LARGE, "a consent covers at most %d items", COVERAGE_ITEMS_MAX);
        TRY(consent_items_row(s, db, p->row.no, &item));
    }
    if (ferror(p->spool))
        return fail(s, ERR_IO, "the spooled consent cannot be read");
    if (n == 0 && p->consent.coverage.single)
        return consent_items_row(s, db, p->row.no, &p->consent.coverage.item);
    if (n != p->consent.coverage.items)
        return refuse(s, REFUSAL_COVERAGE_INVALID, "/credentialSubject/coverage/item_count",
                      "the lines that follow are not as many: send each hash that it covers, once");
    return ERR_OK;
}

/* ---- the certificate */

/* Her own key, as it is registered; nobody else consents for her here. */
static err signer_check(struct request *rq, const struct consent *c)
{
    const struct caller *caller = auth_caller(rq);
    struct scope *s = &rq->scope;

    if (c->assurance != ASSURANCE_L3)
        return refuse(s, REFUSAL_ASSURANCE_TOO_LOW, "/credentialSubject/assurance_level", "L3 is taken here");
    if (!caller->party.public_key)
        return refuse(s, REFUSAL_SIGNER_OTHER, "/issuer", "you have no key here yet: POST /v1/me/public-keys first");
    if (strcmp(caller->party.public_key, c->c.issuer) != 0)
        return refuse(s, REFUSAL_SIGNER_OTHER, "/issuer", "it must be your own key, as you registered it");
    return ERR_OK;
}

/* One place in both lists of one pair of ours. */
static err status_check(struct scope *s, struct db *db, const struct consent *c, struct consent_row *row)
{
    struct status_list_row *lists;
    int64_t pair[STATUS_PURPOSES] = { 0 };
    size_t n;

    TRY(status_lists(s, db, &lists, &n));
    for (size_t i = 0; i < c->c.n_status; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(c->c.status[i].list, lists[k].url) == 0 && strcmp(lists[k].kind, "consent") == 0 &&
                strcmp(lists[k].purpose, status_purpose_codes.code[c->c.status[i].purpose]) == 0 &&
                c->c.status[i].index < (uint64_t)lists[k].places)
                pair[c->c.status[i].purpose] = lists[k].pair;
    if (c->c.n_status != STATUS_PURPOSES || !pair[0] || pair[0] != pair[1] ||
        c->c.status[0].index != c->c.status[1].index)
        return refuse(s, REFUSAL_STATUS_UNKNOWN, "/credentialStatus",
                      "it must name the same place of both lists of a pair of GET /v1/status-lists");
    row->pair = pair[0];
    row->place = (int64_t)c->c.status[0].index;
    return ERR_OK;
}

static void words_of(const struct code_list *list, uint32_t mask, const char **out, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (mask & 1u << i)
            out[(*n)++] = list->code[i];
}

static err grants_add(struct scope *s, struct db *db, const struct posting *p)
{
    struct consent_grant_rows g = { .n = 0 };
    size_t cap = 0;

    for (size_t i = 0; i < p->consent.n_grants; i++)
        cap += model_codes.n * p->consent.grant[i].n_territories;
    g.purpose = NEWS(s, const char *, cap);
    g.model = NEWS(s, const char *, cap);
    g.territory = NEWS(s, const char *, cap);
    for (size_t i = 0; i < p->consent.n_grants; i++) {
        const struct consent_grant *grant = &p->consent.grant[i];
        for (size_t m = 0; m < model_codes.n; m++)
            for (size_t t = 0; t < grant->n_territories && grant->models & 1u << m; t++, g.n++) {
                g.purpose[g.n] = purpose_codes.code[grant->purpose];
                g.model[g.n] = model_codes.code[m];
                g.territory[g.n] = grant->territories[t];
            }
    }
    return consent_add_grants(s, db, p->row.no, &g);
}

static err row_add(struct request *rq, struct db *db, struct posting *p)
{
    struct scope *s = &rq->scope;
    const struct consent *c = &p->consent;
    const char **purposes = NEWS(s, const char *, purpose_codes.n);
    const char **prohibitions = NEWS(s, const char *, prohibition_codes.n);
    size_t n_purposes, n_prohibitions;

    p->row.id = id_new("cns", clock_wall_ms());
    p->row.creator = auth_caller(rq)->party.id;
    p->row.public_key = c->c.issuer;
    p->row.credential = c->c.id;
    p->row.document = c->c.document;
    p->row.role = contributor_codes.code[c->role];
    p->row.assurance = assurance_codes.code[c->assurance];
    p->row.root = c->coverage.root;
    p->row.item_count = (int64_t)c->coverage.items;
    p->row.valid_from = c->c.valid_from;
    p->row.valid_until = c->c.valid_until;
    words_of(&purpose_codes, c->purposes, purposes, &n_purposes);
    words_of(&prohibition_codes, c->prohibitions, prohibitions, &n_prohibitions);
    TRY(consent_add(s, db, &p->row, purposes, n_purposes, prohibitions, n_prohibitions));
    return grants_add(s, db, p);
}

/* ---- the body */

static err certificate_read(struct request *rq, struct posting *p)
{
    struct scope *s = &rq->scope;
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL;
    size_t len = 0;
    err e;

    rewind(p->spool);
    if (!line_next(p, &len) || len > CERTIFICATE_BYTES_MAX)
        return fail(s, len ? ERR_TOO_LARGE : ERR_INVALID, "the first line is the certificate, of at most %d bytes",
                    CERTIFICATE_BYTES_MAX);
    e = document_read(s, p->line, len, &document, &why);
    if (e == ERR_OK) {
        e = consent_read(s, document, &p->consent, &why);
        if (e == ERR_OK)
            e = canon(s, document, &p->row.bytes);
        json_decref(document);
    }
    return refused(s, e, why, "");
}

static err reply_consent(struct request *rq, struct db *db, int status, const char *id)
{
    struct consent_row row;

    TRY(consent_get(&rq->scope, db, id, &row));
    reply_header(rq, "Location", scope_printf(&rq->scope, "/v1/consents/%s", id));
    reply_json(rq, status, as_covered(rq, consent_show(&row)));       /* of one posted before, it may be granted now */
    return ERR_OK;
}

static err copy(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct posting *p = rq->work;
    char *args;
    err e, ended;

    TRY(db_begin(s, db));
    TRY(version_unhurried(s, db));
    TRY(row_add(rq, db, p));
    TRY(consent_items_begin(s, db));
    e = coverage_lines(s, db, p);
    ended = db_copy_end(s, db, e == ERR_OK, NULL);
    TRY(e);
    TRY(ended);
    args = scope_printf(s, "{\"consent\":\"%s\"}", p->row.id.text);
    TRY(job_enqueue(s, db, JOB_VERIFY_CONSENT, p->row.id.text, args, INT64_MIN, NULL));
    TRY(db_commit(s, db));
    TRY(job_notify(s, db));
    return reply_consent(rq, db, 201, p->row.id.text);
}

/* The same again: the answer was lost, perhaps. ERR_NOT_FOUND: it is a new one. */
static err answer_again(struct request *rq, struct db *db)
{
    const struct posting *p = rq->work;
    struct consent_row before;

    TRY(consent_by_document(&rq->scope, db, &p->consent.c.document, &before));
    return reply_consent(rq, db, 200, before.id.text);
}

static err consent_store(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    struct posting *p = rq->work;
    err e;

    TRY(certificate_read(rq, p));
    TRY(signer_check(rq, &p->consent));
    e = answer_again(rq, db);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (p->consent.c.valid_until <= clock_wall_ms())
        return refuse(s, REFUSAL_EXPIRED, "/validUntil", NULL);
    if (p->consent.c.signed_at > clock_wall_ms() + CLOCK_SKEW_MAX_MS)
        return refuse(s, REFUSAL_NOT_YET_VALID, "/proof/created", NULL);
    TRY(status_check(s, db, &p->consent, &p->row));
    return signed_add_once(rq, db, copy, answer_again);
}

static err body_write(struct request *rq, const void *bytes, size_t len)
{
    struct posting *p = rq->work;

    p->bytes += (int64_t)len;
    if (p->bytes > COVERAGE_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a consent covers at most %d items", COVERAGE_ITEMS_MAX);
    if (fwrite(bytes, 1, len, p->spool) != len)
        return fail(&rq->scope, ERR_IO, "the consent cannot be spooled: %s", strerror(errno));
    return ERR_OK;
}

static err body_done(struct request *rq)
{
    const struct posting *p = rq->work;
    err e;

    if (p->bytes <= CERTIFICATE_BYTES_MAX + COVERAGE_BRIEF * (int64_t)LINE_LEN)
        return app_with_db(rq, consent_store);
    TRY(app_lengthy_begin(rq));
    e = app_with_db(rq, consent_store);
    app_lengthy_end(rq);
    return e;
}

static void body_end(struct request *rq)
{
    struct posting *p = rq->work;

    if (p->spool)
        fclose(p->spool);
    free(p->line);
}

err post_consent(struct request *rq)
{
    static const struct body_sink sink = { body_write, body_done };
    struct app *app = rq->app;
    struct posting *p = NEW(&rq->scope, struct posting);
    int fd;

    if (request_content_length(rq) > COVERAGE_BYTES_MAX)
        return fail(&rq->scope, ERR_TOO_LARGE, "a consent covers at most %d items", COVERAGE_ITEMS_MAX);
    rq->work = p;
    fd = open(app->blobs.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    p->spool = fd < 0 ? NULL : fdopen(fd, "w+");
    if (!p->spool) {
        if (fd >= 0)
            close(fd);
        return fail(&rq->scope, ERR_IO, "no file to spool to: %s", strerror(errno));
    }
    request_on_end(rq, body_end);
    request_read_body(rq, &sink);
    return ERR_OK;
}
