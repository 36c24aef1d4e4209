/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/entry/codes.h"
#include "ledger/rules/terms.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

#define C(left, operator, right) \
    "{\"leftOperand\":\"" left "\",\"operator\":\"" operator "\",\"rightOperand\":" right "}"
#define C_PURPOSE C("purpose", "isAnyOf", "[\"pretraining\",\"retrieval\"]")
#define C_SPATIAL C("spatial", "isAnyOf", "[\"EU\",\"GB\"]")
#define C_TIME    C("dateTime", "lt", "{\"@type\":\"xsd:dateTime\",\"@value\":\"2027-01-01T00:00:00Z\"}")
#define ACTION    "\"action\":[\"odrl:gen-ai\",\"odrl:ai-augment\"]"
#define WHO       "\"assigner\":\"urn:counterfoil:party:x\""
#define WHAT      "\"target\":\"urn:counterfoil:version:x\""
#define PERMIT(action, constraints) "{" action "," WHO ",\"constraint\":[" constraints "]," WHAT "}"
#define PERMISSION PERMIT(ACTION, C_PURPOSE "," C_SPATIAL "," C_TIME)
#define UID       "\"uid\":\"urn:counterfoil:terms:000102030405060708090a0b0c0d0e0f\""
#define HEAD      "{\"@context\":[\"http://www.w3.org/ns/odrl.jsonld\"],\"@type\":\"Offer\",\"conflict\":\"prohibit\","
#define TAIL      "\"profile\":\"https://w3c.github.io/odrl/ai-vocab/\"," UID "}"
#define POLICY(permission) HEAD "\"permission\":[" permission "]," TAIL

static err read_text(struct scope *s, const char *text, struct terms *out)
{
    json_t *policy;
    err e;

    scope_forgive(s);
    TRY(json_read(s, text, strlen(text), &policy));
    e = terms_read(s, policy, "/terms", out);
    json_decref(policy);
    return e;
}

/* What is not in the subset is refused where it stands. */
static const struct { const char *text, *pointer; } refused[] = {
    { "[]", "/terms" },
    { "{}", "/terms/@context" },
    { POLICY(PERMISSION "," PERMISSION), "/terms/permission" },
    { HEAD "\"permission\":[" PERMISSION "],\"prohibition\":[]," TAIL, "/terms/prohibition" },
    { HEAD "\"permission\":[" PERMISSION "],\"a/b~c\":1," TAIL, "/terms/a~1b~0c" },
    { "{\"@context\":[\"http://www.w3.org/ns/odrl.jsonld\"],\"@type\":\"Offer\",\"conflict\":\"perm\",\"permission\":["
      PERMISSION "]," TAIL, "/terms/conflict" },
    { "{\"@context\":[\"http://www.w3.org/ns/odrl.jsonld\"],\"@type\":\"Offer\",\"permission\":[" PERMISSION "]," TAIL,
      "/terms/conflict" },
    { POLICY(PERMIT("\"action\":[\"odrl:gen-ai\",\"odrl:use\"]", C_PURPOSE "," C_SPATIAL "," C_TIME)),
      "/terms/permission/0/action/1" },
    { POLICY(PERMIT("\"action\":[\"odrl:gen-ai\",\"odrl:gen-ai\"]", C_PURPOSE "," C_SPATIAL "," C_TIME)),
      "/terms/permission/0/action/1" },
    { POLICY(PERMIT("\"action\":\"odrl:gen-ai\"", C_PURPOSE "," C_SPATIAL "," C_TIME)), "/terms/permission/0/action" },
    { POLICY(PERMIT("\"action\":[\"odrl:gen-ai\",\"odrl:ai-augment\",\"odrl:index\"]",
                    C_PURPOSE "," C_SPATIAL "," C_TIME)),
      "/terms/permission/0/action" },
    { POLICY(PERMIT(ACTION, C_PURPOSE "," C_SPATIAL)), "/terms/permission/0/constraint" },
    { POLICY(PERMIT(ACTION, C_PURPOSE "," C_SPATIAL "," C_SPATIAL)), "/terms/permission/0/constraint/2/leftOperand" },
    { POLICY(PERMIT(ACTION,
                    C_PURPOSE "," C_SPATIAL "," C("count", "lt", "5"))),
      "/terms/permission/0/constraint/2/leftOperand" },
    { POLICY(PERMIT(ACTION,
                    C_PURPOSE "," C_TIME "," C("spatial", "isNoneOf", "[\"US\"]"))),
      "/terms/permission/0/constraint/2/operator" },
    { POLICY(PERMIT(ACTION,
                    C_PURPOSE "," C_TIME "," C("spatial", "isAnyOf", "[\"XX\"]"))),
      "/terms/permission/0/constraint/2/rightOperand/0" },
    { POLICY(PERMIT(ACTION,
                    C_PURPOSE "," C_TIME "," C("spatial", "isAnyOf", "[]"))),
      "/terms/permission/0/constraint/2/rightOperand" },
    { POLICY(PERMIT(ACTION,
                    C_SPATIAL "," C_TIME "," C("purpose", "isAnyOf", "[\"any\"]"))),
      "/terms/permission/0/constraint/2/rightOperand/0" },
    { POLICY(PERMIT(ACTION,
                    C_PURPOSE "," C_SPATIAL "," C("dateTime", "lt", "\"2027\""))),
      "/terms/permission/0/constraint/2/rightOperand" },
    { HEAD "\"permission\":[" PERMISSION "],\"profile\":\"https://w3c.github.io/odrl/ai-vocab/\","
      "\"uid\":\"urn:uuid:1\"}",
      "/terms/uid" },
    { POLICY("{" ACTION ",\"assigner\":\"me\",\"constraint\":[" C_PURPOSE "," C_SPATIAL "," C_TIME "]," WHAT "}"),
      "/terms/permission/0/assigner" },
};

