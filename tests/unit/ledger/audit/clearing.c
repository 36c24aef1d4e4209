/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/keys/sha256.h"
#include "tests/unit/ledger/audit/longer.h"

/*
 * Rules version 2: a log that began under version 1 goes on, from consent to payout. Every way of cheating that its
 * rules are there to find, and states that were saved in older forms.
 */

/* ---- cheats that entries alone show */

static const struct {
    const char *why;
    enum bend how;
    int act, other;
    const char *field;
    struct entry_value value;
    enum audit_rule_id rule;
} cheats[] = {
    { "rules that change in silence", DROP, CHANGED, .rule = RULE_ENTRY_RULES },
    { "rules that change twice", AGAIN, CHANGED, .rule = RULE_RULES_CHANGED },
    { "a change to other rules than its own", SET, CHANGED, .field = "versions",
      .value = J("{\"entry\":1,\"rules\":3}"), .rule = RULE_RULES_CHANGED },
    { "another entry format", SET, CHANGED, .field = "versions", .value = J("{\"entry\":2,\"rules\":2}"),
      .rule = RULE_RULES_CHANGED },
    { "a key of nobody", SET, REKEYED, .field = "party", .value = T(ID("pty", "zz")), .rule = RULE_PARTY_CHANGED },
    { "a creator's key in public", SET, REKEYED, .field = "party", .value = T(ID("pty", "03")),
      .rule = RULE_PARTY_KEY },
    { "a consent granted twice", AGAIN, CONSENT_0, .rule = RULE_CONSENT_ONCE },
    { "a revoked consent granted again", AGAIN, CONSENT_1, .rule = RULE_CONSENT_ONCE },
    { "a consent over before it begins", SET, CONSENT_0, .field = "until", .value = T(FROM_TEXT),
      .rule = RULE_CONSENT_TERM },
    { "a consent over nothing", SET, CONSENT_0, .field = "item_count", .value = N(0), .rule = RULE_CONSENT_COVERAGE },
    { "two consents in one place", SET, CONSENT_1, .field = "status_index", .value = N(0), .rule = RULE_CONSENT_PLACE },
    { "a revocation twice", AGAIN, REVOKED, .rule = RULE_CONSENT_WITHDRAWN },
    { "a suspension after the revocation", AGAIN, SUSPENDED, .rule = RULE_CONSENT_WITHDRAWN },
    { "a withdrawal of no consent", SET, SUSPENDED, .field = "consent", .value = T(ID("cns", "zz")),
      .rule = RULE_CONSENT_WITHDRAWN },
    { "a certificate issued twice", AGAIN, CERTIFIED, .rule = RULE_CERTIFICATE_ONCE },
    { "a certificate by a buyer", SET, CERTIFIED, .field = "certifier", .value = T(ID("pty", "02")),
      .rule = RULE_CERTIFICATE_CERTIFIER },
    { "a certificate by nobody", SET, CERTIFIED, .field = "certifier", .value = T(ID("pty", "zz")),
      .rule = RULE_CERTIFICATE_CERTIFIER },
    { "a certificate of no version", SET, CERTIFIED, .field = "version", .value = T(ID("ver", "zz")),
      .rule = RULE_CERTIFICATE_VERSION },
    { "a certificate over before it begins", SET, CERTIFIED, .field = "until", .value = T(FROM_TEXT),
      .rule = RULE_CERTIFICATE_TERM },
    { "a certificate revoked twice", AGAIN, UNCERTIFIED, .rule = RULE_CERTIFICATE_REVOKED },
    { "a revocation of no certificate", SET, UNCERTIFIED, .field = "certificate", .value = T(ID("crt", "zz")),
      .rule = RULE_CERTIFICATE_REVOKED },
    { "a list of the future", SET, LIST_3, .field = "as_of", .value = N(40), .rule = RULE_STATUS_LIST },
    { "a list that goes back", SET, LIST_3, .field = "as_of", .value = N(18), .rule = RULE_STATUS_LIST },
    { "a clearance issued twice", AGAIN, CLEARED_0, .rule = RULE_CLEARANCE_ONCE },
    { "a clearance denied twice", AGAIN, DENIED_B, .rule = RULE_CLEARANCE_ONCE },
    { "a denied clearance issued", SET, DENIED_B, .field = "clearance", .value = T(CLR_0),
      .rule = RULE_CLEARANCE_ONCE },
    { "a clearance of no license", SET, DENIED_B, .field = "license", .value = T(ID("lic", "zz")),
      .rule = RULE_CLEARANCE_LICENSE },
    { "a clearance before its license", SWAP, GRANTED_B, DENIED_B, .rule = RULE_CLEARANCE_LICENSE },
    { "a clearance that outlives its license", SET, CLEARED_B, .field = "until", .value = T("2026-12-23T10:15:30.124Z"),
      .rule = RULE_CLEARANCE_TERM },
    { "a clearance for another purpose", SET, CLEARED_B, .field = "purpose", .value = T("evaluation"),
      .rule = RULE_CLEARANCE_PURPOSE },
    { "a clearance as of the future", SET, CLEARED_B, .field = "as_of", .value = N(26), .rule = RULE_CLEARANCE_AS_OF },
    { "a clearance by checks that there are not", SET, CLEARED_B, .field = "policy_version",
      .value = N(VERDICT_POLICY_VERSION + 1), .rule = RULE_CLEARANCE_POLICY },
    { "a clearance by no checks", SET, CLEARED_B, .field = "policy_version", .value = N(0),
      .rule = RULE_CLEARANCE_POLICY },
    { "a clearance of nothing", SET, CLEARED_B, .field = "counts", .value = J("{\"consent_missing\":4}"),
      .rule = RULE_CLEARANCE_COUNTS },
    { "a denial that leaves items out", SET, DENIED_B, .field = "counts", .value = J("{\"consent_missing\":3}"),
      .rule = RULE_CLEARANCE_COUNTS },
    { "a clearance withdrawn twice", AGAIN, UNCLEARED, .rule = RULE_CLEARANCE_WITHDRAWN },
    { "a withdrawal of no clearance", SET, UNCLEARED, .field = "clearance", .value = T(ID("clr", "zz")),
      .rule = RULE_CLEARANCE_WITHDRAWN },
    { "a withdrawal for another license", SET, UNCLEARED, .field = "license", .value = T(LIC_0),
      .rule = RULE_CLEARANCE_WITHDRAWN },
    { "an access under no clearance", SET, ACCESS_B, .field = "clearance", .value = T(ID("clr", "zz")),
      .rule = RULE_ACCESS_CLEARANCE },
    { "an access under a clearance that was denied", SET, ACCESS_B, .field = "clearance", .value = T(ID("clr", "02")),
      .rule = RULE_ACCESS_CLEARANCE },
    { "an access under another license's clearance", SET, ACCESS_B, .field = "clearance", .value = T(CLR_0),
      .rule = RULE_ACCESS_CLEARANCE },
    { "an access before its clearance", SWAP, CLEARED_0, ACCESS_A, .rule = RULE_ACCESS_CLEARANCE },
    { "an access after the clearance's withdrawal", MOVE_LAST, ACCESS_B, .rule = RULE_ACCESS_CLEARANCE },
    { "an access at the very end of its clearance", SET, CLEARED_0, .field = "until",
      .value = T("2026-11-23T10:15:30.138Z"), .rule = RULE_ACCESS_CLEARANCE },
    { "a refund posted twice", AGAIN, REFUND_B, .rule = RULE_REFUND_ONCE },
    { "a refund of no payment", SET, REFUND_B, .field = "payment", .value = T(ID("pay", "zz")),
      .rule = RULE_REFUND_PAYMENT },
    { "a refund of a top-up", SET, REFUND_B, .field = "payment", .value = T(ID("pay", "00")),
      .rule = RULE_REFUND_PAYMENT },
    { "a refund of another license's payment", SET, REFUND_B, .field = "license", .value = T(LIC_0),
      .rule = RULE_REFUND_PAYMENT },
    { "a refund before any clearance", SWAP, CLEARED_B, REFUND_B, .rule = RULE_REFUND_CLEARED },
    { "a payment allocated twice", AGAIN, ALLOCATED_A, .rule = RULE_ALLOCATION_ONCE },
    { "an allocation of no payment", SET, ALLOCATED_B, .field = "payment", .value = T(ID("pay", "zz")),
      .rule = RULE_ALLOCATION_PAYMENT },
    { "an allocation for another license", SET, ALLOCATED_B, .field = "license", .value = T(LIC_0),
      .rule = RULE_ALLOCATION_PAYMENT },
    { "an allocation by another rule", SET, ALLOCATED_B, .field = "split_digest", .value = H(&root_a),
      .rule = RULE_ALLOCATION_SPLIT },
    { "a payout instructed twice", AGAIN, PAYOUT_0, .rule = RULE_PAYOUT_STATE },
    { "a payout settled twice", AGAIN, SETTLED, .rule = RULE_PAYOUT_STATE },
    { "a payout that fails twice", AGAIN, FAILED, .rule = RULE_PAYOUT_STATE },
    { "a payout that is settled before it is instructed", SET, SETTLED, .field = "payout", .value = T(ID("pyo", "01")),
      .rule = RULE_PAYOUT_STATE },
    { "a payout settled without an instruction", DROP, PAYOUT_0, .rule = RULE_PAYOUT_STATE },
    { "a payout settled in another run", SET, SETTLED, .field = "run", .value = T(ID("run", "zz")),
      .rule = RULE_PAYOUT_STATE },
};

