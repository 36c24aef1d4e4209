/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/cert/withdrawal.h"
#include "schema/json/canon.h"
#include "tests/unit/ledger/audit/bends.h"
#include "tests/unit/ledger/cert/samples.h"

/*
 * Certificates of sourcing with the documents that their entries commit to: the honest story, and forgeries of the
 * document, its key, its subject, and of the request that revokes it.
 */
#define VER ID("ver", "00")
#define CRT ID("crt", "00")

#define BEGUN      (PUBLISHED + 1)
#define SHORT_ACTS (BEGUN + 8)

struct story_of {
    struct log log;
    struct act acts[SHORT_ACTS];
    size_t n;
    char did[DID_KEY_SIZE];
    struct hash document;
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
};

/* What is forged: each in one place. */
struct forged {
    const char *what;
    enum audit_rule_id rule;               /* RULES: nothing is found */
    bool other_key, other_root, other_count, other_version, other_from, other_document, bent, no_trust, lost_trust,
         operator_early, operator_late, request_stranger, request_other, request_bent, reason_creator, twice, unserved;
};

static struct secret_key *house, *stranger;

static void document_put(struct log *l, const char *name, const json_t *document, bool bent)
{
    struct bytes text;

    if (canon(&l->s, document, &text) != ERR_OK)
        abort();
    l->document[l->n_documents].name = name;
    l->document[l->n_documents].text = (struct buf)BUF(&l->s);
    buf_add(&l->document[l->n_documents].text, text.p, text.len);
    if (bent) {
        char *at = strstr(l->document[l->n_documents].text.p, "\"salt\":\"");
        at[sizeof "\"salt\":\"" - 1] = at[sizeof "\"salt\":\"" - 1] == 'B' ? 'C' : 'B';
    }
    l->n_documents++;
}

static void request_put(struct log *l, const struct forged *f, const struct sourcing *said)
{
    struct withdrawal w = { .c = sample_envelope("urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c0aa"),
                            .consent = said->c.id,
                            .consent_sha256 = f->request_other ? root_b : said->c.document, .salt = { 9 } };
    json_t *document;
    enum refusal why;

    if (sourcing_withdrawal_sign(&l->s, &w, f->request_stranger ? stranger : house, START + 13, &document, &why) !=
        ERR_OK)
        abort();
    document_put(l, "certificates/" CRT "/withdrawal", document, f->request_bent);
    json_decref(document);
}

static void documents_make(struct story_of *t, const struct forged *f)
{
    struct sourcing wish = sample_sourcing(), said;
    json_t *document;
    enum refusal why;

    wish.version_id = f->other_version ? ID("ver", "01") : VER;
    wish.version_root = f->other_root ? root_b : root_a;
    wish.item_count = f->other_count ? 11 : 10;
    wish.c.valid_from = START;
    wish.c.valid_until = START + 30 * DAY;
    if (sourcing_sign(&t->log.s, &wish, f->other_key ? stranger : house, START + 11, &document, &why) != ERR_OK ||
        sourcing_read(&t->log.s, document, &said, &why) != ERR_OK)
        abort();
    t->document = said.c.document;
    if (!f->unserved) {
        document_put(&t->log, "certificates/" CRT, document, f->bent);
        request_put(&t->log, f, &said);
    }
    json_decref(document);
}

static void act_add(struct story_of *t, struct act x)
{
    t->acts[t->n++] = x;
}

static void acts_make(struct story_of *t, const struct forged *f)
{
    bool operator = f->operator_early || f->operator_late;
    const char *reason = operator ? "operator" : f->reason_creator ? "creator" : "certifier";
    struct act revoked = { ENTRY_CERTIFICATE_REVOKED, START + 14, {
        { "certificate", T(CRT) }, { "reason", T(reason) } }, 0 };
    struct act distrust = { ENTRY_PARTY_KEY_CHANGED, START + 11, { { "party", T(ID("pty", "04")) } }, 0 };

    memcpy(t->acts, story, BEGUN * sizeof *story);
    t->n = BEGUN;
    act_add(t, (struct act){ ENTRY_RULES_CHANGED, START + 10, { { "versions", J("{\"entry\":1,\"rules\":2}") } }, 0 });
    act_add(t, (struct act){ ENTRY_PARTY_REGISTERED, START + 10, {
        { "party", T(ID("pty", "04")) }, { "roles", J("[\"certifier\"]") }, { "name", T("S") } }, 0 });
    act_add(t, (struct act){ ENTRY_PARTY_KEY_CHANGED, START + 10, {
        { "party", T(ID("pty", "04")) }, { "person_key", T(t->did) } }, 0 });
    if (!f->no_trust)
        act_add(t, (struct act){ ENTRY_PARTY_KEY_CHANGED, START + 11, {
            { "party", T(ID("pty", "04")) }, { "public_key", T(t->did) } }, 0 });
    if (f->lost_trust)
        act_add(t, distrust);
    act_add(t, (struct act){ ENTRY_CERTIFICATE_ISSUED, START + 12, {
        { "certificate", T(CRT) }, { "certifier", T(ID("pty", "04")) },
        { "document", H(f->other_document ? &root_b : &t->document) },
        { "from", T(f->other_from ? t->until : t->from) },
        { "until", T(f->other_from ? "2027-12-23T10:15:30.123Z" : t->until) }, { "version", T(VER) } }, 0 });
    distrust.at = START + 13;
    if (f->operator_late)
        act_add(t, distrust);
    act_add(t, revoked);
    if (f->twice)
        t->n = bend(t->acts, t->n, AGAIN, (int)t->n - 1, 0);
}

