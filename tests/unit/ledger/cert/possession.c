/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/possession.h"

#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

#define PARTY "pty_01jdc5x9k2h3v8m4q7t0w6y1zr"
#define LOG   "ledger.example/market"

static struct possession sample(void)
{
    return (struct possession){ .c = { .id = "urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c001",
                                       .valid_from = SAMPLE_NOW }, .party = PARTY, .log = LOG, .salt = { 7 } };
}

static void test_there_and_back(struct scope *s, const struct secret_key *key)
{
    struct possession wish = sample(), got;
    enum refusal why = REFUSAL_NONE;
    char did[DID_KEY_SIZE];
    json_t *document = NULL;

    is_int(possession_sign(s, &wish, key, SAMPLE_NOW, &document, &why), ERR_OK, "a statement is signed");
    is_int(possession_read(s, document, &got, &why), ERR_OK, "and read");
    sample_did(key, did);
    is_str(got.c.issuer, did, "its key");
    is_str(got.party, PARTY, "its party");
    is_str(got.log, LOG, "its log");
    ok(got.c.signed_at == SAMPLE_NOW && got.salt[0] == 7, "its time and salt");
    json_decref(document);
}

/* Changed after signing, and signed like that. */
static enum refusal changed(struct scope *s, const struct secret_key *key, bool again, const char *member,
                            json_t *value /* stolen */)
{
    struct possession wish = sample(), got;
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL, *other = NULL;
    bool subject = strcmp(member, "id") == 0 || strcmp(member, "log") == 0 || strcmp(member, "more") == 0;
    err e;

    is_int(possession_sign(s, &wish, key, SAMPLE_NOW, &document, &why), ERR_OK, "signed");
    json_object_set_new(subject ? json_object_get(document, "credentialSubject") : document, member, value);
    if (again) {
        json_object_del(document, "proof");
        is_int(integrity_sign(s, document, key, SAMPLE_NOW, &other), ERR_OK, "signed again");
    }
    why = REFUSAL_NONE;
    e = possession_read(s, again ? other : document, &got, &why);
    ok(e == (why == REFUSAL_NONE ? ERR_OK : ERR_INVALID), "with %s changed: %s", member, refusal_code(why));
    scope_forgive(s);
    json_decref(document);
    json_decref(other);
    return why;
}

static void test_refusals(struct scope *s, const struct secret_key *key)
{
    struct possession wish = sample(), got;
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL;

    is_int(changed(s, key, false, "id", json_string("urn:counterfoil:party:pty_01jdc5x9k2h3v8m4q7t0w6y1zs")),
           REFUSAL_SIGNATURE_INVALID, "another party");
    is_int(changed(s, key, true, "id", json_string("urn:counterfoil:license:lic_01jdc5x9k2h3v8m4q7t0w6y1zr")),
           REFUSAL_VALUE_INVALID, "no party");
    is_int(changed(s, key, true, "id", json_string("urn:counterfoil:party:pty_1")), REFUSAL_VALUE_INVALID, "no id");
    is_int(changed(s, key, true, "log", json_string("")), REFUSAL_VALUE_INVALID, "no log");
    is_int(changed(s, key, true, "more", json_true()), REFUSAL_MEMBER_UNKNOWN, "more than it has");
    is_int(changed(s, key, true, "validUntil", json_string("2030-01-01T00:00:00Z")), REFUSAL_MEMBER_UNKNOWN, "an end");
    is_int(changed(s, key, true, "type", json_pack("[s,s]", "VerifiableCredential", "ConsentWithdrawalRequest")),
           REFUSAL_TYPE_UNKNOWN, "another type");
    wish.party = "pty_";
    is_int(possession_sign(s, &wish, key, SAMPLE_NOW, &document, &why), ERR_INVALID, "what is refused isn't signed");
    scope_forgive(s);
    document = json_object();
    is_int(possession_read(s, document, &got, &why), ERR_INVALID, "nothing is no statement");
    json_decref(document);
}

int main(void)
{
    struct secret_key *key;
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    key = sample_key(3);
    test_there_and_back(&s, key);
    test_refusals(&s, key);
    secret_key_free(key);
    scope_free(&s);
    return done_testing();
}
