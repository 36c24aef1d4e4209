/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/part.h"
#include "schema/base/clock.h"
#include "tests/unit/tap.h"

static const struct { const char *text, *utc; } times[] = {
    { "2026-11-23T10:15:30Z", "2026-11-23T10:15:30.000Z" },
    { "2026-11-23T10:15:30.1Z", "2026-11-23T10:15:30.100Z" },
    { "2026-11-23T10:15:30.123456789Z", "2026-11-23T10:15:30.123Z" },
    { "2026-11-23T10:15:30+01:00", "2026-11-23T09:15:30.000Z" },
    { "2026-11-23T10:15:30.5-05:30", "2026-11-23T15:45:30.500Z" },
    { "2026-01-01T00:30:00+14:00", "2025-12-31T10:30:00.000Z" },
    { "2024-02-29T00:00:00+00:00", "2024-02-29T00:00:00.000Z" },
    { "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z" },
};
static const char *const no_times[] = {
    "", "2026", "2026-11-23", "2026-11-23T10:15:30", "2026-11-23 10:15:30Z", "2026-11-23T10:15Z",
    "2026-11-23T10:15:30z", "2026-11-23T10:15:30.Z", "2026-11-23T10:15:30.1234567890Z", "2026-11-23T10:15:30ZZ",
    "2026-11-23T10:15:30+0100", "2026-11-23T10:15:30+1:00", "2026-11-23T10:15:30+01:60", "2026-11-23T10:15:30+14:01",
    "2026-11-23T10:15:30+01:00Z", "2026-11-23T10:15:30 +01:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
    "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:15:60Z", "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+00:01", "-2026-11-23T10:15:30Z", "2026-11-23T10:15:30\xe2\x88\x92" "01:00",
    "2026-11-23T10:15:30+-1:00", "2026-11-23T10:15:30,5Z",
};

static void test_times(void)
{
    int64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char utc[TIME_TEXT_SIZE] = "";
        if (part_time_parse(times[i].text, &ms))
            time_format(ms, utc);
        is_str(utc, times[i].utc, times[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(no_times); i++)
        ok(!part_time_parse(no_times[i], &ms), "no time: %s", no_times[i]);
}

/* Where a refusal is, as RFC 6901 writes it. */
static void test_pointers(void)
{
    json_t *document = json_loads("{\"a/b\":[{\"~\":1}]}", 0, NULL);
    static const char *const names[] = { "?c", NULL };
    enum refusal why;
    struct scope s;
    struct part whole, list, first, odd;

    scope_init(&s, 0);
    whole = part_whole(&s, &why, document);
    list = part_member(&whole, "a/b");
    first = part_element(&list, 0);
    odd = part_member(&first, "~");
    ok(part_refuse(&odd, REFUSAL_VALUE_INVALID, NULL) == ERR_INVALID && why == REFUSAL_VALUE_INVALID, "a refusal");
    is_str(s.why.pointer, "/a~1b/0/~0", "where");
    ok(part_refuse(&whole, REFUSAL_MALFORMED, NULL) == ERR_INVALID && why == REFUSAL_VALUE_INVALID, "the first stays");
    scope_clear(&s);
    why = REFUSAL_NONE;
    ok(part_object(&whole, names) == ERR_INVALID && why == REFUSAL_MEMBER_UNKNOWN, "a member that is not named");
    is_str(s.why.pointer, "/a~1b", "which");
    scope_clear(&s);
    whole = part_whole(&s, &why, NULL);
    ok(part_object(&whole, names) == ERR_INVALID && why == REFUSAL_MEMBER_MISSING, "nothing at all");
    is_str(s.why.pointer, "", "has no way to it");
    json_decref(document);
    scope_free(&s);
}

static void test_texts(void)
{
    static const struct { const char *text; bool url; } rows[] = {
        { "https://market.example/a?b#c", true }, { "urn:uuid:1", true }, { "did:key:z6Mk", true },
        { "market", false }, { "://x", false }, { "https:", false }, { "https://a b", false },
        { "https://a\nb", false },
        { "https://<a>", false }, { "h\xc3\xbc:a", false }, { "https://\xc3\xbc", true }, { "a:\x7f", false },
    };
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *value = json_string(rows[i].text);
        enum refusal why;
        struct part p = part_whole(&s, &why, value);
        const char *got = NULL;
        ok((part_url(&p, &got) == ERR_OK) == rows[i].url, "%s is %s URL", rows[i].text, rows[i].url ? "a" : "no");
        json_decref(value);
        scope_clear(&s);
    }
    scope_free(&s);
}

int main(void)
{
    test_times();
    test_pointers();
    test_texts();
    return done_testing();
}