static void test_read(struct scope *s)
{
    struct terms t;

    ok(read_text(s, POLICY(PERMISSION), &t) == ERR_OK, "the subset is read");
    is_str(t.uid, "urn:counterfoil:terms:000102030405060708090a0b0c0d0e0f", "with its uid");
    is_str(terms_sentence(s, &t),
           "Permits pretraining and retrieval in EU and GB until 2027-01-01T00:00:00.000Z, and nothing else.",
           "and says what it permits");
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        ok(read_text(s, refused[i].text, &t) == ERR_INVALID, "row %zu is refused", i);
        is_str(s->why.pointer, refused[i].pointer, "where the fault is");
    }
}

static void test_decide(struct scope *s)
{
    static const struct {
        const char *purpose, *territory;
        int64_t from, until, now;            /* days from 2026-01-01 */
        enum terms_verdict want;
    } rows[] = {
        { "pretraining", "DE", 0, 365, 0, TERMS_GRANTED },
        { "retrieval", "EU", 10, 20, 5, TERMS_GRANTED },
        { "pretraining", "GB", 0, 365, 100, TERMS_GRANTED },
        { "finetuning", "DE", 0, 365, 0, TERMS_PURPOSE_NOT_GRANTED },
        { "data_mining", "DE", 0, 365, 0, TERMS_PURPOSE_NOT_GRANTED },
        { "voice_cloning", "DE", 0, 365, 0, TERMS_PURPOSE_NOT_GRANTED },
        { "anything", "DE", 0, 365, 0, TERMS_PURPOSE_NOT_GRANTED },
        { "pretraining", "US", 0, 365, 0, TERMS_TERRITORY_NOT_GRANTED },
        { "pretraining", "WORLD", 0, 365, 0, TERMS_TERRITORY_NOT_GRANTED },
        { "pretraining", "XX", 0, 365, 0, TERMS_TERRITORY_NOT_GRANTED },
        { "pretraining", "", 0, 365, 0, TERMS_TERRITORY_NOT_GRANTED },
        { "pretraining", "DE", 0, 366, 0, TERMS_TERM_NOT_GRANTED },
        { "pretraining", "DE", 20, 20, 0, TERMS_PERIOD_EMPTY },
        { "pretraining", "DE", 20, 10, 0, TERMS_PERIOD_EMPTY },
        { "pretraining", "DE", 0, 100, 100, TERMS_PERIOD_OVER },
    };
    const int64_t start = INT64_C(1767225600000), day = INT64_C(86400000);
    struct terms t;

    ok(read_text(s, POLICY(PERMISSION), &t) == ERR_OK, "terms until 2027");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        is_str(terms_code(terms_decide(&t, rows[i].purpose, rows[i].territory, start + rows[i].from * day,
                                       start + rows[i].until * day, start + rows[i].now * day)),
               terms_code(rows[i].want), rows[i].purpose);
    ok(terms_error(TERMS_PURPOSE_NOT_GRANTED) == ERR_TERMS && terms_error(TERMS_GRANTED) == ERR_OK,
       "errors of the table");
}

