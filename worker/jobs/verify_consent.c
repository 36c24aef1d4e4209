/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_consent: a certificate that was posted is read again, its key is still its creator's, its coverage is what its
 * root says. Then it is granted, by its entry; or rejected with the code of docs/credentials.md.
 */
#include <string.h>

#include "ledger/cert/consent.h"
#include "ledger/cert/coverage.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/store/consent.h"
#include "schema/store/job.h"
#include "schema/store/party.h"
#include "worker/jobs/work.h"

#define LOOK_EVERY 4096               /* items between two looks at the lease */
#define GRANT_MS   15000

struct check {
    struct work *w;
    struct consent_row row;
    struct consent consent;
    struct frontier tree;
    const char *purposes;             /* canonical JSON */
};

static err item_add(struct scope *s, void *arg, void *sha256)
{
    struct check *c = arg;

    if (c->tree.size % LOOK_EVERY == 0)
        TRY(work_left(s, c->w));
    coverage_add(&c->tree, sha256);
    return ERR_OK;
}

/* Whether it holds, but for the key, which is looked at under the ledger's lock. */
static err judge(struct scope *s, struct check *c, enum refusal *why)
{
    struct hash root;
    json_t *document;
    err e;

    TRY(document_read(s, (const char *)c->row.bytes.p, c->row.bytes.len, &document, why));
    e = consent_read(s, document, &c->consent, why);
    json_decref(document);
    if (e == ERR_INVALID) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    *why = credential_when(&c->consent.c, c->consent.c.valid_from, clock_wall_ms());
    if (*why != REFUSAL_NONE)
        return ERR_OK;
    TRY(consent_items_each(s, c->w->db, c->row.no, item_add, c));
    root = frontier_root(&c->tree);
    if (c->tree.size != c->consent.coverage.items || !hash_equal(&root, &c->consent.coverage.root))
        *why = REFUSAL_COVERAGE_INVALID;
    return ERR_OK;
}

/* ---- granting */

/* Places are counted on from each pair of lists to the next: no two consents have the same one. */
static uint64_t place_in_all(const struct consent_row *c)
{
    return (uint64_t)(c->pair - 1) * STATUS_LIST_PLACES + (uint64_t)c->place;
}

static err grant_entry(struct scope *s, struct append_txn *t, const struct check *c, uint64_t *index)
{
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    struct named_value values[] = {
        { "consent", EV_TEXT(c->row.id.text) },
        { "coverage_root", EV_HASH(&c->row.root) },
        { "document", EV_HASH(&c->row.document) },
        { "from", EV_TEXT(from) },
        { "item_count", EV_COUNT((uint64_t)c->row.item_count) },
        { "purposes", EV_JSON(((struct bytes){ (const uint8_t *)c->purposes, strlen(c->purposes) })) },
        { "status_index", EV_COUNT(place_in_all(&c->row)) },
        { "until", EV_TEXT(until) },
        { "creator", EV_TEXT(c->row.creator.text) },
    };

    time_format(c->row.valid_from, from);
    time_format(c->row.valid_until, until);
    return append_entry(s, t, ENTRY_CONSENT_GRANTED, values, ARRAY_LEN(values), index);
}

/* Her key may have changed since she posted: who holds an old one doesn't consent for her any more. */
static err grant_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct check *c = arg;
    struct party creator;
    uint64_t index;

    TRY(party_get(s, t->db, c->row.creator.text, &creator));
    if (strcmp(creator.state, "active") != 0 || !creator.public_key ||
        strcmp(creator.public_key, c->consent.c.issuer) != 0)
        return fail(s, ERR_FORBIDDEN, "the key is not its creator's any more");
    TRY(grant_entry(s, t, c, &index));
    return consent_grant(s, t->db, c->row.no, index, t->at_ms);
}

static err grant(struct scope *s, struct check *c, enum refusal *why)
{
    struct buf b = BUF(s);
    err e;

    buf_char(&b, '[');
    for (size_t i = 0; i < purpose_codes.n; i++)
        if (c->consent.purposes & 1u << i)
            buf_printf(&b, "%s\"%s\"", b.len > 1 ? "," : "", purpose_codes.code[i]);
    buf_char(&b, ']');
    c->purposes = b.p;
    e = work_append(s, c->w, GRANT_MS, grant_decide, c);
    if (e == ERR_FORBIDDEN)
        *why = REFUSAL_SIGNER_OTHER;
    else if (e != ERR_STALE)          /* stale: an attempt before this one was through */
        return e;
    scope_forgive(s);
    return ERR_OK;
}

static err reject(struct scope *s, struct check *c, enum refusal why)
{
    struct db *db = c->w->db;
    err e;

    TRY(db_begin(s, db));
    e = consent_reject(s, db, c->row.no, refusal_code(why));
    if (e == ERR_OK)
        return db_commit(s, db);
    db_rollback(db);
    if (e != ERR_STALE)
        return e;
    scope_forgive(s);                 /* decided by an attempt before this one */
    return ERR_OK;
}

static err verify(struct scope *s, struct work *w, const char *id)
{
    struct check *c = NEW(s, struct check);
    enum refusal why = REFUSAL_NONE;

    c->w = w;
    TRY(consent_get(s, w->db, id, &c->row));
    if (strcmp(c->row.state, "received") != 0)
        return ERR_OK;
    TRY(judge(s, c, &why));
    if (why == REFUSAL_NONE)
        TRY(grant(s, c, &why));
    return why == REFUSAL_NONE ? ERR_OK : reject(s, c, why);
}

err verify_consent_run(struct scope *s, struct work *w)
{
    const char *id;

    TRY(work_named(s, w, "consent", &id));
    return verify(s, w, id);
}
