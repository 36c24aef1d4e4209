/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "tests/unit/ledger/audit/bends.h"

/*
 * Every way of cheating that a rule of the table is there to find: the honest
 * story, bent in one place, gives exactly the finding of that rule.
 */
static const struct {
    const char *why;
    enum bend how;
    int act, other;                   /* SWAP: the other act */
    const char *field;                /* SET */
    struct entry_value value;
    int64_t at;                       /* AT: from START */
    enum audit_rule_id rule;
} cheats[] = {
    { "a log that does not begin with its opening", DROP, OPENED, .rule = RULE_LOG_OPENED },
    { "a log opened twice", AGAIN, OPENED, .rule = RULE_LOG_OPENED },
    { "an opening of another origin", SET, OPENED, .field = "origin", .value = T("x"), .rule = RULE_LOG_OPENED },
    { "an opening with another key", SET, OPENED, .field = "log_key", .value = T("x"), .rule = RULE_LOG_OPENED },
    { "an opening with an issuer's key that is none", SET, OPENED, .field = "issuer_key", .value = T("i"),
      .rule = RULE_LOG_OPENED },
    { "an opening that names other rules", SET, OPENED, .field = "versions", .value = J("{\"entry\":1,\"rules\":2}"),
      .rule = RULE_LOG_OPENED },
    { "a party registered twice", AGAIN, BUYER, .rule = RULE_PARTY_ONCE },
    { "a buyer's key in public", SET, OPERATOR, .field = "roles", .value = J("[\"buyer\"]"), .rule = RULE_PARTY_KEY },
    { "a version published twice", AGAIN, PUBLISHED, .rule = RULE_VERSION_ONCE },
    { "a verification of nothing", SET, VERIFIED, .field = "counts", .value = J("{}"), .rule = RULE_CONTENT_COUNTS },
    { "an offer of a version that is not published yet", SWAP, PUBLISHED, OFFERED, .rule = RULE_OFFER_VERSION },
    { "an offer published after its withdrawal", AGAIN, OFFERED, .rule = RULE_OFFER_REVISION },
    { "an offer withdrawn twice", AGAIN, WITHDRAWN, .rule = RULE_OFFER_WITHDRAWN },
    { "a withdrawal of another revision", SET, WITHDRAWN, .field = "revision", .value = N(2),
      .rule = RULE_OFFER_WITHDRAWN },
    { "a withdrawal of no offer", SET, WITHDRAWN, .field = "offer", .value = T(ID("ofr", "zz")),
      .rule = RULE_OFFER_WITHDRAWN },
    { "a payment received twice", AGAIN, TOPPED_UP, .rule = RULE_PAYMENT_ONCE },
    { "a payment received again after its license", AGAIN, PAID, .rule = RULE_PAYMENT_ONCE },
    { "a license without a payment", DROP, PAID, .rule = RULE_LICENSE_PAYMENT },
    { "a license paid after it was granted", SWAP, PAID, GRANTED, .rule = RULE_LICENSE_PAYMENT },
    { "a license paid by a payment for another", SET, PAID, .field = "license", .value = T(ID("lic", "zz")),
      .rule = RULE_LICENSE_PAYMENT },
    { "a license paid by a top-up", SET, GRANTED, .field = "payment", .value = T(ID("pay", "00")),
      .rule = RULE_LICENSE_PAYMENT },
    { "a license under no offer", SET, GRANTED, .field = "offer", .value = T(ID("ofr", "zz")),
      .rule = RULE_LICENSE_OFFER },
    { "a license under another revision", SET, GRANTED, .field = "revision", .value = N(2),
      .rule = RULE_LICENSE_OFFER },
    { "a license over another version", SET, GRANTED, .field = "version", .value = T(ID("ver", "zz")),
      .rule = RULE_LICENSE_OFFER },
    { "a license over other items", SET, GRANTED, .field = "slice_root", .value = H(&root_b),
      .rule = RULE_LICENSE_WHOLE },
    { "a license over more items", SET, GRANTED, .field = "item_count", .value = N(11), .rule = RULE_LICENSE_WHOLE },
    { "a license for nowhere", SET, GRANTED, .field = "territory", .value = T("XX"), .rule = RULE_LICENSE_TERRITORY },
    { "a license ended twice", AGAIN, ENDED, .rule = RULE_LICENSE_ENDED },
    { "an end of no license", SET, ENDED, .field = "license", .value = T(ID("lic", "zz")), .rule = RULE_LICENSE_ENDED },
    { "an access under no license", SET, ACCESS_1, .field = "license", .value = T(ID("lic", "zz")),
      .rule = RULE_ACCESS_LICENSE },
    { "an access before the license", SWAP, GRANTED, ACCESS_1, .rule = RULE_ACCESS_LICENSE },
    { "an access after the license's end", MOVE_LAST, ACCESS_3, .rule = RULE_ACCESS_LICENSE },
    { "an access at the very end of the term", AT, ACCESS_3, .at = 30 * DAY, .rule = RULE_ACCESS_TERM },
    { "an access before the term", SET, GRANTED, .field = "from", .value = T("2026-11-23T10:15:30.126Z"),
      .rule = RULE_ACCESS_TERM },
};

