/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/slice.h"

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"
#include "tests/unit/ledger/rules/random_filter.h"

#define EN "{\"op\":\"=\",\"args\":[{\"property\":\"language\"},\"en\"]}"
#define EN_CANON "{\"args\":[{\"property\":\"language\"},\"en\"],\"op\":\"=\"}"

static json_t *json(struct scope *s, const char *text)
{
    json_t *v;

    if (json_read_as(s, text, strlen(text), (struct json_rules){ .any_number = true }, &v) != ERR_OK) {
        fprintf(stderr, "%s: %s\n", text, s->why.detail);
        abort();
    }
    return v;
}

static struct slice read(struct scope *s, const char *text)
{
    json_t *v = json(s, text);
    struct slice slice;

    if (slice_read(s, v, "/slice", &slice) != ERR_OK)
        abort();
    json_decref(v);
    return slice;
}

static void test_canon(struct scope *s)
{
    static const struct { const char *request, *canon; } rows[] = {
        { "{}", "{}" },
        { "{\"order\":\"path\"}", "{}" },
        { "{\"distinct\":\"sha256\",\"order\":\"path\"}", "{\"distinct\":\"sha256\"}" },
        { "{\"sample\":{\"seed\":\"7\",\"count\":10000}}", "{\"sample\":{\"count\":10000,\"seed\":\"7\"}}" },
        { "{\"sample\":{\"seed\":\"\\u00e9\",\"count\":1},\"order\":\"path\",\"filter\":" EN
          ",\"distinct\":\"sha256\"}",
          "{\"distinct\":\"sha256\",\"filter\":" EN_CANON ",\"sample\":{\"count\":1,\"seed\":\"\xc3\xa9\"}}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice slice = read(s, rows[i].request);
        struct bytes text;
        json_t *v;
        struct bytes same;

        ok(slice_canon(s, &slice, &text) == ERR_OK, "has a canonical form");
        is_str(scope_strndup(s, (const char *)text.p, text.len), rows[i].canon, rows[i].request);
        v = json(s, rows[i].canon);
        ok(canon(s, v, &same) == ERR_OK && same.len == text.len && memcmp(same.p, text.p, text.len) == 0,
           "which is that of RFC 8785");
        json_decref(v);
        ok(slice_whole(&slice) == (i < 2), "%s the whole version", i < 2 ? "is" : "is not");
    }
}

static void test_faults(struct scope *s)
{
    static const struct { const char *request, *pointer; } rows[] = {
        { "[]", "/slice" },
        { "{\"limit\":1}", "/slice" },
        { "{\"distinct\":\"path\"}", "/slice/distinct" },
        { "{\"distinct\":null}", "/slice/distinct" },
        { "{\"order\":\"size\"}", "/slice/order" },
        { "{\"filter\":{}}", "/slice/filter" },
        { "{\"filter\":{\"op\":\"not\",\"args\":[1]}}", "/slice/filter/args/0" },
        { "{\"sample\":10}", "/slice/sample" },
        { "{\"sample\":{\"count\":1}}", "/slice/sample/seed" },
        { "{\"sample\":{\"count\":1,\"seed\":7}}", "/slice/sample/seed" },
        { "{\"sample\":{\"count\":1,\"seed\":\"\"}}", "/slice/sample/seed" },
        { "{\"sample\":{\"count\":0,\"seed\":\"7\"}}", "/slice/sample/count" },
        { "{\"sample\":{\"count\":1.5,\"seed\":\"7\"}}", "/slice/sample/count" },
        { "{\"sample\":{\"count\":10000001,\"seed\":\"7\"}}", "/slice/sample/count" },
        { "{\"sample\":{\"count\":1,\"seed\":\"7\",\"more\":1}}", "/slice/sample" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *v = json(s, rows[i].request);
        struct slice slice;

        ok(slice_read(s, v, "/slice", &slice) == ERR_INVALID && strcmp(s->why.pointer, rows[i].pointer) == 0,
           "%s is refused at %s", rows[i].request, rows[i].pointer);
        scope_forgive(s);
        json_decref(v);
    }
}

/* A request of SLICE_BYTES_MAX + more bytes in canonical form: seventeen texts of 900 letters, one of what is left. */
static err long_request(struct scope *s, size_t more)
{
    static const char head[] = "{\"filter\":{\"args\":[{\"property\":\"a\"},[", tail[] = "]],\"op\":\"in\"}}";
    size_t last = SLICE_BYTES_MAX + more - strlen(head) - strlen(tail) - 17 * 903 - 2;
    char letters[1025];
    struct slice slice;
    struct buf b = BUF(s);
    json_t *v;
    err e;

    memset(letters, 'a', sizeof letters);
    buf_str(&b, head);
    for (int i = 0; i < 17; i++)
        buf_printf(&b, "\"%.900s\",", letters);
    buf_printf(&b, "\"%.*s\"%s", (int)last, letters, tail);
    v = json(s, b.p);
    e = slice_read(s, v, "", &slice);
    json_decref(v);
    scope_forgive(s);
    return b.len == SLICE_BYTES_MAX + more ? e : ERR_INTERNAL;
}

static void test_limits(struct scope *s)
{
    ok(long_request(s, 0) == ERR_OK, "the longest request is taken");
    ok(long_request(s, 1) == ERR_INVALID, "one byte more is not");
}

/* ---- the choice */

struct row { const char *path; struct hash sha256; int64_t size; json_t *attributes; };

static void pick(struct scope *s, const struct slice *slice, const struct row *rows, size_t n_rows, uint32_t **numbers,
                 size_t *n)
{
    struct slice_pick p = SLICE_PICK(s, slice);

    for (size_t i = 0; i < n_rows; i++) {
        struct filter_item item = { rows[i].path, strlen(rows[i].path), "text/plain", rows[i].size,
                                    rows[i].attributes };
        slice_pick_add(&p, &item, &rows[i].sha256);
    }
    slice_pick_end(&p, numbers, n);
}

/* "0 3 4" */
static const char *picked(struct scope *s, const char *request, const struct row *rows, size_t n_rows)
{
    struct slice slice = read(s, request);
    struct buf b = BUF(s);
    uint32_t *numbers;
    size_t n;

    pick(s, &slice, rows, n_rows, &numbers, &n);
    buf_str(&b, "");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, i ? " %u" : "%u", numbers[i]);
    return b.p;
}

/* Eight items, of which 1 and 5, and 2, 3 and 7, have the same bytes. Scores by sha256sum, see below. */
static void test_choice(struct scope *s)
{
    static const char *const contents[] = { "a", "b", "c", "c", "d", "b", "e", "c" };
    struct row rows[8];
    struct hash root;
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rows[i] = (struct row){ scope_printf(s, "%zu.txt", i), sha256_of(contents[i], 1), 1,
                                json_pack("{s:s}", "language", i % 2 ? "de" : "en") };
    is_str(picked(s, "{}", rows, 8), "0 1 2 3 4 5 6 7", "the whole version");
    is_str(picked(s, "{\"filter\":" EN "}", rows, 8), "0 2 4 6", "a filter");
    is_str(picked(s, "{\"distinct\":\"sha256\"}", rows, 8), "0 1 2 4 6", "distinct keeps the smallest path");
    is_str(picked(s, "{\"distinct\":\"sha256\",\"filter\":{\"op\":\"not\",\"args\":[" EN "]}}", rows, 8), "1 3",
           "of those that match");
    /*
     * for c in a b c d e; do { printf 7; printf $c | sha256sum | cut -c1-64 | xxd -r -p; } | sha256sum; done
     * gives the order d a b c e.
     */
    is_str(picked(s, "{\"sample\":{\"count\":8,\"seed\":\"7\"}}", rows, 8), "0 1 2 3 4 5 6 7", "a sample of all");
    is_str(picked(s, "{\"sample\":{\"count\":9,\"seed\":\"7\"}}", rows, 8), "0 1 2 3 4 5 6 7", "and of more");
    is_str(picked(s, "{\"distinct\":\"sha256\",\"sample\":{\"count\":1,\"seed\":\"7\"}}", rows, 8), "4",
           "the smallest");
    is_str(picked(s, "{\"distinct\":\"sha256\",\"sample\":{\"count\":3,\"seed\":\"7\"}}", rows, 8), "0 1 4",
           "the three smallest");
    is_str(picked(s, "{\"sample\":{\"count\":3,\"seed\":\"7\"}}", rows, 8), "0 1 4", "ties by path");
    is_str(picked(s, "{\"distinct\":\"sha256\",\"sample\":{\"count\":3,\"seed\":\"8\"}}", rows, 8), "1 2 6",
           "another seed");
    is_str(picked(s, "{\"filter\":{\"op\":\"isNull\",\"args\":[{\"property\":\"path\"}]}}", rows, 8), "", "nothing");
    list_add_item(&tree, &leaf, rows[0].path, strlen(rows[0].path), &rows[0].sha256, 1);
    list_add_item(&tree, &leaf, rows[4].path, strlen(rows[4].path), &rows[4].sha256, 1);
    root = frontier_root(&tree);
    is_hex(root.b, HASH_SIZE, "1e9c859fbcc42b202b18090ac3fd1b8b6cd26d0af4ba776db5b2b7af3ce4852a", "a root");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        json_decref(rows[i].attributes);
}

/* ---- against a slow statement of the same rule */

static int path_order(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    return strcmp(a->path, b->path);
}

static bool twin_before(const struct row *rows, const bool *in, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (in[k] && hash_equal(&rows[k].sha256, &rows[i].sha256))
            return true;
    return false;
}

/* How many of those in stand before item i by score and path. */
static int64_t rank(const struct slice *slice, const struct row *rows, const bool *in, size_t n, size_t i)
{
    struct hash mine = slice_score(slice, &rows[i].sha256);
    int64_t before = 0;

    for (size_t k = 0; k < n; k++) {
        struct hash other = slice_score(slice, &rows[k].sha256);
        int order = memcmp(other.b, mine.b, HASH_SIZE);
        before += in[k] && (order < 0 || (order == 0 && k < i));
    }
    return before;
}

static void slowly(const struct slice *slice, const struct row *rows, size_t n, bool *in)
{
    bool filtered[200], distinct[200];

    for (size_t i = 0; i < n; i++) {
        struct filter_item item = { rows[i].path, strlen(rows[i].path), "text/plain", rows[i].size,
                                    rows[i].attributes };
        filtered[i] = !slice->filter || filter_match(slice->filter, &item);
    }
    for (size_t i = 0; i < n; i++)
        distinct[i] = filtered[i] && !(slice->distinct && twin_before(rows, filtered, i));
    for (size_t i = 0; i < n; i++)
        in[i] = distinct[i] && (slice->count == 0 || rank(slice, rows, distinct, n, i) < slice->count);
}

static void test_random(void)
{
    struct seeded r = seeded_start();
    unsigned wrong = 0, sizes = 0;

    for (int round = 0; round < 200; round++) {
        struct row rows[200];
        bool in[200] = { false };
        size_t n = seeded_below(&r, ARRAY_LEN(rows)), chosen, want = 0;
        struct slice slice = { .distinct = seeded_below(&r, 2), .count = (int64_t)seeded_below(&r, 60) };
        uint32_t *numbers;
        struct scope s;

        scope_init(&s, 0);
        for (size_t i = 0; i < n; i++) {
            uint8_t content = (uint8_t)seeded_below(&r, 100);
            rows[i] = (struct row){ random_path(&s, &r, i), sha256_of(&content, 1), content, random_attributes(&r) };
        }
        qsort(rows, n, sizeof *rows, path_order);
        slice.seed = scope_printf(&s, "%d", round);
        slice.seed_len = strlen(slice.seed);
        if (seeded_below(&r, 2)) {
            json_t *filter = random_filter(&r, 2);
            if (filter_read(&s, filter, "", &slice.filter) != ERR_OK)
                abort();
            json_decref(filter);
        }
        pick(&s, &slice, rows, n, &numbers, &chosen);
        slowly(&slice, rows, n, in);
        for (size_t i = 0; i < n; i++) {
            wrong += in[i] && (want >= chosen || numbers[want] != i);
            want += in[i];
            json_decref(rows[i].attributes);
        }
        wrong += want != chosen;
        sizes += chosen > 0 && chosen < n;
        scope_free(&s);
    }
    is_int(wrong, 0, "200 random slices are as the rule says");
    ok(sizes > 50, "%u of them are neither empty nor everything", sizes);
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    test_canon(&s);
    test_faults(&s);
    test_limits(&s);
    test_choice(&s);
    test_random();
    scope_free(&s);
    return done_testing();
}
