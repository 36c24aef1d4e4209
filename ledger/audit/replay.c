/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"

/*
 * The version in force. What is wrong is found once: a log that goes on under later rules without saying so is
 * replayed by them from there.
 */
static void rules_in_force(struct audit *a, const struct entry *e)
{
    bool first = a->rules == 0, change = e->spec->type == ENTRY_RULES_CHANGED;

    if (first)
        a->rules = e->version;
    else if (change && e->version != a->rules + 1)
        audit_find(a, RULE_RULES_CHANGED, "the version after the one in force", "version %u after %u", e->version,
                   a->rules);
    else if (!change && e->version != a->rules)
        audit_find(a, RULE_ENTRY_RULES, "the rules version in force", "version %u under %u", e->version, a->rules);
    if (change && !versions_fit(e))
        audit_find(a, RULE_RULES_CHANGED, "entry format 1 and the rules of the entry", "other versions");
    if (e->version > a->rules)
        a->rules = e->version;
}

static void public_key(struct audit *a, const struct entry *e, uint64_t roles)
{
    static const char *const may[] = { "operator", "certifier" };

    for (size_t i = 0; i < ARRAY_LEN(may); i++)
        if (roles >> code_find(&role_codes, may[i], strlen(may[i])) & 1)
            return;
    if (text_of(e, "public_key"))
        audit_find(a, RULE_PARTY_KEY, "no public key", "one of %s", text_of(e, "party"));
}

static void party_registered(struct audit *a, const struct entry *e)
{
    struct key party = key_in(e, "party");
    uint64_t roles = codes_in(e, "roles", &role_codes);

    if (table_find(&a->table[PARTIES], party))
        audit_find(a, RULE_PARTY_ONCE, "a new party", "%s again", text_of(e, "party"));
    else {
        struct party_row *p = table_add(&a->table[PARTIES], party);
        p->roles = roles;
        party_keys(p, e);
    }
    public_key(a, e, roles);
}

static void party_key_changed(struct audit *a, const struct entry *e)
{
    struct party_row *p = table_find(&a->table[PARTIES], key_in(e, "party"));

    if (!p) {
        audit_find(a, RULE_PARTY_CHANGED, "a registered party", "%s", text_of(e, "party"));
        return;
    }
    if (past(a, PAST_PARTIES, p->key))
        audit_find(a, RULE_PARTY_CHANGED, "a party that was not closed", "%s", text_of(e, "party"));
    public_key(a, e, p->roles);
    party_keys(p, e);
}

static void dataset_published(struct audit *a, const struct entry *e)
{
    struct key version = key_in(e, "version");
    struct version_row *v;

    if (table_find(&a->table[VERSIONS], version)) {
        audit_find(a, RULE_VERSION_ONCE, "a new version", "%s again", text_of(e, "version"));
        return;
    }
    v = table_add(&a->table[VERSIONS], version);
    v->root = *entry_field(e, "root")->v.hash;
    v->details_root = *entry_field(e, "details_root")->v.hash;
    v->item_count = count_of(e, "item_count");
}

static void content_verified(struct audit *a, const struct entry *e)
{
    if (json_is(e, "counts", "{}"))
        audit_find(a, RULE_CONTENT_COUNTS, "at least one result", "none");
}

