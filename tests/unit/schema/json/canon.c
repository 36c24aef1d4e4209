/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "tests/unit/tap.h"

#include "schema/base/limits.h"
#include "schema/json/canon.h"

static char *canon_text(struct scope *s, const char *text, size_t len)
{
    struct bytes out = { 0 };
    json_t *value = NULL;
    err e = json_read_as(s, text, len, (struct json_rules){ .any_number = true }, &value);

    if (e == ERR_OK)
        e = canon(s, value, &out);
    json_decref(value);
    return e == ERR_OK ? scope_strndup(s, (const char *)out.p, out.len) : NULL;
}

static const struct { const char *text, *canonical; } canonical_rows[] = {
    { " { } ", "{}" },
    { "[ ]", "[]" },
    { "{\"b\":1,\"a\":[true,false,null]}", "{\"a\":[true,false,null],\"b\":1}" },
    { "\"plain\"", "\"plain\"" },
    { "-0", "0" },
    { "9007199254740991", "9007199254740991" },
    { "-9007199254740991", "-9007199254740991" },
    { "\"\\/ \\u20ac \\\"\\\\ \\b\\t\\n\\f\\r \\u000f \\u007f\"",
     "\"/ \xe2\x82\xac \\\"\\\\ \\b\\t\\n\\f\\r \\u000f \x7f\"" },
    { "\"\\uD83D\\uDE00\"", "\"\xf0\x9f\x98\x80\"" },
    /* RFC 8785, section 3.2.3: the order of its keys. */
    { "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
      "\"1\":\"One\","
      "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
      "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
      "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
      "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
      "\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
      "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}" },
    { "{\"aa\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"aa\":1}" },
    { "{\"\\ue000\":1,\"\\ud7ff\":2,\"\\udbff\\udfff\":3,\"\\ud800\\udc00\":4,\"\\uffff\":5}",
      "{\"\xed\x9f\xbf\":2,\"\xf0\x90\x80\x80\":4,\"\xf4\x8f\xbf\xbf\":3,\"\xee\x80\x80\":1,\"\xef\xbf\xbf\":5}" },
};

static void test_canonical(void)
{
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(canonical_rows); i++) {
        const char *text = canonical_rows[i].text, *want = canonical_rows[i].canonical;
        is_str(canon_text(&s, text, strlen(text)), want, "canonical form");
        ok(canon_is(&s, want, strlen(want)), "which is known as canonical");
        ok(strcmp(text, want) == 0 || !canon_is(&s, text, strlen(text)), "and nothing else is");
    }
    ok(s.why.code == ERR_OK, "asking leaves no reason behind");
    scope_free(&s);
}

#define TEXT(literal) { literal, sizeof(literal) - 1, NULL }
#define TEXT_AT(literal, detail) { literal, sizeof(literal) - 1, detail }
static const struct { const char *text; size_t len; const char *detail; } bad_rows[] = {
    TEXT(""), TEXT(" "), TEXT("{"), TEXT("[1,]"), TEXT("{\"a\":1,}"), TEXT("1 2"), TEXT("[] x"), TEXT("'a'"),
        TEXT("nul"), TEXT("+1"),
    TEXT("01"), TEXT("-"), TEXT("0x10"), TEXT("NaN"), TEXT("Infinity"), TEXT("\"a"), TEXT("\"\\x\""), TEXT("\"a\nb\""),
        TEXT("\"\\"),
    TEXT("// note\n1"), TEXT("\xef\xbb\xbf{}"),
    TEXT_AT("{\"a\":1,\n\"a\":2}", "line 2"),
    TEXT_AT("[1,\n 1.5]", "line 2, byte 2"),
    TEXT("1e3"), TEXT("1E3"), TEXT("-1.0"), TEXT_AT("[1e400]", "line 1, byte 2"),
    TEXT_AT("9007199254740992", "2^53"), TEXT("-9007199254740992"), TEXT("99999999999999999999999999999999999999999"),
    TEXT("\"\\u0000\""), TEXT("{\"\\u0000\":1}"), TEXT_AT("[1,\0]", "line 1, byte 4"), TEXT("\"\0\""),
    TEXT("\"\\ud800\""), TEXT("\"\\udc00\""), TEXT("\"\\ud800\\u0041\""), TEXT("\"\\udc00\\ud800\""), TEXT("\"\\ud8\""),
    TEXT_AT("\"\xff\"", "line 1, byte 2"), TEXT("\"\xc0\x80\""),
        TEXT_AT("[\"\xe2\x82\xac\",\n\"\xed\xa0\x80\"]", "line 2, byte 2"),
    TEXT_AT("\"\xe2\x82", "line 1, byte 2"),
};

