/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json/canon.h"
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static struct secret_key *creator, *label;

static json_t *sample(struct scope *s)
{
    struct consent wish = sample_consent();
    enum refusal why;
    json_t *out = NULL;

    if (consent_sign(s, &wish, creator, SAMPLE_NOW, &out, &why) != ERR_OK)
        abort();
    return out;
}

static bool same_grants(const struct consent *a, const struct consent *b)
{
    bool same = a->n_grants == b->n_grants;

    for (size_t i = 0; same && i < a->n_grants; i++) {
        const struct consent_grant *x = &a->grant[i], *y = &b->grant[i];
        same = x->purpose == y->purpose && x->models == y->models && x->n_territories == y->n_territories;
        for (size_t j = 0; same && j < x->n_territories; j++)
            same = strcmp(x->territories[j], y->territories[j]) == 0;
    }
    return same;
}

/* What is read is what was wished. */
static void test_same(struct scope *s)
{
    struct consent wish = sample_consent(), got;
    json_t *document = sample(s), *elsewhere;
    struct territory france;
    enum refusal why;
    char did[DID_KEY_SIZE];
    struct hash digest;
    struct bytes text;

    sample_did(creator, did);
    ok(canon(s, document, &text) == ERR_OK, "it has a canonical form");
    ok(document_read(s, (const char *)text.p, text.len, &elsewhere, &why) == ERR_OK && json_equal(document, elsewhere),
       "which reads back the same");
    if (!ok(consent_read(s, elsewhere, &got, &why) == ERR_OK, "what is signed is read"))
        printf("# %s %s\n", s->why.pointer, s->why.detail);
    json_decref(elsewhere);
    json_decref(document);
    is_str(got.c.id, wish.c.id, "id");
    is_str(got.c.issuer, did, "issuer");
    ok(got.subject_is_key && strcmp(got.subject, did) == 0, "the creator is the issuer");
    ok(got.c.valid_from == wish.c.valid_from && got.c.valid_until == wish.c.valid_until, "validity");
    ok(got.c.signed_at == SAMPLE_NOW, "time of signing");
    digest = sha256_of(text.p, text.len);
    ok(hash_equal(&got.c.document, &digest) && !hash_equal(&got.c.bare, &digest), "digest of all of it");
    ok(got.c.n_status == 2 && got.c.status[0].index == SAMPLE_INDEX && got.c.status[0].purpose == STATUS_REVOCATION &&
       strcmp(got.c.status[1].list, SAMPLE_PAUSE) == 0, "status entries");
    ok(got.role == wish.role && got.assurance == ASSURANCE_L3, "role and level");
    ok(same_grants(&got, &wish) && got.purposes == (1u << 5 | 1u << 1), "grants");
    ok(territory_parse("FR", &france) && territory_within(&france, &got.grant[0].territory), "the EU has France");
    ok(got.prohibitions == wish.prohibitions, "prohibitions");
    ok(!got.coverage.single && hash_equal(&got.coverage.root, &wish.coverage.root) && got.coverage.items == 420,
       "coverage");
    ok(got.floor.given && got.floor.micro == 500000 && strcmp(got.floor.currency, "EUR") == 0, "floor");
    ok(got.effects == 7 && got.notice_days == 30, "withdrawal");
    ok(strcmp(got.text_lang, "en") == 0 && hash_equal(&got.text_sha256, &wish.text_sha256), "text");
    ok(memcmp(got.salt, wish.salt, sizeof got.salt) == 0, "salt");
    ok(got.n_evidence == 1 && got.evidence[0].kind == EVIDENCE_CONSENT_CAPTURE &&
       got.evidence[0].captured_at == wish.evidence[0].captured_at, "evidence");
}

