/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish_status_lists: makes the lists that are needed, and publishes each that changed or whose published state grows
 * old: a signed credential with its entry. The bits are read with the log's size in one snapshot; under the ledger's
 * lock only that no newer state was published meanwhile is seen to. Before that, what withdrawals have left to look at
 * is pruned, since each of them wakes this job.
 */
#include <string.h>

#include "ledger/cert/status.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"
#include "schema/store/certificate.h"
#include "schema/store/consent.h"
#include "schema/store/log.h"
#include "schema/store/version.h"
#include "worker/jobs/work.h"

#define PUBLISH_MS 15000

struct publishing {
    const struct status_list_row *list;
    int64_t as_of, valid_until;
    struct bytes document;
    struct hash hash;
    uint64_t index;
};

/* ---- the lists there are */

static err url_of(struct scope *s, struct work *w, const char *id, const char **out)
{
    const char *base = w->settings->public_url;
    struct log_row log;

    if (!*base) {
        TRY(log_load(s, w->db, &log));
        base = scope_printf(s, "https://%.*s", (int)strcspn(log.origin, "/"), log.origin);
    }
    *out = scope_printf(s, "%.*s/v1/status-lists/%s", (int)(strlen(base) - (base[strlen(base) - 1] == '/')), base, id);
    return ERR_OK;
}

/* All or none: half a pair would be the newest, and of no use. Certificates are revoked, not suspended. */
static err pair_make(struct scope *s, struct work *w, int64_t pair, const char *kind)
{
    bool both = strcmp(kind, "consent") == 0;

    TRY(db_begin(s, w->db));
    for (size_t i = 0; i < status_purpose_codes.n; i++) {
        struct status_list_row l = { .id = id_new("stl", clock_wall_ms()), .pair = pair, .kind = kind,
                                     .purpose = status_purpose_codes.code[i], .places = STATUS_LIST_PLACES };
        if (!both && i != STATUS_REVOCATION)
            continue;
        TRY(url_of(s, w, l.id.text, &l.url));
        TRY(status_list_add(s, w->db, &l));
    }
    return db_commit(s, w->db);
}

/* A next pair when half of the newest is taken: a place drawn at random is free then in one try of two at worst. */
static err pairs_suffice(struct scope *s, struct work *w, const char *kind,
                         err (*places_taken)(struct scope *s, struct db *db, int64_t pair, int64_t *taken))
{
    const struct status_list_row *newest = NULL;
    struct status_list_row *lists;
    int64_t taken = 0, last = 0;
    size_t n;
    err e;

    TRY(status_lists(s, w->db, &lists, &n));
    for (size_t i = n; i-- > 0; last = lists[i].pair > last ? lists[i].pair : last)
        if (strcmp(lists[i].kind, kind) == 0)
            newest = &lists[i];
    if (newest)
        TRY(places_taken(s, w->db, newest->pair, &taken));
    if (newest && taken < newest->places / 2)
        return ERR_OK;
    e = pair_make(s, w, last + 1, kind);
    if (e != ERR_OK)
        db_rollback(w->db);
    return e;
}

/* ---- publishing one */

static err document_make(struct scope *s, struct work *w, struct publishing *p)
{
    struct status_credential c = { .list = status_list_new(s, (size_t)p->list->places), .has_as_of = true };
    bool suspension = strcmp(p->list->purpose, "suspension") == 0;
    int64_t now = clock_wall_ms();
    struct status_bits set;
    char did[DID_KEY_SIZE];
    struct log_row log;
    json_t *document;
    err e;

    TRY(work_log(s, w, &log, did));
    TRY(status_bits(s, w->db, p->list->pair, p->list->purpose, &set));
    for (size_t i = 0; i + 4 <= set.places.len; i += 4)
        status_set(&c.list, be32_read(set.places.p + i), true);
    p->as_of = set.as_of;
    p->valid_until = now + STATUS_LIST_VALID_MS;
    c.c = (struct credential){ .id = p->list->url, .valid_from = now, .valid_until = p->valid_until };
    c.purpose = suspension ? STATUS_SUSPENSION : STATUS_REVOCATION;
    c.as_of = (uint64_t)set.as_of;
    random_bytes(c.salt, sizeof c.salt);
    TRY(status_credential_json(s, &c, did, &document));
    e = canon(s, document, &p->document);
    json_decref(document);
    TRY(e);
    p->hash = sha256_of(p->document.p, p->document.len);
    return ERR_OK;
}

static err publish_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct publishing *p = arg;
    struct named_value values[] = {
        { "as_of", EV_COUNT((uint64_t)p->as_of) },
        { "document", EV_HASH(&p->hash) },
        { "list", EV_TEXT(p->list->id.text) },
    };
    struct status_publication row = { .list = p->list->no, .document = p->hash, .as_of = p->as_of, .at = t->at_ms,
                                      .valid_until = p->valid_until };

    TRY(append_entry(s, t, ENTRY_STATUS_LIST_PUBLISHED, values, ARRAY_LEN(values), &p->index));
    TRY(append_document(s, t, p->index, &p->hash, p->document));
    row.index = (int64_t)p->index;
    return status_publish(s, t->db, &row);
}

static err publish(struct scope *s, struct work *w, const struct status_list_row *list)
{
    struct publishing *p = NEW(s, struct publishing);
    err e;

    p->list = list;
    TRY(document_make(s, w, p));
    e = work_append(s, w, PUBLISH_MS, publish_decide, p);
    if (e == ERR_OK)
        work_sign(s, w, &p->hash, p->index);
    if (e != ERR_STALE)
        return e;
    scope_forgive(s);                 /* a newer state was published meanwhile */
    return ERR_OK;
}

/* One consent a transaction: it may cover millions of items. */
static err prune(struct scope *s, struct work *w)
{
    for (bool more = true; more;) {
        TRY(work_left(s, w));
        TRY(db_begin(s, w->db));
        TRY(version_unhurried(s, w->db));
        TRY(consent_prune(s, w->db, &more));
        TRY(db_commit(s, w->db));
    }
    return ERR_OK;
}

err status_lists_run(struct scope *s, struct work *w)
{
    struct status_list_row *lists;
    size_t n;

    TRY(prune(s, w));
    TRY(pairs_suffice(s, w, "consent", status_places_taken));
    TRY(pairs_suffice(s, w, "certificate", certificate_places_taken));
    TRY(status_lists(s, w->db, &lists, &n));
    for (size_t i = 0; i < n; i++) {
        const struct status_list_row *l = &lists[i];
        TRY(work_left(s, w));
        /* A withdrawal at entry N is in the state as of N + 1. */
        if (l->index < 0 || l->changed >= l->as_of || l->valid_until < clock_wall_ms() + STATUS_LIST_RENEW_MS)
            TRY(publish(s, w, l));
    }
    return ERR_OK;
}