static void test_refused(void)
{
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        json_t *value = NULL;
        err e = json_read(&s, bad_rows[i].text, bad_rows[i].len, &value);

        ok(e == ERR_MALFORMED && !value, "refuses row %zu: %s", i, bad_rows[i].text);
        ok(strstr(s.why.detail, "line ") && strstr(s.why.detail, ", byte "), "says where: %s", s.why.detail);
        if (bad_rows[i].detail)
            ok(strstr(s.why.detail, bad_rows[i].detail), "namely %s", bad_rows[i].detail);
        json_decref(value);
        scope_clear(&s);
    }
    scope_free(&s);
}

static char *repeat(struct scope *s, const char *open, size_t n, const char *middle, const char *close)
{
    struct buf b = BUF(s);

    for (size_t i = 0; i < n; i++)
        buf_str(&b, open);
    buf_str(&b, middle);
    for (size_t i = 0; i < n; i++)
        buf_str(&b, close);
    return b.p;
}

static bool reads(struct scope *s, const char *text)
{
    json_t *value = NULL;
    bool good = json_read(s, text, strlen(text), &value) == ERR_OK;

    json_decref(value);
    scope_forgive(s);
    return good;
}

static void test_bounds(void)
{
    struct scope s;

    scope_init(&s, 0);
    ok(reads(&s, repeat(&s, "[", JSON_DEPTH_MAX, "", "]")), "the deepest nesting allowed");
    ok(!reads(&s, repeat(&s, "[", JSON_DEPTH_MAX + 1, "", "]")), "one more is refused");
    ok(reads(&s, repeat(&s, "{\"a\":", JSON_DEPTH_MAX, "1", "}")), "the same for objects");
    ok(!reads(&s, repeat(&s, "{\"a\":", JSON_DEPTH_MAX + 1, "1", "}")), "and one more");
    ok(!reads(&s, repeat(&s, "[", 1000000, "", "")), "a million brackets cost nothing");
    ok(reads(&s, repeat(&s, "", 0, "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"", "")),
       "brackets in strings don't count");
    ok(reads(&s, scope_printf(&s, "\"%s\"", repeat(&s, "a", JSON_STRING_MAX, "", ""))), "the longest string allowed");
    ok(!reads(&s, scope_printf(&s, "\"%s\"", repeat(&s, "a", JSON_STRING_MAX + 1, "", ""))),
       "one byte more is refused");
    ok(reads(&s, scope_printf(&s, "[%s1]", repeat(&s, "1,", JSON_VALUES_MAX - 1, "", ""))),
       "as many values as allowed");
    ok(!reads(&s, scope_printf(&s, "[%s1]", repeat(&s, "1,", JSON_VALUES_MAX, "", ""))), "one more is refused");
    scope_free(&s);
}

static void test_built(void)
{
    struct scope s;
    struct bytes out;
    json_t *value = json_integer(INT64_MIN), *deep = json_array();

    scope_init(&s, 0);
    ok(canon(&s, value, &out) == ERR_INVALID, "an integer too large is refused");
    json_decref(value);
    scope_forgive(&s);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, deep);
        deep = outer;
    }
    ok(canon(&s, deep, &out) == ERR_INVALID, "what could not be read back is refused");
    json_decref(deep);
    scope_free(&s);
}

static char *file_read(struct scope *s, const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text;

    if (!f)
        return NULL;
    text = scope_alloc(s, 65536, 1);
    *len = fread(text, 1, 65535, f);
    fclose(f);
    return text;
}

