/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/cert/consent.h"
#include "schema/base/limits.h"

/* Consents and status lists. */

/* A place in the market's status lists, as a key. */
static struct key place_of(uint64_t index)
{
    return (struct key){ 0, index };
}

static void consent_creator(struct audit *a, const struct entry *e)
{
    struct key consent = key_in(e, "consent");
    const struct party_row *p;
    struct creator_row *by;

    if (!text_of(e, "creator"))
        return;
    p = table_find(&a->table[PARTIES], key_in(e, "creator"));
    if (!p) {
        audit_find(a, RULE_CONSENT_CREATOR, "a registered party", "a creator who is none");
    } else if (!table_find(&a->table[CREATORS], consent)) {
        by = table_add(&a->table[CREATORS], consent);
        by->creator = p->key;
        by->signer = p->held;
    }
}

void consent_granted(struct audit *a, const struct entry *e)
{
    struct key consent = key_in(e, "consent"), place = place_of(count_of(e, "status_index"));
    struct consent_row *c;

    consent_creator(a, e);
    if (time_in(e, "from") >= time_in(e, "until"))
        audit_find(a, RULE_CONSENT_TERM, "an end after its begin", "%s to %s", text_of(e, "from"), text_of(e, "until"));
    if (count_of(e, "item_count") == 0)
        audit_find(a, RULE_CONSENT_COVERAGE, "at least one item", "none for %s", text_of(e, "consent"));
    if (table_find(&a->table[CONSENTS], consent) || past(a, PAST_CONSENTS, consent)) {
        audit_find(a, RULE_CONSENT_ONCE, "a new consent", "%s again", text_of(e, "consent"));
        return;
    }
    if (past(a, STATUS_PLACES, place))
        audit_find(a, RULE_CONSENT_PLACE, "a place of its own", "place %" PRIu64 " again", count_of(e, "status_index"));
    past_add(a, STATUS_PLACES, place);
    c = table_add(&a->table[CONSENTS], consent);
    c->from = time_in(e, "from");
    c->until = time_in(e, "until");
    c->purposes = codes_in(e, "purposes", &purpose_codes);
    c->document = hash_key(e, "document");
    c->root = *entry_field(e, "coverage_root")->v.hash;
    c->items = count_of(e, "item_count");
    c->place = place.low;
    c->index = a->index;
    c->at_ms = e->at_ms;
}

/* The live consent that an entry withdraws; NULL: found. */
static struct consent_row *withdrawn(struct audit *a, const struct entry *e)
{
    struct key consent = key_in(e, "consent");
    struct consent_row *c = table_find(&a->table[CONSENTS], consent);

    if (!c)
        audit_find(a, RULE_CONSENT_WITHDRAWN, "a consent that was granted and not revoked", "%s, %s",
                   text_of(e, "consent"), past(a, PAST_CONSENTS, consent) ? "revoked before" : "never granted");
    return c;
}

void consent_suspended(struct audit *a, const struct entry *e)
{
    struct consent_row *c = withdrawn(a, e);

    if (!c)
        return;
    if (c->suspended)
        audit_find(a, RULE_CONSENT_WITHDRAWN, "a consent that is not suspended", "%s again", text_of(e, "consent"));
    c->suspended = true;
}

void consent_revoked(struct audit *a, const struct entry *e)
{
    struct consent_row *c = withdrawn(a, e);
    struct creator_row *by = table_find(&a->table[CREATORS], key_in(e, "consent"));
    struct terms_row *terms = table_find(&a->terms, key_in(e, "consent"));

    if (by)
        table_remove(&a->table[CREATORS], by);
    if (terms)
        table_remove(&a->terms, terms);
    if (!c)
        return;
    table_remove(&a->table[CONSENTS], c);
    past_add(a, PAST_CONSENTS, key_in(e, "consent"));
}

/* ---- certificates */

/* NULL: it is the one that the entry names, and says the same. */
static const char *document_wrong(const struct consent_row *c, const struct consent *said)
{
    const struct hash *h = &said->c.document;

    if (!key_equal((struct key){ be64_read(h->b), be64_read(h->b + 8) }, c->document))
        return "another document";
    if (!hash_equal(&said->coverage.root, &c->root) || said->coverage.items != c->items)
        return "another coverage";
    if (said->purposes != c->purposes)
        return "other purposes";
    if (said->c.valid_from != c->from || said->c.valid_until != c->until)
        return "another validity";
    for (size_t i = 0; i < said->c.n_status; i++)          /* counted on from each pair of lists to the next */
        if (said->c.status[i].index != c->place % STATUS_LIST_PLACES)
            return "another place in the status lists";
    return NULL;
}

