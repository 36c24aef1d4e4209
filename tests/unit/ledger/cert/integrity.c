/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/integrity.h"
#include "schema/json/canon.h"
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static char *vector(struct scope *s, const char *name)
{
    const char *root = getenv("COUNTERFOIL_VECTORS");
    char *path = scope_printf(s, "%s/eddsa-jcs-2022/%s", root && *root ? root : "../shared/vectors", name);
    FILE *f = fopen(path, "rb");
    char *text;
    size_t n;

    if (!f)
        return NULL;
    text = scope_alloc(s, 65536, 1);
    n = fread(text, 1, 65535, f);
    fclose(f);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    return text;
}

static json_t *vector_json(struct scope *s, const char *name)
{
    char *text = vector(s, name);
    enum refusal why;
    json_t *value = NULL;

    if (!text || document_read(s, text, strlen(text), &value, &why) != ERR_OK)
        abort();
    return value;
}

/* Every step of the published example. */
static void test_vector(void)
{
    struct scope s;
    struct integrities proofs = { .n = 0 };
    struct bytes text;
    enum refusal why;
    json_t *unsigned_, *config, *signed_;
    uint8_t data[INTEGRITY_DATA_SIZE];

    scope_init(&s, 0);
    if (!vector(&s, "unsigned.json")) {
        skip(8, "published vectors are not here: eddsa-jcs-2022");
        scope_free(&s);
        return;
    }
    unsigned_ = vector_json(&s, "unsigned.json");
    config = vector_json(&s, "proofConfigJCS.json");
    signed_ = vector_json(&s, "signedJCS.json");
    ok(canon(&s, unsigned_, &text) == ERR_OK, "the document has a canonical form");
    is_str(scope_strndup(&s, (const char *)text.p, text.len), vector(&s, "canonDocJCS.txt"), "namely this");
    ok(canon(&s, config, &text) == ERR_OK, "the configuration has");
    is_str(scope_strndup(&s, (const char *)text.p, text.len), vector(&s, "proofCanonJCS.txt"), "namely this");
    ok(integrity_data(&s, config, unsigned_, data) == ERR_OK, "the hashes");
    is_hex(data, HASH_SIZE, vector(&s, "proofHashJCS.txt"), "of the configuration");
    is_hex(data + HASH_SIZE, HASH_SIZE, vector(&s, "docHashJCS.txt"), "of the document");
    is_hex(data, sizeof data, vector(&s, "combinedHashJCS.txt"), "both, the configuration's first");
    ok(integrity_verify(&s, signed_, &proofs, &why) == ERR_OK && proofs.n == 1, "the signed document verifies");
    is_hex(proofs.proof[0].signature.b, ED25519_SIG, vector(&s, "sigHexJCS.txt"), "its signature");
    is_str(json_string_value(json_object_get(json_object_get(signed_, "proof"), "proofValue")),
           vector(&s, "sigBTC58JCS.txt"), "in base58btc");
    is_str(proofs.proof[0].did, "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2", "its key");
    is_int(proofs.proof[0].created, 1677281798000, "its time");
    json_decref(unsigned_);
    json_decref(config);
    json_decref(signed_);
    scope_free(&s);
}

#define DOCUMENT "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\",\"urn:b\"],\"id\":\"urn:a\"," \
                 "\"n\":[1.5,-0.0,1e21,{\"z\":null}]}"

static json_t *signed_by(struct scope *s, const struct secret_key *key)
{
    json_t *document = json_loads(DOCUMENT, 0, NULL), *out = NULL;

    if (integrity_sign(s, document, key, SAMPLE_NOW, &out) != ERR_OK)
        abort();
    json_decref(document);
    return out;
}

static void test_own(struct scope *s, const struct secret_key *key)
{
    json_t *first = signed_by(s, key), *again = signed_by(s, key), *more = json_deep_copy(first), *twice = NULL;
    struct integrities proofs;
    enum refusal why;
    char did[DID_KEY_SIZE];

    sample_did(key, did);
    ok(json_equal(first, again), "the same key, document and time give the same bytes");
    ok(integrity_verify(s, first, &proofs, &why) == ERR_OK && why == REFUSAL_NONE, "what we sign verifies");
    is_str(proofs.proof[0].did, did, "by its key");
    is_int(proofs.proof[0].created, SAMPLE_NOW, "at its time");
    ok(integrity_sign(s, first, key, SAMPLE_NOW, &twice) == ERR_INVALID, "a document is not signed twice");
    scope_forgive(s);
    json_object_del(more, "@context");
    json_object_del(more, "proof");
    ok(integrity_sign(s, more, key, SAMPLE_NOW, &twice) == ERR_INVALID, "nor one without contexts");
    scope_forgive(s);
    json_decref(first);
    json_decref(again);
    json_decref(more);
}