/* Cheats that lists or disclosures show, and entries alone don't. */
static const struct {
    const char *why, *field;
    int act;
    struct entry_value value;
    enum audit_rule_id rule;
} private_cheats[] = {
    { "a consent by nobody", "creator", CONSENT_0, T(ID("pty", "zz")), RULE_CONSENT_CREATOR },
    { "a refund to somebody else", "buyer", REFUND_B, T(ID("pty", "01")), RULE_REFUND_SUM },
    { "a refund in another currency", "currency", REFUND_B, T("USD"), RULE_REFUND_SUM },
    { "a refund of a micro-unit less than is due", "amount", REFUND_B, T("3.119999"), RULE_REFUND_EXACT },
    { "a refund of a micro-unit more", "amount", REFUND_B, T("3.120001"), RULE_REFUND_EXACT },
    { "a refund of everything, though somebody is paid", "amount", REFUND_B, T("4.24"), RULE_REFUND_EXACT },
    { "a fee other than the offer's document says", "fee_digest", OFFERED, H(&root_a), RULE_OFFER_RULES },
    { "an allocation of other lines", "lines_root", ALLOCATED_B, H(&root_b), RULE_ALLOCATION_LINES },
    { "an allocation to fewer creators", "line_count", ALLOCATED_B, N(1), RULE_ALLOCATION_LINES },
    { "a payout of more than its account has", "amount", PAYOUT_1, T("9.01"), RULE_PAYOUT_ACCRUED },
    { "a payout to a stranger", "account", PAYOUT_1, T(ID("acc", "zz")), RULE_PAYOUT_ACCRUED },
    { "a payout in another currency", "currency", PAYOUT_1, T("USD"), RULE_PAYOUT_ACCRUED },
    { "a clearance of other rows", "rows_root", CLEARED_B, H(&root_b), RULE_CLEARANCE_ROWS },
    { "a clearance resting on a consent for other purposes", "purposes", CONSENT_0, J("[\"evaluation\"]"),
      RULE_CLEARANCE_CONSENTS },
    { "a clearance resting on a consent that ends before", "until", CONSENT_0, T("2026-11-24T10:15:30.122Z"),
      RULE_CLEARANCE_CONSENTS },
    { "a clearance resting on a consent of the future", "from", CONSENT_0, T("2026-11-23T10:15:30.143Z"),
      RULE_CLEARANCE_CONSENTS },
    { "a clearance resting on a consent of nobody", "consent", CONSENT_0, T(ID("cns", "02")), RULE_CLEARANCE_CONSENTS },
    { "an access to an item that was not cleared", "item_number", ACCESS_B, N(8), RULE_ACCESS_COVERED },
    { "an access after a suspension", "item_number", ACCESS_C, N(6), RULE_ACCESS_CONSENT },
    { "a slice that picks the whole but is less", "slice", GRANTED_B, J("{}"), RULE_LICENSE_SLICE },
};

