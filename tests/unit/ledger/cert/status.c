/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/gzip.h"
#include "schema/json/canon.h"
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static struct secret_key *market;

static void test_bits(struct scope *s)
{
    struct status_list list = status_list_new(s, STATUS_BITS_MIN), back;
    char *text;
    bool clear = true;

    status_set(&list, 5, true);
    is_int(list.bits[0], 0x04, "place 5 is the sixth bit from the left");
    status_set(&list, 0, true);
    status_set(&list, STATUS_BITS_MIN - 1, true);
    is_int(list.bits[0], 0x84, "place 0 the first");
    is_int(list.bits[STATUS_BITS_MIN / 8 - 1], 0x01, "the last place the last");
    status_set(&list, 5, false);
    ok(!status_get(&list, 5) && status_get(&list, 0) && status_get(&list, STATUS_BITS_MIN - 1), "and back");
    text = status_encode(s, &list);
    ok(*text == 'u' && strlen(text) < 200, "%zu bits in %zu letters", list.n, strlen(text));
    is_str(status_encode(s, &list), text, "the same every time");
    is_int(status_decode(s, text, strlen(text), &back), REFUSAL_NONE, "what is encoded is decoded");
    ok(back.n == list.n && memcmp(back.bits, list.bits, list.n / 8) == 0, "the same bits");
    for (size_t i = 1; i < STATUS_BITS_MIN - 1; i++)
        clear = clear && !status_get(&back, i);
    ok(clear, "all others are clear");
}

static char *encoded(struct scope *s, const void *bits, size_t n)
{
    struct bytes packed = gzip_pack(s, bits, n, GZIP_SMALL);
    char *text = scope_alloc(s, 1 + BASE64_SIZE(packed.len), 1);

    *text = 'u';
    base64url_write(packed.p, packed.len, text + 1);
    return text;
}

/* A stored block of deflate is as good; the largest list fits, one byte more does not. */
static void test_sizes(struct scope *s)
{
    static const uint8_t zeros[STATUS_BITS_MAX / 8 + 1];
    struct status_list list;
    char *text;

    text = encoded(s, zeros, STATUS_BITS_MAX / 8);
    is_int(status_decode(s, text, strlen(text), &list), REFUSAL_NONE, "the longest list");
    ok(list.n == STATUS_BITS_MAX, "of %zu places", list.n);
    text = encoded(s, zeros, STATUS_BITS_MAX / 8 + 1);
    is_int(status_decode(s, text, strlen(text), &list), REFUSAL_STATUS_LENGTH, "one byte more");
    text = encoded(s, zeros, STATUS_BITS_MIN / 8 - 1);
    is_int(status_decode(s, text, strlen(text), &list), REFUSAL_STATUS_LENGTH, "one byte too short");
    text = encoded(s, zeros, 1);
    is_int(status_decode(s, text, strlen(text), &list), REFUSAL_STATUS_LENGTH, "a list of eight");
    text = encoded(s, zeros, 0);
    is_int(status_decode(s, text, strlen(text), &list), REFUSAL_STATUS_LENGTH, "an empty list");
}

/* A gigabyte of zeros in a megabyte: given up as soon as it is too much. */
static void test_bomb(struct scope *s)
{
    static uint8_t zeros[64 << 20];
    struct bytes packed = gzip_pack(s, zeros, sizeof zeros, GZIP_SMALL), out;
    struct status_list list;
    size_t before = s->bytes;
    char *text;

    ok(!gzip_unpack(s, packed.p, packed.len, STATUS_BITS_MAX / 8, &out), "%zu bytes that unfold to %zu", packed.len,
       sizeof zeros);
    ok(s->bytes - before < 16 << 20, "cost %zu bytes", s->bytes - before);
    text = encoded(s, zeros, sizeof zeros);
    is_int(status_decode(s, text, strlen(text), &list), REFUSAL_STATUS_LENGTH, "are no list");
}

static void test_encoding(struct scope *s)
{
    struct status_list list = status_list_new(s, STATUS_BITS_MIN), got;
    struct bytes packed = gzip_pack(s, list.bits, list.n / 8, GZIP_SMALL);
    char *good = status_encode(s, &list), text[256];
    uint8_t bytes[512];
    bool taken = false;

    is_int(status_decode(s, good + 1, strlen(good) - 1, &got), REFUSAL_VALUE_INVALID, "without its u");
    is_int(status_decode(s, "u", 1, &got), REFUSAL_VALUE_INVALID, "u alone");
    is_int(status_decode(s, "", 0, &got), REFUSAL_VALUE_INVALID, "nothing");
    snprintf(text, sizeof text, "%s=", good);
    is_int(status_decode(s, text, strlen(text), &got), REFUSAL_VALUE_INVALID, "with padding");
    snprintf(text, sizeof text, "z%s", good + 1);
    is_int(status_decode(s, text, strlen(text), &got), REFUSAL_VALUE_INVALID, "in base58");
    for (size_t n = 0; n < packed.len; n++) {
        text[0] = 'u';
        base64url_write(packed.p, n, text + 1);
        taken = taken || status_decode(s, text, strlen(text), &got) == REFUSAL_NONE;
    }
    ok(!taken, "cut off anywhere");
    memcpy(bytes, packed.p, packed.len);
    bytes[packed.len] = 0;
    base64url_write(bytes, packed.len + 1, text + 1);
    is_int(status_decode(s, text, strlen(text), &got), REFUSAL_VALUE_INVALID, "with a byte behind it");
    memcpy(bytes + packed.len, packed.p, packed.len);
    base64url_write(bytes, 2 * packed.len, text + 1);
    is_int(status_decode(s, text, strlen(text), &got), REFUSAL_VALUE_INVALID, "twice");
    memcpy(bytes, packed.p, packed.len);
    bytes[packed.len - 5] ^= 1;
    base64url_write(bytes, packed.len, text + 1);
    is_int(status_decode(s, text, strlen(text), &got), REFUSAL_VALUE_INVALID, "with a wrong checksum");
}

