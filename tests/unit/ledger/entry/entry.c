/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/entry/value.h"
#include "ledger/tree/frontier.h"
#include "tests/unit/ledger/entry/samples.h"

/* Made by a program in another language from the design's text alone. */
static const char golden[] =
    "{\"at\":\"2026-11-23T10:15:30.123Z\",\"body\":{\"license\":\"lic_01jdc5x9k2h3v8m4q7t0w6y1zr\"},\"sd\":["
    "\"08ycHwv4xrwNKr0ueSdXqIsNaMh5FyOD-sonDmh4-cE\",\"e5DSCNIm7TGZrjDKwQndbUM1XEqc5bYWfB3PDP1-XOA\","
    "\"ggBY1o94sC_CXOkCCTFmbhj9wyYrUdzfuTtt3Nfc8sU\",\"scu4TSZWODMrhIT6GPnOQ0GZx7ejGknKIZQNJJffgwU\"],"
    "\"type\":\"access.recorded\",\"v\":1}";
static const char golden_disclosures[] =
    "[\"WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiYnl0ZXMiLDEyMzQ1XQ\",\"WyJBUUVCQVFFQkFRRUJBUUVCQVFFQkFRIiwiaXRlbV9oYXNo"
    "IiwiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYiJd\",\"WyJBZ0lDQWdJQ"
    "0FnSUNBZ0lDQWdJQ0FnIiwiaXRlbV9udW1iZXIiLDdd\",\"WyJBd01EQXdNREF3TURBd01EQXdNREF3Iiwia2V5Iiwia2V5XzAxamRjNXg5az"
    "JoM3Y4bTRxN3QwdzZ5MXpzIl0\"]";
static const char golden_leaf[] = "91be0e59058319edbc1f7613baa8c78b34336694294047d26625613c659040e5";
static const char golden_party[] =
    "{\"at\":\"2026-11-23T10:15:30.123Z\",\"body\":{\"party\":\"pty_01jdc5x9k2h3v8m4q7t0w6y1zr\",\"roles\":[\"buyer\","
    "\"publisher\"]},\"sd\":[\"OE_FsphrLlpPsxlzlFUe89bUhfKvVJ1SQiLabH17Gtk\"],\"type\":\"party.registered\",\"v\":1}";

static char *text_of(struct scope *s, struct bytes b)
{
    return scope_strndup(s, (const char *)b.p, b.len);
}

static void test_table(void)
{
    for (size_t i = 0; i < ENTRY_TYPES; i++) {
        const struct entry_spec *spec = entry_spec((enum entry_type)i);
        bool sorted = true;
        for (size_t j = 1; j < spec->n_fields; j++)
            sorted = sorted && (spec->fields[j - 1].private == spec->fields[j].private
                                ? strcmp(spec->fields[j - 1].name, spec->fields[j].name) < 0 : spec->fields[j].private);
        ok(sorted, "%s: public fields first, each group sorted", spec->name);
        ok(spec->type == i && entry_spec_named(spec->name, strlen(spec->name)) == spec, "%s is found by its name",
           spec->name);
        ok((*spec->read_by != '\0') == (entry_salts(spec->type) > 0), "%s: somebody reads what is private", spec->name);
    }
    ok(!entry_spec_named("log.openedx", 11) && !entry_spec_named("log.opene", 9), "unknown types are unknown");
}

