/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/verdict.h"

#include "ledger/entry/codes.h"
#include "tests/unit/ledger/rules/random_filter.h"

#define NOW   INT64_C(1800000000000)
#define DAY   (24 * 3600 * INT64_C(1000))
#define UNTIL (NOW + DAY)
#define WINDOW (7 * DAY)
#define PRETRAINING 5
#define VOICE       8
#define GENERATIVE  2

#define GRANTS_MAX   3
#define CONSENTS_MAX 3
#define PEOPLE_MAX   3

/* Everything about one item, in one place: facts point into it. */
struct world {
    struct verdict_request request;
    struct verdict_license license;
    struct verdict_facts item;
    struct contributor_facts people[PEOPLE_MAX];
    struct consent_facts consents[PEOPLE_MAX][CONSENTS_MAX];
    struct verdict_grant grants[PEOPLE_MAX][CONSENTS_MAX][GRANTS_MAX];
};

static struct territory place(const char *code)
{
    struct territory t;

    if (!territory_parse(code, &t))
        abort();
    return t;
}

/* Two contributors, each with one certificate, and nothing wrong. */
static struct world fine(void)
{
    struct world w = {
        .request = { PRETRAINING, place("DE"), GENERATIVE, NOW, UNTIL, WINDOW, WINDOW },
        .license = { LICENSE_ACTIVE, true, NOW - DAY, NOW + 30 * DAY, 1 << PRETRAINING, place("EU") },
        .item = { .in_root = true, .content = CONTENT_VERIFIED, .verified_at = NOW - DAY, .n_contributors = 2 },
    };
    static const char *const roles[PEOPLE_MAX] = { "performer", "author", "producer" };

    for (size_t p = 0; p < PEOPLE_MAX; p++) {
        w.people[p] = (struct contributor_facts){ .role = roles[p], .n_consents = 1 };
        for (size_t c = 0; c < CONSENTS_MAX; c++) {
            w.consents[p][c] = (struct consent_facts){
                .role = roles[p], .signature_holds = true, .logged_at = NOW - 20 * DAY, .from = NOW - 20 * DAY,
                .until = NOW + 365 * DAY, .status_at = NOW, .prohibited = 1 << VOICE, .n_grants = 1,
            };
            for (size_t g = 0; g < GRANTS_MAX; g++)
                w.grants[p][c][g] = (struct verdict_grant){ 1 << PRETRAINING, 1 << GENERATIVE, place("EU") };
        }
    }
    return w;
}

/* A world may be copied: its pointers are set only here. */
static enum verdict decide(struct world *w)
{
    for (size_t p = 0; p < PEOPLE_MAX; p++) {
        for (size_t c = 0; c < CONSENTS_MAX; c++)
            w->consents[p][c].grants = w->grants[p][c];
        w->people[p].consents = w->consents[p];
    }
    w->item.contributors = w->people;
    return verdict_item(&w->request, &w->license, &w->item);
}

#define IS(code, name, change) do { \
        struct world w = fine(); \
        change; \
        is_str(verdict_code(decide(&w)), code, name); \
    } while (0)

static void test_license(void)
{
    IS("cleared", "nothing is wrong", (void)0);
    IS("license_not_live", "an ended license", w.license.state = LICENSE_ENDED);
    IS("license_not_live", "a pending one", w.license.state = LICENSE_PENDING);
    IS("license_not_live", "an unpaid one", w.license.paid = false);
    IS("license_not_live", "one that has not begun", w.license.from = NOW + 1);
    IS("license_not_live", "one that ends before the clearance", w.license.until = UNTIL - 1);
    IS("cleared", "at the same instant is early enough", w.license.until = UNTIL);
    IS("license_not_live", "a clearance that ends at once", w.request.until = NOW);
    IS("purpose_not_licensed", "another purpose", w.license.purposes = 1 << VOICE);
    IS("territory_not_licensed", "another territory", w.license.territory = place("US"));
    IS("territory_not_licensed", "a larger one", w.request.territory = place("WORLD"));
    IS("territory_not_licensed", "none at all", w.request.territory = (struct territory){ 0 });
}

static void test_bytes(void)
{
    IS("root_mismatch", "not in the version", w.item.in_root = false);
    IS("item_not_paid", "what the first clearance left out", w.item.given_back = true);
    IS("hash_mismatch", "a corrupted file", w.item.content = CONTENT_CORRUPT);
    IS("content_missing", "a missing one", w.item.content = CONTENT_MISSING);
    IS("content_unverified", "one nobody has looked at", w.item.content = CONTENT_UNVERIFIED);
    IS("content_unverified", "one without a time", w.item.verified_at = 0);
    IS("cleared", "verified as long ago as the window", w.item.verified_at = NOW - WINDOW);
    IS("verification_stale", "a millisecond longer", w.item.verified_at = NOW - WINDOW - 1);
    IS("cleared", "verified anew while the checks run", w.item.verified_at = NOW + 1);
    IS("opt_out_veto", "an opt-out from this purpose", w.item.opt_out = 1 << PRETRAINING);
    IS("cleared", "from another", w.item.opt_out = 1 << VOICE);
}

