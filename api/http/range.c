/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/range.h"

#include <string.h>
#include <strings.h>

#include "schema/base/bytes.h"

/* False if there are none; what doesn't fit is the largest number. Range positions may have leading zeros. */
static bool digits_read(const char **p, uint64_t *out)
{
    const char *start = *p;

    *out = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        unsigned d = (unsigned)(**p - '0');

        *out = *out > (UINT64_MAX - d) / 10 ? UINT64_MAX : *out * 10 + d;
    }
    return *p > start;
}

static const char *blank_skip(const char *p)
{
    return p + strspn(p, " \t");
}

enum range_verdict range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *len)
{
    uint64_t from = 0, to = UINT64_MAX;
    bool has_from, has_to;

    if (!header || strncasecmp(header, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    header = blank_skip(header + 6);
    has_from = digits_read(&header, &from);
    if (*header++ != '-')
        return RANGE_WHOLE;
    has_to = digits_read(&header, &to);
    if (*blank_skip(header) != '\0' || (!has_from && !has_to) || (has_from && has_to && to < from))
        return RANGE_WHOLE;
    if (!has_from) {
        if (to == 0 || size == 0)
            return RANGE_OUTSIDE;
        *len = to < size ? to : size;
        *first = size - *len;
        return RANGE_PART;
    }
    if (from >= size)
        return RANGE_OUTSIDE;
    if (!has_to || to >= size)
        to = size - 1;
    *first = from;
    *len = to - from + 1;
    return RANGE_PART;
}

bool etag_listed(const char *header, const char *etag, bool weak)
{
    size_t n = strlen(etag);

    if (!header)
        return false;
    header = blank_skip(header);
    if (strcmp(header, "*") == 0)
        return true;
    while (*header) {
        bool is_weak = strncmp(header, "W/", 2) == 0;
        const char *tag = header + (is_weak ? 2 : 0), *end;

        if (*tag != '"' || !(end = strchr(tag + 1, '"')))
            return false;
        end++;
        if ((weak || !is_weak) && (size_t)(end - tag) == n && memcmp(tag, etag, n) == 0)
            return true;
        header = blank_skip(end);
        if (*header == ',')
            header = blank_skip(header + 1);
        else if (*header)
            return false;
    }
    return false;
}

/* ";q=0", ";q=0.000": the weight of a coding that must not be sent. */
static bool weight_zero(const char *p, const char *end)
{
    const char *q = memchr(p, ';', (size_t)(end - p));

    if (!q)
        return false;
    q = blank_skip(q + 1);
    if (end - q < 3 || strncasecmp(q, "q=", 2) != 0)
        return false;
    for (q += 2; q < end && (*q == '0' || *q == '.'); q++)
        ;
    return blank_skip(q) >= end;
}

bool coding_taken(const char *header, const char *coding)
{
    size_t n = strlen(coding);
    bool any = false;

    for (const char *end; header && *header; header = *end ? end + 1 : end) {
        size_t len;

        header = blank_skip(header);
        end = header + strcspn(header, ",");
        len = strcspn(header, " \t,;");
        if (len == n && strncasecmp(header, coding, n) == 0)
            return !weight_zero(header, end);
        if (len == 1 && *header == '*')
            any = !weight_zero(header, end);
    }
    return any;
}
