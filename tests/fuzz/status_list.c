/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a text costs no more than the largest list, whatever it unfolds to; a list is written and read again. */
#include "ledger/cert/gzip.h"
#include "tests/unit/ledger/cert/samples.h"

#define COST_MAX (16 << 20)

static void check(struct scope *s, const char *text, size_t len)
{
    struct status_list list, again;
    enum refusal why = status_decode(s, text, len, &list);
    char *written;

    if (s->bytes > COST_MAX)
        abort();
    if (why != REFUSAL_NONE)
        return;
    written = status_encode(s, &list);
    if (status_decode(s, written, strlen(written), &again) != REFUSAL_NONE || again.n != list.n ||
        memcmp(again.bits, list.bits, list.n / 8) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As it is, and as the bytes that the encoding holds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    char *text;

    scope_init(&s, 0);
    check(&s, (const char *)data, size);
    text = scope_alloc(&s, 1 + BASE64_SIZE(size), 1);
    *text = 'u';
    base64url_write(data, size, text + 1);
    check(&s, text, strlen(text));
    scope_free(&s);
    return 0;
}