static void test_single(struct scope *s)
{
    struct consent wish = sample_consent(), got;
    struct hash leaf = coverage_leaf(&wish.text_sha256);
    enum refusal why;
    json_t *document;

    wish.coverage = (struct consent_coverage){ .single = true, .item = wish.text_sha256 };
    wish.floor.given = false;
    wish.c.n_status = wish.n_evidence = 0;
    ok(consent_sign(s, &wish, creator, SAMPLE_NOW, &document, &why) == ERR_OK, "one item, as little as there may be");
    ok(consent_read(s, document, &got, &why) == ERR_OK && got.coverage.single && got.coverage.items == 1 &&
       hash_equal(&got.coverage.item, &wish.text_sha256) && hash_equal(&got.coverage.root, &leaf),
       "its root is its leaf");
    ok(!got.floor.given && got.c.n_status == 0 && got.n_evidence == 0, "no floor, status, evidence");
    json_decref(document);
}

static void test_label(struct scope *s)
{
    struct consent wish = sample_consent(), got;
    enum refusal why;
    json_t *document;

    wish.assurance = ASSURANCE_L1;
    wish.subject = PARTY_SUBJECT "pty_01jdc5x9k2h3v8m4q7t0w6y1zr";
    ok(consent_sign(s, &wish, label, SAMPLE_NOW, &document, &why) == ERR_INVALID && why == REFUSAL_EVIDENCE_MISSING,
       "a label shows its chain of title");
    scope_forgive(s);
    wish.evidence[0].kind = EVIDENCE_CHAIN_OF_TITLE;
    wish.evidence[0].captured_at = -1;
    ok(consent_sign(s, &wish, label, SAMPLE_NOW, &document, &why) == ERR_OK, "and then may sign");
    ok(consent_read(s, document, &got, &why) == ERR_OK && !got.subject_is_key && got.evidence[0].captured_at == -1 &&
       strcmp(got.subject, wish.subject) == 0 && got.assurance == ASSURANCE_L1, "for a creator without a key");
    json_decref(document);
    wish.grant[0].purpose = 8;
    wish.prohibitions = 0;
    ok(consent_sign(s, &wish, label, SAMPLE_NOW, &document, &why) == ERR_INVALID && why == REFUSAL_ASSURANCE_TOO_LOW,
       "but not for her voice");
    scope_forgive(s);
    wish.assurance = ASSURANCE_L3;
    ok(consent_sign(s, &wish, label, SAMPLE_NOW, &document, &why) == ERR_INVALID && why == REFUSAL_SUBJECT_OTHER,
       "nor as if it were her");
    scope_forgive(s);
}

