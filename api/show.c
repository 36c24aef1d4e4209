/* SPDX-License-Identifier: Apache-2.0 */
#include "api/show.h"

#include <assert.h>
#include <string.h>

#include "ledger/rules/verdict.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/money.h"
#include "schema/json/canon.h"

json_t *show_time(int64_t ms)
{
    char text[TIME_TEXT_SIZE];

    if (ms == INT64_MIN)
        return json_null();
    time_format(ms, text);
    return json_string(text);
}

json_t *show_text(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *show_hash(const struct hash *h)
{
    char text[HEX_SIZE(HASH_SIZE)];

    hex_write(h->b, HASH_SIZE, text);
    return json_string(text);
}

json_t *show_words(const char *list)
{
    json_t *words = json_array();

    for (const char *at = list; *at; ) {
        size_t len = strcspn(at, ",");

        json_array_append_new(words, json_stringn(at, len));
        at += len + (at[len] == ',');
    }
    return words;
}

json_t *show_money(int64_t micro, const char *currency)
{
    char amount[MONEY_TEXT_SIZE];

    money_format(micro, currency, amount);
    return json_pack("{s:s,s:s}", "amount", amount, "currency", currency);
}

json_t *show_excluded(json_t *counts)
{
    json_t *list = json_array(), *items;
    const char *code;

    json_object_foreach(counts, code, items) {
        enum verdict v;
        if (verdict_parse(code, &v))
            json_array_append_new(list, json_pack("{s:s,s:O,s:s,s:s}", "reason", code, "item_count", items, "sentence",
                                                  verdict_sentence(v), "remedy", verdict_remedy(v)));
    }
    return list;
}

json_t *show_json(const char *canonical)
{
    const struct json_rules rules = { .depth_max = 2 * JSON_DEPTH_MAX, .any_number = true };
    json_t *value = NULL;
    struct scope s;
    err e;

    if (!*canonical)
        return json_null();
    scope_init(&s, 0);
    e = json_read_as(&s, canonical, strlen(canonical), rules, &value);
    scope_free(&s);
    assert(e == ERR_OK);                  /* we wrote it */
    (void)e;
    return value;
}