static void test_roles(void)
{
    IS("consent_missing", "nobody made it", w.item.n_contributors = 0);
    IS("consent_missing", "a creator who never consented", w.people[1].n_consents = 0);
    IS("role_missing", "who consented as something else", w.consents[1][0].role = "performer");
    IS("role_missing", "a certificate without a role", w.consents[1][0].role = NULL);
    IS("role_missing", "an item without one", w.people[0].role = NULL);
    IS("consent_missing", "the first in the table counts",
       (w.consents[0][0].revoked = true, w.people[1].n_consents = 0));
    IS("consent_missing", "not the first contributor",
       (w.consents[1][0].revoked = true, w.people[0].n_consents = 0));
    IS("cleared", "a certificate after a revoked one", (w.people[0].n_consents = 2, w.consents[0][0].revoked = true));
    IS("cleared", "or before it", (w.people[0].n_consents = 2, w.consents[0][1].revoked = true));
    IS("territory_not_granted", "the one that came furthest says why",
       (w.people[0].n_consents = 2, w.consents[0][0].revoked = true, w.grants[0][1][0].territory = place("FR")));
    IS("consent_revoked", "two halves make no whole",
       (w.people[0].n_consents = 2, w.consents[0][0].revoked = true, w.consents[0][1].signature_holds = false));
}

static void test_consent(void)
{
    IS("signature_invalid", "a tampered certificate", w.consents[0][0].signature_holds = false);
    IS("signature_invalid", "one that is not in the log", w.consents[0][0].logged_at = 0);
    IS("key_compromised", "signed after its key was lost", w.consents[0][0].compromised_at = NOW - 20 * DAY);
    IS("cleared", "logged before that", w.consents[0][0].compromised_at = NOW - 20 * DAY + 1);
    IS("consent_revoked", "withdrawn", w.consents[0][0].revoked = true);
    IS("consent_suspended", "suspended", w.consents[0][0].suspended = true);
    IS("status_list_stale", "nobody knows whether", w.consents[0][0].status_at = 0);
    IS("status_list_stale", "known too long ago", w.consents[0][0].status_at = NOW - WINDOW - 1);
    IS("consent_not_begun", "not valid yet", w.consents[0][0].from = NOW + 1);
    IS("consent_expired", "expired", w.consents[0][0].until = NOW);
    IS("consent_ends_early", "ends before the clearance", w.consents[0][0].until = UNTIL - 1);
    IS("cleared", "ends with it", w.consents[0][0].until = UNTIL);
    IS("prohibited", "granted and prohibited", w.consents[0][0].prohibited |= 1 << PRETRAINING);
    IS("purpose_not_granted", "no grant", w.consents[0][0].n_grants = 0);
    IS("purpose_not_granted", "for something else", w.grants[0][0][0].purposes = 1 << VOICE);
    IS("model_not_granted", "for other models", w.grants[0][0][0].model_classes = 1);
    IS("territory_not_granted", "elsewhere", w.grants[0][0][0].territory = place("FR"));
    IS("territory_not_granted", "a grant for another purpose adds nothing",
       (w.request.territory = place("EU"), w.consents[0][0].n_grants = 2, w.grants[0][0][0].territory = place("DE"),
        w.grants[0][0][1].purposes = 1 << VOICE));
    IS("cleared", "grants of one purpose add up",
       (w.consents[0][0].n_grants = 2, w.grants[0][0][0].territory = place("FR"),
        w.grants[0][0][1].territory = place("DE")));
    IS("purpose_not_licensed", "a purpose that is none", w.request.purpose = -1);
    IS("model_not_granted", "a class that is none", w.request.model_class = 32);
}

/* ---- the property */

static int64_t some_time(struct seeded *r)
{
    static const int64_t times[] = { 0, NOW - WINDOW - 1, NOW - WINDOW, NOW - 1, NOW, NOW + 1, UNTIL - 1, UNTIL };

    return times[seeded_below(r, ARRAY_LEN(times))];
}

/* Every so often something is not as it should be. */
static bool rarely(struct seeded *r)
{
    return seeded_below(r, 24) == 0;
}

static struct territory some_place(struct seeded *r)
{
    static const char *const places[] = { "DE", "FR", "EU", "US", "WORLD", "EU", "EU" };

