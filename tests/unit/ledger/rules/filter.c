/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/filter.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"
#include "tests/unit/ledger/rules/random_filter.h"

#define ATTRIBUTES "{\"language\":\"en\",\"quality\":0.8,\"n\":3,\"minus\":-0.0,\"open\":true,\"nothing\":null," \
                   "\"list\":[\"en\"],\"inner\":{\"a\":1},\"digits\":\"3\",\"empty\":\"\",\"path\":\"shadowed\"}"

static json_t *json(const char *text)
{
    json_error_t error;
    json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

    if (!v) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        abort();
    }
    return v;
}

static struct filter_item item_of(const json_t *attributes)
{
    return (struct filter_item){ "clips/\xc3\xa9" "a.wav", 13, "audio/wav", 4096, attributes };
}

#define P(name) "{\"property\":\"" name "\"}"
#define OP(op, args) "{\"op\":\"" op "\",\"args\":[" args "]}"
#define EN OP("=", P("language") ",\"en\"")
#define DE OP("=", P("language") ",\"de\"")

static const struct { bool match; const char *filter; } matches[] = {
    { true,  EN },
    { false, DE },
    { true,  OP("<>", P("language") ",\"de\"") },
    { true,  OP(">=", P("quality") ",0.8") },
    { false, OP(">", P("quality") ",0.8") },
    { true,  OP("<", P("quality") ",1") },
    { true,  OP("=", P("n") ",3.0") },
    { true,  OP("=", P("minus") ",0") },
    { true,  OP("=", P("open") ",true") },
    { true,  OP("<>", P("open") ",false") },
    { true,  OP("in", P("open") ",[false,true]") },
    /* another type, an array, an object, null, nothing: false, whatever is asked */
    { false, OP("=", P("digits") ",3") },
    { false, OP("<>", P("digits") ",3") },
    { false, OP("=", P("n") ",\"3\"") },
    { false, OP("<>", P("list") ",\"en\"") },
    { false, OP("=", P("inner") ",1") },
    { false, OP("=", P("open") ",\"true\"") },
    { false, OP("=", P("nothing") ",\"\"") },
    { false, OP("<>", P("nothing") ",\"x\"") },
    { false, OP("=", P("absent") ",\"x\"") },
    { false, OP("<>", P("absent") ",\"x\"") },
    { false, OP("<", P("absent") ",1") },
    { false, OP(">=", P("absent") ",1") },
    { false, OP("in", P("absent") ",[\"x\",\"y\"]") },
    { false, OP("like", P("absent") ",\"%\"") },
    { false, OP("between", P("absent") ",0,9") },
    /* not is the plain opposite of that */
    { true,  OP("not", OP("=", P("absent") ",\"x\"")) },
    { true,  OP("not", OP("<>", P("absent") ",\"x\"")) },
    { true,  OP("not", OP("not", EN)) },
    { false, OP("not", EN) },
    { true,  OP("isNull", P("absent")) },
    { true,  OP("isNull", P("nothing")) },
    { false, OP("isNull", P("empty")) },
    { false, OP("isNull", P("list")) },
    { false, OP("isNull", P("path")) },
    { false, OP("isNull", P("size")) },
    { true,  OP("and", EN "," OP("not", DE)) },
    { false, OP("and", EN "," DE "," EN) },
    { true,  OP("or", DE "," DE "," EN) },
    { false, OP("or", DE "," DE) },
    /* the item's own, not an attribute of that name */
    { true,  OP("=", P("path") ",\"clips/\xc3\xa9" "a.wav\"") },
    { true,  OP("=", P("media_type") ",\"audio/wav\"") },
    { true,  OP("=", P("size") ",4096") },
    { true,  OP("in", P("size") ",[1,4096]") },
    { true,  OP("between", P("size") ",4096,4096") },
    { false, OP("between", P("size") ",4097,9000") },
    { true,  OP("between", P("language") ",\"ea\",\"en\"") },
    /* bytes: capitals first, a prefix before what continues it, an accent after z */
    { true,  OP(">", P("language") ",\"EN\"") },
    { true,  OP("<", P("language") ",\"en-GB\"") },
    { true,  OP(">", P("language") ",\"e\"") },
    { true,  OP("<", P("language") ",\"\xc3\xa9\"") },
    { true,  OP("<", P("empty") ",\"a\"") },
    { true,  OP("like", P("path") ",\"clips/_a.wav\"") },
    { true,  OP("like", P("path") ",\"%.wav\"") },
    { true,  OP("like", P("path") ",\"%/%a%.w_v\"") },
    { false, OP("like", P("path") ",\"%.WAV\"") },
    { false, OP("like", P("path") ",\"clips/__a.wav\"") },
    { false, OP("like", P("path") ",\"clips\"") },
    { true,  OP("like", P("empty") ",\"%\"") },
    { true,  OP("like", P("empty") ",\"\"") },
    { false, OP("like", P("empty") ",\"_\"") },
    { false, OP("like", P("path") ",\"clips\\\\%\"") },
};