static err decide(struct scope *s, struct audit *a, const struct entry *e)
{
    switch (e->spec->type) {
    case ENTRY_LOG_OPENED:            log_opened(a, e); break;
    case ENTRY_ISSUER_KEY_CHANGED:    issuer_key_changed(a, e); break;
    case ENTRY_LOG_FROZEN:            log_frozen(a, e); break;
    case ENTRY_RULES_CHANGED:         break;                      /* see rules_in_force() */
    case ENTRY_PARTY_REGISTERED:      party_registered(a, e); break;
    case ENTRY_PARTY_KEY_CHANGED:     party_key_changed(a, e); break;
    case ENTRY_DATASET_PUBLISHED:     dataset_published(a, e); break;
    case ENTRY_OFFER_PUBLISHED:       offer_published(s, a, e); break;
    case ENTRY_OFFER_WITHDRAWN:       offer_withdrawn(a, e); break;
    case ENTRY_CONTENT_VERIFIED:      content_verified(a, e); break;
    case ENTRY_PAYMENT_RECEIVED:      payment_received(a, e); break;
    case ENTRY_LICENSE_GRANTED:       return license_granted(s, a, e);
    case ENTRY_LICENSE_ENDED:         license_ended(a, e); break;
    case ENTRY_CONSENT_GRANTED:       consent_granted(a, e); break;
    case ENTRY_CONSENT_SUSPENDED:     consent_suspended(a, e); break;
    case ENTRY_CONSENT_REVOKED:       consent_revoked(a, e); break;
    case ENTRY_CERTIFICATE_ISSUED:    return certificate_issued(s, a, e);
    case ENTRY_CERTIFICATE_REVOKED:   return certificate_revoked(s, a, e);
    case ENTRY_STATUS_LIST_PUBLISHED: status_list_published(a, e); break;
    case ENTRY_CLEARANCE_ISSUED:      return clearance_issued(s, a, e);
    case ENTRY_CLEARANCE_DENIED:      clearance_denied(a, e); break;
    case ENTRY_CLEARANCE_WITHDRAWN:   clearance_withdrawn(a, e); break;
    case ENTRY_ACCESS_RECORDED:       return access_recorded(s, a, e);
    case ENTRY_REFUND_POSTED:         refund_posted(a, e); break;
    case ENTRY_ALLOCATION_POSTED:     return allocation_posted(s, a, e);
    case ENTRY_PAYOUT_INSTRUCTED:     payout_instructed(a, e); break;
    case ENTRY_PAYOUT_SETTLED:        payout_settled(a, e); break;
    case ENTRY_PAYOUT_FAILED:         payout_failed(a, e); break;
    case ENTRY_PARTY_CLOSED:          party_closed(a, e); break;
    case ENTRY_DISCLOSURES_ERASED:    return disclosures_erased(s, a, e);
    case ENTRY_BALANCES_SNAPSHOT:     return snapshot_posted(s, a, e);
    case ENTRY_TYPES:                 break;
    }
    return ERR_OK;
}

/* Opens what this reader may see of an entry's private fields. */
static err disclose(struct scope *s, struct audit *a, struct entry *e)
{
    struct bytes json = { 0 };
    bool there;

    if (e->n_sd == 0)
        return ERR_OK;
    TRY(document_of(s, a, scope_printf(s, "disclosures/%" PRIu64, a->index), &json, &there));
    if (!there) {
        a->report->undisclosed += !a->config.whole;
        missing_fields(a, e);
        return ERR_OK;
    }
    if (disclosures_open(s, e, json.p, json.len) == ERR_OK) {
        a->report->disclosed++;
        missing_fields(a, e);
        return ERR_OK;
    }
    audit_find(a, RULE_DISCLOSURE_FORM, "disclosures of this entry", "%s", s->why.detail);
    scope_forgive(s);
    return ERR_OK;
}

err replay_entry(struct scope *s, struct audit *a, struct bytes bytes)
{
    struct entry e;

    if (entry_decode(s, bytes.p, bytes.len, &e) != ERR_OK) {
        audit_find(a, RULE_ENTRY_FORM, "an entry in canonical form", "%s", s->why.detail);
        scope_forgive(s);
        return ERR_OK;
    }
    a->report->entries[e.spec->type]++;
    if (a->index == 0 && e.spec->type != ENTRY_LOG_OPENED)
        audit_find(a, RULE_LOG_OPENED, "log.opened", "%s", e.spec->name);
    if (e.at_ms < a->at_ms)
        audit_find(a, RULE_ENTRY_TIME, "a time not before the last entry's", "%" PRId64 " ms before it",
                   a->at_ms - e.at_ms);
    else
        a->at_ms = e.at_ms;
    rules_in_force(a, &e);
    log_ended(a, &e);
    TRY(disclose(s, a, &e));
    TRY(document_signed(s, a, &e));
    return decide(s, a, &e);
}
