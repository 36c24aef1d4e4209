/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "tests/unit/ledger/audit/longer.h"

/*
 * What a cleared item rests on: certificates of consents, what they cover, and what the rules of clearances say of
 * them. One thing is forged at a time; the rest is as the honest story has it.
 */
static void judge(const char *what, bool shown, enum audit_rule_id rule)
{
    struct act acts[LONG_ACTS + 1];
    struct audit_report r;
    struct audit *a;
    struct scope s;
    struct log l;

    scope_init(&s, 0);
    log_init(&l);
    l.disclose = true;
    tell(acts);
    log_lists(&l);
    for (size_t i = 0; i <= ACCESS_B; i++) {
        if (shown && i == CERTIFIED) {               /* whose document certificates.c has */
            acts[i] = acts[VERIFIED];
            acts[i].at = START + 12;
        }
        log_act(&l, &acts[i]);
    }
    struct audit_config config = { .vkey = l.vkey, .seed = 42, .whole = shown, .now_ms = START + 40 * DAY };
    struct audit_source src = log_source(&l);
    ok(audit_new(&s, &config, &a) == ERR_OK && audit_run(&s, a, &src, &r) == ERR_OK, "%s: audited", what);
    audit_free(a);
    if (rule == RULES)
        ok(r.findings == 0, "%s: nothing is found", what);
    else
        ok(only_finding(&r, rule), "%s: %s", what, audit_rules[rule].name);
    for (const struct audit_finding *f = rule == RULES ? r.first : NULL; f; f = f->next)
        printf("# entry %" PRIu64 " %s: expected %s, found %s\n", f->index, audit_rules[f->rule].name, f->expected,
               f->found);
    if (forged.leaves_out == 4) {
        const struct audit_finding *f = r.first;
        while (f && f->index != ACCESS_B)
            f = f->next;
        ok(f && f->rule == rule, "%s: and so is its access", what);
    }
    if (rule == RULES && forged.undocumented)
        ok(r.unshown[RULE_CLEARANCE_VERDICT] == 2, "%s: and counted at both clearances", what);
    if (rule == RULES && forged.uncertified)
        ok(r.unshown[RULE_CONSENT_DOCUMENT] == 1 && r.unshown[RULE_CLEARANCE_COVERAGE] == 2, "%s: and counted", what);
    if (rule == RULES && forged.uncovered)
        ok(r.unshown[RULE_CLEARANCE_COVERAGE] == 2, "%s: and counted at both clearances", what);
    log_free(&l);
    scope_free(&s);
}

#define FORGE(what, member, value, rule) \
    do { forged.member = value; judge(what, false, rule); forged.member = was.member; } while (0)

static void test_forgeries(void)
{
    const __typeof__(forged) was = forged;

    judge("the honest story", false, RULES);
    judge("the honest story, to whom all is shown", true, RULES);
    FORGE("a certificate signed by another key", other_key, true, RULE_CONSENT_SIGNATURE);
    FORGE("a certificate bent after it was signed", bent, true, RULE_CONSENT_SIGNATURE);
    FORGE("a certificate of another coverage", other_root, true, RULE_CONSENT_DOCUMENT);
    FORGE("a certificate of another number of items", other_count, true, RULE_CONSENT_DOCUMENT);
    FORGE("a certificate of other purposes", other_purposes, true, RULE_CONSENT_DOCUMENT);
    FORGE("a certificate of another validity", other_until, true, RULE_CONSENT_DOCUMENT);
    FORGE("a certificate of another place", other_place, true, RULE_CONSENT_DOCUMENT);
    FORGE("an item that its consent doesn't cover", leaves_out, 4, RULE_CLEARANCE_COVERAGE);
    FORGE("hashes that are not sorted", unsorted, true, RULE_CLEARANCE_COVERAGE);
    FORGE("a list that lacks a hash", cut, true, RULE_CLEARANCE_COVERAGE);
    FORGE("a consent in another role", role, "editor", RULE_CLEARANCE_VERDICT);
    FORGE("a consent for another territory", territory, "FR", RULE_CLEARANCE_VERDICT);
    FORGE("a consent for a larger one", territory, "EU", RULES);
    FORGE("a clearance for another territory than the license's", cleared_for, "FR", RULE_CLEARANCE_VERDICT);
    FORGE("a clearance for a class of models that is not granted", model, "embedding", RULE_CLEARANCE_VERDICT);
    FORGE("a consent that prohibits other uses", prohibited, "data_mining", RULES);
    FORGE("a clearance's document of another license", misnamed, true, RULE_CLEARANCE_VERDICT);
    forged.undocumented = true;
    FORGE("a role that is missing, without the clearance's document", role, "editor", RULE_CLEARANCE_VERDICT);
    FORGE("a territory, without it, which nobody can tell", territory, "FR", RULES);
    forged.undocumented = false;
    FORGE("a certificate that is not to be had", uncertified, true, RULES);
    FORGE("a coverage that is not to be had", uncovered, true, RULES);
}

