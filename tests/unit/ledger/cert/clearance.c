/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static struct secret_key *market;

static json_t *signed_clearance(struct scope *s, const struct clearance *wish)
{
    json_t *document = NULL, *out = NULL;
    char did[DID_KEY_SIZE];

    sample_did(market, did);
    if (clearance_json(s, wish, did, &document) != ERR_OK ||
        integrity_sign(s, document, market, SAMPLE_NOW, &out) != ERR_OK)
        abort();
    json_decref(document);
    return out;
}

static void test_same(struct scope *s)
{
    struct clearance wish = sample_clearance(), got;
    json_t *document = signed_clearance(s, &wish), *bare = json_copy(document);
    enum refusal why;
    struct hash digest;

    json_object_del(bare, "proof");
    if (!ok(clearance_read(s, document, &got, &why) == ERR_OK, "what is signed is read"))
        printf("# %s %s\n", s->why.pointer, s->why.detail);
    ok(document_digest(s, bare, true, &digest) == ERR_OK && hash_equal(&digest, &got.c.bare),
       "what the log commits to is the document without its proof");
    is_str(got.c.id, CLEARANCE_URN "clr_01jdc5x9k2h3v8m4q7t0w6y1zr", "its id");
    is_str(got.clearance, wish.clearance, "clearance");
    is_str(got.license, wish.license, "license");
    is_str(got.log, wish.log, "log");
    ok(got.as_of == 77 && got.evaluated_at == SAMPLE_NOW && got.policy_version == 2, "as of");
    ok(strcmp(got.dataset, wish.dataset) == 0 && strcmp(got.version_id, wish.version_id) == 0 && got.version == 3 &&
       hash_equal(&got.slice_root, &wish.slice_root) && got.item_count == 420, "items");
    ok(got.purpose == 5 && strcmp(got.territory, "DE") == 0 && got.model == 2 && strcmp(got.project, "asr-7") == 0,
       "use");
    ok(got.verdict == CLEARANCE_EXCLUSIONS && got.cleared == 418 && got.excluded[2] == 2 &&
       hash_equal(&got.cleared_root, &wish.cleared_root) && hash_equal(&got.rows_root, &wish.rows_root), "verdict");
    ok(got.n_lists == 1 && hash_equal(&got.list[0].sha256, &wish.list[0].sha256) &&
       got.list[0].fetched_at == SAMPLE_NOW && strcmp(got.list[0].url, SAMPLE_LIST) == 0, "status lists");
    json_decref(document);
    json_decref(bare);
}

static void test_verdicts(struct scope *s)
{
    static const struct { uint64_t cleared, excluded; enum clearance_verdict verdict; } rows[] = {
        { 420, 0, CLEARANCE_CLEARED }, { 1, 419, CLEARANCE_EXCLUSIONS }, { 0, 420, CLEARANCE_REFUSED },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct clearance wish = sample_clearance(), got;
        enum refusal why;
        json_t *document;
        wish.cleared = rows[i].cleared;
        wish.excluded[2] = rows[i].excluded;
        wish.project = NULL;
        wish.n_lists = 0;
        document = signed_clearance(s, &wish);
        ok(clearance_read(s, document, &got, &why) == ERR_OK && got.verdict == rows[i].verdict && !got.project, "%s",
           clearance_verdict_codes.code[rows[i].verdict]);
        json_decref(document);
    }
}

#define SUBJECT "/credentialSubject"
static const struct { const char *pointer, *value; enum refusal why; } bad[] = {
    { "/id", "\"urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c001\"", REFUSAL_VALUE_INVALID },
    { "/evidence", "[]", REFUSAL_MEMBER_UNKNOWN },
    { "/validUntil", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/verdict", "\"cleared\"", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/verdict", "\"refused\"", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/verdict", "\"perhaps\"", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/cleared/item_count", "420", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/cleared/item_count", "0", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/items/item_count", "421", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/excluded", "[]", REFUSAL_VERDICT_INVALID },
    { SUBJECT "/excluded/0/reason", "\"mood\"", REFUSAL_REASON_UNKNOWN },
    { SUBJECT "/excluded/", "{\"reason\":\"consent_revoked\",\"item_count\":1}", REFUSAL_VALUE_INVALID },
    { SUBJECT "/excluded/0/item_count", "0", REFUSAL_VALUE_INVALID },
    { SUBJECT "/use/purpose", "\"training\"", REFUSAL_PURPOSE_UNKNOWN },
    { SUBJECT "/use/territory", "\"EMEA\"", REFUSAL_TERRITORY_UNKNOWN },
    { SUBJECT "/use/model_class", "\"any\"", REFUSAL_MODEL_UNKNOWN },
    { SUBJECT "/use/also", "1", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/id", "\"urn:counterfoil:license:lic_1\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/items/version_id", "\"lic_01jdc5x9k2h3v8m4q7t0w6y1zr\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/items/slice_root", "null", REFUSAL_VALUE_INVALID },
    { SUBJECT "/status_lists/0/fetched_at", "\"now\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/status_lists/0/url", "\"list\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/as_of", "\"77\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/as_of", "77.5", REFUSAL_VALUE_INVALID },
    { SUBJECT "/policy_version", "0", REFUSAL_VALUE_INVALID },
    { SUBJECT "/rows_root", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/salt", "\"\"", REFUSAL_VALUE_INVALID },
};

static void test_refused(struct scope *s)
{
    struct clearance wish = sample_clearance(), got;
    json_t *document = signed_clearance(s, &wish);

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *other = sample_resigned(document, bad[i].pointer, bad[i].value, market);
        enum refusal why;
        err e;
        e = clearance_read(s, other, &got, &why);
        ok(e == ERR_INVALID && why == bad[i].why, "%s %s: %s at %s", bad[i].pointer,
           bad[i].value ? bad[i].value : "away", refusal_code(why), s->why.pointer);
        json_decref(other);
        scope_forgive(s);
        other = json_deep_copy(document);
        sample_edit(other, bad[i].pointer, bad[i].value);
        ok(clearance_read(s, other, &got, &why) == ERR_INVALID && why == REFUSAL_SIGNATURE_INVALID, "and unsigned");
        json_decref(other);
        scope_forgive(s);
    }
    json_decref(document);
}

int main(void)
{
    struct scope s;

    keys_init();
    market = sample_key(3);
    scope_init(&s, 0);
    ok(exclusion_codes.n <= CLEARANCE_REASONS_MAX, "there is room for every reason");
    test_same(&s);
    test_verdicts(&s);
    test_refused(&s);
    scope_free(&s);
    secret_key_free(market);
    return done_testing();
}
