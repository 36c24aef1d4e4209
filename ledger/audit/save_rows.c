/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/audit/save.h"

#include <inttypes.h>
#include <string.h>

/* ---- saving */

void put_key(struct buf *b, struct key k)
{
    buf_printf(b, " %016" PRIx64 "%016" PRIx64, k.high, k.low);
}

void put_hash(struct buf *b, const struct hash *h)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    hex_write(h->b, HASH_SIZE, hex);
    buf_char(b, ' ');
    buf_str(b, hex);
}

static void put_money(struct buf *b, const struct money_fact *m)
{
    if (m->known)
        buf_printf(b, " %" PRId64, m->micro);
    else
        buf_str(b, " -");
    if (*m->currency)
        buf_printf(b, ",%s", m->currency);
}

static void put_party(struct buf *b, const void *row)
{
    const struct party_row *p = row;

    buf_printf(b, " %" PRIu64, p->roles);
    put_key(b, p->public_key);
    put_key(b, p->held);
}

static void put_version(struct buf *b, const void *row)
{
    const struct version_row *v = row;

    put_hash(b, &v->root);
    buf_printf(b, " %" PRIu64, v->item_count);
    put_hash(b, &v->details_root);
}

static void put_offer(struct buf *b, const void *row)
{
    const struct offer_row *o = row;

    put_key(b, o->version);
    buf_printf(b, " %" PRIu64, o->revision);
    put_money(b, &o->price);
    put_key(b, o->split);
    buf_printf(b, " %d %" PRId64, o->per_item, o->minimum);
    put_key(b, o->fee);
}

static void put_payment(struct buf *b, const void *row)
{
    const struct payment_row *p = row;

    put_key(b, p->license);
    put_key(b, p->buyer);
    put_money(b, &p->paid);
    put_key(b, p->split);
    buf_printf(b, " %" PRId64 " %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, p->spent,
               p->granted | p->cleared << 1 | p->allocated << 2 | p->ended << 3 | p->accessed << 4 |
               p->per_item << 5 | p->by_byte << 6, p->price, p->minimum, p->fee_ppm, p->owed);
    put_key(b, p->version);
    put_key(b, p->document);
}

static void put_license(struct buf *b, const void *row)
{
    const struct license_row *l = row;

    buf_printf(b, " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRId64, l->from, l->until, l->item_count,
               l->version_items, l->purpose);
    put_key(b, l->payment);
    buf_printf(b, " %s", *l->territory ? l->territory : "-");
}

static void put_consent(struct buf *b, const void *row)
{
    const struct consent_row *c = row;

    buf_printf(b, " %" PRId64 " %" PRId64 " %" PRIu64 " %d", c->from, c->until, c->purposes, c->suspended);
    put_key(b, c->document);
    put_hash(b, &c->root);
    buf_printf(b, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64, c->items, c->place, c->index, c->at_ms);
}

static void put_certificate(struct buf *b, const void *row)
{
    const struct certificate_row *c = row;

    put_key(b, c->certifier);
    put_key(b, c->signer);
}

static void put_list(struct buf *b, const void *row)
{
    buf_printf(b, " %" PRIu64, ((const struct list_row *)row)->as_of);
}

static void put_clearance(struct buf *b, const void *row)
{
    const struct clearance_row *c = row;

    put_key(b, c->license);
    buf_printf(b, " %" PRId64 " %" PRId64 " %" PRIu64, c->until, c->purpose, c->cleared);
    put_hash(b, &c->rows_root);
}

static void put_payout(struct buf *b, const void *row)
{
    const struct payout_row *p = row;

    put_key(b, p->run);
    put_key(b, p->account);
    put_money(b, &p->amount);
    buf_printf(b, " %d", p->settled);
}

static void put_balance(struct buf *b, const void *row)
{
    const struct balance_row *x = row;

    buf_printf(b, " %" PRId64 " %s %" PRIu64, x->micro, x->currency, x->n);
    put_key(b, x->party);
}

static void put_snapshot(struct buf *b, const void *row)
{
    const struct snapshot_row *r = row;

    buf_printf(b, " %" PRIu64 " %" PRIu64 " %d %" PRIu64, r->as_of, r->written, r->unsure, r->given);
}

static void put_creator(struct buf *b, const void *row)
{
    const struct creator_row *c = row;

    put_key(b, c->creator);
    put_key(b, c->signer);
}

static void put_window(struct buf *b, const void *row)
{
    buf_printf(b, " %" PRId64, ((const struct window_row *)row)->at);
}