#define SUBJECT "/credentialSubject"
#define HASH64  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
static const struct { const char *pointer, *value; enum refusal why; } bad[] = {
    { "/@context/", "\"https://market.example/ns\"", REFUSAL_CONTEXT_UNKNOWN },
    { "/@context/0", "\"https://www.w3.org/2018/credentials/v1\"", REFUSAL_CONTEXT_UNKNOWN },
    { "/@context/1", NULL, REFUSAL_CONTEXT_UNKNOWN },
    { "/@context", "\"" CREDENTIAL_CONTEXT "\"", REFUSAL_CONTEXT_UNKNOWN },
    { "/type/1", "\"TrainingClearance\"", REFUSAL_TYPE_UNKNOWN },
    { "/type/0", "\"" CONSENT_TYPE "\"", REFUSAL_TYPE_UNKNOWN },
    { "/type/", "\"More\"", REFUSAL_TYPE_UNKNOWN },
    { "/type", "\"" CONSENT_TYPE "\"", REFUSAL_TYPE_UNKNOWN },
    { "/issuer", "\"did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2\"", REFUSAL_SIGNER_OTHER },
    { "/issuer", "\"did:web:label.example\"", REFUSAL_VALUE_INVALID },
    { "/issuer", "{\"id\":\"did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2\"}", REFUSAL_VALUE_INVALID },
    { "/id", NULL, REFUSAL_MEMBER_MISSING },
    { "/id", "\"no url\"", REFUSAL_VALUE_INVALID },
    { "/termsOfUse", "[]", REFUSAL_MEMBER_UNKNOWN },
    { "/validFrom", NULL, REFUSAL_MEMBER_MISSING },
    { "/validFrom", "\"2026-02-30T00:00:00Z\"", REFUSAL_VALUE_INVALID },
    { "/validFrom", "1795428000", REFUSAL_VALUE_INVALID },
    { "/validUntil", NULL, REFUSAL_MEMBER_MISSING },
    { "/validUntil", "\"2026-11-22T10:00:00Z\"", REFUSAL_VALIDITY_INVALID },
    { "/validUntil", "\"2020-01-01T00:00:00Z\"", REFUSAL_VALIDITY_INVALID },
    { "/credentialStatus", "[]", REFUSAL_VALUE_INVALID },
    { "/credentialStatus/0/type", "\"StatusList2021Entry\"", REFUSAL_STATUS_UNKNOWN },
    { "/credentialStatus/0/statusPurpose", "\"message\"", REFUSAL_STATUS_UNKNOWN },
    { "/credentialStatus/1/statusPurpose", "\"revocation\"", REFUSAL_STATUS_UNKNOWN },
    { "/credentialStatus/0/statusListIndex", "94567", REFUSAL_VALUE_INVALID },
    { "/credentialStatus/0/statusListIndex", "\"094567\"", REFUSAL_VALUE_INVALID },
    { "/credentialStatus/0/statusListIndex", "\"-1\"", REFUSAL_VALUE_INVALID },
    { "/credentialStatus/0/statusListIndex", "\"16777216\"", REFUSAL_VALUE_INVALID },
    { "/credentialStatus/0/statusSize", "2", REFUSAL_VALUE_INVALID },
    { "/credentialStatus/0/statusMessage", "[]", REFUSAL_MEMBER_UNKNOWN },
    { "/credentialStatus/0/id", "\"" SAMPLE_LIST "\"", REFUSAL_STATUS_UNKNOWN },
    { "/credentialStatus/0/statusListCredential", "\"list 3\"", REFUSAL_VALUE_INVALID },
    { SUBJECT, "[]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/name", "\"Ada\"", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/id", "\"did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2\"", REFUSAL_SUBJECT_OTHER },
    { SUBJECT "/id", "\"urn:counterfoil:party:ada\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/role", "\"listener\"", REFUSAL_ROLE_UNKNOWN },
    { SUBJECT "/role", "[\"author\"]", REFUSAL_ROLE_UNKNOWN },
    { SUBJECT "/assurance_level", "\"L2\"", REFUSAL_ASSURANCE_UNKNOWN },
    { SUBJECT "/assurance_level", "\"L4\"", REFUSAL_ASSURANCE_UNKNOWN },
    { SUBJECT "/assurance_level", "\"L0\"", REFUSAL_EVIDENCE_MISSING },
    { SUBJECT "/grants", "[]", REFUSAL_GRANTS_EMPTY },
    { SUBJECT "/grants", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/grants/0/purpose", "\"training\"", REFUSAL_PURPOSE_UNKNOWN },
    { SUBJECT "/grants/0/purpose", "\"Pretraining\"", REFUSAL_PURPOSE_UNKNOWN },
    { SUBJECT "/grants/0/purpose", "\"evaluation\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/grants/0/purpose", "\"voice_cloning\"", REFUSAL_GRANT_PROHIBITED },
    { SUBJECT "/grants/0/models", "[]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/grants/0/models/", "\"diffusion\"", REFUSAL_MODEL_UNKNOWN },
    { SUBJECT "/grants/0/models/", "\"generative\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/grants/0/territory", "[]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/grants/0/territory/0", "\"XX\"", REFUSAL_TERRITORY_UNKNOWN },
    { SUBJECT "/grants/0/territory/0", "\"UK\"", REFUSAL_TERRITORY_UNKNOWN },
    { SUBJECT "/grants/0/territory/0", "\"GB\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/grants/0/sublicense", "false", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/grants/0/territory", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/prohibitions", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/prohibitions/", "\"satire\"", REFUSAL_PROHIBITION_UNKNOWN },
    { SUBJECT "/prohibitions/", "\"pretraining\"", REFUSAL_GRANT_PROHIBITED },
    { SUBJECT "/coverage/method", "\"all-future-works\"", REFUSAL_COVERAGE_INVALID },
    { SUBJECT "/coverage/method", "\"sha256\"", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/coverage/root", "\"all\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/coverage/sha256", HASH64, REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/coverage/item_count", "0", REFUSAL_VALUE_INVALID },
    { SUBJECT "/coverage/item_count", "\"420\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/coverage/item_count", "1.5", REFUSAL_VALUE_INVALID },
    { SUBJECT "/compensation/amount", "0.5", REFUSAL_VALUE_INVALID },
    { SUBJECT "/compensation/amount", "\"0.5\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/compensation/amount", "\"-0.50\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/compensation/currency", "\"XTS\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/compensation/per", "\"hour\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/withdrawal/effect", "[\"delete_copies\"]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/withdrawal/effect/0", "\"none\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/withdrawal/notice_days", "3651", REFUSAL_VALUE_INVALID },
    { SUBJECT "/withdrawal/allowed", "false", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/text/lang", "\"English please\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/text/sha256", "\"AA\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/salt", "\"AQID\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/salt", NULL, REFUSAL_MEMBER_MISSING },
    { "/evidence", "{}", REFUSAL_VALUE_INVALID },
    { "/evidence/0/type/0", "\"Hearsay\"", REFUSAL_EVIDENCE_UNKNOWN },
    { "/evidence/0/name", "\"Ada\"", REFUSAL_MEMBER_UNKNOWN },
};

static void test_refused(struct scope *s)
{
    json_t *document = sample(s);

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *other = sample_resigned(document, bad[i].pointer, bad[i].value, creator);
        struct consent got;
        enum refusal why;
        err e;
        e = consent_read(s, other, &got, &why);
        ok(e == ERR_INVALID && why == bad[i].why, "%s %s: %s at %s: %s",
           bad[i].pointer, bad[i].value ? bad[i].value : "away", refusal_code(why), s->why.pointer, s->why.detail);
        json_decref(other);
        scope_forgive(s);
    }
    json_decref(document);
}