static bool document_check(struct audit *a, const struct consent_row *c, const struct consent *said, const char *id)
{
    const struct creator_row *by = table_find(&a->table[CREATORS], c->key);
    const char *wrong = document_wrong(c, said);

    if (wrong)
        audit_find(a, RULE_CONSENT_DOCUMENT, "the certificate that its entry names", "%s, of %s", wrong, id);
    else if (by && !key_zero(by->signer) && !key_equal(key_of_did(said->c.issuer), by->signer))
        audit_find(a, RULE_CONSENT_SIGNATURE, "the key that its creator had then", "another, of %s", id);
    else
        return true;
    return false;
}

/* Of its purpose. */
static void terms_take(struct terms_row *t, const struct consent *said)
{
    t->there = true;
    t->role = said->role;
    t->prohibited = 0;
    t->grant = (struct verdict_grant){ 0 };
    for (size_t i = 0; i < prohibition_codes.n; i++) {
        int at = code_find(&purpose_codes, prohibition_codes.code[i], strlen(prohibition_codes.code[i]));

        if (at >= 0 && said->prohibitions >> i & 1)        /* others are kinds of use that no license is for */
            t->prohibited |= UINT32_C(1) << at;
    }
    for (size_t i = 0; i < said->n_grants; i++)
        if (said->grant[i].purpose == t->purpose)
            t->grant = (struct verdict_grant){ UINT32_C(1) << t->purpose, said->grant[i].models,
                                               said->grant[i].territory };
}

static err certificate_read(struct scope *s, struct audit *a, const struct consent_row *c, const char *id,
                            struct consent *said, bool *there, bool *good)
{
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL;
    struct bytes text;
    err e;

    *good = false;
    TRY(document_of(s, a, scope_printf(s, "consents/%s", id), &text, there));
    if (!*there) {
        if (!table_find(&a->terms, c->key))          /* the first time */
            missing_certificate(a, c);
        return ERR_OK;
    }
    a->report->listed++;
    e = document_read(s, (const char *)text.p, text.len, &document, &why);
    if (e == ERR_OK)
        e = consent_read(s, document, said, &why);
    json_decref(document);
    *good = e == ERR_OK;
    if (!*good)
        certificate_refused(s, a, why, RULE_CONSENT_SIGNATURE, RULE_CONSENT_DOCUMENT, id);
    return ERR_OK;
}

static err terms_ask(struct scope *s, struct audit *a, const struct consent_row *c, int64_t purpose)
{
    struct terms_row *t = table_find(&a->terms, c->key);
    struct consent *said = NEW(s, struct consent);
    char id[ID_SIZE];
    bool there, good;

    id_of_key("cns", c->key, id);
    TRY(certificate_read(s, a, c, id, said, &there, &good));
    t = t ? t : table_add(&a->terms, c->key);
    t->there = false;
    t->purpose = there ? purpose : PURPOSE_UNKNOWN;
    if (good && document_check(a, c, said, id))
        terms_take(t, said);
    return ERR_OK;
}

err consent_terms(struct scope *s, struct audit *a, struct key consent, int64_t purpose)
{
    const struct consent_row *c = table_find(&a->table[CONSENTS], consent);
    struct terms_row *t = table_find(&a->terms, consent);
    struct scope one;

    if (t && t->purpose == purpose)
        return ERR_OK;
    if (key_zero(c->document)) {                     /* granted before a state that was saved by an older program */
        a->report->unlisted += !t;
        t = t ? t : table_add(&a->terms, consent);
        t->purpose = PURPOSE_UNKNOWN;
        return ERR_OK;
    }
    one = scope_within(s);
    return scope_end(s, &one, terms_ask(&one, a, c, purpose));
}

void status_list_published(struct audit *a, const struct entry *e)
{
    struct key list = key_in(e, "list");
    struct list_row *l = table_find(&a->table[STATUS_LISTS], list);
    uint64_t as_of = count_of(e, "as_of");

    if (as_of > a->index)
        audit_find(a, RULE_STATUS_LIST, "a state that was recorded before", "as of %" PRIu64, as_of);
    else if (l && as_of <= l->as_of)
        audit_find(a, RULE_STATUS_LIST, "a later state than the list before", "as of %" PRIu64 " after %" PRIu64, as_of,
                   l->as_of);
    if (!l)
        l = table_add(&a->table[STATUS_LISTS], list);
    l->as_of = as_of;
}