static void test_matches(struct scope *s)
{
    json_t *attributes = json(ATTRIBUTES);
    struct filter_item item = item_of(attributes);

    for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
        json_t *v = json(matches[i].filter);
        struct filter *f;
        bool read = filter_read(s, v, "", &f) == ERR_OK;

        ok(read && filter_match(f, &item) == matches[i].match, "%s: %s", matches[i].filter,
           matches[i].match ? "yes" : "no");
        if (!read)
            printf("# %s: %s\n", s->why.pointer, s->why.detail);
        scope_forgive(s);
        json_decref(v);
    }
    json_decref(attributes);
}

/* Text and pattern against each other where greed goes wrong. */
static void test_like(struct scope *s)
{
    static const struct { bool match; const char *text, *pattern; } rows[] = {
        { true,  "abcabd", "%ab_" },      { true,  "aab", "%ab" },            { false, "abc", "%b" },
        { true,  "mississippi", "%iss%ip%i" },   { false, "mississippi", "%iss%ix%" },
        { true,  "a%b", "a\\%b" },        { false, "axb", "a\\%b" },          { true,  "a_b", "%\\_%" },
        { true,  "\xf0\x9f\x98\x80!", "_!" },     { false, "\xf0\x9f\x98\x80", "__" },
        { true,  "\xc3\xa9\xc3\xa9\xc3\xa8", "%\xc3\xa8" },   { true,  "ab", "\\a\\b" },   { true, "\\", "\\\\" },
        { false, "", "%_" },              { true,  "x", "%_%" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *v = json_pack("{s:s, s:[{s:s}, s]}", "op", "like", "args", "property", "t", rows[i].pattern);
        json_t *attributes = json_pack("{s:s}", "t", rows[i].text);
        struct filter_item item = item_of(attributes);
        struct filter *f;

        ok(filter_read(s, v, "", &f) == ERR_OK && filter_match(f, &item) == rows[i].match, "%s like %s: %s",
           rows[i].text, rows[i].pattern, rows[i].match ? "yes" : "no");
        json_decref(attributes);
        json_decref(v);
    }
}

/* What is not in the subset, and where it stands. */
static const struct { const char *filter, *pointer; } faults[] = {
    { "[]", "/filter" },
    { "null", "/filter" },
    { "{}", "/filter" },
    { "{\"op\":\"=\"}", "/filter" },
    { "{\"op\":\"=\",\"args\":[],\"more\":1}", "/filter" },
    { "{\"op\":1,\"args\":[]}", "/filter/op" },
    { OP("casei", ""), "/filter/op" },
    { OP("AND", EN "," EN), "/filter/op" },
    { "{\"op\":\"=\",\"args\":{}}", "/filter/args" },
    { OP("and", EN), "/filter/args" },
    { OP("and", ""), "/filter/args" },
    { OP("not", EN "," EN), "/filter/args" },
    { OP("not", ""), "/filter/args" },
    { OP("not", "true"), "/filter/args/0" },
    { OP("or", EN "," OP("not", OP("=", P("x")))), "/filter/args/1/args/0/args" },
    { OP("=", "\"en\"," P("language")), "/filter/args/0" },
    { OP("=", P("a") "," P("b")), "/filter/args/1" },
    { OP("=", P("a") ",null"), "/filter/args/1" },
    { OP("=", P("a") ",{\"date\":\"2026-01-01\"}"), "/filter/args/1" },
    { OP("=", P("a") ",[1]"), "/filter/args/1" },
    { OP("=", P("a") ",1,2"), "/filter/args" },
    { OP("=", "{\"property\":1},1"), "/filter/args/0/property" },
    { OP("=", "{\"property\":\"\"},1"), "/filter/args/0/property" },
    { OP("=", "{\"property\":\"a\",\"more\":1},1"), "/filter/args/0" },
    { OP("<", P("a") ",true"), "/filter/args/1" },
    { OP("between", P("a") ",false,true"), "/filter/args/1" },
    { OP("between", P("a") ",1"), "/filter/args" },
    { OP("between", P("a") ",1,\"2\""), "/filter/args/2" },
    { OP("in", P("a") ",[]"), "/filter/args/1" },
    { OP("in", P("a") ",1"), "/filter/args/1" },
    { OP("in", P("a") ",[1,2,\"3\"]"), "/filter/args/1/2" },
    { OP("in", P("a") ",[1],[2]"), "/filter/args" },
    { OP("like", P("a") ",1"), "/filter/args/1" },
    { OP("like", P("a") ",\"a\\\\\""), "/filter/args/1" },
    { OP("isNull", P("a") ",1"), "/filter/args" },
    { OP("isNull", "1"), "/filter/args/0" },
    { OP("=", P("size") ",\"1\""), "/filter/args/1" },
    { OP("like", P("size") ",\"1\""), "/filter/args/1" },
    { OP("=", P("path") ",1"), "/filter/args/1" },
    { OP("in", P("media_type") ",[true]"), "/filter/args/1/0" },
    { OP("=", P("a") ",9007199254740992"), "/filter/args/1" },
    { OP("=", P("a") ",-1e300"), "/filter/args/1" },
};

static void test_faults(struct scope *s)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        json_t *v = json(faults[i].filter);
        struct filter *f;
        err e = filter_read(s, v, "/filter", &f);

        ok(e == ERR_INVALID && strcmp(s->why.pointer, faults[i].pointer) == 0, "%s is refused at %s", faults[i].filter,
           faults[i].pointer);
        if (strcmp(s->why.pointer, faults[i].pointer) != 0)
            printf("# got:  %s (%s)\n", s->why.pointer, s->why.detail);
        scope_forgive(s);
        json_decref(v);
    }
}