/* What is found in the acts, with the private parts or without. */
static void audit_acts(const char *why, const struct act *acts, size_t n, bool disclose, enum audit_rule_id rule,
                       bool all)
{
    struct audit_report r;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    log_init(&l);
    l.disclose = disclose;
    log_lists(&l);
    for (size_t i = 0; i < n; i++)
        log_act(&l, &acts[i]);
    ok(audited(&s, &l, &r) == ERR_OK && r.advanced, "%s: checked to the end", why);
    if (rule == RULES)
        ok(r.findings == 0, "%s: nothing found", why);
    else
        ok(only_finding(&r, rule), "%s: %s", why, audit_rules[rule].name);
    for (const struct audit_finding *f = rule == RULES ? r.first : NULL; f; f = f->next)
        printf("# entry %" PRIu64 " %s: expected %s, found %s\n", f->index, audit_rules[f->rule].name, f->expected,
               f->found);
    if (rule == RULES && all)
        /* The certificate and its withdrawal are not served (certificates.c has them). */
        ok(disclose ? r.listed >= 5 && r.unlisted == 2 : r.listed == 0 && r.unlisted >= 7, "%s: its lists", why);
    log_free(&l);
    scope_free(&s);
}

static void run(const char *why, const struct act *acts, size_t n, bool disclose, enum audit_rule_id rule)
{
    audit_acts(why, acts, n, disclose, rule, true);
}

static void test_cheats(void)
{
    struct act acts[LONG_ACTS + 1];

    run("the honest story", acts, tell(acts), false, RULES);
    for (size_t i = 0; i < ARRAY_LEN(cheats); i++) {
        size_t n = tell(acts);
        if (cheats[i].how == SET)
            act_value(&acts[cheats[i].act], cheats[i].field)->value = cheats[i].value;
        if (cheats[i].how == AGAIN && cheats[i].act == CHANGED)
            acts[n].rules = RULES_VERSION;
        n = bend(acts, n, cheats[i].how, cheats[i].act, cheats[i].other);
        if (cheats[i].act == CHANGED && cheats[i].how == DROP)
            for (size_t j = CHANGED; j < n; j++)
                acts[j].rules = 2;
        run(cheats[i].why, acts, n, false, cheats[i].rule);
    }
}