    return place(places[seeded_below(r, ARRAY_LEN(places))]);
}

static void random_consent(struct seeded *r, struct consent_facts *c, struct verdict_grant *grants)
{
    c->signature_holds = !rarely(r);
    c->revoked = rarely(r);
    c->suspended = rarely(r);
    c->role = rarely(r) ? NULL : c->role;
    c->compromised_at = rarely(r) ? some_time(r) : 0;
    c->logged_at = rarely(r) ? some_time(r) : c->logged_at;
    c->from = rarely(r) ? some_time(r) : c->from;
    c->until = rarely(r) ? some_time(r) : c->until;
    c->status_at = rarely(r) ? some_time(r) : c->status_at;
    c->prohibited = rarely(r) ? (uint32_t)seeded_next(r) : c->prohibited;
    c->n_grants = seeded_below(r, 8) ? 1 + seeded_below(r, GRANTS_MAX) : 0;
    for (size_t g = 0; g < GRANTS_MAX; g++) {
        grants[g].territory = seeded_below(r, 4) ? grants[g].territory : some_place(r);
        grants[g].purposes = seeded_below(r, 4) ? grants[g].purposes : (uint32_t)seeded_next(r);
        grants[g].model_classes = seeded_below(r, 4) ? grants[g].model_classes : (uint32_t)seeded_next(r);
    }
}

static struct world random_world(struct seeded *r)
{
    struct world w = fine();

    w.license.state = rarely(r) ? (enum license_state)seeded_below(r, LICENSE_STATES) : LICENSE_ACTIVE;
    w.license.paid = !rarely(r);
    w.license.until = rarely(r) ? some_time(r) : w.license.until;
    w.request.territory = seeded_below(r, 4) ? place("DE") : some_place(r);
    w.license.territory = seeded_below(r, 4) ? place("WORLD") : some_place(r);
    w.item.in_root = !rarely(r);
    w.item.given_back = rarely(r);
    w.item.content = rarely(r) ? (enum content_state)seeded_below(r, 4) : CONTENT_VERIFIED;
    w.item.verified_at = rarely(r) ? some_time(r) : NOW;
    w.item.opt_out = rarely(r) ? (uint32_t)seeded_next(r) : 0;
    w.item.n_contributors = rarely(r) ? 0 : 1 + seeded_below(r, PEOPLE_MAX);
    for (size_t p = 0; p < PEOPLE_MAX; p++) {
        w.people[p].n_consents = rarely(r) ? 0 : 1 + seeded_below(r, CONSENTS_MAX);
        for (size_t c = 0; c < CONSENTS_MAX; c++)
            random_consent(r, &w.consents[p][c], w.grants[p][c]);
    }
    return w;
}

static void worsen_consent(struct seeded *r, struct world *w, size_t p, size_t c)
{
    struct consent_facts *f = &w->consents[p][c];
    struct verdict_grant *g = &w->grants[p][c][seeded_below(r, GRANTS_MAX)];

    switch (seeded_below(r, 14)) {
    case 0:  f->signature_holds = false; break;
    case 1:  f->revoked = true; break;
    case 2:  f->suspended = true; break;
    case 3:  f->role = NULL; break;
    case 4:  f->logged_at = 0; break;
    case 5:  f->compromised_at = f->compromised_at ? f->compromised_at - 1 : f->logged_at; break;
    case 6:  f->from += DAY; break;
    case 7:  f->until -= DAY * (1 + (int64_t)seeded_below(r, 400)); break;
    case 8:  f->status_at = 0; break;
    case 9:  f->prohibited |= (uint32_t)seeded_next(r); break;
    case 10: f->n_grants -= f->n_grants > 0; break;
    case 11: g->purposes &= (uint32_t)seeded_next(r); break;
    case 12: g->model_classes &= (uint32_t)seeded_next(r); break;
    default: g->territory.set[seeded_below(r, 4)] &= seeded_next(r);
    }
}

/* Takes a certificate away: any of a contributor's, the others close up. */
static void take_consent(struct seeded *r, struct world *w, size_t p)
{
    size_t n = w->people[p].n_consents, gone;

    if (n == 0)
        return;
    gone = seeded_below(r, n);
    w->consents[p][gone] = w->consents[p][n - 1];
    memcpy(w->grants[p][gone], w->grants[p][n - 1], sizeof w->grants[p][gone]);
    w->people[p].n_consents--;
}