static void put_missing(struct buf *b, const void *row)
{
    const struct missing_row *m = row;

    buf_printf(b, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64, m->type, m->open, m->fields,
               m->rows, m->by, m->named_ms);
    put_key(b, m->document);
    put_key(b, m->digest);
    buf_printf(b, " %" PRId64, m->at_ms);
}

/* ---- loading */

#define KEY_HEX 32

bool get_key(struct word w, struct key *out)
{
    uint8_t b[KEY_HEX / 2];

    if (!hex_read(w.p, w.len, b, sizeof b))
        return false;
    *out = (struct key){ be64_read(b), be64_read(b + 8) };
    return true;
}

bool get_count(struct word w, uint64_t *out)
{
    return decimal_read(w.p, w.len, INT64_MAX, out);
}

bool get_time(struct word w, int64_t *out)
{
    uint64_t v;

    if (!get_count(w, &v))
        return false;
    *out = (int64_t)v;
    return true;
}

/* With a sign, perhaps. */
static bool get_int(struct word w, int64_t *out)
{
    bool minus = w.len > 1 && *w.p == '-';

    if (!get_time(minus ? (struct word){ w.p + 1, w.len - 1 } : w, out))
        return false;
    *out = minus ? -*out : *out;
    return true;
}

bool get_bits(struct word w, uint64_t max, uint64_t *out)
{
    return decimal_read(w.p, w.len, max, out);
}

static bool get_money(struct word w, struct money_fact *out)
{
    const char *comma = memchr(w.p, ',', w.len);
    size_t digits = comma ? (size_t)(comma - w.p) : w.len;

    *out = (struct money_fact){ .known = digits != 1 || *w.p != '-' };
    if (comma ? w.len - digits != 4 : out->known)
        return false;
    if (comma)
        memcpy(out->currency, comma + 1, 3);
    return !out->known || get_time((struct word){ w.p, digits }, &out->micro);
}

/* Each gets the n words behind the row's key: all of them, or those of an older form. */
static bool get_party(const struct word *w, size_t n, void *row)
{
    struct party_row *p = row;

    p->roles = ROLES_UNKNOWN;
    return n == 0 || (get_bits(w[0], ROLES_UNKNOWN, &p->roles) && get_key(w[1], &p->public_key) &&
                      get_key(w[2], &p->held));
}

static bool get_version(const struct word *w, size_t n, void *row)
{
    struct version_row *v = row;

    return hex_read(w[0].p, w[0].len, v->root.b, HASH_SIZE) && get_count(w[1], &v->item_count) &&
           (n == 2 || hex_read(w[2].p, w[2].len, v->details_root.b, HASH_SIZE));
}

static bool get_offer(const struct word *w, size_t n, void *row)
{
    struct offer_row *o = row;
    uint64_t per_item = 0;

    if (!get_key(w[0], &o->version) || !get_count(w[1], &o->revision) || !get_money(w[2], &o->price) ||
        (n > 3 && (!get_key(w[3], &o->split) || !get_bits(w[4], 1, &per_item) || !get_time(w[5], &o->minimum))) ||
        (n > 6 && !get_key(w[6], &o->fee)))
        return false;
    o->fee_ppm = MONEY_UNKNOWN;
    o->per_item = per_item;
    return true;
}

static bool get_payment(const struct word *w, size_t n, void *row)
{
    struct payment_row *p = row;
    uint64_t flags = 0;

    if (!get_key(w[0], &p->license) || !get_key(w[1], &p->buyer) || !get_money(w[2], &p->paid))
        return false;
    p->price = p->fee_ppm = p->owed = MONEY_UNKNOWN;
    if (n > 3 && (!get_key(w[3], &p->split) || !get_int(w[4], &p->spent) || !get_bits(w[5], n > 6 ? 127 : 31, &flags)))
        return false;
    if (n > 6 && (!get_int(w[6], &p->price) || !get_time(w[7], &p->minimum) || !get_int(w[8], &p->fee_ppm) ||
                  !get_int(w[9], &p->owed) || !get_key(w[10], &p->version) || !get_key(w[11], &p->document)))
        return false;
    p->granted = flags & 1;
    p->cleared = flags & 2;
    p->allocated = flags & 4;
    p->ended = flags & 8;
    p->accessed = flags & 16;
    p->per_item = flags & 32;
    p->by_byte = flags & 64;
    return true;
}

static bool get_territory(struct word w, char out[8])
{
    struct territory where;

    if (w.len == 0 || w.len > 7)
        return false;
    if (w.len == 1 && *w.p == '-')
        return true;
    memcpy(out, w.p, w.len);
    return territory_parse(out, &where);
}