static void test_private_cheats(void)
{
    struct act acts[LONG_ACTS + 1];
    size_t n = tell(acts);

    run("the honest story, disclosed", acts, n, true, RULES);
    for (size_t i = 0; i < ARRAY_LEN(private_cheats); i++) {
        tell(acts);
        act_value(&acts[private_cheats[i].act], private_cheats[i].field)->value = private_cheats[i].value;
        run(private_cheats[i].why, acts, n, true, private_cheats[i].rule);
    }
}

/* An account's lines have the numbers 1, 2, 3 …: none is left out, none is there again. */
static void test_numbers(void)
{
    struct act acts[LONG_ACTS + 1];
    size_t n = tell(acts);

    for (second_number = 1; second_number <= 3; second_number += 2)
        run("another number of a line", acts, n, true, RULE_ALLOCATION_LINES);
    second_number = 2;
}

static void set(struct act *x, const char *field, struct entry_value value)
{
    act_value(x, field)->value = value;
}

static void unset(struct act *x, const char *field)
{
    struct named_value *v = act_value(x, field), *end = x->value + ENTRY_FIELDS_MAX - 1;

    memmove(v, v + 1, (size_t)(end - v) * sizeof *v);
}

/* Who made an item has consented to it, whoever else has. */
static void test_contributors(void)
{
    struct act acts[LONG_ACTS + 1];
    size_t n = tell(acts);

    consentless = 2;
    run("an item that rests on no consent", acts, n, true, RULE_CLEARANCE_CONTRIBUTORS);
    consentless = 99;
    strangers = 4;
    run("an item that rests on a stranger's consent", acts, n, true, RULE_CLEARANCE_CONTRIBUTORS);
    strangers = 99;
    needless = 3;
    run("a consent to what nobody made", acts, n, true, RULE_CLEARANCE_CONTRIBUTORS);
    needless = 99;
}

/* Cheats that take more than one bend. */
static void test_more(void)
{
    struct act acts[LONG_ACTS + 1];
    size_t n = tell(acts);

    unset(&acts[ACCESS_C], "clearance");
    run("an access under no clearance at all", acts, n, false, RULE_ACCESS_CLEARANCE);

    tell(acts);
    acts[REFUND_B] = acts[CLEARED_B];
    acts[CLEARED_B] = acts[ALLOCATED_B];
    acts[ALLOCATED_B] = rest[REFUND_B - FIRST];
    run("an allocation before any clearance", acts, n, false, RULE_ALLOCATION_CLEARED);

    tell(acts);
    acts[REVOKED] = acts[SUSPENDED];
    acts[REVOKED].at = START + 23;
    run("a suspension twice", acts, n, false, RULE_CONSENT_WITHDRAWN);

    tell(acts);
    acts[SUSPENDED] = acts[REVOKED];
    acts[SUSPENDED].at = START + 21;
    acts[REVOKED] = acts[ACCESS_C];
    acts[REVOKED].at = START + 23;
    set(&acts[REVOKED], "item_number", (struct entry_value)N(6));
    run("an access after a revocation", acts, n, true, RULE_ACCESS_CONSENT);
    run("an access after a revocation, as outsiders see it", acts, n, false, RULES);

    for (uint64_t items = 10; items <= 11; items++) {
        tell(acts);
        set(&acts[GRANTED_B], "item_count", EV_COUNT(items));
        set(&acts[DENIED_B], "counts", items == 10 ? (struct entry_value)J("{\"consent_missing\":10}")
                                                   : (struct entry_value)J("{\"consent_missing\":11}"));
        run("a slice as large as the version, with another root, or larger", acts, n, false, RULE_LICENSE_WHOLE);
    }
    tell(acts);
    set(&acts[GRANTED_B], "slice_root", EV_HASH(&items_0));
    run("a slice with the version's root", acts, n, false, RULE_LICENSE_WHOLE);
    set(&acts[GRANTED_B], "item_count", EV_COUNT(10));
    set(&acts[GRANTED_B], "slice_root", EV_HASH(&items_0));
    set(&acts[DENIED_B], "counts", (struct entry_value)J("{\"consent_missing\":10}"));
    run("a slice that is the version", acts, n, false, RULES);

    tell(acts);
    acts[n] = acts[REFUND_B];
    acts[n].at = acts[n - 1].at;
    set(&acts[n], "refund", EV_TEXT(ID("ref", "01")));
    set(&acts[n], "amount", EV_TEXT("1.12"));
    run("a late refund of the fee", acts, n + 1, true, RULES);
    set(&acts[n], "amount", EV_TEXT("1.13"));
    run("refunds of more than was left", acts, n + 1, true, RULE_REFUND_SUM);
}