/* Cheats that only those can see who may read what is private. */
static const struct {
    const char *why, *field;
    int act;
    struct entry_value value;
    enum audit_rule_id rule;
} private_cheats[] = {
    { "a license that costs less than its payment says", "amount", PAID, T("12.40"), RULE_LICENSE_PAID },
    { "a payment in another currency", "currency", PAID, T("USD"), RULE_LICENSE_PAID },
    { "a license paid by somebody else", "buyer", PAID, T(ID("pty", "01")), RULE_LICENSE_PAID },
    { "a price that is not the offer's", "price", OFFERED, J("{\"amount\":\"12.60\",\"currency\":\"EUR\"}"),
      RULE_LICENSE_PRICE },
    { "a price per item before there was one", "price", OFFERED,
      J("{\"amount\":\"12.50\",\"currency\":\"EUR\",\"kind\":\"per_item\"}"), RULE_MONEY_FORM },
    { "an amount in another form", "amount", TOPPED_UP, T("100.000"), RULE_MONEY_FORM },
    { "a currency that is none", "currency", TOPPED_UP, T("QQQ"), RULE_MONEY_FORM },
    { "a slice of the version", "slice", GRANTED, J("{\"order\":\"path\"}"), RULE_LICENSE_SLICE },
    { "an access to an item that the version has not", "item_number", ACCESS_2, N(10), RULE_ACCESS_ITEM },
    { "an item recorded again within its window", "item_number", ACCESS_2, N(0), RULE_ACCESS_WINDOW },
    { "an item recorded again, others in between", "item_number", ACCESS_3, N(0), RULE_ACCESS_WINDOW },
};

static void play(struct log *l, const struct act *acts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        log_act(l, &acts[i]);
}

static void run(const char *why, const struct act *acts, size_t n, bool disclose, enum audit_rule_id rule)
{
    struct audit_report r;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    log_init(&l);
    l.disclose = disclose;
    play(&l, acts, n);
    ok(audited(&s, &l, &r) == ERR_OK && r.has_checkpoint && r.advanced, "%s: checked to the end", why);
    if (rule == RULES)
        ok(r.findings == 0, "%s: nothing found", why);
    else
        ok(only_finding(&r, rule), "%s: %s", why, audit_rules[rule].name);
    log_free(&l);
    scope_free(&s);
}

static void test_cheats(void)
{
    struct act acts[ACTS + 1];

    run("the honest story", story, ACTS, false, RULES);
    for (size_t i = 0; i < ARRAY_LEN(cheats); i++) {
        size_t n;
        memcpy(acts, story, sizeof story);
        if (cheats[i].how == SET)
            act_value(&acts[cheats[i].act], cheats[i].field)->value = cheats[i].value;
        if (cheats[i].how == AT)
            for (int j = cheats[i].act; j < ACTS; j++)
                acts[j].at = START + cheats[i].at;
        n = bend(acts, ACTS, cheats[i].how, cheats[i].act, cheats[i].other);
        run(cheats[i].why, acts, n, false, cheats[i].rule);
    }
}

static void test_private_cheats(void)
{
    struct act acts[ACTS];

    run("the honest story, disclosed", story, ACTS, true, RULES);
    for (size_t i = 0; i < ARRAY_LEN(private_cheats); i++) {
        memcpy(acts, story, sizeof story);
        act_value(&acts[private_cheats[i].act], private_cheats[i].field)->value = private_cheats[i].value;
        run(private_cheats[i].why, acts, ACTS, false, RULES);
        run(private_cheats[i].why, acts, ACTS, true, private_cheats[i].rule);
    }
}

/* Other values than those that the entry commits to. */
static void test_disclosures(void)
{
    struct audit_report r;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    log_init(&l);
    l.disclose = true;
    play(&l, story, ACTS);
    l.disclosures[ACCESS_1] = l.disclosures[ACCESS_2];
    ok(audited(&s, &l, &r) == ERR_OK && r.findings == 1 && r.first->rule == RULE_DISCLOSURE_FORM &&
       r.first->index == ACCESS_1, "a disclosure of something else");
    log_free(&l);
    scope_free(&s);
}

/* Cheats that take more than one bend. */
static void test_more(void)
{
    struct act acts[ACTS];
    size_t n;

    memcpy(acts, story, sizeof story);
    acts[ACCESS_2].at = START + 1;
    run("time that runs backward", acts, ACTS, false, RULE_ENTRY_TIME);

    memcpy(acts, story, sizeof story);
    for (int i = 0; i < 3; i++)
        act_value(&acts[(const int[]){ OFFERED, GRANTED, WITHDRAWN }[i]], "revision")->value.v.count = 2;
    run("an offer that begins with revision 2", acts, ACTS, false, RULE_OFFER_REVISION);

    memcpy(acts, story, sizeof story);
    act_value(&acts[GRANTED], "until")->value.v.text = FROM_TEXT;
    acts[ACCESS_1] = acts[ACCESS_2] = acts[ACCESS_3] = acts[VERIFIED];
    acts[ACCESS_1].at = acts[ACCESS_2].at = acts[ACCESS_3].at = START + 4;
    run("a term that ends as it begins", acts, ACTS, false, RULE_LICENSE_TERM);

    n = 0;                                               /* paid again, granted again, while it lives */
    for (int i = 0; i <= GRANTED; i++)
        acts[n++] = story[i];
    acts[n] = story[PAID];
    act_value(&acts[n++], "payment")->value.v.text = ID("pay", "02");
    acts[n] = story[GRANTED];
    act_value(&acts[n++], "payment")->value.v.text = ID("pay", "02");
    run("a license granted twice", acts, n, false, RULE_LICENSE_ONCE);

    memcpy(acts, story, sizeof story);
    acts[ACCESS_3].value[5] = (struct named_value){ "clearance", T(ID("clr", "00")) };
    run("a clearance under rules without", acts, ACTS, false, RULE_ACCESS_CLEARANCE);
}

int main(void)
{
    keys_init();
    test_cheats();
    test_private_cheats();
    test_disclosures();
    test_more();
    return done_testing();
}