/* ---- limits: the last that is taken, the first that is not */

static bool taken(struct scope *s, json_t *v /* stolen */)
{
    struct filter *f;
    err e = filter_read(s, v, "", &f);

    scope_forgive(s);
    json_decref(v);
    return e == ERR_OK;
}

static json_t *nested(unsigned operators)
{
    json_t *v = json(OP("isNull", P("a")));

    while (--operators > 0)
        v = json_pack("{s:s, s:[o]}", "op", "not", "args", v);
    return v;
}

static json_t *wide(size_t leaves)
{
    json_t *args = json_array();

    for (; leaves > 0; leaves--)
        json_array_append_new(args, json(OP("isNull", P("a"))));
    return json_pack("{s:s, s:o}", "op", "or", "args", args);
}

static json_t *list(size_t literals)
{
    json_t *values = json_array();

    for (; literals > 0; literals--)
        json_array_append_new(values, json_integer(1));
    return json_pack("{s:s, s:[{s:s}, o]}", "op", "in", "args", "property", "a", values);
}

static json_t *lengths(size_t name, size_t text)
{
    char *letters = malloc(2000);
    json_t *v;

    memset(letters, 'a', 2000);
    v = json_pack("{s:s, s:[{s:s%}, s%]}", "op", "=", "args", "property", letters, name, letters, text);
    free(letters);
    return v;
}