/* RFC 8785, appendix B: doubles by their bits, and what they are written as. */
static const struct { uint64_t bits; const char *text; } number_rows[] = {
    { 0x0000000000000000, "0" }, { 0x8000000000000000, "0" },
    { 0x0000000000000001, "5e-324" }, { 0x8000000000000001, "-5e-324" },
    { 0x7fefffffffffffff, "1.7976931348623157e+308" }, { 0xffefffffffffffff, "-1.7976931348623157e+308" },
    { 0x4340000000000000, "9007199254740992" }, { 0xc340000000000000, "-9007199254740992" },
    { 0x4430000000000000, "295147905179352830000" },
    { 0x44b52d02c7e14af5, "9.999999999999997e+22" }, { 0x44b52d02c7e14af6, "1e+23" },
    { 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
    { 0x444b1ae4d6e2ef4e, "999999999999999700000" }, { 0x444b1ae4d6e2ef4f, "999999999999999900000" },
    { 0x444b1ae4d6e2ef50, "1e+21" },
    { 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" }, { 0x3eb0c6f7a0b5ed8d, "0.000001" },
    { 0x41b3de4355555553, "333333333.3333332" }, { 0x41b3de4355555554, "333333333.33333325" },
    { 0x41b3de4355555555, "333333333.3333333" }, { 0x41b3de4355555556, "333333333.3333334" },
    { 0x41b3de4355555557, "333333333.33333343" },
    { 0xbecbf647612f3696, "-0.0000033333333333333333" }, { 0x43143ff3c1cb0959, "1424953923781206.2" },
    /* Powers of two, where the nearest decimal of the shortest length is another double. */
    { 0x3d30000000000000, "5.684341886080802e-14" }, { 0x0010000000000000, "2.2250738585072014e-308" },
    { 0x000fffffffffffff, "2.225073858507201e-308" }, { 0x3ff0000000000000, "1" },
    { 0x3fb999999999999a, "0.1" }, { 0x3ff8000000000000, "1.5" }, { 0x7e37e43c8800759c, "1e+300" },
    { 0x000000000000000a, "5e-323" }, { 0x4415af1d78b58c40, "100000000000000000000" },
};

static void test_numbers(void)
{
    char text[NUMBER_TEXT_SIZE];
    double v;

    for (size_t i = 0; i < ARRAY_LEN(number_rows); i++) {
        memcpy(&v, &number_rows[i].bits, sizeof v);
        ok(number_write(v, text) == strlen(text), "its length");
        is_str(text, number_rows[i].text, "a double's text");
    }
}

/* What is read is written the same again and gives the same double, for doubles of all sizes. */
static void test_round_trip(void)
{
    uint64_t bits = 88172645463325252, bad = 0;
    struct scope s;

    scope_init(&s, 0);
    for (int i = 0; i < 50000; i++) {
        char text[NUMBER_TEXT_SIZE];
        double v;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        number_write(v, text);
        bad += strtod(text, NULL) != v || strcmp(canon_text(&s, text, strlen(text)), text) != 0;
        scope_clear(&s);
    }
    is_int((int64_t)bad, 0, "doubles that are not the same again");
    scope_free(&s);
}

#define NUMBER(from, to) { from, sizeof(from) - 1, to }
static const struct { const char *text; size_t len; const char *canonical; } any_rows[] = {
    NUMBER("[1.0,1e3,-0,-0.0,0e9,5.10]", "[1,1000,0,0,0,5.1]"),
    NUMBER("1e-400", "0"), NUMBER("1E+2", "100"), NUMBER("333333333.33333329", "333333333.3333333"),
    NUMBER("9007199254740991", "9007199254740991"), NUMBER("9007199254740992", "9007199254740992"),
    NUMBER("100000000000000000000", "100000000000000000000"),
    /* Whole numbers that would silently become others. */
    NUMBER("9007199254740993", NULL), NUMBER("-9007199254740993", NULL), NUMBER("1000000000000000000000", NULL),
    NUMBER("99999999999999999999999999999999999999999", NULL), NUMBER("12345678901234567890", NULL),
    NUMBER("1e400", NULL), NUMBER("-1e999", NULL), NUMBER("1.", NULL), NUMBER(".5", NULL), NUMBER("1e", NULL),
    NUMBER("01.5", NULL), NUMBER("1.5.5", NULL), NUMBER("1e5e5", NULL), NUMBER("+1.5", NULL), NUMBER("0x1p3", NULL),
    NUMBER("NaN", NULL), NUMBER("Infinity", NULL), NUMBER("1,5", NULL), NUMBER("1-2", NULL),
    NUMBER("{\"a\":1.5,\"a\":1.5}", NULL), NUMBER("[1.5,\"\\ud800\"]", NULL),
};

static void test_any_number(void)
{
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(any_rows); i++) {
        const char *got = canon_text(&s, any_rows[i].text, any_rows[i].len);
        if (any_rows[i].canonical)
            is_str(got, any_rows[i].canonical, any_rows[i].text);
        else
            ok(!got && s.why.code == ERR_MALFORMED, "refuses %s: %s", any_rows[i].text, s.why.detail);
        scope_clear(&s);
    }
    ok(!canon_text(&s, repeat(&s, "1", JSON_NUMBER_MAX + 1, "", ""), JSON_NUMBER_MAX + 1), "a number without end");
    ok(!canon_is(&s, "1.5", 3), "what the ledger hashes has no fractions still");
    scope_free(&s);
}

static void test_vectors(void)
{
    static const char *const files[] = { "arrays", "french", "structures", "unicode", "values", "weird" };
    const char *root = getenv("COUNTERFOIL_VECTORS");
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        size_t in_len, out_len;
        const char *dir = root && *root ? root : "../shared/vectors";
        char *in = file_read(&s, scope_printf(&s, "%s/jcs/input/%s.json", dir, files[i]), &in_len);
        char *out = file_read(&s, scope_printf(&s, "%s/jcs/output/%s.json", dir, files[i]), &out_len);

        if (!in || !out)
            skip(1, "published vectors are not here: %s/jcs/%s", dir, files[i]);
        else
            is_str(canon_text(&s, in, in_len), out, files[i]);
    }
    scope_free(&s);
}

int main(void)
{
    test_canonical();
    test_refused();
    test_bounds();
    test_built();
    test_numbers();
    test_round_trip();
    test_any_number();
    test_vectors();
    return done_testing();
}
