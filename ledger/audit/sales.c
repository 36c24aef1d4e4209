/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/split.h"
#include "ledger/rules/tariff.h"
#include "ledger/rules/territory.h"

/* A text member of a price, whose shape was read and whose texts have no escapes; NULL: absent. */
static const char *price_text(struct scope *s, struct bytes price, const char *name)
{
    const char *head = scope_printf(s, "\"%s\":\"", name), *from, *end = (const char *)price.p + price.len;

    from = memmem(price.p, price.len, head, strlen(head));
    if (!from)
        return NULL;
    from += strlen(head);
    return scope_strndup(s, from, (size_t)((const char *)memchr(from, '"', (size_t)(end - from)) - from));
}

/* {"amount":"…","currency":"…"}, and since version 2 perhaps "kind":"per_item" and "minimum":"…". */
static void price_of(struct scope *s, struct audit *a, const struct entry *e, struct offer_row *o)
{
    const struct entry_value *v = entry_field(e, "price");
    const char *currency, *minimum;
    struct money_fact least;

    o->price = (struct money_fact){ 0 };
    o->minimum = 0;
    o->per_item = false;
    if (v->kind != V_JSON)
        return;
    currency = price_text(s, v->v.json, "currency");
    minimum = price_text(s, v->v.json, "minimum");
    o->price = money_read(a, price_text(s, v->v.json, "amount"), currency);
    least = money_read(a, minimum, currency);
    o->per_item = a->rules >= 2 && price_text(s, v->v.json, "kind");
    if (o->per_item)
        o->minimum = least.known ? least.micro : 0;
    else if (minimum || price_text(s, v->v.json, "kind"))
        audit_find(a, RULE_MONEY_FORM, "a price of a kind that there is", "another");
}

void offer_published(struct scope *s, struct audit *a, const struct entry *e)
{
    struct key offer = key_in(e, "offer"), version = key_in(e, "version");
    struct offer_row *o = table_find(&a->table[OFFERS], offer);
    uint64_t revision = count_of(e, "revision"), due = o ? o->revision + 1 : 1;

    if (!table_find(&a->table[VERSIONS], version))
        audit_find(a, RULE_OFFER_VERSION, "a published version", "%s", text_of(e, "version"));
    else if (o && !key_equal(o->version, version))
        audit_find(a, RULE_OFFER_VERSION, "the version of its first revision", "%s", text_of(e, "version"));
    if (past(a, PAST_OFFERS, offer)) {
        audit_find(a, RULE_OFFER_REVISION, "nothing after its withdrawal", "%s again", text_of(e, "offer"));
        return;
    }
    if (revision != due)
        audit_find(a, RULE_OFFER_REVISION, due == 1 ? "revision 1" : "one more than the revision before",
                   "%s in revision %" PRIu64, text_of(e, "offer"), revision);
    if (!o)
        o = table_add(&a->table[OFFERS], offer);
    o->version = version;
    o->revision = revision;
    price_of(s, a, e, o);
    o->split = hash_key(e, "split_digest");
    o->fee = hash_key(e, "fee_digest");
    o->fee_ppm = MONEY_UNKNOWN;
    o->asked = false;
}

/* ---- the rules of an offer, by which what is paid is split */

static bool digest_is(struct bytes document, struct key digest)
{
    struct hash h = sha256_of(document.p, document.len);

    return key_equal((struct key){ be64_read(h.b), be64_read(h.b + 8) }, digest);
}

/* "{…}\n{…}\n": the split's document, and the fee's. What is wrong with them; NULL: nothing. */
static const char *rules_read(struct scope *s, struct offer_row *o, struct bytes text)
{
    const char *p = (const char *)text.p, *end = p + text.len, *first, *second;
    enum split_rule rule;
    int64_t ppm;

    first = text.len ? memchr(p, '\n', text.len) : NULL;
    second = first ? memchr(first + 1, '\n', (size_t)(end - first - 1)) : NULL;
    if (!second || second + 1 != end)
        return "no two documents";
    if (!digest_is((struct bytes){ text.p, (size_t)(first - p) }, o->split))
        return "another split";
    if (!digest_is((struct bytes){ (const uint8_t *)first + 1, (size_t)(second - first - 1) }, o->fee))
        return "another fee";
    if (split_rule_read(s, scope_strndup(s, p, (size_t)(first - p)), &rule) != ERR_OK ||
        split_fee_read(s, scope_strndup(s, first + 1, (size_t)(second - first - 1)), &ppm) != ERR_OK) {
        scope_forgive(s);
        return "documents of another form";
    }
    o->fee_ppm = ppm;
    o->by_byte = rule == SPLIT_PER_BYTE;
    return NULL;
}