/* A license that ends without a clearance: all of its payment goes back, once. */
static void test_given_up(void)
{
    struct act acts[LONG_ACTS + 1], end = { .type = ENTRY_LICENSE_ENDED, .at = START + 19, .value = {
        { "license", EV_TEXT(LIC_1) }, { "reason", EV_TEXT("ended_by_buyer") } } };
    size_t n = REFUND_B + 1;

    tell(acts);
    acts[CLEARED_B] = end;
    set(&acts[REFUND_B], "amount", EV_TEXT("12.50"));
    audit_acts("all that was paid, after the end", acts, n, true, RULES, false);
    set(&acts[REFUND_B], "amount", EV_TEXT("12.49"));
    audit_acts("less than was paid", acts, n, true, RULE_REFUND_WHOLE, false);
    set(&acts[REFUND_B], "amount", EV_TEXT("12.50"));
    acts[n] = acts[REFUND_B];
    set(&acts[n], "refund", EV_TEXT(ID("ref", "01")));
    audit_acts("all of it twice", acts, n + 1, true, RULE_REFUND_SUM, false);
    acts[CLEARED_B] = acts[REFUND_B];
    acts[REFUND_B] = end;
    audit_acts("before the end", acts, n, true, RULE_REFUND_CLEARED, false);

    tell(acts);                                      /* the first license was used before there were clearances */
    acts[CLEARED_0] = end;
    set(&acts[CLEARED_0], "license", EV_TEXT(LIC_0));
    acts[ACCESS_A] = acts[REFUND_B];
    acts[CLEARED_0].at = acts[ACCESS_A].at = START + 14;
    set(&acts[ACCESS_A], "license", EV_TEXT(LIC_0));
    set(&acts[ACCESS_A], "payment", EV_TEXT(ID("pay", "01")));
    audit_acts("after accesses", acts, ACCESS_A + 1, true, RULE_REFUND_CLEARED, false);
}

/* What the first clearance left out was refunded: a later one can't clear it. */
static void test_unpaid(void)
{
    static const struct { uint64_t items[4]; size_t n; const char *counts; enum audit_rule_id rule; } rows[] = {
        { { 2, 4, 6, 9 }, 4, "{}", RULE_CLEARANCE_PAID }, { { 2, 4 }, 2, "{\"consent_missing\":2}", RULES },
        { { 2, 5, 6 }, 3, "{\"consent_missing\":1}", RULE_CLEARANCE_PAID },
    };
    struct act acts[LONG_ACTS + 1];

    tell(acts);
    acts[REFUND_B + 1] = acts[CLEARED_B];
    set(&acts[REFUND_B + 1], "clearance", EV_TEXT(CLR_2));
    set(&acts[REFUND_B + 1], "rows_root", EV_HASH(&rows_2));
    set(&acts[REFUND_B + 1], "document", EV_HASH(&cleared_2));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bytes counts = { (const uint8_t *)rows[i].counts, strlen(rows[i].counts) };
        later_rows = rows[i].items;
        n_later_rows = rows[i].n;
        set(&acts[REFUND_B + 1], "counts", EV_JSON(counts));
        audit_acts("a later clearance", acts, REFUND_B + 2, true, rows[i].rule, false);
    }
    n_later_rows = 0;
}

/* Totals that are not the payment less refund and fee, with lines that sum to them. */
static void test_exact(void)
{
    static const struct { const char *why, *first, *second, *total; enum audit_rule_id rule; } rows[] = {
        { "an allocation of a micro-unit more", "5.502933", "2.751468", "8.254401", RULE_ALLOCATION_EXACT },
        { "an allocation of a micro-unit less", "5.502933", "2.751466", "8.254399", RULE_ALLOCATION_EXACT },
        { "an allocation of more than was left", "5.50", "3.89", "9.39", RULE_ALLOCATION_SUM },
        { "lines that sum to a micro-unit less", "5.502933", "2.751466", "8.2544", RULE_ALLOCATION_LINES },
        { "a micro-unit moved from one line to another", "5.502932", "2.751468", "8.2544", RULE_ALLOCATION_SHARES },
        { "a micro-unit moved back", "5.502934", "2.751466", "8.2544", RULE_ALLOCATION_SHARES },
        { "another's line", "2.751467", "5.502933", "8.2544", RULE_ALLOCATION_SHARES },
    };
    struct act acts[LONG_ACTS + 1];
    const char *honest_a = line_a, *honest_b = line_b;
    size_t n = tell(acts);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        tell(acts);
        line_a = rows[i].first;
        line_b = rows[i].second;
        set(&acts[ALLOCATED_B], "total", EV_TEXT(rows[i].total));
        audit_acts(rows[i].why, acts, ALLOCATED_B + 1, true, rows[i].rule, false);
    }
    tell(acts);
    line_a = "5.00";
    line_b = "0.50";
    set(&acts[CLEARED_B], "counts", (struct entry_value)J("{\"consent_missing\":2}"));
    set(&acts[REFUND_B], "amount", EV_TEXT("6.25"));
    set(&acts[ALLOCATED_B], "total", EV_TEXT("5.50"));
    audit_acts("a clearance of fewer items than its rows, paid so", acts, ALLOCATED_B + 1, true, RULE_CLEARANCE_ROWS,
               false);
    line_a = honest_a;
    line_b = honest_b;
    tell(acts);
    acts[REFUND_B] = acts[VERIFIED];
    acts[REFUND_B].at = START + 19;
    run("no refund of what was not cleared", acts, n, true, RULE_REFUND_EXACT);
}

