/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/tariff.h"
#include "ledger/rules/territory.h"
#include "schema/base/limits.h"
#include "schema/base/money.h"
#include "schema/json/canon.h"

#define WINDOWS_LEAST 1024             /* Fewer are not worth a look. */

static const char *text_of(const struct entry *e, const char *name)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_TEXT ? v->v.text : NULL;
}

static uint64_t count_of(const struct entry *e, const char *name)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_COUNT ? v->v.count : 0;
}

static struct key key_in(const struct entry *e, const char *name)
{
    return key_of(text_of(e, name));
}

static int64_t time_in(const struct entry *e, const char *name)
{
    int64_t ms = 0;
    bool good = time_parse(text_of(e, name), &ms);

    assert(good);                                    /* the decoder has read it as a time */
    return ms;
}

static bool json_has(const struct entry *e, const char *name, const char *part)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_JSON && memmem(v->v.json.p, v->v.json.len, part, strlen(part));
}

static bool json_is(const struct entry *e, const char *name, const char *text)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_JSON && v->v.json.len == strlen(text) && memcmp(v->v.json.p, text, v->v.json.len) == 0;
}

static void past_add(struct audit *a, int table, struct key key)
{
    if (!table_find(&a->table[table], key))
        table_add(&a->table[table], key);
}

static void log_opened(struct audit *a, const struct entry *e)
{
    if (a->index != 0)
        audit_find(a, RULE_LOG_OPENED, "log.opened first and once", "another log.opened");
    else if (strcmp(text_of(e, "origin"), a->key.name) != 0)
        audit_find(a, RULE_LOG_OPENED, "the checkpoint's origin", "another origin");
    else if (strcmp(text_of(e, "log_key"), a->vkey) != 0)
        audit_find(a, RULE_LOG_OPENED, "the key that signs the checkpoint", "another key");
    else if (!json_is(e, "versions", "{\"entry\":1,\"rules\":1}"))
        audit_find(a, RULE_LOG_OPENED, "versions 1 and 1", "other versions");
}

static void party_registered(struct audit *a, const struct entry *e)
{
    struct key party = key_in(e, "party");

    if (table_find(&a->table[PARTIES], party))
        audit_find(a, RULE_PARTY_ONCE, "a new party", "%s again", text_of(e, "party"));
    else
        table_add(&a->table[PARTIES], party);
    if (text_of(e, "public_key") && !json_has(e, "roles", "\"operator\"") && !json_has(e, "roles", "\"certifier\""))
        audit_find(a, RULE_PARTY_KEY, "no public key", "one of %s", text_of(e, "party"));
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
    v->item_count = count_of(e, "item_count");
}

/* A disclosed amount and currency; what is not disclosed stays unknown. */
static struct money_fact money_read(struct audit *a, const char *amount, const char *currency)
{
    struct money_fact m = { 0 };

    if (!amount || !currency)
        return m;
    m.known = money_parse(amount, currency, &m.micro);
    if (m.known)
        memcpy(m.currency, currency, sizeof m.currency);
    else
        audit_find(a, RULE_MONEY_FORM, "a canonical amount of an ISO 4217 currency", "another text");
    return m;
}

static struct money_fact money_of(struct audit *a, const struct entry *e)
{
    return money_read(a, text_of(e, "amount"), text_of(e, "currency"));
}

/* {"amount":"…","currency":"…","kind":"…","minimum":"…"}: its shape was read, the last two may be absent. */
static void price_of(struct audit *a, const struct entry *e, struct offer_row *o)
{
    const struct entry_value *v = entry_field(e, "price");
    struct money_fact minimum = { 0 };
    const char *amount, *currency, *least;
    json_t *price = NULL;
    struct scope own;

    o->price = (struct money_fact){ 0 };
    o->minimum = 0;
    o->per_item = false;
    if (v->kind != V_JSON)
        return;
    scope_init(&own, 0);
    if (json_read(&own, (const char *)v->v.json.p, v->v.json.len, &price) == ERR_OK) {
        amount = json_string_value(json_object_get(price, "amount"));
        currency = json_string_value(json_object_get(price, "currency"));
        least = json_string_value(json_object_get(price, "minimum"));
        o->price = money_read(a, amount, currency);
        o->per_item = json_object_get(price, "kind") != NULL;
        minimum = money_read(a, least, currency);
        o->minimum = minimum.micro;
        if ((e->version < 2 && o->per_item) || (least && !o->per_item))
            audit_find(a, RULE_MONEY_FORM, "a price of a kind of its rules version", "another");
    }
    json_decref(price);
    scope_free(&own);
}