static void test_golden(struct scope *s)
{
    struct hash item, leaf;
    const struct named_value access[] = {
        { "key", EV_TEXT(SAMPLE_KEY) }, { "license", EV_TEXT(SAMPLE_LIC) }, { "item_number", EV_COUNT(7) },
        { "bytes", EV_COUNT(12345) }, { "item_hash", EV_HASH(&item) },
    };
    const struct named_value party[] = {
        { "party", EV_TEXT(SAMPLE_PTY) }, { "roles", S_JSON("[\"buyer\",\"publisher\"]") },
        { "name", EV_TEXT("J\xc3\xbcrgen \"J\" \x01\n") },
    };
    struct encoded_entry e;

    memset(&item, 0xab, sizeof item);
    ok(entry_encode(s, ENTRY_ACCESS_RECORDED, SAMPLE_AT, 1, access, ARRAY_LEN(access), sample_salts, &e) == ERR_OK,
       "encodes");
    is_str(text_of(s, e.bytes), golden, "an access as another program writes it");
    is_str(text_of(s, e.disclosures), golden_disclosures, "and its disclosures");
    leaf = leaf_hash(e.bytes.p, e.bytes.len);
    is_hex(leaf.b, HASH_SIZE, golden_leaf, "and its leaf");
    ok(entry_encode(s, ENTRY_PARTY_REGISTERED, SAMPLE_AT, 1, party, ARRAY_LEN(party), sample_salts, &e) == ERR_OK,
       "encodes");
    is_str(text_of(s, e.bytes), golden_party, "a party whose name needs escapes");
}

static bool value_equal(const struct entry_value *a, const struct entry_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case V_TEXT:  return strcmp(a->v.text, b->v.text) == 0;
    case V_COUNT: return a->v.count == b->v.count;
    case V_HASH:  return hash_equal(a->v.hash, b->v.hash);
    case V_JSON:  return a->v.json.len == b->v.json.len && memcmp(a->v.json.p, b->v.json.p, a->v.json.len) == 0;
    default:      return true;
    }
}

static void test_round_trip(struct scope *s)
{
    for (size_t i = 0; i < ENTRY_TYPES; i++) {
        const struct sample *x = &samples[i];
        const char *name = entry_spec(x->type)->name;
        size_t n = sample_values(x);
        struct encoded_entry e;
        struct entry d;
        bool same = true;

        ok(x->type == i && entry_encode(s, x->type, SAMPLE_AT, RULES_VERSION, x->value, n, sample_salts, &e) == ERR_OK,
           "%s encodes", name);
        ok(entry_decode(s, e.bytes.p, e.bytes.len, &d) == ERR_OK && d.at_ms == SAMPLE_AT &&
           d.version == RULES_VERSION, "%s decodes", name);
        ok(d.n_sd == entry_salts(x->type), "%s has a digest for each private field", name);
        ok(d.n_sd == 0 || disclosures_open(s, &d, e.disclosures.p, e.disclosures.len) == ERR_OK,
           "%s: all is disclosed", name);
        for (size_t j = 0; j < n; j++)
            same = same && value_equal(entry_field(&d, x->value[j].name), &x->value[j].value);
        ok(same, "%s: every value comes back", name);
        scope_forgive(s);
    }
}

/* Whatever is accepted prints as the very same bytes: so nothing has two texts. */
static bool refused_or_same(struct scope *s, const uint8_t *bytes, size_t len)
{
    struct entry e;
    struct buf b = BUF(s);

    scope_forgive(s);
    if (entry_decode(s, bytes, len, &e) != ERR_OK)
        return true;
    entry_print(&b, &e);
    return b.len == len && memcmp(b.p, bytes, len) == 0;
}

static void test_mutations(void)
{
    static const uint8_t swaps[] = { 0, ' ', '"', '\\', ',', '0', '9', 'A', 'a', '}', '-', 0x7f, 0xff };
    struct scope s, t;
    uint8_t bytes[4096];

    scope_init(&s, 0);
    scope_init(&t, 0);
    for (size_t i = 0; i < ENTRY_TYPES; i++) {
        struct encoded_entry e;
        bool good = true;
        err code = entry_encode(&s, samples[i].type, SAMPLE_AT, RULES_VERSION, samples[i].value,
                                sample_values(&samples[i]), sample_salts, &e);

        for (size_t at = 0; code == ERR_OK && at < e.bytes.len; at++, scope_clear(&t)) {
            for (size_t k = 0; k < sizeof swaps; k++) {
                memcpy(bytes, e.bytes.p, e.bytes.len);
                bytes[at] = swaps[k];                                         /* another byte */
                good = good && refused_or_same(&t, bytes, e.bytes.len);
                memcpy(bytes + at + 1, e.bytes.p + at, e.bytes.len - at);     /* one more byte before it */
                good = good && refused_or_same(&t, bytes, e.bytes.len + 1);
            }
            memcpy(bytes, e.bytes.p, at);
            memcpy(bytes + at, e.bytes.p + at + 1, e.bytes.len - at - 1);     /* one byte less */
            good = good && refused_or_same(&t, bytes, e.bytes.len - 1);
            good = good && refused_or_same(&t, e.bytes.p, at);                /* cut */
        }
        ok(code == ERR_OK && good, "%s: a mutation is refused, or means what its bytes say",
           entry_spec(samples[i].type)->name);
    }
    scope_free(&s);
    scope_free(&t);
}