/* Holders may append contexts, and nothing else. */
static void test_contexts(struct scope *s, const struct secret_key *key)
{
    static const struct { const char *pointer, *value; enum refusal why; } rows[] = {
        { "/@context/", "\"urn:c\"", REFUSAL_NONE },
        { "/@context/", "{\"own\":\"urn:d\"}", REFUSAL_NONE },
        { "/@context/0", "\"urn:c\"", REFUSAL_CONTEXT_UNKNOWN },
        { "/@context/1", "\"urn:c\"", REFUSAL_CONTEXT_UNKNOWN },
        { "/@context/1", NULL, REFUSAL_CONTEXT_UNKNOWN },
        { "/@context", "\"https://www.w3.org/ns/credentials/v2\"", REFUSAL_CONTEXT_UNKNOWN },
        { "/@context", "[\"urn:b\",\"https://www.w3.org/ns/credentials/v2\"]", REFUSAL_CONTEXT_UNKNOWN },
        { "/@context", NULL, REFUSAL_CONTEXT_UNKNOWN },
        /* Without the proof's own copy the document's stands, as it was not signed. */
        { "/proof/@context", NULL, REFUSAL_SIGNATURE_INVALID },
        { "/proof/@context/1", NULL, REFUSAL_SIGNATURE_INVALID },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *document = signed_by(s, key);
        struct integrities proofs;
        enum refusal why;
        err e;
        sample_edit(document, rows[i].pointer, rows[i].value);
        e = integrity_verify(s, document, &proofs, &why);
        ok((e == ERR_OK) == (rows[i].why == REFUSAL_NONE) &&
               why == rows[i].why, "%s %s: %s", rows[i].pointer, rows[i].value ? rows[i].value : "away",
           refusal_code(why));
        json_decref(document);
        scope_forgive(s);
    }
}

#define OTHER_DID "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
#define OTHER_KEY "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
static const struct { const char *pointer, *value; enum refusal why; } bad[] = {
    { "/id", "\"urn:A\"", REFUSAL_SIGNATURE_INVALID },
    { "/n/0", "1.5000001", REFUSAL_SIGNATURE_INVALID },
    { "/n/3/z", "false", REFUSAL_SIGNATURE_INVALID },
    { "/n/3/z", NULL, REFUSAL_SIGNATURE_INVALID },
    { "/more", "1", REFUSAL_SIGNATURE_INVALID },
    { "/n/0", "9007199254740993", REFUSAL_MALFORMED },          /* an integer without a canonical form */
    { "/proof", NULL, REFUSAL_PROOF_MISSING },
    { "/proof", "null", REFUSAL_VALUE_INVALID },
    { "/proof", "[]", REFUSAL_VALUE_INVALID },
    { "/proof", "\"z\"", REFUSAL_VALUE_INVALID },
    { "/proof/type", "\"Ed25519Signature2020\"", REFUSAL_PROOF_INVALID },
    { "/proof/cryptosuite", "\"eddsa-rdfc-2022\"", REFUSAL_PROOF_INVALID },
    { "/proof/proofPurpose", "\"authentication\"", REFUSAL_PROOF_INVALID },
    { "/proof/proofPurpose", "[\"assertionMethod\"]", REFUSAL_PROOF_INVALID },
    { "/proof/created", NULL, REFUSAL_MEMBER_MISSING },
    { "/proof/created", "\"2026-11-23\"", REFUSAL_VALUE_INVALID },
    { "/proof/created", "\"2026-11-23T10:00:00\"", REFUSAL_VALUE_INVALID },
    { "/proof/created", "\"2026-11-23T10:00:01.000Z\"", REFUSAL_SIGNATURE_INVALID },
    { "/proof/created", "\"2026-11-23T10:00:00Z\"", REFUSAL_SIGNATURE_INVALID },     /* the same instant, other text */
    { "/proof/verificationMethod", "\"" OTHER_DID "#" OTHER_KEY "\"", REFUSAL_SIGNATURE_INVALID },
    { "/proof/verificationMethod", "\"" OTHER_DID "\"", REFUSAL_PROOF_INVALID },
    { "/proof/verificationMethod", "\"did:web:market.example#key-1\"", REFUSAL_PROOF_INVALID },
    { "/proof/verificationMethod", "{}", REFUSAL_PROOF_INVALID },
    { "/proof/expires", "\"2099-01-01T00:00:00Z\"", REFUSAL_MEMBER_UNKNOWN },
    { "/proof/domain", "\"market.example\"", REFUSAL_MEMBER_UNKNOWN },
    { "/proof/previousProof", "\"urn:a\"", REFUSAL_MEMBER_UNKNOWN },
    { "/proof/proofValue", NULL, REFUSAL_MEMBER_MISSING },
    { "/proof/proofValue", "\"z\"", REFUSAL_PROOF_INVALID },
    { "/proof/proofValue", "\"uAAAA\"", REFUSAL_PROOF_INVALID },
    { "/proof/proofValue",
      "\"z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX\"",
      REFUSAL_SIGNATURE_INVALID },
};

