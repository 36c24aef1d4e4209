/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/instant.h"

#include "schema/base/clock.h"

err instant_or(struct scope *s, const char *text, int64_t otherwise, int64_t *out)
{
    *out = otherwise;
    if (text && !time_parse_lenient(text, out) &&
        !time_parse_lenient(scope_printf(s, "%.32sT00:00:00Z", text), out))
        return fail(s, ERR_INVALID, "'%s' is neither a date (2027-12-31) nor an instant (2027-12-31T12:00:00Z)", text);
    return ERR_OK;
}

err instant_read(struct scope *s, const char *text, const char **out)
{
    char *form = scope_alloc(s, TIME_TEXT_SIZE, 1);
    int64_t ms;

    TRY(instant_or(s, text, 0, &ms));
    time_format(ms, form);
    *out = form;
    return ERR_OK;
}