#define HEAD "{\"at\":\"2026-11-23T10:15:30.123Z\",\"body\":"
#define ENDED_TAIL ",\"sd\":[],\"type\":\"license.ended\",\"v\":1}"
#define LICENSE "\"license\":\"lic_01jdc5x9k2h3v8m4q7t0w6y1zr\""
#define SD1 "\"08ycHwv4xrwNKr0ueSdXqIsNaMh5FyOD-sonDmh4-cE\""
#define SD2 "\"e5DSCNIm7TGZrjDKwQndbUM1XEqc5bYWfB3PDP1-XOA\""
#define SD3 "\"ggBY1o94sC_CXOkCCTFmbhj9wyYrUdzfuTtt3Nfc8sU\""
#define SD4 "\"scu4TSZWODMrhIT6GPnOQ0GZx7ejGknKIZQNJJffgwU\""
#define SNAPSHOT(currencies) HEAD "{\"as_of\":1,\"currencies\":{" currencies "}},\"sd\":[]," \
                             "\"type\":\"balances.snapshot\",\"v\":3}"
#define SUMS(currency, total) "\"" currency "\":{\"accounts\":1,\"root\":\"" ZERO_HASH_TEXT \
                              "\",\"total\":\"" total "\"}"
#define ACCESS_TAIL ",\"type\":\"access.recorded\",\"v\":1}"