static bool get_license(const struct word *w, size_t n, void *row)
{
    struct license_row *l = row;

    if (!get_time(w[0], &l->from) || !get_time(w[1], &l->until) || !get_count(w[2], &l->item_count))
        return false;
    l->version_items = l->item_count;
    l->purpose = PURPOSE_UNKNOWN;
    return n == 3 || (get_count(w[3], &l->version_items) && get_int(w[4], &l->purpose) &&
                      l->purpose >= PURPOSE_UNKNOWN && l->purpose < (int64_t)purpose_codes.n &&
                      get_key(w[5], &l->payment) && (n == 6 || get_territory(w[6], l->territory)));
}

static bool get_consent(const struct word *w, size_t n, void *row)
{
    struct consent_row *c = row;
    uint64_t suspended;

    if (!get_time(w[0], &c->from) || !get_time(w[1], &c->until) || !get_bits(w[2], UINT64_MAX, &c->purposes) ||
        !get_bits(w[3], 1, &suspended))
        return false;
    if (n > 4 && (!get_key(w[4], &c->document) || !hex_read(w[5].p, w[5].len, c->root.b, HASH_SIZE) ||
                  !get_count(w[6], &c->items) || !get_count(w[7], &c->place) || !get_count(w[8], &c->index) ||
                  !get_time(w[9], &c->at_ms)))
        return false;
    c->suspended = suspended;
    return true;
}

static bool get_certificate(const struct word *w, size_t n, void *row)
{
    struct certificate_row *c = row;

    (void)n;
    return get_key(w[0], &c->certifier) && get_key(w[1], &c->signer);
}

static bool get_list(const struct word *w, size_t n, void *row)
{
    (void)n;
    return get_count(w[0], &((struct list_row *)row)->as_of);
}

static bool get_clearance(const struct word *w, size_t n, void *row)
{
    struct clearance_row *c = row;

    (void)n;
    return get_key(w[0], &c->license) && get_time(w[1], &c->until) && get_time(w[2], &c->purpose) &&
           c->purpose < (int64_t)purpose_codes.n && get_count(w[3], &c->cleared) &&
           hex_read(w[4].p, w[4].len, c->rows_root.b, HASH_SIZE);
}

static bool get_payout(const struct word *w, size_t n, void *row)
{
    struct payout_row *p = row;
    uint64_t settled;

    (void)n;
    if (!get_key(w[0], &p->run) || !get_key(w[1], &p->account) || !get_money(w[2], &p->amount) ||
        !get_count(w[3], &settled) || settled > 1)
        return false;
    p->settled = settled;
    return true;
}

static bool get_balance(const struct word *w, size_t n, void *row)
{
    struct balance_row *x = row;

    if (!get_int(w[0], &x->micro) || w[1].len != 3 || !get_count(w[2], &x->n) || (n > 3 && !get_key(w[3], &x->party)))
        return false;
    memcpy(x->currency, w[1].p, 3);
    return true;
}

static bool get_snapshot(const struct word *w, size_t n, void *row)
{
    struct snapshot_row *r = row;
    uint64_t unsure;

    (void)n;
    if (!get_count(w[0], &r->as_of) || !get_count(w[1], &r->written) || !get_bits(w[2], 1, &unsure) ||
        !get_count(w[3], &r->given))
        return false;
    r->unsure = unsure;
    return true;
}

static bool get_creator(const struct word *w, size_t n, void *row)
{
    struct creator_row *c = row;

    return get_key(w[0], &c->creator) && (n == 1 || get_key(w[1], &c->signer));
}

static bool get_window(const struct word *w, size_t n, void *row)
{
    (void)n;
    return get_time(w[0], &((struct window_row *)row)->at);
}

static bool get_missing(const struct word *w, size_t n, void *row)
{
    struct missing_row *m = row;

    (void)n;
    return get_bits(w[0], ENTRY_TYPES - 1, &m->type) && get_count(w[1], &m->open) && get_count(w[2], &m->fields) &&
           get_count(w[3], &m->rows) && get_count(w[4], &m->by) && get_time(w[5], &m->named_ms) &&
           get_key(w[6], &m->document) && get_key(w[7], &m->digest) && get_time(w[8], &m->at_ms);
}

/* An open end is written as 0, which no change has. */
static void put_issuer(struct buf *b, const void *row)
{
    const struct issuer_row *i = row;

    buf_printf(b, " %" PRIu64 " %" PRIu64, i->since, i->until == UINT64_MAX ? 0 : i->until);
}