static json_t *signed_list(struct scope *s, const struct status_credential *wish, const struct secret_key *key)
{
    json_t *document = NULL, *out = NULL;
    char did[DID_KEY_SIZE];

    sample_did(key, did);
    if (status_credential_json(s, wish, did, &document) != ERR_OK ||
        integrity_sign(s, document, key, SAMPLE_NOW, &out) != ERR_OK)
        abort();
    json_decref(document);
    return out;
}

static void test_credential(struct scope *s)
{
    struct status_credential wish = sample_list(s), got;
    char did[DID_KEY_SIZE];
    enum refusal why;
    struct bytes text;
    json_t *document, *again = NULL;

    sample_did(market, did);
    status_set(&wish.list, SAMPLE_INDEX, true);
    document = signed_list(s, &wish, market);
    ok(canon(s, document, &text) == ERR_OK &&
           document_read(s, (const char *)text.p, text.len, &again, &why) == ERR_OK, "it is written and read");
    ok(status_credential_read(s, again, &got, &why) == ERR_OK, "a list");
    ok(strcmp(got.c.id, SAMPLE_LIST) == 0 && strcmp(got.c.issuer, did) == 0, "of the market");
    ok(got.purpose == STATUS_REVOCATION && got.has_as_of && got.as_of == 77 && got.ttl_ms == -1, "with its members");
    ok(status_get(&got.list, SAMPLE_INDEX) && !status_get(&got.list, SAMPLE_INDEX + 1), "and its bits");
    ok(got.c.valid_until == wish.c.valid_until && got.c.signed_at == SAMPLE_NOW, "and times");
    json_decref(document);
    json_decref(again);
}

#define SUBJECT "/credentialSubject"
static const struct { const char *pointer, *value; enum refusal why; } rows[] = {
    /* What others write. */
    { "/name", "\"List 3\"", REFUSAL_NONE },
    { "/@context/", "\"https://other.example/ns\"", REFUSAL_NONE },
    { "/@context/1", NULL, REFUSAL_NONE },
    { "/type/", "\"More\"", REFUSAL_NONE },
    { "/validFrom", NULL, REFUSAL_NONE },
    { "/validUntil", NULL, REFUSAL_NONE },
    { "/validUntil", "\"2026-11-24T11:00:00+01:00\"", REFUSAL_NONE },
    { SUBJECT "/ttl", "300000", REFUSAL_NONE },
    { SUBJECT "/as_of", NULL, REFUSAL_NONE },
    { SUBJECT "/statusPurpose", "[\"suspension\"]", REFUSAL_NONE },
    { SUBJECT "/statusSize", "1", REFUSAL_NONE },
    /* What is not understood. */
    { "/@context/0", "\"https://www.w3.org/2018/credentials/v1\"", REFUSAL_CONTEXT_UNKNOWN },
    { "/type/1", "\"StatusList2021Credential\"", REFUSAL_TYPE_UNKNOWN },
    { "/issuer", "\"did:web:other.example\"", REFUSAL_VALUE_INVALID },
    { "/issuer", NULL, REFUSAL_MEMBER_MISSING },
    { "/issuer", "{\"id\":\"did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2\"}", REFUSAL_SIGNER_OTHER },
    { "/validFrom", "\"yesterday\"", REFUSAL_VALUE_INVALID },
    { SUBJECT, "[]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/type", "\"StatusList2021\"", REFUSAL_TYPE_UNKNOWN },
    { SUBJECT "/statusPurpose", "\"message\"", REFUSAL_STATUS_UNKNOWN },
    { SUBJECT "/statusPurpose", "[\"revocation\",\"suspension\"]", REFUSAL_VALUE_INVALID },
    { SUBJECT "/statusPurpose", NULL, REFUSAL_STATUS_UNKNOWN },
    { SUBJECT "/statusSize", "2", REFUSAL_VALUE_INVALID },
    { SUBJECT "/encodedList", "\"u\"", REFUSAL_VALUE_INVALID },
    { SUBJECT "/encodedList", "7", REFUSAL_VALUE_INVALID },
    { SUBJECT "/encodedList", NULL, REFUSAL_MEMBER_MISSING },
    { SUBJECT "/as_of", "-1", REFUSAL_VALUE_INVALID },
    { SUBJECT "/salt", NULL, REFUSAL_MEMBER_MISSING },
};

