/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/access.h"

#include <assert.h>
#include <string.h>

#include "ledger/rules/verdict.h"

static const struct { err error; const char *code, *sentence; } verdicts[GATE_VERDICTS] = {
#define ACCESS(id, error_, code_, sentence_) [GATE_##id] = { error_, code_, sentence_ },
#include "ledger/rules/access.def"
};

enum content_state content_state_parse(const char *name)
{
    if (!name)
        return CONTENT_MISSING;
    return strcmp(name, "verified") == 0 ? CONTENT_VERIFIED
         : strcmp(name, "corrupt") == 0  ? CONTENT_CORRUPT
         : strcmp(name, "missing") == 0  ? CONTENT_MISSING
         : CONTENT_UNVERIFIED;
}

static bool refuses(enum access_verdict v, const struct access_facts *f, int64_t now)
{
    switch (v) {
    case GATE_KEY_UNKNOWN:        return !f->key_known || !f->key_matches;
    case GATE_KEY_REVOKED:        return f->key_revoked;
    case GATE_KEY_EXPIRED:        return f->key_expires != 0 && now >= f->key_expires;
    case GATE_KEY_SCOPE:          return !f->key_in_scope;
    case GATE_PARTY_INACTIVE:     return !f->party_active;
    case GATE_LICENSE_UNKNOWN:    return !f->license_known || !f->caller_is_buyer || f->license == LICENSE_NONE;
    case GATE_ITEM_UNKNOWN:       return !f->item_known;
    case GATE_LICENSE_PENDING:    return f->license == LICENSE_PENDING;
    case GATE_LICENSE_ENDED:      return f->license != LICENSE_ACTIVE;
    case GATE_LICENSE_NOT_BEGUN:  return now < f->from;
    case GATE_LICENSE_EXPIRED:    return now >= f->until;
    case GATE_CONTENT_CORRUPT:    return f->content == CONTENT_CORRUPT;
    case GATE_CONTENT_MISSING:    return f->content == CONTENT_MISSING;
    case GATE_CONTENT_UNVERIFIED: return f->content != CONTENT_VERIFIED;
    case GATE_CLEARANCE_MISSING:  return !f->uncleared_rules && !f->cleared;
    case GATE_CONSENT_WITHDRAWN:  return !f->uncleared_rules && f->withdrawn;
    case GATE_ITEM_EXCLUDED:      return !f->uncleared_rules && f->excluded;
    case GATE_CLEARANCE_OVER:     return !f->uncleared_rules && now >= f->clearance_until;
    default:                      return false;
    }
}

enum access_verdict access_decide(const struct access_facts *f, int64_t now)
{
    for (enum access_verdict v = 0; v < GATE_IN_WINDOW; v++)
        if (refuses(v, f, now))
            return v;
    if (f->opened && now - f->opened_at < ACCESS_WINDOW_MS)
        return GATE_IN_WINDOW;
    return GATE_NEW;
}

bool access_granted(enum access_verdict v)
{
    return access_error(v) == ERR_OK;
}

err access_error(enum access_verdict v)
{
    assert(v < GATE_VERDICTS);
    return verdicts[v].error;
}

const char *access_code(enum access_verdict v)     { return verdicts[v].code; }
const char *access_sentence(enum access_verdict v) { return verdicts[v].sentence; }

const char *access_excluded(struct scope *s, const char *reason)
{
    enum verdict v;

    if (!reason || !verdict_parse(reason, &v))
        return access_sentence(GATE_ITEM_EXCLUDED);
    return scope_printf(s, "%s: %s, %s; %s", access_sentence(GATE_ITEM_EXCLUDED), reason, verdict_sentence(v),
                        verdict_remedy(v));
}