/* Anything changed after signing shows, whatever it is. */
static void test_tampered(struct scope *s)
{
    json_t *document = sample(s);

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *other = json_deep_copy(document);
        struct consent got;
        enum refusal why;
        err e;
        sample_edit(other, bad[i].pointer, bad[i].value);
        e = consent_read(s, other, &got, &why);
        ok(e == ERR_INVALID &&
               (why == REFUSAL_SIGNATURE_INVALID || why == REFUSAL_CONTEXT_UNKNOWN), "%s, unsigned: %s",
           bad[i].pointer, refusal_code(why));
        json_decref(other);
        scope_forgive(s);
    }
    json_decref(document);
}

static void test_when(struct scope *s)
{
    struct consent wish = sample_consent();
    struct credential c = wish.c;

    is_int(credential_when(&c, c.valid_from, c.valid_until), REFUSAL_NONE, "for all of its time");
    is_int(credential_when(&c, c.valid_from - 1, c.valid_until), REFUSAL_NOT_YET_VALID, "not before");
    is_int(credential_when(&c, c.valid_from, c.valid_until + 1), REFUSAL_EXPIRED, "not longer");
    is_int(credential_when(&c, c.valid_until, c.valid_until), REFUSAL_EXPIRED, "not at its end");
    is_int(credential_when(&c, c.valid_until - 1, c.valid_until - 1), REFUSAL_NONE, "but just before");
    is_str(credential_uuid(s, (const uint8_t[16]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }),
           "urn:uuid:ffffffff-ffff-4fff-bfff-000000000000", "a UUID of version 4");
}

int main(void)
{
    struct scope s;

    keys_init();
    creator = sample_key(1);
    label = sample_key(2);
    scope_init(&s, 0);
    test_same(&s);
    test_single(&s);
    test_label(&s);
    test_refused(&s);
    test_tampered(&s);
    test_when(&s);
    for (int i = 0; i < REFUSALS; i++)
        ok(*refusal_code((enum refusal)i) && *refusal_sentence((enum refusal)i), "%s", refusal_code((enum refusal)i));
    scope_free(&s);
    secret_key_free(creator);
    secret_key_free(label);
    return done_testing();
}