static void test_write(struct scope *s)
{
    static const char *const purposes[] = { "voice_cloning", "pretraining" }, *const places[] = { "WORLD" };
    static const char *const wrong[] = { "pretraining", "pretraining" }, *const nowhere[] = { "Mars" };
    struct terms_wish w = {
        .purposes = purposes, .n_purposes = 2, .territories = places, .n_territories = 1,
            .until = INT64_C(1830297600000),
        .assigner = "urn:counterfoil:party:pty_x", .target = "urn:counterfoil:dataset:a/b", .random = { 1, 2, 3 },
    };
    struct terms t;
    char *text;

    ok(terms_write(s, &w, &text) == ERR_OK && canon_is(s, text, strlen(text)), "what is written is canonical");
    ok(read_text(s, text, &t) == ERR_OK, "and reads");
    is_str(t.uid, "urn:counterfoil:terms:01020300000000000000000000000000", "with the random bits given");
    is_str(terms_sentence(s, &t),
           "Permits pretraining and voice cloning in WORLD until 2028-01-01T00:00:00.000Z, and nothing else.",
           "as wished");
    ok(terms_decide(&t, "pretraining", "WORLD", w.until - 2, w.until, 0) == TERMS_GRANTED, "and grants it");

    w.purposes = wrong;
    ok(terms_write(s, &w, &text) == ERR_INVALID, "a purpose twice is refused");
    scope_forgive(s);
    w.purposes = nowhere, w.n_purposes = 1;
    ok(terms_write(s, &w, &text) == ERR_INVALID, "an unknown purpose");
    scope_forgive(s);
    w.purposes = purposes, w.territories = nowhere;
    ok(terms_write(s, &w, &text) == ERR_INVALID, "an unknown territory");
    scope_forgive(s);
    w.territories = places, w.target = "no iri";
    ok(terms_write(s, &w, &text) == ERR_INVALID, "a target that is no IRI");
    scope_forgive(s);
}

/* Each purpose alone grants itself and no other: none implies another. */
static void test_purposes(struct scope *s)
{
    static const char *const places[] = { "WORLD" };

    for (size_t i = 0; i < purpose_codes.n; i++) {
        struct terms_wish w = {
            .purposes = &purpose_codes.code[i], .n_purposes = 1, .territories = places, .n_territories = 1,
            .until = 1000, .assigner = "urn:a", .target = "urn:b",
        };
        struct terms t;
        char *text;
        bool alone = terms_write(s, &w, &text) == ERR_OK && read_text(s, text, &t) == ERR_OK;
        for (size_t j = 0; j < purpose_codes.n && alone; j++)
            alone = (terms_decide(&t, purpose_codes.code[j], "FR", 0, 1000, 0) == TERMS_GRANTED) == (i == j);
        ok(alone, "%s implies no other purpose", purpose_codes.code[i]);
    }
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    test_read(&s);
    test_decide(&s);
    test_write(&s);
    test_purposes(&s);
    scope_free(&s);
    return done_testing();
}