static bool get_issuer(const struct word *w, size_t n, void *row)
{
    struct issuer_row *i = row;

    (void)n;
    if (!get_count(w[0], &i->since) || !get_count(w[1], &i->until))
        return false;
    i->until = i->until ? i->until : UINT64_MAX;
    return true;
}

static void put_successor(struct buf *b, const void *row)
{
    buf_printf(b, " %" PRIu64, ((const struct successor_row *)row)->index);
}

static bool get_successor(const struct word *w, size_t n, void *row)
{
    (void)n;
    return get_count(w[0], &((struct successor_row *)row)->index);
}

static void put_predecessor(struct buf *b, const void *row)
{
    const struct predecessor_row *p = row;

    buf_printf(b, " %" PRIu64, p->size);
    put_hash(b, &p->root);
}

static bool get_predecessor(const struct word *w, size_t n, void *row)
{
    struct predecessor_row *p = row;

    (void)n;
    return get_count(w[0], &p->size) && hex_read(w[1].p, w[1].len, p->root.b, HASH_SIZE);
}

/* ---- both, by table */

const struct save_form save_forms[TABLES] = {
    [PARTIES]           = { "party", { 0, 3, 3, 3 }, put_party, get_party },
    [VERSIONS]          = { "version", { 2, 2, 3, 3 }, put_version, get_version },
    [OFFERS]            = { "offer", { 3, 6, 7, 7 }, put_offer, get_offer },
    [PAYMENTS]          = { "payment", { 3, 6, 12, 12 }, put_payment, get_payment },
    [LICENSES]          = { "license", { 3, 6, 6, 7 }, put_license, get_license },
    [PAST_OFFERS]       = { "past-offer", { 0, 0, 0, 0 }, NULL, NULL },
    [PAST_PAYMENTS]     = { "past-payment", { 0, 0, 0, 0 }, NULL, NULL },
    [PAST_LICENSES]     = { "past-license", { 0, 0, 0, 0 }, NULL, NULL },
    [WINDOWS]           = { "window", { 1, 1, 1, 1 }, put_window, get_window },
    [CONSENTS]          = { "consent", { SAVE_ABSENT, 4, 4, 10 }, put_consent, get_consent },
    [PAST_CONSENTS]     = { "past-consent", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [STATUS_PLACES]     = { "place", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [CERTIFICATES]      = { "certificate", { SAVE_ABSENT, 2, 2, 2 }, put_certificate, get_certificate },
    [PAST_CERTIFICATES] = { "past-certificate", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [STATUS_LISTS]      = { "list", { SAVE_ABSENT, 1, 1, 1 }, put_list, get_list },
    [CLEARANCES]        = { "clearance", { SAVE_ABSENT, 5, 5, 5 }, put_clearance, get_clearance },
    [PAST_CLEARANCES]   = { "past-clearance", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [REFUNDS]           = { "refund", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [ALLOCATIONS]       = { "allocation", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [PAYOUTS]           = { "payout", { SAVE_ABSENT, 4, 4, 4 }, put_payout, get_payout },
    [PAST_PAYOUTS]      = { "past-payout", { SAVE_ABSENT, 0, 0, 0 }, NULL, NULL },
    [BALANCES]          = { "balance", { SAVE_ABSENT, 3, 4, 4 }, put_balance, get_balance },
    [TOTALS]            = { "total", { SAVE_ABSENT, 3, 4, 4 }, put_balance, get_balance },
    [PAST_PARTIES]      = { "past-party", { SAVE_ABSENT, SAVE_ABSENT, 0, 0 }, NULL, NULL },
    [MISSING]           = { "missing", { SAVE_ABSENT, SAVE_ABSENT, 9, 9 }, put_missing, get_missing },
    [ISSUERS]           = { "issuer", { SAVE_ABSENT, SAVE_ABSENT, 2, 2 }, put_issuer, get_issuer },
    [SUCCESSORS]        = { "successor", { SAVE_ABSENT, SAVE_ABSENT, 1, 1 }, put_successor, get_successor },
    [PREDECESSORS]      = { "predecessor", { SAVE_ABSENT, SAVE_ABSENT, 2, 2 }, put_predecessor, get_predecessor },
    [SNAPSHOTS]         = { "snapshot", { SAVE_ABSENT, SAVE_ABSENT, 4, 4 }, put_snapshot, get_snapshot },
    [CREATORS]          = { "creator", { SAVE_ABSENT, SAVE_ABSENT, 1, 2 }, put_creator, get_creator },
};