/* To a reader whom all that is private is shown to. */
static void test_hidden(void)
{
    forged.uncertified = true;
    judge("a certificate that is hidden", true, RULE_DISCLOSURE_HIDDEN);
    forged.uncertified = false;
    forged.uncovered = true;
    judge("a coverage that is hidden", true, RULE_DISCLOSURE_HIDDEN);
    forged.uncovered = false;
}

/* A consent whose certificate is another one than the entry's. */
static void test_other_document(void)
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
    act_value(&acts[CONSENT_0], "document")->value.v.hash = &root_b;
    for (size_t i = 0; i <= ACCESS_B; i++)
        log_act(&l, &acts[i]);
    ok(audited(&s, &l, &r) == ERR_OK && only_finding(&r, RULE_CONSENT_DOCUMENT) && r.findings == 1,
       "a certificate of another digest: consent.document, once");
    log_free(&l);
    scope_free(&s);
}

/* Pages of what a consent covers; and a clearance of the same items costs no second reading. */
struct paging { struct log *log; unsigned coverage, certificates, at_once; };

static err paged(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct paging *p = arg;
    const char *page = strstr(name, "/coverage");
    size_t line = sizeof "{\"sha256\":\"\"}\n" - 1 + 2 * HASH_SIZE, first = 0;
    struct bytes all;

    p->certificates += strncmp(name, "consents/", 9) == 0 && !page;
    if (strncmp(name, "consents/", 9) != 0 || !page)
        return serve_document(s, p->log, name, out);
    p->coverage++;
    TRY(serve_document(s, p->log, scope_strndup(s, name, (size_t)(page - name) + 9), &all));
    if (page[9])
        while (strncmp((const char *)all.p + first * line + 11, page + 10, (size_t)2 * HASH_SIZE) != 0)
            first++;
    first += page[9] != 0;
    *out = (struct bytes){ all.p + first * line, p->at_once * line };
    if ((first + p->at_once) * line > all.len)
        out->len = all.len - first * line;
    return ERR_OK;
}

static err paged_checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    return serve_checkpoint(s, ((struct paging *)arg)->log, note);
}

static err paged_tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    return serve_tile(s, ((struct paging *)arg)->log, path, out);
}

static void test_pages(void)
{
    static const struct { unsigned at_once, pages; } rows[] = { { 1, 15 }, { 2, 9 }, { 4, 6 }, { 5, 3 } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct act acts[LONG_ACTS + 1];
        struct log l;
        struct paging p = { .log = &l, .at_once = rows[i].at_once };
        struct audit_source src = { paged_checkpoint, paged_tile, paged, &p };
        struct audit_config config = { .seed = 42 };
        struct audit_report r;
        struct audit *a;
        struct scope s;

        scope_init(&s, 0);
        log_init(&l);
        tell(acts);
        log_lists(&l);
        for (size_t n = 0; n <= ACCESS_B; n++)
            log_act(&l, &acts[n]);
        config.vkey = l.vkey;
        ok(audit_new(&s, &config, &a) == ERR_OK && audit_run(&s, a, &src, &r) == ERR_OK && r.findings == 0,
           "%u hashes a page", rows[i].at_once);
        ok(p.coverage == rows[i].pages && p.certificates == 2, "%u pages and %u certificates are read", p.coverage,
           p.certificates);
        audit_free(a);
        log_free(&l);
        scope_free(&s);
    }
}

int main(void)
{
    keys_init();
    test_forgeries();
    test_hidden();
    test_other_document();
    test_pages();
    return done_testing();
}
