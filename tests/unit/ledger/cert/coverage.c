/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/limits.h"
#include "tests/unit/ledger/cert/samples.h"
#include "tests/unit/tap.h"

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_SIZE);
}

static struct hash *items(struct scope *s, size_t n)
{
    struct hash *list = NEWS(s, struct hash, n);

    for (size_t i = 0; i < n; i++)
        list[i] = sha256_of(&i, sizeof i);
    qsort(list, n, sizeof *list, by_bytes);
    return list;
}

static void test_leaf(void)
{
    struct hash item, leaf, want;
    char text[128];

    memset(&item, 0xab, sizeof item);
    leaf = coverage_leaf(&item);
    snprintf(text, sizeof text, "{\"sha256\":\"%s\"}",
             "abababababababababababababababababababababababababababababababab");
    want = leaf_hash(text, strlen(text));
    ok(hash_equal(&leaf, &want), "a leaf is the canonical JSON of a row");
}

/* All proofs of all sizes around the edges of tiles; each for its own item, place, size and root only. */
static void test_proofs(struct scope *s, size_t n, size_t step)
{
    struct hash *list = items(s, n), root, wrong;
    struct frontier tree = FRONTIER_EMPTY;
    struct proof p;
    bool good = true, bad = false;

    ok(coverage_root(s, list, n, &root) == ERR_OK, "root of %zu", n);
    for (size_t i = 0; i < n; i++)
        coverage_add(&tree, &list[i]);
    wrong = frontier_root(&tree);
    ok(hash_equal(&root, &wrong), "the same as one by one");
    wrong.b[0] ^= 1;
    for (size_t i = 0; i < n; i += step) {
        good = good && coverage_prove(s, list, n, i, &p) == ERR_OK && coverage_check(&list[i], i, n, &root, &p);
        bad = bad || coverage_check(&list[i], i, n, &wrong, &p) || coverage_check(&wrong, i, n, &root, &p) ||
              coverage_check(&list[i], i + 1, n, &root, &p) || (n > 1 && coverage_check(&list[i], i, 1, &root, &p));
    }
    ok(good, "every item of %zu is proved", n);
    ok(!bad, "and nothing else by the same proof");
}

static void test_refused(struct scope *s)
{
    struct hash *list = items(s, 3), root, swap;
    struct proof p;

    ok(coverage_root(s, list, 0, &root) == ERR_INVALID, "nothing has no coverage");
    scope_forgive(s);
    ok(coverage_prove(s, list, 3, 3, &p) == ERR_NOT_FOUND, "there is no fourth of three");
    scope_forgive(s);
    swap = list[0];
    list[0] = list[1];
    list[1] = swap;
    ok(coverage_root(s, list, 3, &root) == ERR_INVALID && coverage_prove(s, list, 3, 0, &p) == ERR_INVALID,
       "items out of order");
    scope_forgive(s);
    list[0] = list[1];
    ok(coverage_root(s, list, 3, &root) == ERR_INVALID, "an item twice");
    scope_forgive(s);
}

int main(void)
{
    static const size_t sizes[] = { 1, 2, 3, 7, 8, 255, 256, 257, 513 };
    struct scope s;

    scope_init(&s, 0);
    test_leaf();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        test_proofs(&s, sizes[i], sizes[i] > 8 ? 19 : 1);
    test_proofs(&s, 65536 + 300, 32000);
    test_refused(&s);
    scope_free(&s);
    return done_testing();
}
