/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ledger/audit/state.h"

/* Consents and status lists. */

/* A place in the market's status lists, as a key. */
static struct key place_of(uint64_t index)
{
    return (struct key){ 0, index };
}

static void consent_creator(struct audit *a, const struct entry *e)
{
    struct key consent = key_in(e, "consent");

    if (!text_of(e, "creator"))
        return;
    if (!table_find(&a->table[PARTIES], key_in(e, "creator")))
        audit_find(a, RULE_CONSENT_CREATOR, "a registered party", "a creator who is none");
    else if (!table_find(&a->table[CREATORS], consent))
        ((struct creator_row *)table_add(&a->table[CREATORS], consent))->creator = key_in(e, "creator");
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

    if (by)
        table_remove(&a->table[CREATORS], by);
    if (!c)
        return;
    table_remove(&a->table[CONSENTS], c);
    past_add(a, PAST_CONSENTS, key_in(e, "consent"));
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