static void test_limits(struct scope *s)
{
    ok(taken(s, nested(FILTER_DEPTH_MAX)) && !taken(s, nested(FILTER_DEPTH_MAX + 1)), "depth");
    ok(taken(s, wide(FILTER_NODES_MAX - 1)) && !taken(s, wide(FILTER_NODES_MAX)), "operators");
    ok(!taken(s, wide(FILTER_NODES_MAX + 1)), "operators, and no memory for more");
    ok(taken(s, list(FILTER_VALUES_MAX)) && !taken(s, list(FILTER_VALUES_MAX + 1)), "literals of one");
    ok(!taken(s, json_pack("{s:s, s:[o, o]}", "op", "or", "args", list(FILTER_VALUES_MAX), list(1))), "of all");
    ok(taken(s, lengths(FILTER_PROPERTY_MAX, FILTER_TEXT_MAX)), "longest name and text");
    ok(!taken(s, lengths(FILTER_PROPERTY_MAX + 1, 1)) && !taken(s, lengths(1, FILTER_TEXT_MAX + 1)), "one byte more");
    ok(!taken(s, json_pack("{s:s, s:[{s:s}, o]}", "op", "=", "args", "property", "a", json_stringn("a\0b", 3))), "NUL");
}

/* ---- canonical form */

static void test_canon(struct scope *s)
{
    static const struct { const char *filter, *canon; } rows[] = {
        { EN, "{\"args\":[{\"property\":\"language\"},\"en\"],\"op\":\"=\"}" },
        { OP("in", P("n") ",[3.0,1e2,-0]"), "{\"args\":[{\"property\":\"n\"},[3,100,0]],\"op\":\"in\"}" },
        { OP("between", P("n") ",0.10,2.50"), "{\"args\":[{\"property\":\"n\"},0.1,2.5],\"op\":\"between\"}" },
        { OP("not", OP("isNull", P("\\u00e9"))),
          "{\"args\":[{\"args\":[{\"property\":\"\xc3\xa9\"}],\"op\":\"isNull\"}],\"op\":\"not\"}" },
        { OP("or", OP("<>", P("a") ",true") "," EN),
          "{\"args\":[{\"args\":[{\"property\":\"a\"},true],\"op\":\"<>\"},"
          "{\"args\":[{\"property\":\"language\"},\"en\"],\"op\":\"=\"}],\"op\":\"or\"}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *v = json(rows[i].filter);
        struct buf b = BUF(s);
        struct filter *f;

        if (ok(filter_read(s, v, "", &f) == ERR_OK, "is read")) {
            filter_canon(&b, f);
            is_str(b.p, rows[i].canon, rows[i].filter);
        }
        json_decref(v);
    }
}

/* Whatever is read: its canonical form reads as the same filter and is its own canonical form. */
static void test_random(void)
{
    struct seeded r = seeded_start();
    unsigned wrong = 0, matched = 0, tried = 0;

    for (int i = 0; i < 3000; i++) {
        json_t *v = random_filter(&r, 4), *again;
        struct filter *f = NULL, *g = NULL;
        struct scope s;
        struct buf once, twice;

        scope_init(&s, 0);
        once = twice = BUF(&s);
        if (filter_read(&s, v, "", &f) != ERR_OK)
            abort();
        filter_canon(&once, f);
        if (json_read_as(&s, once.p, once.len, (struct json_rules){ .any_number = true }, &again) != ERR_OK ||
            filter_read(&s, again, "", &g) != ERR_OK)
            abort();
        filter_canon(&twice, g);
        wrong += strcmp(once.p, twice.p) != 0;
        for (int k = 0; k < 20; k++) {
            json_t *attributes = random_attributes(&r);
            struct filter_item item = item_of(attributes);
            bool match = filter_match(f, &item);

            tried++;
            matched += match;
            wrong += match != filter_match(g, &item);
            json_decref(attributes);
        }
        json_decref(again);
        json_decref(v);
        scope_free(&s);
    }
    is_int(wrong, 0, "3,000 random filters survive their canonical form");
    ok(matched > tried / 10 && matched < tried * 9 / 10, "and tell items apart: %u of %u match", matched, tried);
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    test_matches(&s);
    test_like(&s);
    test_faults(&s);
    test_limits(&s);
    test_canon(&s);
    test_random();
    scope_free(&s);
    return done_testing();
}
