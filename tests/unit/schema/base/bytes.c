/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "tests/unit/tap.h"

#include "schema/base/clock.h"
#include "schema/base/id.h"

/* RFC 4648, section 10. */
static const struct { const char *plain, *coded; } rfc4648[] = {
    { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

static void test_base64(void)
{
    static const char *const bad[] = { "Z", "Zg=", "Zh==", "Zm9=", "Zm8=Zg==", "Zm 9", "Zg==\n", "=", "====", "Zm9v=" };
    uint8_t out[16];
    size_t len;
    char text[32];

    for (size_t i = 0; i < ARRAY_LEN(rfc4648); i++) {
        base64_write(rfc4648[i].plain, strlen(rfc4648[i].plain), text);
        is_str(text, rfc4648[i].coded, "base64 of a published vector");
        ok(base64_read(text, strlen(text), out, sizeof out, &len) && len == strlen(rfc4648[i].plain) &&
           memcmp(out, rfc4648[i].plain, len) == 0, "and back");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!base64_read(bad[i], strlen(bad[i]), out, sizeof out, &len), "refuses '%s'", bad[i]);
    ok(!base64_read("Zm9vYmFy", 8, out, 5, &len), "refuses more than fits");
    base64url_write("\xfb\xff", 2, text);
    is_str(text, "-_8", "base64url has no padding");
}

static void test_utf8(void)
{
    static const struct { const char *text; bool good; } rows[] = {
        { "plain", true }, { "\xc3\xa9", true }, { "\xe2\x82\xac", true }, { "\xf0\x9f\x98\x80", true },
        { "\xc0\x80", false }, { "\xe0\x80\x80", false }, { "\xed\xa0\x80", false }, { "\xf4\x90\x80\x80", false },
        { "\xff", false }, { "\xc3", false }, { "\xe2\x82", false }, { "\x80", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ok(utf8_valid(rows[i].text, strlen(rows[i].text)) == rows[i].good, "UTF-8 row %zu", i);
}

static void test_numbers(void)
{
    uint64_t v;

    ok(decimal_read("0", 1, 9, &v) && v == 0, "decimal 0");
    ok(decimal_read("18446744073709551615", 20, UINT64_MAX, &v) && v == UINT64_MAX, "largest decimal");
    ok(!decimal_read("18446744073709551616", 20, UINT64_MAX, &v), "one more overflows");
    ok(!decimal_read("07", 2, 100, &v) && !decimal_read("", 0, 1, &v) && !decimal_read("-1", 2, 9, &v), "strict");
    ok(!decimal_read("5", 1, 4, &v), "refuses more than the maximum");
}

static void test_time(void)
{
    static const char *const bad[] = {
        "2026-02-29T00:00:00.000Z", "2026-11-23T24:00:00.000Z", "2026-11-23T10:15:30.12Z", "2026-11-23T10:15:30Z",
        "2026-11-23 10:15:30.123Z", "2026-13-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z",
            "2026-11-23T10:15:30.123+00:00",
    };
    char text[TIME_TEXT_SIZE];
    int64_t ms;

    time_format(INT64_C(1795428930123), text);
    is_str(text, "2026-11-23T10:15:30.123Z", "time in text");
    ok(time_parse(text, &ms) && ms == INT64_C(1795428930123), "and back");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!time_parse(bad[i], &ms), "refuses %s", bad[i]);
    ok(time_parse_lenient("2028-02-29T00:00:00Z", &ms), "a leap day, lenient");
    time_format(ms, text);
    is_str(text, "2028-02-29T00:00:00.000Z", "leap day round trip");
}

/* From 1970 to the last instant of 9999, by steps that are a multiple of nothing in a calendar. */
static void test_calendar(void)
{
    int64_t last = INT64_C(253402300799999), wrong = -1;
    char text[TIME_TEXT_SIZE], want[TIME_TEXT_SIZE];

    for (int64_t ms = 0; ms <= last && wrong < 0; ms = ms < last && ms + 40000000027 > last ? last : ms + 40000000027) {
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));

        snprintf(want + n, sizeof want - n, ".%03dZ", (int)(ms % 1000));
        time_format(ms, text);
        wrong = strcmp(text, want) == 0 ? -1 : ms;
    }
    ok(wrong < 0, "the C library says the same of every time, not %s but %s", text, want);
    for (int year = 1970; year < 10000 && wrong < 0; year++) {
        struct tm tm = { .tm_year = year - 1900, .tm_mon = 1, .tm_mday = 29, .tm_hour = 23 };
        int64_t ms = (int64_t)timegm(&tm) * 1000;

        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        time_format(ms, text);
        wrong = strcmp(text, want) == 0 ? -1 : ms;
    }
    ok(wrong < 0, "and of the day after each 28th of February, not %s but %s", text, want);
}

static void test_ids(void)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    struct id a = id_new("lic", 1000), b = id_new("lic", 1001), out;
    bool good = true;

    ok(id_parse(a.text, "lic", &out) && strcmp(out.text, a.text) == 0, "an id parses");
    ok(!id_parse(a.text, "ofr", &out), "of its own kind only");
    ok(strcmp(a.text, b.text) < 0, "ids sort by time");
    for (int c = 1; c < 256; c++) {
        b.text[4 + c % 26] = (char)c;
        good = good && id_parse(b.text, "lic", &out) == (strchr(digits, c) != NULL);
        b = a;
    }
    ok(good, "of 32 digits only");
    b.text[29] = '\0';
    ok(!id_parse(b.text, "lic", &out), "of no fewer");
    memcpy(b.text + 29, "00", 3);
    ok(!id_parse(b.text, "lic", &out), "nor more than 26");
}

static void test_scope(void)
{
    struct scope s;
    struct buf b;

    scope_init(&s, 0);
    b = BUF(&s);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    ok(b.len == 3890 && strncmp(b.p, "0,1,2,", 6) == 0, "a buffer grows");
    ok(fail_at(&s, ERR_INVALID, "/a/b", "first %d", 1) == ERR_INVALID, "a failure returns its code");
    ok(fail(&s, ERR_INTERNAL, "second") == ERR_INTERNAL && s.why.code == ERR_INVALID, "the first reason wins");
    is_str(s.why.pointer, "/a/b", "and its pointer stays");
    ok(!s.why.reason, "without a code");
    scope_forgive(&s);
    ok(fail_for(&s, ERR_INVALID, "expired", "", "no longer %s", "valid") == ERR_INVALID, "a failure for a reason");
    is_str(s.why.detail, "expired: no longer valid", "begins with its code");
    ok(fail_for(&s, ERR_INVALID, "revoked", "", "later") == ERR_INVALID, "another");
    is_str(s.why.reason, "expired", "comes too late");
    scope_free(&s);
}

int main(void)
{
    test_base64();
    test_utf8();
    test_numbers();
    test_time();
    test_calendar();
    test_ids();
    test_scope();
    return done_testing();
}
