/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/instant.h"

#include "schema/base/clock.h"

err instant_read(struct scope *s, const char *text, const char **out)
{
    char *form = scope_alloc(s, TIME_TEXT_SIZE, 1);
    int64_t ms;

    if (!time_parse_lenient(text, &ms) && !time_parse_lenient(scope_printf(s, "%.32sT00:00:00Z", text), &ms))
        return fail(s, ERR_INVALID, "'%s' is neither a date (2027-12-31) nor an instant (2027-12-31T12:00:00Z)", text);
    time_format(ms, form);
    *out = form;
    return ERR_OK;
}
