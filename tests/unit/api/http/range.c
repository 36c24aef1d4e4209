/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "api/http/range.h"

static const struct { const char *header; uint64_t size; enum range_verdict verdict; uint64_t first,
                     len; } range_rows[] = {
    { NULL, 10, RANGE_WHOLE, 0, 0 },
    { "bytes=0-0", 10, RANGE_PART, 0, 1 },
    { "bytes=0-9", 10, RANGE_PART, 0, 10 },
    { "bytes=0-10", 10, RANGE_PART, 0, 10 },
    { "Bytes=3-", 10, RANGE_PART, 3, 7 },
    { "bytes=9-", 10, RANGE_PART, 9, 1 },
    { "bytes=10-", 10, RANGE_OUTSIDE, 0, 0 },
    { "bytes=10-20", 10, RANGE_OUTSIDE, 0, 0 },
    { "bytes=-3", 10, RANGE_PART, 7, 3 },
    { "bytes=-30", 10, RANGE_PART, 0, 10 },
    { "bytes=-0", 10, RANGE_OUTSIDE, 0, 0 },
    { "bytes=-1", 0, RANGE_OUTSIDE, 0, 0 },
    { "bytes=0-", 0, RANGE_OUTSIDE, 0, 0 },
    { "bytes=5-4", 10, RANGE_WHOLE, 0, 0 },
    { "bytes=-", 10, RANGE_WHOLE, 0, 0 },
    { "bytes=", 10, RANGE_WHOLE, 0, 0 },
    { "bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 0 },
    { "bytes=a-b", 10, RANGE_WHOLE, 0, 0 },
    { "bytes=1-2x", 10, RANGE_WHOLE, 0, 0 },
    { "bytes= 1-2 ", 10, RANGE_PART, 1, 2 },
    { "items=0-1", 10, RANGE_WHOLE, 0, 0 },
    { "bytes=0-99999999999999999999999", 10, RANGE_PART, 0, 10 },
    { "bytes=99999999999999999999999-", 10, RANGE_OUTSIDE, 0, 0 },
    { "bytes=-99999999999999999999999", 10, RANGE_PART, 0, 10 },
};

static const struct { const char *header; bool taken; } coding_rows[] = {
    { NULL, false },
    { "", false },
    { "gzip", true },
    { "GZIP", true },
    { "deflate, gzip", true },
    { "deflate,gzip;q=1.0, *;q=0.5", true },
    { "gzip;q=0", false },
    { "gzip; q=0.000", false },
    { "gzip;q=0.001", true },
    { "gzip;q=0, *", false },
    { "*", true },
    { "*;q=0", false },
    { "*;q=0, gzip", true },
    { "identity", false },
    { "gzipped", false },
    { "x-gzip", false },
    { "br ,\tgzip\t;q=0.3", true },
    { ",, ,gzip", true },
    { "gzip;level=0", true },
};

static const struct { const char *header, *etag; bool weak, strong; } tag_rows[] = {
    { NULL, "\"a\"", false, false },
    { "*", "\"a\"", true, true },
    { "\"a\"", "\"a\"", true, true },
    { "W/\"a\"", "\"a\"", true, false },
    { "\"b\", \"a\"", "\"a\"", true, true },
    { "\"b\" ,W/\"a\"", "\"a\"", true, false },
    { "\"b,\", \"a\"", "\"a\"", true, true },
    { "\"aa\"", "\"a\"", false, false },
    { "a", "\"a\"", false, false },
    { "\"a", "\"a\"", false, false },
    { "\"b\" \"a\"", "\"a\"", false, false },
    { "", "\"a\"", false, false },
};

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(range_rows); i++) {
        uint64_t first = 0, len = 0;
        enum range_verdict v = range_read(range_rows[i].header, range_rows[i].size, &first, &len);

        ok(v == range_rows[i].verdict, "verdict of %s", range_rows[i].header ? range_rows[i].header : "(none)");
        if (v == RANGE_PART)
            ok(first == range_rows[i].first && len == range_rows[i].len, "which part");
    }
    for (size_t i = 0; i < ARRAY_LEN(tag_rows); i++) {
        ok(etag_listed(tag_rows[i].header, tag_rows[i].etag, true) == tag_rows[i].weak, "weakly, row %zu", i);
        ok(etag_listed(tag_rows[i].header, tag_rows[i].etag, false) == tag_rows[i].strong, "strongly, row %zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(coding_rows); i++)
        ok(coding_taken(coding_rows[i].header, "gzip") == coding_rows[i].taken, "gzip by %s",
           coding_rows[i].header ? coding_rows[i].header : "(none)");
    return done_testing();
}