/* A document beside the log, changed in one byte. */
static void shares_until(const char *why, const char *name, size_t from, char to, enum audit_rule_id rule, int last)
{
    struct act acts[LONG_ACTS + 1];
    struct audit_report r;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    log_init(&l);
    l.disclose = true;
    tell(acts);
    log_lists(&l);
    for (size_t i = 0; i < l.n_documents; i++)
        if (strcmp(l.document[i].name, name) == 0) {
            if (to)
                l.document[i].text.p[from] = to;
            else
                l.document[i].name = "";             /* not to be had */
        }
    for (int i = 0; i <= last; i++)
        log_act(&l, &acts[i]);
    ok(audited(&s, &l, &r) == ERR_OK && r.advanced, "%s: checked to the end", why);
    if (rule == RULES)
        ok(r.findings == 0 && r.unlisted == 2, "%s: nothing found, and counted", why);
    else
        ok(only_finding(&r, rule), "%s: %s", why, audit_rules[rule].name);
    log_free(&l);
    scope_free(&s);
}

static void shares_with(const char *why, const char *name, size_t from, char to, enum audit_rule_id rule)
{
    shares_until(why, name, from, to, rule, ALLOCATED_B);
}

/* Who is paid by the bytes of an item, and what an audit needs for that. */
static void test_shares(void)
{
    static const char account[] = "{\"account\":\"" ID("acc", "0"), party[] = "{\"account\":\"" ID("acc", "00")
                      "\",\"party\":\"" ID("pty", "0"),
                      id[] = "{\"credentialSubject\":{\"publisher\":{\"id\":\"" ID("pty", "0");
    struct act acts[LONG_ACTS + 1];

    shares_with("a license's document of another publisher", "licenses/" LIC_0 "/document", sizeof id - 1, '2',
                RULE_LICENSE_DOCUMENT);
    shares_with("no license's document", "licenses/" LIC_0 "/document", 0, 0, RULES);
    shares_with("no list of parties", "allocations/" ID("alc", "01") "/parties", 0, 0, RULES);
    shares_with("details of another root", "licenses/" LIC_0 "/details", 20, '!', RULE_VERSION_LISTS);
    shares_with("a line of another account", "allocations/" ID("alc", "01") "/parties", sizeof account - 1, '2',
                RULE_ALLOCATION_SHARES);
    shares_with("an account that was another party's", "allocations/" ID("alc", "01") "/parties", sizeof party - 1, '1',
                RULE_ALLOCATION_SHARES);
    shares_with("a party who made nothing", "allocations/" ID("alc", "00") "/parties", sizeof party - 1, '9',
                RULE_ALLOCATION_SHARES);

    shares_until("one party's part twice, and another's not", "allocations/" ID("alc", "00") "/parties",
                 2 * (sizeof party - 1) + sizeof "3\"}\n" - 1, '3', RULE_ALLOCATION_SHARES, ALLOCATED_A);

    shares_with("a line of nobody", "allocations/" ID("alc", "00") "/parties",
                sizeof party - 8 - sizeof ID("pty", "0"), 'x', RULE_ALLOCATION_SHARES);

    split_by = SPLIT_PER_BYTE;
    tell(acts);
    line_a0 = "4.40";
    line_b0 = "6.60";
    line_a = "4.402347";
    line_b = "3.852053";
    audit_acts("split by bytes", acts, ALLOCATED_B + 1, true, RULES, false);
    shares_with("items of another root", "licenses/" LIC_0 "/items", 20, '!', RULE_VERSION_LISTS);
    line_a0 = "5.50";
    line_b0 = "5.50";
    line_a = "5.502933";
    line_b = "2.751467";
    audit_acts("by bytes, but split by items", acts, ALLOCATED_B + 1, true, RULE_ALLOCATION_SHARES, false);
    split_by = SPLIT_PER_ITEM;
}