static void test_rows(struct scope *s)
{
    struct status_credential wish = sample_list(s), got;
    json_t *document = signed_list(s, &wish, market);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *edited = sample_resigned(document, rows[i].pointer, rows[i].value, market);
        enum refusal why;
        err e;
        e = status_credential_read(s, edited, &got, &why);
        ok((e == ERR_OK) == (rows[i].why == REFUSAL_NONE) &&
               why == rows[i].why, "%s %s: %s at %s", rows[i].pointer, rows[i].value ? rows[i].value : "away",
           refusal_code(why), s->why.pointer);
        json_decref(edited);
        scope_forgive(s);
    }
    json_decref(document);
}

/* Contexts that can be signed where they stand, but not where the proof repeats them, one deeper. */
static void test_deep(struct scope *s)
{
    struct status_credential wish = sample_list(s), got;
    json_t *document = signed_list(s, &wish, market), *deep = json_array(), *whole = NULL;
    enum refusal why;
    err e;

    for (int i = 0; i < JSON_DEPTH_MAX - 3; i++)
        deep = json_pack("[o]", deep);
    json_array_append_new(json_object_get(document, "@context"), deep);
    json_object_del(document, "proof");
    ok(integrity_sign(s, document, market, SAMPLE_NOW, &whole) == ERR_OK, "as deep as can be signed");
    e = status_credential_read(s, whole, &got, &why);
    ok(e == ERR_INVALID && why == REFUSAL_MALFORMED, "is too deep with its proof: %s", refusal_code(why));
    scope_forgive(s);
    json_decref(document);
    json_decref(whole);
}

static enum refusal ask(const struct status_credential *list, const struct status_entry *entry, int64_t now,
                        int64_t max_age_ms, bool *set)
{
    struct status_question q = { list, entry, list->c.issuer, now, max_age_ms };

    return status_ask(&q, set);
}

static void test_ask(struct scope *s)
{
    struct status_credential wish = sample_list(s), list;
    struct status_entry mine = { SAMPLE_LIST, STATUS_REVOCATION, SAMPLE_INDEX }, entry = mine;
    struct status_question stranger = { &list, &mine, "did:key:z6Mk", SAMPLE_NOW, 0 };
    enum refusal why;
    json_t *document;
    bool set = false;

    status_set(&wish.list, SAMPLE_INDEX, true);
    document = signed_list(s, &wish, market);
    ok(status_credential_read(s, document, &list, &why) == ERR_OK, "a list");
    json_decref(document);
    ok(ask(&list, &mine, SAMPLE_NOW, 0, &set) == REFUSAL_NONE && set, "mine is set");
    entry.index++;
    ok(ask(&list, &entry, SAMPLE_NOW, 0, &set) == REFUSAL_NONE && !set, "the next is not");
    entry.index = STATUS_BITS_MIN - 1;
    ok(ask(&list, &entry, SAMPLE_NOW, 0, &set) == REFUSAL_NONE && !set, "the last is not");
    entry.index = STATUS_BITS_MIN;
    ok(ask(&list, &entry, SAMPLE_NOW, 0, &set) == REFUSAL_STATUS_RANGE && set, "behind the last is none");
    entry = (struct status_entry){ SAMPLE_PAUSE, STATUS_REVOCATION, 1 };
    ok(ask(&list, &entry, SAMPLE_NOW, 0, &set) == REFUSAL_STATUS_OTHER && set, "another list");
    entry = (struct status_entry){ SAMPLE_LIST, STATUS_SUSPENSION, 1 };
    ok(ask(&list, &entry, SAMPLE_NOW, 0, &set) == REFUSAL_STATUS_OTHER && set, "another purpose");
    ok(status_ask(&stranger, &set) == REFUSAL_STATUS_OTHER && set, "another issuer");
    ok(ask(&list, &mine, wish.c.valid_until, 0, &set) == REFUSAL_STATUS_STALE && set, "after its end");
    ok(ask(&list, &mine, wish.c.valid_from - 1, 0, &set) == REFUSAL_STATUS_STALE, "before its beginning");
    ok(ask(&list, &mine, SAMPLE_NOW - CLOCK_SKEW_MAX_MS - 1, 0, &set) == REFUSAL_STATUS_STALE, "signed tomorrow");
    ok(ask(&list, &mine, SAMPLE_NOW + 1000, 1000, &set) == REFUSAL_NONE, "as old as may be");
    ok(ask(&list, &mine, SAMPLE_NOW + 1001, 1000, &set) == REFUSAL_STATUS_STALE, "and older");
}

int main(void)
{
    struct scope s;

    keys_init();
    market = sample_key(1);
    scope_init(&s, 0);
    test_bits(&s);
    test_sizes(&s);
    test_bomb(&s);
    test_encoding(&s);
    test_credential(&s);
    test_rows(&s);
    test_deep(&s);
    test_ask(&s);
    scope_free(&s);
    secret_key_free(market);
    return done_testing();
}
