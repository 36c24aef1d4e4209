/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/license.h"
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

#define ULID "01jdc5x9k2h3v8m4q7t0w6y1zr"
#define ROOT "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"      /* SHA-256 of "{}" */

static struct secret_key *market;

static const char sample[] =
    "{\"@context\":[\"" CREDENTIAL_CONTEXT "\"],\"id\":\"" LICENSE_URN "lic_" ULID "\","
    "\"type\":[\"VerifiableCredential\",\"" LICENSE_TYPE "\"],\"issuer\":\"%s\","
    "\"validFrom\":\"2026-11-23T10:00:00.000Z\",\"validUntil\":\"2027-11-23T10:00:00.000Z\",\"credentialSubject\":{"
    "\"license\":\"lic_" ULID "\",\"log\":\"counterfoil.example/00000000\",\"quote\":\"qte_" ULID "\","
    "\"publisher\":{\"id\":\"pty_" ULID "\",\"handle\":\"acme\"},"
    "\"buyer\":{\"id\":\"pty_" ULID "\",\"handle\":\"lab\"},"
    "\"offer\":{\"id\":\"ofr_" ULID "\",\"revision\":2,\"terms_digest\":\"" ROOT "\",\"split_digest\":\"" ROOT "\","
    "\"fee_digest\":\"" ROOT "\"},\"items\":{\"dataset\":\"acme/voices-en\",\"dataset_id\":\"dts_" ULID "\","
    "\"version\":3,\"version_id\":\"ver_" ULID "\",\"version_root\":\"" ROOT "\",\"slice\":{},\"slice_root\":\"" ROOT
    "\",\"item_count\":420},\"use\":{\"purpose\":\"pretraining\",\"territory\":\"DE\","
    "\"from\":\"2026-11-23T10:00:00.000Z\",\"until\":\"2027-11-23T10:00:00.000Z\"},"
    "\"price\":{\"amount\":\"12.00\",\"currency\":\"EUR\"},\"payment\":\"pay_" ULID "\","
    "\"granted_at\":\"2026-11-23T10:00:00.000Z\",\"terms\":{},\"salt\":\"AQIDBAUGBwgJCgsMDQ4PEA\"}}";

static json_t *signed_sample(struct scope *s)
{
    char did[DID_KEY_SIZE], *text;
    enum refusal why;
    json_t *document, *whole;

    sample_did(market, did);
    text = scope_printf(s, sample, did);
    if (document_read(s, text, strlen(text), &document, &why) != ERR_OK ||
        integrity_sign(s, document, market, SAMPLE_NOW, &whole) != ERR_OK)
        abort();
    json_decref(document);
    return whole;
}

static void test_read(struct scope *s)
{
    json_t *document = signed_sample(s);
    struct data_license l;
    enum refusal why;

    ok(data_license_read(s, document, &l, &why) == ERR_OK && why == REFUSAL_NONE, "a license is read: %s",
       s->why.detail);
    is_str(l.license, "lic_" ULID, "its id");
    is_str(l.offer, "ofr_" ULID, "offer");
    is_str(l.buyer.handle, "lab", "buyer");
    is_str(l.amount, "12.00", "price");
    ok(l.revision == 2 && l.version == 3 && l.item_count == 420, "numbers");
    ok(l.c.valid_from == SAMPLE_NOW && l.granted_at == SAMPLE_NOW, "times");
    json_decref(document);
}

#define SUBJECT "/credentialSubject"
static const struct { const char *pointer, *value; enum refusal why; } bad[] = {
    { "/@context/", "\"https://example.org/more\"", REFUSAL_CONTEXT_UNKNOWN },
    { "/@context/0", "\"" OWN_CONTEXT "\"", REFUSAL_CONTEXT_UNKNOWN },
    { "/type/1", "\"TrainingClearance\"", REFUSAL_TYPE_UNKNOWN },
    { "/id", "\"urn:counterfoil:clearance:lic_" ULID "\"", REFUSAL_VALUE_INVALID },
    { "/id", "\"" LICENSE_URN "lic_01jdc5x9k2h3v8m4q7t0w6y1zs\"", REFUSAL_VALUE_INVALID },
    { "/validUntil", NULL, REFUSAL_MEMBER_MISSING },
    { "/validUntil", "\"2028-11-23T10:00:00.000Z\"", REFUSAL_VALIDITY_INVALID },
    { "/evidence", "[]", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/except", "[]", REFUSAL_MEMBER_UNKNOWN },
    { SUBJECT "/use/purpose", "\"anything\"", REFUSAL_PURPOSE_UNKNOWN },
    { SUBJECT "/use/territory", "\"MARS\"", REFUSAL_TERRITORY_UNKNOWN },
    { SUBJECT "/use/from", "\"2026-11-23T10:00:00.001Z\"", REFUSAL_VALIDITY_INVALID },
    { SUBJECT "/price/amount", "\"12\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/price/amount", "\"-12.00\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/price/currency", "\"XXQ\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/terms", "{\"more\":true}", REFUSAL_VALUE_INVALID },
    { SUBJECT "/terms", "[]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/offer/revision", "0", REFUSAL_VALUE_INVALID },
    { SUBJECT "/items/slice", "\"\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/items/item_count", "0", REFUSAL_VALUE_INVALID },
    { SUBJECT "/buyer/id", "\"acc_" ULID "\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/salt", "\"\"", REFUSAL_VALUE_INVALID },
};

static void test_refused(struct scope *s)
{
    json_t *document = signed_sample(s);
    struct data_license l;
    enum refusal why;
    err e;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *other = sample_resigned(document, bad[i].pointer, bad[i].value, market);

        e = data_license_read(s, other, &l, &why);
        ok(e == ERR_INVALID && why == bad[i].why, "%s %s: %s at %s", bad[i].pointer,
           bad[i].value ? bad[i].value : "away", refusal_code(why), s->why.pointer);
        json_decref(other);
        scope_forgive(s);
    }
    json_decref(document);
}

int main(void)
{
    struct scope s;

    keys_init();
    market = sample_key(1);
    scope_init(&s, 0);
    test_read(&s);
    test_refused(&s);
    scope_free(&s);
    secret_key_free(market);
    return done_testing();
}
