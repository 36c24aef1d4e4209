/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/rules/access.h"

#define NOW INT64_C(1000000000000)

static struct access_facts good(void)
{
    return (struct access_facts){
        .key_known = true, .key_matches = true, .key_in_scope = true, .party_active = true, .license_known = true,
        .caller_is_buyer = true, .license = LICENSE_ACTIVE, .from = NOW - 1000, .until = NOW + 1000, .item_known = true,
        .content = CONTENT_VERIFIED, .cleared = true, .clearance_until = NOW + 1000,
    };
}

static void test_verdicts(void)
{
    struct access_facts f = good();

#define IS(verdict, why) is_str(access_code(access_decide(&f, NOW)), access_code(verdict), why)
#define WITH(change, verdict, why) do { f = good(); f.change; IS(verdict, why); } while (0)
    IS(GATE_NEW, "all facts good");
    WITH(key_known = false, GATE_KEY_UNKNOWN, "an unknown key");
    WITH(key_matches = false, GATE_KEY_UNKNOWN, "a wrong secret looks the same");
    WITH(key_revoked = true, GATE_KEY_REVOKED, "a revoked key");
    WITH(key_expires = NOW, GATE_KEY_EXPIRED, "a key expires at its instant");
    WITH(key_expires = NOW + 1, GATE_NEW, "and not before");
    WITH(key_in_scope = false, GATE_KEY_SCOPE, "a key for something else");
    WITH(party_active = false, GATE_PARTY_INACTIVE, "a suspended party");
    WITH(license_known = false, GATE_LICENSE_UNKNOWN, "no license");
    WITH(caller_is_buyer = false, GATE_LICENSE_UNKNOWN, "a foreign license looks the same");
    WITH(item_known = false, GATE_ITEM_UNKNOWN, "an item outside");
    WITH(license = LICENSE_PENDING, GATE_LICENSE_PENDING, "not paid yet");
    WITH(license = LICENSE_ENDED, GATE_LICENSE_ENDED, "ended");
    WITH(from = NOW, GATE_NEW, "the term begins with its first instant");
    WITH(from = NOW + 1, GATE_LICENSE_NOT_BEGUN, "and not before");
    WITH(until = NOW + 1, GATE_NEW, "and lasts to just before its end");
    WITH(until = NOW, GATE_LICENSE_EXPIRED, "its end is excluded");
    WITH(content = CONTENT_CORRUPT, GATE_CONTENT_CORRUPT, "corrupt bytes");
    WITH(content = CONTENT_MISSING, GATE_CONTENT_MISSING, "missing bytes");
    WITH(content = CONTENT_UNVERIFIED, GATE_CONTENT_UNVERIFIED, "bytes not verified");
    WITH(cleared = false, GATE_CLEARANCE_MISSING, "no clearance");
    WITH(clearance_until = NOW + 1, GATE_NEW, "a clearance lasts to just before its end");
    WITH(clearance_until = NOW, GATE_CLEARANCE_OVER, "its end is excluded");
    WITH(excluded = true, GATE_ITEM_EXCLUDED, "an item that it leaves out");
    WITH(withdrawn = true, GATE_CONSENT_WITHDRAWN, "a consent withdrawn since");
    f = good();
    f.uncleared_rules = f.withdrawn = f.excluded = true;
    f.cleared = false;
    IS(GATE_NEW, "rules version 1 know no clearances");
    f = good();
    f.opened = true;
    f.opened_at = NOW - ACCESS_WINDOW_MS + 1;
    IS(GATE_IN_WINDOW, "a window that is open");
    f.license = LICENSE_ENDED;
    IS(GATE_LICENSE_ENDED, "does not outlive its license");
    f.license = LICENSE_ACTIVE;
    f.withdrawn = true;
    IS(GATE_CONSENT_WITHDRAWN, "nor a consent");
    f.withdrawn = false;
    f.opened_at = NOW - ACCESS_WINDOW_MS;
    IS(GATE_NEW, "a window that has closed");
    f = (struct access_facts){ 0 };
    IS(GATE_KEY_UNKNOWN, "no facts at all");
}