/* One thing less in favor, or one more against. */
static void worsen(struct seeded *r, struct world *w)
{
    size_t p = seeded_below(r, PEOPLE_MAX), c = seeded_below(r, CONSENTS_MAX);

    switch (seeded_below(r, 13)) {
    case 0:  w->license.state = (enum license_state)seeded_below(r, LICENSE_ACTIVE); break;
    case 1:  w->license.paid = false; break;
    case 2:  w->license.territory.set[seeded_below(r, 4)] &= seeded_next(r); break;
    case 3:  w->item.in_root = false; break;
    case 4:  w->item.content = w->item.content == CONTENT_VERIFIED ? CONTENT_CORRUPT : w->item.content; break;
    case 5:  w->item.verified_at = 0; break;
    case 6:  w->item.opt_out |= (uint32_t)seeded_next(r); break;
    case 7:  w->item.n_contributors += w->item.n_contributors > 0 && w->item.n_contributors < PEOPLE_MAX; break;
    case 8:  take_consent(r, w, p); break;
    case 9:  w->item.given_back = true; break;
    default: worsen_consent(r, w, p, c);
    }
}

static void test_monotone(void)
{
    struct seeded r = seeded_start();
    struct verdict_counts seen = { 0 };
    unsigned risen = 0, fallen = 0;

    for (int i = 0; i < 50000; i++) {
        struct world w = random_world(&r);
        enum verdict before = decide(&w);

        verdict_count(&seen, before);
        for (int step = 0; step < 4; step++) {
            enum verdict after;

            worsen(&r, &w);
            after = decide(&w);
            risen += before != VERDICT_CLEARED && after == VERDICT_CLEARED;
            fallen += before == VERDICT_CLEARED && after != VERDICT_CLEARED;
            before = after;
        }
    }
    is_int(risen, 0, "200,000 steps to the worse: none turns a refusal into a clearance");
    ok(fallen > 2500, "%u turn a clearance into a refusal", fallen);
    for (enum verdict v = 0; v < VERDICTS; v++)
        if (v != VERDICT_LICENSE_PURPOSE && v != VERDICT_NOT_IN_ROOT)
            ok(seen.by[v] > 0, "%s was among them %" PRIu64 " times", verdict_code(v), seen.by[v]);
}

/* Neither the order of contributors nor that of certificates changes the reason. */
static void test_order(void)
{
    struct seeded r = seeded_start();
    unsigned wrong = 0;

    for (int i = 0; i < 20000; i++) {
        struct world w = random_world(&r), v = w;
        size_t n = w.item.n_contributors;

        for (size_t p = 0; p < n; p++) {
            size_t from = n - 1 - p, k = w.people[from].n_consents;

            v.people[p] = w.people[from];
            for (size_t c = 0; c < k; c++) {
                v.consents[p][c] = w.consents[from][k - 1 - c];
                memcpy(v.grants[p][c], w.grants[from][k - 1 - c], sizeof v.grants[p][c]);
            }
        }
        wrong += decide(&w) != decide(&v);
    }
    is_int(wrong, 0, "order does not matter");
}

static void test_outcome(void)
{
    struct verdict_counts c = { 0 };

    is_str(verdict_outcome_name(verdict_outcome(&c)), "refused", "an empty slice");
    verdict_count(&c, VERDICT_CLEARED);
    is_str(verdict_outcome_name(verdict_outcome(&c)), "cleared", "all cleared");
    verdict_count(&c, VERDICT_CONSENT_REVOKED);
    is_str(verdict_outcome_name(verdict_outcome(&c)), "cleared_with_exclusions", "some");
    is_int((int64_t)verdict_total(&c), 2, "counted");
    c.by[VERDICT_CLEARED] = 0;
    is_str(verdict_outcome_name(verdict_outcome(&c)), "refused", "none");
}

static void test_table(void)
{
    enum verdict found;

    for (enum verdict v = 0; v < VERDICTS; v++) {
        ok(verdict_parse(verdict_code(v), &found) && found == v, "%s is its own", verdict_code(v));
        ok(strspn(verdict_code(v), "abcdefghijklmnopqrstuvwxyz_") == strlen(verdict_code(v)) && *verdict_sentence(v) &&
           *verdict_remedy(v), "and says what to do: %s", verdict_remedy(v));
    }
    ok(!verdict_parse("fine", &found), "nothing else is");
    is_int((int64_t)exclusion_codes.n, VERDICTS - 1, "entries and credentials know as many reasons");
    for (size_t i = 0; i < exclusion_codes.n; i++)
        ok(verdict_parse(exclusion_codes.code[i], &found) && found != VERDICT_CLEARED &&
           (i == 0 || strcmp(exclusion_codes.code[i - 1], exclusion_codes.code[i]) < 0), "the same, in order: %s",
           exclusion_codes.code[i]);
}

int main(void)
{
    test_license();
    test_bytes();
    test_roles();
    test_consent();
    test_monotone();
    test_order();
    test_outcome();
    test_table();
    return done_testing();
}