/* Once for each revision that is bought. */
static err offer_rules(struct scope *s, struct audit *a, const struct entry *e)
{
    struct offer_row *o = table_find(&a->table[OFFERS], key_in(e, "offer"));
    const char *wrong;
    struct bytes text;
    bool there;

    if (!o || o->asked || key_zero(o->fee) || o->revision != count_of(e, "revision"))
        return ERR_OK;
    o->asked = true;
    TRY(document_of(s, a, scope_printf(s, "offers/%s/%" PRIu64, text_of(e, "offer"), o->revision), &text, &there));
    if (!there) {
        missing_list(a, "split and fee of its offer");
        return ERR_OK;
    }
    a->report->listed++;
    wrong = rules_read(s, o, text);
    if (wrong)
        audit_find(a, RULE_OFFER_RULES, "the documents whose digests its entry has", "%s", wrong);
    return ERR_OK;
}

void offer_withdrawn(struct audit *a, const struct entry *e)
{
    struct key offer = key_in(e, "offer");
    struct offer_row *o = table_find(&a->table[OFFERS], offer);

    if (!o) {
        audit_find(a, RULE_OFFER_WITHDRAWN, "an open offer", "%s, %s", text_of(e, "offer"),
                   past(a, PAST_OFFERS, offer) ? "withdrawn before" : "never published");
        return;
    }
    if (o->revision != count_of(e, "revision"))
        audit_find(a, RULE_OFFER_WITHDRAWN, "its last revision", "revision %" PRIu64, count_of(e, "revision"));
    table_remove(&a->table[OFFERS], o);
    past_add(a, PAST_OFFERS, offer);
}

void payment_received(struct audit *a, const struct entry *e)
{
    struct key payment = key_in(e, "payment");
    struct money_fact paid = money_of(a, e);
    struct payment_row *p;

    if (table_find(&a->table[PAYMENTS], payment) || past(a, PAST_PAYMENTS, payment)) {
        audit_find(a, RULE_PAYMENT_ONCE, "a new payment", "%s again", text_of(e, "payment"));
        return;
    }
    if (!text_of(e, "license")) {                    /* a top-up: its life is over at once */
        past_add(a, PAST_PAYMENTS, payment);
        return;
    }
    p = table_add(&a->table[PAYMENTS], payment);
    p->license = key_in(e, "license");
    p->paid = paid;
    p->price = p->fee_ppm = p->owed = MONEY_UNKNOWN;
    if (text_of(e, "buyer"))
        p->buyer = key_in(e, "buyer");
}

/* What so many items cost; a price that can't be computed is nobody's. */
static bool price_holds(struct scope *s, const struct offer_row *o, const struct money_fact *cost, uint64_t items)
{
    struct tariff t = { o->per_item ? TARIFF_PER_ITEM : TARIFF_FLAT, o->price.currency, o->price.micro, o->minimum };
    struct money_fact due = o->price;

    if (!o->price.known || !cost->known)
        return true;
    if (tariff_price(s, &t, items, &due.micro) == ERR_OK)
        return money_equal(&due, cost);
    scope_forgive(s);
    return false;
}

static void license_offer(struct scope *s, struct audit *a, const struct entry *e, const struct money_fact *cost)
{
    const struct offer_row *o = table_find(&a->table[OFFERS], key_in(e, "offer"));

    if (!o) {
        audit_find(a, RULE_LICENSE_OFFER, "an open offer", "%s, %s", text_of(e, "offer"),
                   past(a, PAST_OFFERS, key_in(e, "offer")) ? "withdrawn before" : "never published");
        return;
    }
    if (o->revision != count_of(e, "revision"))
        audit_find(a, RULE_LICENSE_OFFER, "the offer's revision then", "revision %" PRIu64, count_of(e, "revision"));
    if (!key_equal(o->version, key_in(e, "version")))
        audit_find(a, RULE_LICENSE_OFFER, "the offer's version", "%s", text_of(e, "version"));
    if (!price_holds(s, o, cost, count_of(e, "item_count")))
        audit_find(a, RULE_LICENSE_PRICE, "the offer's price", "another amount");
}

