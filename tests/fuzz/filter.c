/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/rules/slice.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

/*
 * Property: a request that is read has a canonical form within its bound, which reads as a request with the same
 * form; and its filter gives one answer, the opposite of its negation's, for items with any attributes: an input brings
 * its own beside the request.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *read_any(struct scope *s, const void *text, size_t len)
{
    json_t *v;

    return json_read_as(s, text, len, (struct json_rules){ .any_number = true }, &v) == ERR_OK ? v : NULL;
}

static void check_match(const struct slice *slice, const json_t *attributes)
{
    struct filter negation = { .op = FILTER_NOT, .args = slice->filter, .n_args = 1 };
    const struct filter_item items[] = { { "a/b", 3, "text/plain", 12, attributes }, { "\xc3\xa9", 2, "", 0, NULL } };

    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        if (filter_match(slice->filter, &items[i]) == filter_match(&negation, &items[i]))
            abort();
}

static void check(struct scope *s, const struct slice *slice, const json_t *attributes)
{
    struct bytes once, twice;
    struct slice again;
    json_t *v;

    if (slice_canon(s, slice, &once) != ERR_OK || once.len > SLICE_BYTES_MAX)
        abort();
    v = read_any(s, once.p, once.len);
    if (!v || slice_read(s, v, "", &again) != ERR_OK || slice_canon(s, &again, &twice) != ERR_OK)
        abort();
    if (once.len != twice.len || memcmp(once.p, twice.p, once.len) != 0)
        abort();
    json_decref(v);
    if (slice->filter)
        check_match(slice, attributes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct slice slice;
    json_t *request, *attributes = NULL;

    scope_init(&s, 0);
    request = read_any(&s, data, size);
    if (request) {
        attributes = json_incref(json_object_get(request, "attributes"));
        if (json_is_object(request))
            json_object_del(request, "attributes");       /* so that an input can bring its own */
        if (slice_read(&s, request, "", &slice) == ERR_OK)
            check(&s, &slice, attributes);
        json_decref(attributes);
        json_decref(request);
    }
    scope_free(&s);
    return 0;
}