/* What a license of four items costs: for the slice, or for each item and at least the minimum. */
static void test_price(void)
{
    static const char flat[] = "\"currency\":\"EUR\"}", each[] = "\"currency\":\"EUR\",\"kind\":\"per_item\"}",
        least[] = "\"currency\":\"EUR\",\"kind\":\"per_item\",\"minimum\":\"20.00\"}",
        odd[] = "\"currency\":\"EUR\",\"minimum\":\"20.00\"}";
    static const struct { const char *price, *tail, *amount; enum audit_rule_id rule; } rows[] = {
        { "12.50", flat, "12.50", RULES }, { "12.50", flat, "12.49", RULE_LICENSE_PRICE },
        { "12.50", flat, "50.00", RULE_LICENSE_PRICE }, { "3.125", each, "12.50", RULES },
        { "3.125", each, "12.51", RULE_LICENSE_PRICE }, { "12.50", each, "12.50", RULE_LICENSE_PRICE },
        { "3.125", least, "20.00", RULES }, { "3.125", least, "12.50", RULE_LICENSE_PRICE },
        { "12.50", odd, "12.50", RULE_MONEY_FORM },
    };
    struct act acts[LONG_ACTS + 1];
    size_t n = tell(acts);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char price[128];
        size_t len = (size_t)snprintf(price, sizeof price, "{\"amount\":\"%s\",%s", rows[i].price, rows[i].tail);
        tell(acts);
        acts[PAYOUT_0] = acts[OFFERED];              /* a second revision, under version 2, and a license by it */
        acts[PAYOUT_0].at = acts[PAYOUT_1].at = acts[SETTLED].at = START + 25;
        set(&acts[PAYOUT_0], "revision", EV_COUNT(2));
        set(&acts[PAYOUT_0], "price", EV_JSON(((struct bytes){ (const uint8_t *)price, len })));
        acts[SETTLED] = acts[PAID_B];
        acts[PAYOUT_1] = acts[GRANTED_B];
        acts[SETTLED].at = acts[PAYOUT_1].at = START + 25;
        acts[FAILED] = acts[VERIFIED];
        acts[FAILED].at = START + 25;
        set(&acts[SETTLED], "license", EV_TEXT(ID("lic", "02")));
        set(&acts[SETTLED], "payment", EV_TEXT(ID("pay", "03")));
        set(&acts[SETTLED], "amount", EV_TEXT(rows[i].amount));
        set(&acts[PAYOUT_1], "license", EV_TEXT(ID("lic", "02")));
        set(&acts[PAYOUT_1], "document", EV_HASH(&root_b));
        set(&acts[PAYOUT_1], "payment", EV_TEXT(ID("pay", "03")));
        set(&acts[PAYOUT_1], "revision", EV_COUNT(2));
        set(&acts[PAYOUT_1], "amount", EV_TEXT(rows[i].amount));
        run(rows[i].amount, acts, n, true, rows[i].rule);
    }
}

/* A log may begin under version 2. */
static void test_opened(void)
{
    struct act acts[LONG_ACTS + 1];
    size_t n = tell(acts);

    acts[ACCESS_1] = acts[CHANGED] = acts[VERIFIED];
    acts[ACCESS_1].at = acts[CHANGED].at = START + 9;
    for (size_t i = 0; i < n; i++)
        acts[i].rules = 2;
    set(&acts[OPENED], "versions", (struct entry_value)J("{\"entry\":1,\"rules\":2}"));
    run("a log that begins under version 2", acts, n, false, RULES);
    set(&acts[OPENED], "versions", (struct entry_value)J("{\"entry\":1,\"rules\":1}"));
    run("but says 1", acts, n, false, RULE_LOG_OPENED);
    set(&acts[OPENED], "versions", (struct entry_value)J("{\"entry\":1,\"rules\":2}"));
    acts[ACCESS_B].rules = 1;
    run("an entry under older rules", acts, n, false, RULE_ENTRY_RULES);
}

/* ---- states */

#define NEWEST 4                              /* form of a state */