static const struct { const char *text, *why; } refused[] = {
    { "", "nothing" },
    { "{}", "no entry" },
    { HEAD "{" LICENSE ",\"reason\":\"expired\"}" ENDED_TAIL "\n", "more after its end" },
    { HEAD "{\"reason\":\"expired\"," LICENSE "}" ENDED_TAIL, "fields out of order" },
    { HEAD "{" LICENSE ",\"reason\":\"expired\",\"x\":1}" ENDED_TAIL, "an unknown field" },
    { HEAD "{" LICENSE "," LICENSE ",\"reason\":\"expired\"}" ENDED_TAIL, "a repeated field" },
    { HEAD "{" LICENSE ",\"reason\":null}" ENDED_TAIL, "null" },
    { HEAD "{" LICENSE "}" ENDED_TAIL, "a missing field" },
    { HEAD "{" LICENSE ",\"reason\":\"because\"}" ENDED_TAIL, "an unknown code" },
    { HEAD "{" LICENSE ",\"reason\":\"expire\\u0064\"}" ENDED_TAIL, "an escape that is not needed" },
    { HEAD "{\"license\":\"ofr_01jdc5x9k2h3v8m4q7t0w6y1zr\",\"reason\":\"expired\"}" ENDED_TAIL,
      "an id of another kind" },
    { HEAD "{\"license\":\"lic_81jdc5x9k2h3v8m4q7t0w6y1zr\",\"reason\":\"expired\"}" ENDED_TAIL, "an id of 129 bits" },
    { HEAD "{" LICENSE ", \"reason\":\"expired\"}" ENDED_TAIL, "white space" },
    { HEAD "{" LICENSE ",\"reason\":\"expired\"},\"sd\":[" SD1 "],\"type\":\"license.ended\",\"v\":1}",
      "a digest too many" },
    { HEAD "{" LICENSE ",\"reason\":\"expired\"},\"sd\":[],\"type\":\"license.paused\",\"v\":1}", "an unknown type" },
    { HEAD "{" LICENSE ",\"reason\":\"expired\"},\"sd\":[],\"type\":\"license.ended\",\"v\":4}", "unknown rules" },
    { HEAD "{\"clearance\":\"clr_01jdc5x9k2h3v8m4q7t0w6y1zr\"," LICENSE "},\"sd\":[],"
      "\"type\":\"clearance.withdrawn\",\"v\":1}", "a type that came later" },
    { SNAPSHOT("") , "a snapshot of no currency" },
    { SNAPSHOT(SUMS("EUR", "1.00") "," SUMS("EUR", "1.00")), "a currency twice" },
    { SNAPSHOT(SUMS("EUR", "1.00") "," SUMS("CHF", "1.00")), "currencies out of order" },
    { SNAPSHOT(SUMS("eur", "1.00")), "what is no currency" },
    { SNAPSHOT(SUMS("EUR", "340282366920938463463374607431768.211456")), "a sum of more than 128 bits" },
    { SNAPSHOT(SUMS("EUR", "-1.00")), "a sum below zero" },
    { "{\"at\":\"2026-02-30T10:15:30.123Z\",\"body\":{" LICENSE ",\"reason\":\"expired\"}" ENDED_TAIL,
      "a day that was not" },
    { HEAD "{" LICENSE "},\"sd\":[" SD1 "," SD2 "," SD3 "]" ACCESS_TAIL, "a digest too few" },
    { HEAD "{" LICENSE "},\"sd\":[" SD2 "," SD1 "," SD3 "," SD4 "]" ACCESS_TAIL, "digests not sorted" },
    { HEAD "{" LICENSE "},\"sd\":[" SD1 "," SD1 "," SD3 "," SD4 "]" ACCESS_TAIL, "a digest twice" },
    { HEAD "{" LICENSE "},\"sd\":[," SD1 "," SD2 "," SD3 "," SD4 "]" ACCESS_TAIL, "a comma too many" },
    { HEAD "{\"bytes\":1," LICENSE "},\"sd\":[" SD1 "," SD2 "," SD3 "," SD4 "]" ACCESS_TAIL,
      "a private field in public" },
};

static void test_refused(struct scope *s)
{
    struct entry e;

    ok(entry_decode(s, golden, strlen(golden), &e) == ERR_OK, "the vector decodes");
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        scope_forgive(s);
        ok(entry_decode(s, refused[i].text, strlen(refused[i].text), &e) == ERR_INVALID && s->why.detail[0],
           "refuses %s",
           refused[i].why);
    }
    scope_forgive(s);
}

static void test_disclosures(struct scope *s)
{
    static const char other[] = "WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiYnl0ZXMiLDEyMzQ2XQ";      /* bytes 12346 */
    static const char first[] = "WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiYnl0ZXMiLDEyMzQ1XQ";
    struct entry e;

    ok(entry_decode(s, golden, strlen(golden), &e) == ERR_OK, "decodes");
    ok(entry_field(&e, "bytes")->kind == V_ABSENT, "a private field is absent until disclosed");
    ok(disclosure_open(s, &e, other, strlen(other)) == ERR_INVALID,
       "refuses a disclosure that the entry does not commit to");
    scope_forgive(s);
    ok(disclosure_open(s, &e, first, strlen(first)) == ERR_OK && entry_field(&e, "bytes")->v.count == 12345,
       "opens one field");
    ok(disclosure_open(s, &e, first, strlen(first)) == ERR_INVALID, "refuses the same field twice");
    scope_forgive(s);
    ok(disclosures_open(s, &e, "[]", 2) == ERR_OK, "none at all is fine");
    ok(disclosures_open(s, &e, "[\"x\"", 4) == ERR_INVALID, "refuses what is no array");
    scope_forgive(s);
}