static void license_payment(struct audit *a, const struct entry *e, const struct money_fact *cost)
{
    struct payment_row *p = table_find(&a->table[PAYMENTS], key_in(e, "payment"));
    const struct offer_row *o = table_find(&a->table[OFFERS], key_in(e, "offer"));

    if (!p || p->granted) {
        audit_find(a, RULE_LICENSE_PAYMENT, "a payment that waits for this license", "%s, %s", text_of(e, "payment"),
                   p || past(a, PAST_PAYMENTS, key_in(e, "payment")) ? "used before" : "never received");
        return;
    }
    if (!key_equal(p->license, key_in(e, "license")))
        audit_find(a, RULE_LICENSE_PAYMENT, "a payment for this license", "%s, for another", text_of(e, "payment"));
    if (!money_equal(&p->paid, cost))
        audit_find(a, RULE_LICENSE_PAID, "the payment's amount and currency", "others");
    if (!key_zero(p->buyer) && text_of(e, "buyer") && !key_equal(p->buyer, key_in(e, "buyer")))
        audit_find(a, RULE_LICENSE_PAID, "the payment's buyer", "another");
    p->granted = true;
    p->version = key_in(e, "version");
    p->document = hash_key(e, "document");
    p->owed = p->fee_ppm = p->price = MONEY_UNKNOWN;
    if (!o)
        return;
    p->split = o->split;
    p->fee_ppm = o->fee_ppm;
    p->by_byte = o->by_byte;
    p->per_item = o->per_item;
    p->minimum = o->minimum;
    if (o->price.known && !p->paid.known)
        memcpy(p->paid.currency, o->price.currency, sizeof p->paid.currency);
    else if (o->price.known && strcmp(o->price.currency, p->paid.currency) == 0)
        p->price = o->price.micro;
}

/*
 * Under version 2 a license may cover a slice. It keeps the version's order: one of as many items is the version's
 * list, one of fewer is another.
 */
static bool extent_holds(const struct audit *a, const struct version_row *v, const struct entry *e)
{
    bool same_root = hash_equal(&v->root, entry_field(e, "slice_root")->v.hash);
    uint64_t items = count_of(e, "item_count");

    if (a->rules >= 2 && items < v->item_count)
        return items > 0 && !same_root;
    return items == v->item_count && same_root;
}

static void license_extent(struct audit *a, const struct entry *e)
{
    const struct version_row *v = table_find(&a->table[VERSIONS], key_in(e, "version"));
    bool whole = v && count_of(e, "item_count") == v->item_count;
    struct territory place;

    if (v && !extent_holds(a, v, e))
        audit_find(a, RULE_LICENSE_WHOLE, a->rules < 2 ? "the version's root and count" : "a slice of the version",
                   "others for %s", text_of(e, "license"));
    if (!territory_parse(text_of(e, "territory"), &place))
        audit_find(a, RULE_LICENSE_TERRITORY, "WORLD, EU or a country", "%s", text_of(e, "territory"));
    if (time_in(e, "from") >= time_in(e, "until"))
        audit_find(a, RULE_LICENSE_TERM, "an end after its begin", "%s to %s", text_of(e, "from"), text_of(e, "until"));
    if (entry_field(e, "slice")->kind == V_ABSENT)
        return;
    if (a->rules < 2 ? !json_is(e, "slice", "{}") : v && !whole && json_is(e, "slice", "{}"))
        audit_find(a, RULE_LICENSE_SLICE, a->rules < 2 ? "{}" : "what picks fewer items than the version has",
                   "another slice");
}

err license_granted(struct scope *s, struct audit *a, const struct entry *e)
{
    const struct version_row *v = table_find(&a->table[VERSIONS], key_in(e, "version"));
    struct key license = key_in(e, "license");
    struct money_fact cost = money_of(a, e);
    struct territory where;
    struct license_row *l;

    TRY(offer_rules(s, a, e));
    license_offer(s, a, e, &cost);
    license_payment(a, e, &cost);
    license_extent(a, e);
    if (table_find(&a->table[LICENSES], license) || past(a, PAST_LICENSES, license)) {
        audit_find(a, RULE_LICENSE_ONCE, "a new license", "%s again", text_of(e, "license"));
        return ERR_OK;
    }
    l = table_add(&a->table[LICENSES],
                  license);     /* live whatever was wrong: each cheat is found once, not at every access */
    l->payment = key_in(e, "payment");
    l->from = time_in(e, "from");
    l->until = time_in(e, "until");
    l->item_count = count_of(e, "item_count");
    l->version_items = v ? v->item_count : l->item_count;
    l->purpose = code_in(e, "purpose", &purpose_codes);
    if (territory_parse(text_of(e, "territory"), &where))
        snprintf(l->territory, sizeof l->territory, "%s", text_of(e, "territory"));
    return ERR_OK;
}

const char *license_gone(const struct audit *a, struct key license)
{
    return past(a, PAST_LICENSES, license) ? "ended before" : "never granted";
}

void license_ended(struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    struct license_row *l = table_find(&a->table[LICENSES], license);
    struct payment_row *p = l ? table_find(&a->table[PAYMENTS], l->payment) : NULL;

    if (!l) {
        audit_find(a, RULE_LICENSE_ENDED, "a live license", "%s, %s", text_of(e, "license"), license_gone(a, license));
        return;
    }
    if (p)
        p->ended = true;
    if (!p || p->allocated)
        first_rows_drop(a, license);
    table_remove(&a->table[LICENSES], l);
    past_add(a, PAST_LICENSES, license);
}
