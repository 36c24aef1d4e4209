/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "schema/json/canon.h"
#include "schema/json/shape.h"

struct wish {
    const char *title;
    int64_t count, at;
    bool loud;
    struct id offer;
    struct hash root;
    int color;
    json_t *terms, *list;
};

static const char *const colors[] = { "red", "green", NULL };
static const struct json_member members[] = {
    JSON_MEMBER(wish, title, JSON_TEXT, REQUIRED),
    JSON_MEMBER(wish, count, JSON_INT64, OPTIONAL),
    JSON_MEMBER(wish, at, JSON_INSTANT, OPTIONAL),
    JSON_MEMBER(wish, loud, JSON_BOOL, OPTIONAL),
    JSON_ID(wish, offer, "ofr", OPTIONAL),
    JSON_MEMBER(wish, root, JSON_HASH, OPTIONAL),
    JSON_ENUM(wish, color, colors, OPTIONAL),
    JSON_MEMBER(wish, terms, JSON_INNER_OBJECT, OPTIONAL),
    JSON_MEMBER(wish, list, JSON_INNER_ARRAY, OPTIONAL),
};

static const struct { const char *text, *pointer; } bad_rows[] = {
    { "{}", "/in/title" },
    { "{\"title\":null}", "/in/title" },
    { "{\"title\":1}", "/in/title" },
    { "{\"title\":\"a\",\"count\":\"1\"}", "/in/count" },
    { "{\"title\":\"a\",\"at\":\"2026-02-30T00:00:00Z\"}", "/in/at" },
    { "{\"title\":\"a\",\"at\":1}", "/in/at" },
    { "{\"title\":\"a\",\"loud\":1}", "/in/loud" },
    { "{\"title\":\"a\",\"offer\":\"lic_00000000000000000000000000\"}", "/in/offer" },
    { "{\"title\":\"a\",\"offer\":\"ofr_0000000000000000000000000u\"}", "/in/offer" },
    { "{\"title\":\"a\",\"root\":\"00\"}", "/in/root" },
    { "{\"title\":\"a\",\"color\":\"blue\"}", "/in/color" },
    { "{\"title\":\"a\",\"terms\":[]}", "/in/terms" },
    { "{\"title\":\"a\",\"list\":{}}", "/in/list" },
    { "[]", "/in" },
};

static err read_wish(struct scope *s, const char *text, struct wish *w, json_t **body)
{
    *body = NULL;
    TRY(json_read(s, text, strlen(text), body));
    return json_shape(s, *body, "/in", members, ARRAY_LEN(members), w);
}

int main(void)
{
    static const char full[] =
        "{\"title\":\"t\",\"count\":-7,\"at\":\"2026-11-23T10:15:30Z\",\"loud\":true,"
        "\"offer\":\"ofr_01jdc5x9k2h3v8m4q7t0w6y1zr\","
        "\"root\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\",\"color\":\"green\","
        "\"terms\":{\"a\":1},"
        "\"list\":[1,2],\"other\":1}";
    struct scope s;
    struct wish w = { 0 };
    json_t *body;

    scope_init(&s, 0);
    ok(read_wish(&s, full, &w, &body) == ERR_OK, "a full object: %s", s.why.detail);
    is_str(w.title, "t", "text");
    ok(w.count == -7 && w.loud && w.color == 1, "numbers, flags and words");
    is_int(w.at, INT64_C(1795428930000), "an instant");
    is_str(w.offer.text, "ofr_01jdc5x9k2h3v8m4q7t0w6y1zr", "an id");
    is_hex(w.root.b, 4, "00010203", "a hash");
    ok(json_object_size(w.terms) == 1 && json_array_size(w.list) == 2, "inner values");
    json_decref(body);

    w = (struct wish){ .count = 5, .color = 1 };
    ok(read_wish(&s, "{\"title\":\"t\",\"count\":null}", &w, &body) == ERR_OK, "only what is required");
    ok(w.count == 5 && w.color == 1 && !w.terms, "the rest stays as it was");
    json_decref(body);

    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        ok(read_wish(&s, bad_rows[i].text, &w, &body) == ERR_INVALID, "refuses %s", bad_rows[i].text);
        is_str(s.why.pointer, bad_rows[i].pointer, "where");
        json_decref(body);
        scope_clear(&s);
    }
    scope_free(&s);
    return done_testing();
}