/* What we would print wrongly is our bug and never leaves. */
static void test_wrong_values(struct scope *s)
{
    static const struct { struct named_value value[3]; size_t n; const char *why; } rows[] = {
        { { { "license", S_TEXT(SAMPLE_LIC) } }, 1, "a missing field" },
        { { { "license", S_TEXT(SAMPLE_LIC) }, { "reason", S_TEXT("because") } }, 2, "an unknown code" },
        { { { "license", S_TEXT(SAMPLE_LIC) }, { "reason", S_COUNT(1) } }, 2, "another kind of value" },
        { { { "license", S_TEXT(SAMPLE_OFR) }, { "reason", S_TEXT("expired") } }, 2, "another kind of id" },
        { { { "license", S_TEXT(SAMPLE_LIC) }, { "reason", S_TEXT("expired") }, { "note", S_TEXT("x") } }, 3,
          "no field of the type" },
        { { { "license", S_TEXT(SAMPLE_LIC) }, { "reason", S_TEXT("expired") }, { "reason", S_TEXT("expired") } }, 3,
          "a value twice" },
    };
    const struct named_value amount[] = {
        { "payment", S_TEXT(SAMPLE_PAY) }, { "amount", S_TEXT("1.") }, { "buyer", S_TEXT(SAMPLE_PTY) },
        { "currency", S_TEXT("EUR") }, { "reference", S_TEXT("r") },
    };
    const struct named_value roles[] = {
        { "party", S_TEXT(SAMPLE_PTY) }, { "roles", S_JSON("[\"publisher\",\"buyer\"]") }, { "name", S_TEXT("n") },
    };
    const struct named_value text[] = {
        { "party", S_TEXT(SAMPLE_PTY) }, { "roles", S_JSON("[\"buyer\"]") }, { "name", S_TEXT("\xff") },
    };
    const struct named_value ended[] = { { "license", S_TEXT(SAMPLE_LIC) }, { "reason", S_TEXT("expired") } };
    struct encoded_entry e;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++, scope_forgive(s))
        ok(entry_encode(s, ENTRY_LICENSE_ENDED, SAMPLE_AT, 1, rows[i].value, rows[i].n, NULL, &e) == ERR_INTERNAL,
           "does not write %s", rows[i].why);
    ok(entry_encode(s, ENTRY_PAYMENT_RECEIVED, SAMPLE_AT, 1, amount, ARRAY_LEN(amount), sample_salts,
                    &e) == ERR_INTERNAL,
       "nor an amount without decimals after its point");
    scope_forgive(s);
    ok(entry_encode(s, ENTRY_PARTY_REGISTERED, SAMPLE_AT, 1, roles, ARRAY_LEN(roles), sample_salts, &e) == ERR_INTERNAL,
       "nor roles out of order");
    scope_forgive(s);
    ok(entry_encode(s, ENTRY_PARTY_REGISTERED, SAMPLE_AT, 1, text, ARRAY_LEN(text), sample_salts, &e) == ERR_INTERNAL,
       "nor text that is not UTF-8");
    scope_forgive(s);
    for (unsigned version = 0; version <= RULES_VERSION + 1; version++, scope_forgive(s))
        ok((entry_encode(s, ENTRY_LICENSE_ENDED, SAMPLE_AT, version, ended, 2, NULL, &e) == ERR_OK) ==
           (version >= 1 && version <= RULES_VERSION), "only under rules that there are: %u", version);
    for (size_t i = 0; i < ENTRY_TYPES; i++, scope_forgive(s))
        ok((entry_encode(s, samples[i].type, SAMPLE_AT, 1, samples[i].value, sample_values(&samples[i]), sample_salts,
                         &e) == ERR_OK) == (entry_spec(samples[i].type)->since == 1), "%s under version 1: %s",
           entry_spec(samples[i].type)->name, entry_spec(samples[i].type)->since == 1 ? "yes" : "no");
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    test_table();
    test_golden(&s);
    test_round_trip(&s);
    test_refused(&s);
    test_disclosures(&s);
    test_wrong_values(&s);
    test_mutations();
    scope_free(&s);
    return done_testing();
}
