/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static struct secret_key *creator, *label, *stranger;

static struct consent consent_by(struct scope *s, struct consent wish, const struct secret_key *key)
{
    struct consent got;
    json_t *document;
    enum refusal why;

    if (consent_sign(s, &wish, key, SAMPLE_NOW, &document, &why) != ERR_OK ||
        consent_read(s, document, &got, &why) != ERR_OK)
        abort();
    json_decref(document);
    return got;
}

static enum refusal fits(struct scope *s, struct withdrawal wish, const struct secret_key *key,
                         const struct consent *consent)
{
    struct withdrawal got;
    enum refusal why;
    json_t *document;

    if (withdrawal_sign(s, &wish, key, SAMPLE_NOW, &document, &why) != ERR_OK ||
        withdrawal_read(s, document, &got, &why) != ERR_OK)
        abort();
    json_decref(document);
    return withdrawal_fits(&got, consent);
}

static void test_fits(struct scope *s)
{
    struct consent wish = sample_consent(), own = consent_by(s, wish, creator), labels, other;
    struct withdrawal w = sample_withdrawal(&own);
    char did[DID_KEY_SIZE];

    is_int(fits(s, w, creator, &own), REFUSAL_NONE, "a creator withdraws her consent");
    is_int(fits(s, w, stranger, &own), REFUSAL_WITHDRAWAL_STRANGER, "nobody else can");
    wish.c.id = "urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c009";
    other = consent_by(s, wish, creator);
    is_int(fits(s, w, creator, &other), REFUSAL_WITHDRAWAL_OTHER, "nor another consent of hers by it");
    w.consent = other.c.id;
    is_int(fits(s, w, creator, &other), REFUSAL_WITHDRAWAL_OTHER, "even with its id");
    wish = sample_consent();
    wish.assurance = ASSURANCE_L1;
    wish.evidence[0].kind = EVIDENCE_CHAIN_OF_TITLE;
    sample_did(creator, did);
    wish.subject = did;
    labels = consent_by(s, wish, label);
    w = sample_withdrawal(&labels);
    is_int(fits(s, w, label, &labels), REFUSAL_NONE, "what a label signed it may withdraw");
    is_int(fits(s, w, creator, &labels), REFUSAL_NONE, "and the creator for whom it signed");
    is_int(fits(s, w, stranger, &labels), REFUSAL_WITHDRAWAL_STRANGER, "but nobody else");
}

#define SUBJECT "/credentialSubject"
static const struct { const char *pointer, *value; enum refusal why; } bad[] = {
    { SUBJECT "/action", "\"pause\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/id", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/consent_sha256", "\"00\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/from", "\"2030-01-01T00:00:00Z\"", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/salt", NULL, REFUSAL_MEMBER_MISSING },
    { "/validUntil", "\"2030-01-01T00:00:00Z\"", REFUSAL_MEMBER_UNKNOWN },
    { "/credentialStatus", "{\"type\":\"BitstringStatusListEntry\",\"statusPurpose\":\"revocation\","
      "\"statusListIndex\":\"1\",\"statusListCredential\":\"https://a.example/1\"}", REFUSAL_MEMBER_UNKNOWN },
    { "/evidence", "[]", REFUSAL_MEMBER_UNKNOWN },
    { "/type/1", "\"CreatorConsentCertificate\"", REFUSAL_TYPE_UNKNOWN },
};

static void test_refused(struct scope *s)
{
    struct consent own = consent_by(s, sample_consent(), creator);
    struct withdrawal wish = sample_withdrawal(&own), got;
    enum refusal why;
    err e;
    json_t *document, *again;

    wish.action = WITHDRAWAL_SUSPEND;
    if (withdrawal_sign(s, &wish, creator, SAMPLE_NOW, &document, &why) != ERR_OK)
        abort();
    ok(withdrawal_read(s, document, &got, &why) == ERR_OK && got.action == WITHDRAWAL_SUSPEND &&
       got.c.valid_from == SAMPLE_NOW && got.c.valid_until == TIME_NEVER, "a suspension");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        again = sample_resigned(document, bad[i].pointer, bad[i].value, creator);
        e = withdrawal_read(s, again, &got, &why);
        ok(e == ERR_INVALID && why == bad[i].why, "%s: %s at %s", bad[i].pointer,
           refusal_code(why), s->why.pointer);
        json_decref(again);
        scope_forgive(s);
    }
    sample_edit(document, SUBJECT "/action", "\"revoke\"");
    ok(withdrawal_read(s, document, &got, &why) == ERR_INVALID && why == REFUSAL_SIGNATURE_INVALID,
       "a suspension is not made a revocation");
    scope_forgive(s);
    json_decref(document);
}

int main(void)
{
    struct scope s;

    keys_init();
    creator = sample_key(1);
    label = sample_key(2);
    stranger = sample_key(9);
    scope_init(&s, 0);
    test_fits(&s);
    test_refused(&s);
    scope_free(&s);
    secret_key_free(creator);
    secret_key_free(label);
    secret_key_free(stranger);
    return done_testing();
}