/* A line as an audit of an older form has saved it: shorter rows; in form 1 past payments, and no rules. */
static void put_old_line(struct buf *out, const char *line, size_t len, int form)
{
    static const struct { const char *word; int words[3]; } forms[] = {
        { "party ", { 2, 5, 5 } }, { "offer ", { 5, 8, 9 } }, { "payment ", { 5, 8, 14 } },
        { "license ", { 5, 8, 8 } }, { "version ", { 4, 4, 5 } }, { "balance ", { 5, 5, 6 } },
        { "total ", { 5, 5, 6 } }, { "consent ", { 6, 6, 6 } }, { "creator ", { 3, 3, 3 } },
    };
    size_t end = len;

    if (strncmp(line, "sha256 ", 7) == 0 ||
        (form == 1 && (strncmp(line, "rules ", 6) == 0 || strncmp(line, "partial ", 8) == 0)))
        return;
    if (form == 1 && strncmp(line, "payment ", 8) == 0) {
        buf_printf(out, "past-payment %.32s\n", line + 8);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (strncmp(line, forms[i].word, strlen(forms[i].word)) == 0) {
            int words = forms[i].words[form - 1];
            for (end = 0; end < len && (line[end] != ' ' || --words > 0);)
                end++;
        }
    buf_add(out, line, end);
    buf_char(out, '\n');
}

static struct bytes old_state(struct scope *s, const struct buf *state, int form)
{
    const char *p = strchr(state->p, '\n') + 1, *end = state->p + state->len, *eol;
    struct buf out = BUF(s);
    char hex[HEX_SIZE(HASH_SIZE)];
    struct hash sum;

    buf_printf(&out, "counterfoil-audit %d\n", form);
    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (form > 2 || (strncmp(p, "snapshot ", 9) != 0 && strncmp(p, "issuer ", 7) != 0 &&
                         strncmp(p, "creator ", 8) != 0))              /* which came later */
            put_old_line(&out, p, (size_t)(eol - p), form);
    }
    sum = sha256_of(out.p, out.len);
    hex_write(sum.b, HASH_SIZE, hex);
    buf_printf(&out, "sha256 %s\n", hex);
    return (struct bytes){ (const uint8_t *)out.p, out.len };
}

/* An audit to `size`, saved and loaded again, perhaps from an older form. */
static struct audit *stopped(struct scope *s, struct log *l, size_t size, int form)
{
    struct audit_config config = { .vkey = l->vkey, .seed = 42 };
    struct audit_source src = log_source(l);
    struct buf state = BUF(s);
    struct audit_report r;
    struct bytes text;
    struct audit *a;

    l->shown = size;
    if (audit_new(s, &config, &a) != ERR_OK || audit_run(s, a, &src, &r) != ERR_OK || r.findings)
        abort();
    audit_save(a, &state);
    audit_free(a);
    buf_char(&state, '\0');
    state.len--;
    text = form < NEWEST ? old_state(s, &state, form) : (struct bytes){ (const uint8_t *)state.p, state.len };
    if (audit_load(s, &config, text.p, text.len, &a) != ERR_OK) {
        printf("# %s\n", s->why.detail);
        return NULL;
    }
    l->shown = 0;
    return a;
}

static void go_on(struct log *l, size_t size, int form, enum audit_rule_id rule)
{
    struct audit_source src = log_source(l);
    struct audit_report r;
    struct scope s;
    struct audit *a;

    scope_init(&s, 0);
    a = stopped(&s, l, size, form);
    if (ok(a != NULL, "a state of size %zu loads", size) && rule == RULES)
        ok(audit_run(&s, a, &src, &r) == ERR_OK && r.findings == 0, "and the audit goes on, sound");
    else if (a)
        ok(audit_run(&s, a, &src, &r) == ERR_OK && only_finding(&r, rule), "and finds what comes: %s",
           audit_rules[rule].name);
    audit_free(a);
    scope_free(&s);
}

static void test_states(void)
{
    struct act acts[LONG_ACTS + 1];
    struct log l;
    size_t n = tell(acts);

    for (int disclose = 0; disclose < 2; disclose++) {
        log_init(&l);
        l.disclose = disclose;
        log_lists(&l);
        for (size_t i = 0; i < n; i++)
            log_act(&l, &acts[i]);
        for (size_t size = 1; size < n; size++)
            for (int form = 2; form <= NEWEST; form++)
                go_on(&l, size, form, RULES);
        for (size_t size = GRANTED + 1; size <= CHANGED; size++)
            go_on(&l, size, 1, RULES);
        log_free(&l);
    }
    log_init(&l);                                    /* a resumed audit fetches rows again, and knows what was live */
    l.disclose = true;
    log_lists(&l);
    set(&acts[ACCESS_C], "item_number", (struct entry_value)N(6));
    for (size_t i = 0; i < n; i++)
        log_act(&l, &acts[i]);
    go_on(&l, SUSPENDED, NEWEST, RULE_ACCESS_CONSENT);
    go_on(&l, ACCESS_C, NEWEST, RULE_ACCESS_CONSENT);
    log_free(&l);
    log_init(&l);                                    /* nor are a license's territory and a consent's entry forgotten */
    l.disclose = true;
    forged.role = "editor";
    log_lists(&l);
    tell(acts);
    for (size_t i = 0; i < n; i++)
        log_act(&l, &acts[i]);
    go_on(&l, CLEARED_0, NEWEST, RULE_CLEARANCE_VERDICT);
    go_on(&l, CLEARED_0, 3, RULES);                  /* whose consents have no digest to lay a certificate against */
    forged.role = NULL;
    log_free(&l);
}

int main(void)
{
    keys_init();
    test_cheats();
    test_private_cheats();
    test_numbers();
    test_contributors();
    test_more();
    test_given_up();
    test_unpaid();
    test_exact();
    test_shares();
    test_price();
    test_opened();
    test_states();
    return done_testing();
}