static void test_refused(struct scope *s, const struct secret_key *key)
{
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *document = signed_by(s, key);
        struct integrities proofs;
        enum refusal why;
        err e;
        sample_edit(document, bad[i].pointer, bad[i].value);
        e = integrity_verify(s, document, &proofs, &why);
        ok(e == ERR_INVALID && why == bad[i].why && s->why.code,
           "%s %s: %s at %s", bad[i].pointer, bad[i].value ? bad[i].value : "away", refusal_code(why), s->why.pointer);
        json_decref(document);
        scope_forgive(s);
    }
}

/* A set of proofs: each is over the document without any. */
static void test_set(struct scope *s, const struct secret_key *key, const struct secret_key *other)
{
    json_t *mine = signed_by(s, key), *theirs = signed_by(s, other), *set = json_array();
    struct integrities proofs;
    enum refusal why;
    char did[DID_KEY_SIZE];

    sample_did(other, did);
    json_array_append(set, json_object_get(mine, "proof"));
    json_array_append(set, json_object_get(theirs, "proof"));
    json_object_set_new(mine, "proof", set);
    ok(integrity_verify(s, mine, &proofs, &why) == ERR_OK && proofs.n == 2, "two proofs");
    is_str(proofs.proof[1].did, did, "of two keys");
    sample_edit(mine, "/proof/1/created", "\"2026-11-23T10:00:01.000Z\"");
    ok(integrity_verify(s, mine, &proofs, &why) == ERR_INVALID && why == REFUSAL_SIGNATURE_INVALID,
       "one of which is wrong");
    is_str(s->why.pointer, "/proof/1", "and which one is said");
    scope_forgive(s);
    json_array_remove(set, 1);
    for (int i = 1; i <= INTEGRITY_PROOFS_MAX; i++)
        json_array_append(set, json_array_get(set, 0));
    ok(integrity_verify(s, mine, &proofs, &why) == ERR_INVALID && why == REFUSAL_VALUE_INVALID, "too many proofs");
    scope_forgive(s);
    json_decref(mine);
    json_decref(theirs);
}

/* A signature from elsewhere. */
static void test_halves(struct scope *s, const struct secret_key *key)
{
    json_t *document = json_loads(DOCUMENT, 0, NULL), *config, *out = NULL, *whole = signed_by(s, key);
    struct public_key public = secret_key_public(key);
    uint8_t data[INTEGRITY_DATA_SIZE];
    struct signature sig;

    ok(integrity_begin(s, document, &public, SAMPLE_NOW, &config, data) == ERR_OK, "what is to be signed");
    sig = key_sign(key, data, sizeof data);
    ok(integrity_end(s, document, config, &sig, &out) == ERR_OK && json_equal(out, whole), "makes the same document");
    json_decref(out);
    sig.b[0] ^= 1;
    ok(integrity_end(s, document, config, &sig, &out) == ERR_INVALID, "and not with another signature");
    scope_forgive(s);
    json_decref(config);
    json_decref(document);
    json_decref(whole);
}

int main(void)
{
    struct secret_key *key, *other;
    struct scope s;

    keys_init();
    key = sample_key(1);
    other = sample_key(2);
    scope_init(&s, 0);
    test_vector();
    test_own(&s, key);
    test_contexts(&s, key);
    test_refused(&s, key);
    test_set(&s, key, other);
    test_halves(&s, key);
    scope_free(&s);
    secret_key_free(key);
    secret_key_free(other);
    return done_testing();
}