static void judge(const struct forged *f)
{
    struct story_of *t = calloc(1, sizeof *t);
    struct audit_report r = { 0 };
    struct scope s;

    if (!t)
        abort();
    scope_init(&s, 0);
    log_init(&t->log);
    sample_did(house, t->did);
    time_format(START, t->from);
    time_format(START + 30 * DAY, t->until);
    documents_make(t, f);
    acts_make(t, f);
    for (size_t i = 0; i < t->n; i++)
        log_act(&t->log, &t->acts[i]);
    t->log.disclose = true;
    ok(audited(&s, &t->log, &r) == ERR_OK, "%s: audited", f->what);
    ok(f->rule == RULES ? r.findings == 0 : only_finding(&r, f->rule), "%s: %s", f->what,
       f->rule == RULES ? "nothing is found" : audit_rules[f->rule].name);
    if (f->unserved)
        ok(r.unlisted == 2 && r.listed == 0, "%s: and said to be unchecked", f->what);
    for (const struct audit_finding *x = f->rule == RULES ? r.first : NULL; x; x = x->next)
        printf("# %s: expected %s, found %s\n", audit_rules[x->rule].name, x->expected, x->found);
    log_free(&t->log);
    scope_free(&s);
    free(t);
}

static const struct forged all[] = {
    { .what = "the honest story", .rule = RULES },
    { .what = "documents that are not served", .rule = RULES, .unserved = true },
    { .what = "revoked by the operator who trusts no more", .rule = RULES, .operator_late = true },
    { .what = "signed by another key", .rule = RULE_CERTIFICATE_SIGNATURE, .other_key = true },
    { .what = "bent after it was signed", .rule = RULE_CERTIFICATE_SIGNATURE, .bent = true },
    { .what = "of another root", .rule = RULE_CERTIFICATE_ROOT, .other_root = true },
    { .what = "of another count", .rule = RULE_CERTIFICATE_ROOT, .other_count = true },
    { .what = "of another version", .rule = RULE_CERTIFICATE_ROOT, .other_version = true },
    { .what = "another validity in the entry", .rule = RULE_CERTIFICATE_DOCUMENT, .other_from = true },
    { .what = "another digest in the entry", .rule = RULE_CERTIFICATE_DOCUMENT, .other_document = true },
    { .what = "by a certifier who was never trusted", .rule = RULE_CERTIFICATE_KEY, .no_trust = true },
    { .what = "by a certifier who is trusted no more", .rule = RULE_CERTIFICATE_KEY, .lost_trust = true },
    { .what = "revoked by the operator who trusts it", .rule = RULE_CERTIFICATE_REVOKER, .operator_early = true },
    { .what = "revoked by a creator", .rule = RULE_CERTIFICATE_REVOKER, .reason_creator = true },
    { .what = "revoked by a stranger's request", .rule = RULE_CERTIFICATE_REQUEST, .request_stranger = true },
    { .what = "revoked by a request about another", .rule = RULE_CERTIFICATE_REQUEST, .request_other = true },
    { .what = "revoked by a bent request", .rule = RULE_CERTIFICATE_REQUEST, .request_bent = true },
    { .what = "revoked twice", .rule = RULE_CERTIFICATE_REVOKED, .twice = true },
};

int main(void)
{
    keys_init();
    house = sample_key(4);
    stranger = sample_key(5);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        judge(&all[i]);
    secret_key_free(house);
    secret_key_free(stranger);
    return done_testing();
}