/* What a license of so many items costs by the offer; unknown if the price is, or can't be had. */
static struct money_fact cost_by(const struct offer_row *o, uint64_t items)
{
    struct money_fact m = o->price;
    struct tariff t = { o->per_item ? TARIFF_PER_ITEM : TARIFF_FLAT, m.currency, o->price.micro, o->minimum };
    struct scope own;

    if (!m.known || !o->per_item)
        return m;
    scope_init(&own, 0);
    m.known = tariff_price(&own, &t, items, &m.micro) == ERR_OK;
    scope_free(&own);
    return m;
}

static bool money_equal(const struct money_fact *a, const struct money_fact *b)
{
    return !a->known || !b->known || (a->micro == b->micro && strcmp(a->currency, b->currency) == 0);
}

static void offer_published(struct audit *a, const struct entry *e)
{
    struct key offer = key_in(e, "offer"), version = key_in(e, "version");
    struct offer_row *o = table_find(&a->table[OFFERS], offer);
    uint64_t revision = count_of(e, "revision"), due = o ? o->revision + 1 : 1;

    if (!table_find(&a->table[VERSIONS], version))
        audit_find(a, RULE_OFFER_VERSION, "a published version", "%s", text_of(e, "version"));
    else if (o && !key_equal(o->version, version))
        audit_find(a, RULE_OFFER_VERSION, "the version of its first revision", "%s", text_of(e, "version"));
    if (table_find(&a->table[PAST_OFFERS], offer)) {
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
    price_of(a, e, o);
}

static void offer_withdrawn(struct audit *a, const struct entry *e)
{
    struct key offer = key_in(e, "offer");
    struct offer_row *o = table_find(&a->table[OFFERS], offer);

    if (!o) {
        audit_find(a, RULE_OFFER_WITHDRAWN, "an open offer", "%s, %s", text_of(e, "offer"),
                   table_find(&a->table[PAST_OFFERS], offer) ? "withdrawn before" : "never published");
        return;
    }
    if (o->revision != count_of(e, "revision"))
        audit_find(a, RULE_OFFER_WITHDRAWN, "its last revision", "revision %" PRIu64, count_of(e, "revision"));
    table_remove(&a->table[OFFERS], o);
    past_add(a, PAST_OFFERS, offer);
}

static void content_verified(struct audit *a, const struct entry *e)
{
    if (json_is(e, "counts", "{}"))
        audit_find(a, RULE_CONTENT_COUNTS, "at least one result", "none");
}

static void payment_received(struct audit *a, const struct entry *e)
{
    struct key payment = key_in(e, "payment");
    struct money_fact paid = money_of(a, e);
    struct payment_row *p;

    if (table_find(&a->table[PAYMENTS], payment) || table_find(&a->table[PAST_PAYMENTS], payment)) {
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
    if (text_of(e, "buyer"))
        p->buyer = key_in(e, "buyer");
}

static void license_offer(struct audit *a, const struct entry *e, const struct money_fact *cost)
{
    const struct offer_row *o = table_find(&a->table[OFFERS], key_in(e, "offer"));
    struct money_fact due;

    if (!o) {
        audit_find(a, RULE_LICENSE_OFFER, "an open offer", "%s, %s", text_of(e, "offer"),
                   table_find(&a->table[PAST_OFFERS], key_in(e, "offer")) ? "withdrawn before" : "never published");
        return;
    }
    if (o->revision != count_of(e, "revision"))
        audit_find(a, RULE_LICENSE_OFFER, "the offer's revision then", "revision %" PRIu64, count_of(e, "revision"));
    if (!key_equal(o->version, key_in(e, "version")))
        audit_find(a, RULE_LICENSE_OFFER, "the offer's version", "%s", text_of(e, "version"));
    due = cost_by(o, count_of(e, "item_count"));
    if (!money_equal(&due, cost))
        audit_find(a, RULE_LICENSE_PRICE, "the offer's price", "another amount");
}

static void license_payment(struct audit *a, const struct entry *e, const struct money_fact *cost)
{
    struct key payment = key_in(e, "payment");
    struct payment_row *p = table_find(&a->table[PAYMENTS], payment);

    if (!p) {
        audit_find(a, RULE_LICENSE_PAYMENT, "a payment that waits for this license", "%s, %s", text_of(e, "payment"),
                   table_find(&a->table[PAST_PAYMENTS], payment) ? "used before" : "never received");
        return;
    }
    if (!key_equal(p->license, key_in(e, "license")))
        audit_find(a, RULE_LICENSE_PAYMENT, "a payment for this license", "%s, for another", text_of(e, "payment"));
    if (!money_equal(&p->paid, cost))
        audit_find(a, RULE_LICENSE_PAID, "the payment's amount and currency", "others");
    if (p->paid.known && text_of(e, "buyer") && !key_equal(p->buyer, key_in(e, "buyer")))
        audit_find(a, RULE_LICENSE_PAID, "the payment's buyer", "another");
    table_remove(&a->table[PAYMENTS], p);
    past_add(a, PAST_PAYMENTS, payment);
}

static bool covers_whole(const struct entry *e, const struct version_row *v)
{
    return hash_equal(&v->root, entry_field(e, "slice_root")->v.hash) && v->item_count == count_of(e, "item_count");
}

/* A slice keeps the version's order: one of all its items is the version's list, one of fewer is not. */
static bool extent_fits(const struct entry *e, const struct version_row *v)
{
    uint64_t items = count_of(e, "item_count");

    if (e->version < 2 || items >= v->item_count)
        return covers_whole(e, v);
    return items > 0 && !hash_equal(&v->root, entry_field(e, "slice_root")->v.hash);
}

static void license_extent(struct audit *a, const struct entry *e)
{
    const struct version_row *v = table_find(&a->table[VERSIONS], key_in(e, "version"));
    struct territory place;

    if (v && !extent_fits(e, v))
        audit_find(a, RULE_LICENSE_WHOLE, "the version's root and count", "others for %s", text_of(e, "license"));
    if (!territory_parse(text_of(e, "territory"), &place))
        audit_find(a, RULE_LICENSE_TERRITORY, "WORLD, EU or a country", "%s", text_of(e, "territory"));
    if (time_in(e, "from") >= time_in(e, "until"))
        audit_find(a, RULE_LICENSE_TERM, "an end after its begin", "%s to %s", text_of(e, "from"), text_of(e, "until"));
    if (entry_field(e, "slice")->kind == V_ABSENT)
        return;
    if (json_is(e, "slice", "{}") ? v && e->version >= 2 && !covers_whole(e, v) : e->version < 2)
        audit_find(a, RULE_LICENSE_SLICE, e->version < 2 ? "{}" : "the whole version for {}", "another slice");
}

static void license_granted(struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    struct money_fact cost = money_of(a, e);
    struct license_row *l;

    license_offer(a, e, &cost);
    license_payment(a, e, &cost);
    license_extent(a, e);
    if (table_find(&a->table[LICENSES], license) || table_find(&a->table[PAST_LICENSES], license)) {
        audit_find(a, RULE_LICENSE_ONCE, "a new license", "%s again", text_of(e, "license"));
        return;
    }
    l = table_add(&a->table[LICENSES],
                  license);     /* live whatever was wrong: each cheat is found once, not at every access */
    l->from = time_in(e, "from");
    l->until = time_in(e, "until");
    l->item_count = count_of(e, "item_count");
}

static const char *gone(struct audit *a, struct key license)
{
    return table_find(&a->table[PAST_LICENSES], license) ? "ended before" : "never granted";
}

static void license_ended(struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    struct license_row *l = table_find(&a->table[LICENSES], license);

    if (!l) {
        audit_find(a, RULE_LICENSE_ENDED, "a live license", "%s, %s", text_of(e, "license"), gone(a, license));
        return;
    }
    table_remove(&a->table[LICENSES], l);
    past_add(a, PAST_LICENSES, license);
}

/* Of a license and an item: 128 bits that nobody can make collide. */
static struct key window_key(struct key license, uint64_t item)
{
    uint8_t b[24];
    struct hash h;

    be64_write(b, license.high);
    be64_write(b + 8, license.low);
    be64_write(b + 16, item);
    h = sha256_of(b, sizeof b);
    return (struct key){ be64_read(h.b), be64_read(h.b + 8) };
}

/* Windows that are over at `now` go when the table has doubled since the last time: a constant for each access. */
static void windows_tidy(struct audit *a, int64_t now)
{
    struct table old = a->table[WINDOWS];
    const struct window_row *w;

    if (old.n < a->windows_due)
        return;
    table_init(&a->table[WINDOWS], old.row_size, old.seed);
    for (size_t at = 0; (w = table_next(&old, &at)) != NULL;)
        if (now - w->at < ACCESS_WINDOW_MS)
            ((struct window_row *)table_add(&a->table[WINDOWS], w->key))->at = w->at;
    table_free(&old);
    a->windows_due = 2 * a->table[WINDOWS].n + WINDOWS_LEAST;
}

static void access_window(struct audit *a, const struct entry *e)
{
    struct key key = window_key(key_in(e, "license"), count_of(e, "item_number"));
    struct window_row *w = table_find(&a->table[WINDOWS], key);

    if (w && e->at_ms - w->at < ACCESS_WINDOW_MS)
        audit_find(a, RULE_ACCESS_WINDOW, "a delivery within the window of the access before", "another access of %s",
                   text_of(e, "license"));
    if (!w) {
        windows_tidy(a, e->at_ms);
        w = table_add(&a->table[WINDOWS], key);
    }
    w->at = e->at_ms;
}

static void access_recorded(struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    const struct license_row *l = table_find(&a->table[LICENSES], license);

    if (text_of(e, "clearance"))
        audit_find(a, RULE_ACCESS_CLEARANCE, "no clearance", "%s", text_of(e, "clearance"));
    if (!l) {
        audit_find(a, RULE_ACCESS_LICENSE, "a live license", "%s, %s", text_of(e, "license"), gone(a, license));
        return;
    }
    if (e->at_ms < l->from || e->at_ms >= l->until)
        audit_find(a, RULE_ACCESS_TERM, "an access within the term", "one %s it of %s",
                   e->at_ms < l->from ? "before" : "after",
                   text_of(e, "license"));
    if (entry_field(e, "item_number")->kind != V_COUNT)
        return;                                      /* private: not checkable by this reader */
    if (count_of(e, "item_number") >= l->item_count)
        audit_find(a, RULE_ACCESS_ITEM, "an item of the version", "a number beyond its count");
    access_window(a, e);
}

static void decide(struct audit *a, const struct entry *e)
{
    switch (e->spec->type) {
    case ENTRY_LOG_OPENED:        log_opened(a, e); break;
    case ENTRY_PARTY_REGISTERED:  party_registered(a, e); break;
    case ENTRY_DATASET_PUBLISHED: dataset_published(a, e); break;
    case ENTRY_OFFER_PUBLISHED:   offer_published(a, e); break;
    case ENTRY_OFFER_WITHDRAWN:   offer_withdrawn(a, e); break;
    case ENTRY_CONTENT_VERIFIED:  content_verified(a, e); break;
    case ENTRY_PAYMENT_RECEIVED:  payment_received(a, e); break;
    case ENTRY_LICENSE_GRANTED:   license_granted(a, e); break;
    case ENTRY_LICENSE_ENDED:     license_ended(a, e); break;
    case ENTRY_ACCESS_RECORDED:   access_recorded(a, e); break;
    default:                      break;
    }
}

/* Opens what this reader may see of an entry's private fields. */
static err disclose(struct scope *s, struct audit *a, struct entry *e)
{
    struct bytes json = { 0 };
    err code;

    if (e->n_sd == 0)
        return ERR_OK;
    code = a->src->document ? a->src->document(s, a->src->arg, scope_printf(s, "disclosures/%" PRIu64, a->index), &json)
                            : ERR_NOT_FOUND;
    if (code == ERR_NOT_FOUND) {
        scope_forgive(s);
        a->report->undisclosed++;
        return ERR_OK;
    }
    TRY(code);
    if (disclosures_open(s, e, json.p, json.len) == ERR_OK) {
        a->report->disclosed++;
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
    TRY(disclose(s, a, &e));
    decide(a, &e);
    return ERR_OK;
}
