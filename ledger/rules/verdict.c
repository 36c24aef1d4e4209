/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/verdict.h"

#include <assert.h>
#include <string.h>

enum where { LICENSE, ITEM, CONSENT };

static const struct { enum where where; const char *code, *sentence, *remedy; } verdicts[VERDICTS] = {
#define VERDICT(id, where_, code_, sentence_, remedy_) [VERDICT_##id] = { where_, code_, sentence_, remedy_ },
#include "ledger/rules/verdict.def"
};

static bool has_bit(uint32_t mask, int bit)
{
    return bit >= 0 && bit < 32 && (mask >> bit & 1);
}

/* Something known at `at` is known well enough now: not from the future, not older than the window. */
static bool fresh(int64_t at, int64_t now, int64_t window)
{
    return at > 0 && at <= now && now - at <= window;
}

/* ---- the license */

static bool license_refuses(enum verdict v, const struct verdict_request *r, const struct verdict_license *l)
{
    switch (v) {
    case VERDICT_LICENSE_NOT_LIVE:
        return l->state != LICENSE_ACTIVE || !l->paid || r->until <= r->now || r->now < l->from || r->until > l->until;
    case VERDICT_LICENSE_PURPOSE:   return !has_bit(l->purposes, r->purpose);
    case VERDICT_LICENSE_TERRITORY: return !territory_within(&r->territory, &l->territory);
    default:                        return false;
    }
}

enum verdict verdict_license(const struct verdict_request *r, const struct verdict_license *l)
{
    for (enum verdict v = 0; v < VERDICT_CLEARED; v++)
        if (verdicts[v].where == LICENSE && license_refuses(v, r, l))
            return v;
    return VERDICT_CLEARED;
}

/* ---- one certificate */

enum grant_question { GRANT_PURPOSE, GRANT_CLASS, GRANT_TERRITORY };

static bool granted(const struct consent_facts *c, const struct verdict_request *r, enum grant_question question)
{
    struct territory where = { 0 };
    bool purpose = false, class = false;

    for (size_t i = 0; i < c->n_grants; i++) {
        if (!has_bit(c->grants[i].purposes, r->purpose))
            continue;
        purpose = true;
        if (!has_bit(c->grants[i].model_classes, r->model_class))
            continue;
        class = true;
        territory_add(&where, &c->grants[i].territory);
    }
    return question == GRANT_PURPOSE ? purpose : question == GRANT_CLASS ? class :
           territory_within(&r->territory, &where);
}

static bool consent_refuses(enum verdict v, const struct verdict_request *r, const struct consent_facts *c,
                            const char *role)
{
    switch (v) {
    case VERDICT_ROLE_MISSING:      return !role || !c->role || strcmp(role, c->role) != 0;
    case VERDICT_SIGNATURE:         return !c->signature_holds || c->logged_at <= 0;
    case VERDICT_KEY_COMPROMISED:   return c->compromised_at != 0 && c->logged_at >= c->compromised_at;
    case VERDICT_CONSENT_REVOKED:   return c->revoked;
    case VERDICT_CONSENT_SUSPENDED: return c->suspended;
    case VERDICT_STATUS_STALE:      return !fresh(c->status_at, r->now, r->status_window);
    case VERDICT_CONSENT_NOT_BEGUN: return r->now < c->from;
    case VERDICT_CONSENT_EXPIRED:   return r->now >= c->until;
    case VERDICT_CONSENT_ENDS:      return r->until > c->until;
    case VERDICT_PROHIBITED:        return has_bit(c->prohibited, r->purpose);
    case VERDICT_PURPOSE:           return !granted(c, r, GRANT_PURPOSE);
    case VERDICT_MODEL_CLASS:       return !granted(c, r, GRANT_CLASS);
    case VERDICT_TERRITORY:         return !granted(c, r, GRANT_TERRITORY);
    default:                        return false;
    }
}

static enum verdict consent_decide(const struct verdict_request *r, const struct consent_facts *c, const char *role)
{
    for (enum verdict v = 0; v < VERDICT_CLEARED; v++)
        if (verdicts[v].where == CONSENT && consent_refuses(v, r, c, role))
            return v;
    return VERDICT_CLEARED;
}

enum verdict verdict_consent(const struct verdict_request *r, const struct consent_facts *c)
{
    return consent_decide(r, c, c->role);
}

/* The certificate that comes furthest speaks for the contributor. */
static enum verdict contributor_decide(const struct verdict_request *r, const struct contributor_facts *f)
{
    enum verdict best = VERDICT_CONSENT_MISSING;

    for (size_t i = 0; i < f->n_consents; i++) {
        enum verdict v = consent_decide(r, &f->consents[i], f->role);
        if (v > best)
            best = v;
    }
    return best;
}

/* ---- one item */

static bool item_refuses(enum verdict v, const struct verdict_request *r, const struct verdict_facts *f)
{
    switch (v) {
    case VERDICT_NOT_IN_ROOT:        return !f->in_root;
    case VERDICT_NOT_PAID:           return f->given_back;
    case VERDICT_HASH_MISMATCH:      return f->content == CONTENT_CORRUPT;
    case VERDICT_CONTENT_MISSING:    return f->content == CONTENT_MISSING;
    case VERDICT_CONTENT_UNVERIFIED: return f->content != CONTENT_VERIFIED || f->verified_at <= 0;
    case VERDICT_CONTENT_STALE:      return r->now - f->verified_at > r->content_window;
    case VERDICT_OPT_OUT:            return has_bit(f->opt_out, r->purpose);
    case VERDICT_CONSENT_MISSING:    return f->n_contributors == 0;
    default:                         return false;
    }
}

enum verdict verdict_item(const struct verdict_request *r, const struct verdict_license *l,
                          const struct verdict_facts *f)
{
    enum verdict first = verdict_license(r, l);

    for (enum verdict v = 0; v < first; v++)
        if (verdicts[v].where == ITEM && item_refuses(v, r, f))
            first = v;
    for (size_t i = 0; i < f->n_contributors; i++) {
        enum verdict v = contributor_decide(r, &f->contributors[i]);
        if (v < first)
            first = v;
    }
    return first;
}

const char *verdict_code(enum verdict v)     { return verdicts[v].code; }
const char *verdict_sentence(enum verdict v) { return verdicts[v].sentence; }
const char *verdict_remedy(enum verdict v)   { return verdicts[v].remedy; }

bool verdict_parse(const char *code, enum verdict *out)
{
    for (enum verdict v = 0; v < VERDICTS; v++)
        if (strcmp(verdicts[v].code, code) == 0) {
            *out = v;
            return true;
        }
    return false;
}

/* ---- the slice */

void verdict_count(struct verdict_counts *c, enum verdict v)
{
    assert(v < VERDICTS);
    c->by[v]++;
}

uint64_t verdict_total(const struct verdict_counts *c)
{
    uint64_t total = 0;

    for (size_t i = 0; i < VERDICTS; i++)
        total += c->by[i];
    return total;
}

enum verdict_outcome verdict_outcome(const struct verdict_counts *c)
{
    uint64_t cleared = c->by[VERDICT_CLEARED];

    if (cleared == 0)
        return OUTCOME_REFUSED;
    return cleared == verdict_total(c) ? OUTCOME_CLEARED : OUTCOME_WITH_EXCLUSIONS;
}

const char *verdict_outcome_name(enum verdict_outcome o)
{
    static const char *const names[OUTCOMES] = {
        [OUTCOME_CLEARED] = "cleared", [OUTCOME_WITH_EXCLUSIONS] = "cleared_with_exclusions",
        [OUTCOME_REFUSED] = "refused",
    };

    return names[o];
}
