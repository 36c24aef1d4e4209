/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "schema/base/money.h"

const char *text_of(const struct entry *e, const char *name)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_TEXT ? v->v.text : NULL;
}

uint64_t count_of(const struct entry *e, const char *name)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_COUNT ? v->v.count : 0;
}

struct key key_in(const struct entry *e, const char *name)
{
    return key_of(text_of(e, name));
}

struct key hash_key(const struct entry *e, const char *name)
{
    const struct hash *h = entry_field(e, name)->v.hash;

    return (struct key){ be64_read(h->b), be64_read(h->b + 8) };
}

int64_t time_in(const struct entry *e, const char *name)
{
    int64_t ms = 0;
    bool good = time_parse(text_of(e, name), &ms);

    assert(good);                                    /* the decoder has read it as a time */
    return ms;
}

int64_t code_in(const struct entry *e, const char *name, const struct code_list *codes)
{
    const char *text = text_of(e, name);

    return code_find(codes, text, strlen(text));
}

bool json_is(const struct entry *e, const char *name, const char *text)
{
    const struct entry_value *v = entry_field(e, name);

    return v->kind == V_JSON && v->v.json.len == strlen(text) && memcmp(v->v.json.p, text, v->v.json.len) == 0;
}

/* Codes have no escapes, and a quote on both sides. */
uint64_t codes_in(const struct entry *e, const char *name, const struct code_list *codes)
{
    struct bytes json = entry_field(e, name)->v.json;
    const char *p = (const char *)json.p, *end = p + json.len, *stop;
    uint64_t bits = 0;

    for (; (p = memchr(p, '"', (size_t)(end - p))) != NULL; p = stop + 1) {
        int at;
        p++;
        stop = memchr(p, '"', (size_t)(end - p));
        assert(stop);
        at = code_find(codes, p, (size_t)(stop - p));
        assert(at >= 0 && at < 64);
        bits |= UINT64_C(1) << at;
    }
    return bits;
}

/* {"code":count,…}: a count is what stands behind a colon. Counts are below 2^53, and a code is there once. */
uint64_t counts_in(const struct entry *e, const char *name)
{
    struct bytes json = entry_field(e, name)->v.json;
    uint64_t sum = 0, count = 0;

    for (size_t i = 0; i < json.len; i++) {
        if (json.p[i] >= '0' && json.p[i] <= '9') {
            count = count * 10 + (uint64_t)(json.p[i] - '0');
            continue;
        }
        sum += count;
        count = 0;
    }
    return sum;
}

struct money_fact money_read(struct audit *a, const char *amount, const char *currency)
{
    struct money_fact m = { 0 };

    if (!amount || !currency)
        return m;
    m.known = money_parse(amount, currency, &m.micro);
    if (m.known)
        memcpy(m.currency, currency, sizeof m.currency);
    else
        audit_find(a, RULE_MONEY_FORM, "a canonical amount of an ISO 4217 currency", "another text");
    return m;
}

struct money_fact money_of(struct audit *a, const struct entry *e)
{
    return money_read(a, text_of(e, "amount"), text_of(e, "currency"));
}

bool money_equal(const struct money_fact *a, const struct money_fact *b)
{
    return !a->known || !b->known || (a->micro == b->micro && strcmp(a->currency, b->currency) == 0);
}

bool key_zero(struct key k)
{
    return k.high == 0 && k.low == 0;
}

bool past(const struct audit *a, int table, struct key key)
{
    return table_find(&a->table[table], key) != NULL;
}

void past_add(struct audit *a, int table, struct key key)
{
    if (!past(a, table, key))
        table_add(&a->table[table], key);
}