/* With everything wrong, mending one fact after another walks the table: nobody learns a later answer first. */
static void test_order(void)
{
    static const enum access_verdict order[] = {
        GATE_KEY_UNKNOWN, GATE_KEY_REVOKED, GATE_KEY_SCOPE, GATE_PARTY_INACTIVE, GATE_LICENSE_UNKNOWN,
            GATE_ITEM_UNKNOWN,
        GATE_LICENSE_ENDED, GATE_LICENSE_EXPIRED, GATE_CONTENT_CORRUPT, GATE_CLEARANCE_MISSING,
        GATE_CONSENT_WITHDRAWN, GATE_ITEM_EXCLUDED,
        GATE_CLEARANCE_OVER, GATE_NEW,
    };
    struct access_facts f = { .key_revoked = true, .license = LICENSE_ENDED, .until = NOW - 1, .withdrawn = true,
                              .excluded = true, .content = CONTENT_CORRUPT };

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        IS(order[i], "next in the table");
        switch (order[i]) {
        case GATE_KEY_UNKNOWN:     f.key_known = f.key_matches = true; break;
        case GATE_KEY_REVOKED:     f.key_revoked = false; break;
        case GATE_KEY_SCOPE:       f.key_in_scope = true; break;
        case GATE_PARTY_INACTIVE:  f.party_active = true; break;
        case GATE_LICENSE_UNKNOWN: f.license_known = f.caller_is_buyer = true; break;
        case GATE_ITEM_UNKNOWN:    f.item_known = true; break;
        case GATE_LICENSE_ENDED:   f.license = LICENSE_ACTIVE; break;
        case GATE_LICENSE_EXPIRED: f.until = NOW + 1; break;
        case GATE_CONTENT_CORRUPT: f.content = CONTENT_VERIFIED; break;
        case GATE_CLEARANCE_MISSING: f.cleared = true; break;
        case GATE_CONSENT_WITHDRAWN: f.withdrawn = false; break;
        case GATE_ITEM_EXCLUDED:   f.excluded = false; break;
        default:                   f.clearance_until = NOW + 1; break;
        }
    }
}

static struct access_facts facts_of(unsigned bits, enum license_state license, enum content_state content)
{
    return (struct access_facts){
        .key_known = bits & 1, .key_matches = bits & 2, .key_in_scope = bits & 4, .party_active = bits & 8,
        .license_known = bits & 16, .caller_is_buyer = bits & 32, .item_known = bits & 64, .key_revoked = !(bits & 128),
        .from = bits & 256 ? NOW : NOW + 1, .until = bits & 512 ? NOW + 1 : NOW, .license = license, .content = content,
        .cleared = bits & 1024, .clearance_until = bits & 2048 ? NOW + 1 : NOW, .excluded = !(bits & 4096),
        .withdrawn = !(bits & 8192),
    };
}

/* Every combination: granted only if every fact holds, so taking any one away refuses. */
static void test_monotone(void)
{
    unsigned granted = 0, wrong = 0;

    for (unsigned bits = 0; bits < 16384; bits++)
        for (int l = 0; l < LICENSE_STATES; l++)
            for (int c = 0; c <= CONTENT_MISSING; c++) {
                struct access_facts f = facts_of(bits, (enum license_state)l, (enum content_state)c);
                bool may = access_granted(access_decide(&f, NOW));
                granted += may;
                wrong += may != (bits == 16383 && l == LICENSE_ACTIVE && c == CONTENT_VERIFIED);
            }
    is_int(granted, 1, "exactly one combination of facts is granted");
    is_int(wrong, 0, "the one where all hold");
}

static void test_errors(void)
{
    for (enum access_verdict v = 0; v < GATE_VERDICTS; v++)
        ok((access_error(v) == ERR_OK) == (v >= GATE_IN_WINDOW) && *access_code(v) && *access_sentence(v), "%s",
           access_code(v));
}

static void test_content(void)
{
    static const struct { const char *name; enum content_state want; } rows[] = {
        { "verified", CONTENT_VERIFIED }, { "unverified", CONTENT_UNVERIFIED }, { "corrupt", CONTENT_CORRUPT },
        { "missing", CONTENT_MISSING }, { NULL, CONTENT_MISSING }, { "", CONTENT_UNVERIFIED },
        { "Verified", CONTENT_UNVERIFIED }, { "verified ", CONTENT_UNVERIFIED },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ok(content_state_parse(rows[i].name) == rows[i].want, "content that is '%s'",
           rows[i].name ? rows[i].name : "(none)");
}

int main(void)
{
    test_content();
    test_verdicts();
    test_order();
    test_monotone();
    test_errors();
    return done_testing();
}
