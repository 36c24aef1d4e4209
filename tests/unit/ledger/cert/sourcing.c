/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static struct secret_key *certifier;

static void test_same(struct scope *s)
{
    struct sourcing wish = sample_sourcing(), got;
    char did[DID_KEY_SIZE];
    enum refusal why;
    json_t *document;

    sample_did(certifier, did);
    ok(sourcing_sign(s, &wish, certifier, SAMPLE_NOW, &document, &why) == ERR_OK, "a certificate");
    ok(sourcing_read(s, document, &got, &why) == ERR_OK, "is read");
    is_str(got.c.issuer, did, "issuer");
    is_str(got.version_id, wish.version_id, "version");
    ok(strcmp(got.dataset, wish.dataset) == 0 && got.version == 3 && got.item_count == 420 &&
       hash_equal(&got.version_root, &wish.version_root), "its items");
    ok(strcmp(got.scheme, wish.scheme) == 0 && got.criteria == 3 && hash_equal(&got.evidence[0], &wish.evidence[0]) &&
       hash_equal(&got.evidence[1], &wish.evidence[1]), "criteria");
    json_decref(document);
}

#define SUBJECT "/credentialSubject"
static const struct { const char *pointer, *value; enum refusal why; } bad[] = {
    { SUBJECT "/id", "\"urn:counterfoil:version:3\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/version_root", "\"\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/version", "0", REFUSAL_VALUE_INVALID },
    { SUBJECT "/item_count", "-1", REFUSAL_VALUE_INVALID },
    { SUBJECT "/scheme", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/criteria", "[]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/criteria/0/criterion", "\"nice\"", REFUSAL_CRITERION_UNKNOWN },
    { SUBJECT "/criteria/0/criterion", "\"licensed_or_owned_or_free\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/criteria/0/met", "true", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/criteria/0/evidence_sha256", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/except", "[]", REFUSAL_MEMBER_UNKNOWN },
    { "/issuer", "\"did:web:certifier.example\"", REFUSAL_VALUE_INVALID },
    { "/type/1", "\"TrainingClearance\"", REFUSAL_TYPE_UNKNOWN },
};

static void test_refused(struct scope *s)
{
    struct sourcing wish = sample_sourcing(), got;
    enum refusal why;
    err e;
    json_t *document;

    if (sourcing_sign(s, &wish, certifier, SAMPLE_NOW, &document, &why) != ERR_OK)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *other = sample_resigned(document, bad[i].pointer, bad[i].value, certifier);
        e = sourcing_read(s, other, &got, &why);
        ok(e == ERR_INVALID && why == bad[i].why, "%s %s: %s at %s", bad[i].pointer,
           bad[i].value ? bad[i].value : "away", refusal_code(why), s->why.pointer);
        json_decref(other);
        scope_forgive(s);
    }
    json_decref(document);
    wish.criteria = 0;
    ok(sourcing_sign(s, &wish, certifier, SAMPLE_NOW, &document, &why) == ERR_INVALID && why == REFUSAL_VALUE_INVALID,
       "what would be refused is not signed");
    scope_forgive(s);
}

int main(void)
{
    struct scope s;

    keys_init();
    certifier = sample_key(4);
    scope_init(&s, 0);
    test_same(&s);
    test_refused(&s);
    scope_free(&s);
    secret_key_free(certifier);
    return done_testing();
}
