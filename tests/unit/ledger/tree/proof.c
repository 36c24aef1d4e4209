/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/proof.h"

#include "ledger/tree/tile.h"
#include "tests/unit/tap.h"

/*
 * Proofs against a second implementation: the recursive definitions of RFC
 * 9162, section 2.1, written down as they stand there.
 */
enum { N = 300, LARGE = 70000 };
static struct hash leaves[LARGE];
static struct hash level1[LARGE / 256], level2[1];

static size_t split(size_t n)
{
    size_t k = 1;

    while (2 * k < n)
        k *= 2;
    return k;
}

static struct hash naive_root(const struct hash *d, size_t n)
{
    struct hash left, right;

    if (n == 1)
        return d[0];
    left = naive_root(d, split(n));
    right = naive_root(d + split(n), n - split(n));
    return node_hash(&left, &right);
}

static void naive_path(size_t m, const struct hash *d, size_t n, struct proof *p)
{
    size_t k = n > 1 ? split(n) : 0;

    if (n == 1)
        return;
    if (m < k) {
        naive_path(m, d, k, p);
        p->hash[p->n++] = naive_root(d + k, n - k);
    } else {
        naive_path(m - k, d + k, n - k, p);
        p->hash[p->n++] = naive_root(d, k);
    }
}

static void naive_subproof(size_t m, const struct hash *d, size_t n, bool whole, struct proof *p)
{
    size_t k = n > 1 ? split(n) : 0;

    if (m == n) {
        if (!whole)
            p->hash[p->n++] = naive_root(d, n);
    } else if (m <= k) {
        naive_subproof(m, d, k, whole, p);
        p->hash[p->n++] = naive_root(d + k, n - k);
    } else {
        naive_subproof(m - k, d + k, n - k, false, p);
        p->hash[p->n++] = naive_root(d, k);
    }
}

static bool proof_equal(const struct proof *a, const struct proof *b)
{
    return a->n == b->n && memcmp(a->hash, b->hash, a->n * sizeof *a->hash) == 0;
}

/* A source over the array, of a tree of `size`; counts hashes read per level and refuses what breaks the contract. */
struct array { uint64_t size, reads[8]; bool broken; };

static err array_read(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct array *a = arg;
    const struct hash *rows[] = { leaves, level1, level2 };
    struct tile t = { .level = level, .n = first / 256, .width = (unsigned)(first % 256 + n) };

    if (level > 2 || n == 0 || first / 256 != (first + n - 1) / 256 || !tile_within(&t, a->size))
        a->broken = true;
    if (a->broken)
        return fail(s, ERR_INTERNAL, "asked for what is not there");
    memcpy(out, rows[level] + first, n * sizeof *out);
    a->reads[level] += n;
    return ERR_OK;
}

#define OVER(a) (struct hash_source){ .read = array_read, .arg = &(a) }

static void fill(void)
{
    char text[32];

    for (size_t i = 0; i < LARGE; i++)
        leaves[i] = leaf_hash(text, (size_t)snprintf(text, sizeof text, "entry %zu\n", i));
    for (size_t i = 0; i < LARGE / 256; i++)
        level1[i] = tree_root(leaves + 256 * i, 256);
    level2[0] = tree_root(level1, 256);
}

static void test_inclusion(struct scope *s)
{
    bool same = true, checks = true;

    for (size_t size = 1; size <= N; size++) {
        struct hash root = naive_root(leaves, size);
        for (size_t i = 0; i < size; i += size < 40 || i < 3 || i + 7 > size ? 1 : 5) {
            struct array a = { .size = size };
            struct proof want = { .n = 0 }, got;
            naive_path(i, leaves, size, &want);
            same = same && proof_inclusion(s, &OVER(a), i, size, &got) == ERR_OK &&
                   proof_equal(&want, &got);
            checks = checks && proof_check_inclusion(i, size, &leaves[i], &root, &want) &&
                     !proof_check_inclusion(i ^ 1, size, &leaves[i], &root, &want);
            scope_clear(s);
        }
    }
    ok(same, "inclusion proofs are those of the definition, up to %d", N);
    ok(checks, "and verify, for their own index only");
}

static void test_consistency(struct scope *s)
{
    bool same = true, checks = true, extends = true;
    struct frontier old = FRONTIER_EMPTY;

    for (size_t m = 1; m <= N; m++) {
        struct hash old_root = naive_root(leaves, m);
        frontier_append(&old, leaves[m - 1]);
        for (size_t n = m; n <= N; n += n < m + 20 || n % 64 > 60 || n % 64 < 2 ? 1 : 3) {
            struct array a = { .size = n };
            struct hash new_root = naive_root(leaves, n);
            struct proof want = { .n = 0 }, got;
            naive_subproof(m, leaves, n, true, &want);
            same = same && proof_consistency(s, &OVER(a), m, n, &got) == ERR_OK &&
                   proof_equal(&want, &got);
            checks = checks && proof_check_consistency(m, &old_root, n, &new_root, &want);
            if (n > m) {
                proof_extension(&old, leaves + m, n - m, &got);
                extends = extends && proof_equal(&want, &got);
                checks = checks && !proof_check_consistency(m, &new_root, n, &new_root, &want) &&
                         !proof_check_consistency(m, &old_root, n, &old_root, &want);
            }
            scope_clear(s);
        }
    }
    ok(same, "consistency proofs are those of the definition, up to %d", N);
    ok(extends, "and the same from a frontier and the new leaves alone");
    ok(checks, "and verify, for their own roots only");
}

static void test_frontier_load(struct scope *s)
{
    struct frontier f = FRONTIER_EMPTY, got;
    bool same = true, few = true;

    for (size_t size = 0; size <= LARGE; size++) {
        struct array a = { .size = size };
        if (size > 0)
            frontier_append(&f, leaves[size - 1]);
        if (size > N && size % 977 != 0 && size < LARGE - 2 && size != 65535 && size != 65536 && size != 65537)
            continue;
        same = same && frontier_load(s, &OVER(a), size, &got) == ERR_OK &&
               got.size == size && memcmp(got.edge, f.edge, frontier_edges(&f) * sizeof *f.edge) == 0;
        few = few && a.reads[0] <= 255 && a.reads[1] <= 255 && a.reads[2] <= 255;
        scope_clear(s);
    }
    ok(same, "a frontier is rebuilt from tiles, up to %d", LARGE);
    ok(few, "reading at most 255 hashes a level");
}

static void test_large(struct scope *s)
{
    static const size_t indexes[] = { 0, 255, 256, 65535, 65536, 69631, 69632, 69999 };
    static const size_t olds[] = { 1, 256, 4097, 65535, 65536, 65537, 69632, 69999 };
    struct hash root = tree_root(leaves, LARGE);
    struct proof got, want;

    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        struct array a = { .size = LARGE };
        want.n = 0;
        naive_path(indexes[i], leaves, LARGE, &want);
        ok(proof_inclusion(s, &OVER(a), indexes[i], LARGE, &got) == ERR_OK &&
           proof_equal(&want, &got) && proof_check_inclusion(indexes[i], LARGE, &leaves[indexes[i]], &root, &got),
           "entry %zu of %d", indexes[i], LARGE);
        ok(a.reads[0] + a.reads[1] + a.reads[2] <= 6 * 256, "reads at most two tiles a level");
        scope_clear(s);
    }
    for (size_t i = 0; i < ARRAY_LEN(olds); i++) {
        struct array a = { .size = LARGE };
        want.n = 0;
        naive_subproof(olds[i], leaves, LARGE, true, &want);
        ok(proof_consistency(s, &OVER(a), olds[i], LARGE, &got) == ERR_OK &&
           proof_equal(&want, &got), "from %zu to %d", olds[i], LARGE);
        scope_clear(s);
    }
}

/* Every flipped bit, missing or added hash makes a proof fail. */
static void test_mutations(void)
{
    enum { M = 6, SIZE = 7 };
    struct hash root = naive_root(leaves, SIZE), old_root = naive_root(leaves, M);
    struct proof in = { .n = 0 }, con = { .n = 0 };
    bool refused = true;

    naive_path(5, leaves, SIZE, &in);
    naive_subproof(M, leaves, SIZE, true, &con);
    for (size_t bit = 0; bit < 8 * HASH_SIZE * in.n; bit++) {
        struct proof p = in;
        p.hash[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1u << bit % 8);
        refused = refused && !proof_check_inclusion(5, SIZE, &leaves[5], &root, &p);
    }
    for (size_t bit = 0; bit < 8 * HASH_SIZE * con.n; bit++) {
        struct proof p = con;
        p.hash[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1u << bit % 8);
        refused = refused && !proof_check_consistency(M, &old_root, SIZE, &root, &p);
    }
    for (size_t n = 0; n <= PROOF_HASHES_MAX + 1; n++) {
        struct proof p = in, q = con;
        p.n = q.n = n;
        refused = refused && (n == in.n || !proof_check_inclusion(5, SIZE, &leaves[5], &root, &p)) &&
                  (n == con.n || !proof_check_consistency(M, &old_root, SIZE, &root, &q));
    }
    ok(refused, "no mutated proof verifies");
    ok(!proof_check_inclusion(0, 0, &leaves[0], &root, &in) && !proof_check_inclusion(7, 7, &leaves[0], &root, &in) &&
       !proof_check_inclusion(UINT64_MAX - 1, UINT64_MAX, &leaves[0], &root, &in) &&
       !proof_check_consistency(1, &root, UINT64_MAX, &root, &con), "sizes from outside do no harm");
}

static void test_edges(struct scope *s)
{
    struct hash empty = empty_root(), one = leaves[0];
    struct proof none = { .n = 0 }, some = { .n = 1 };
    struct array a = { .size = 9 };
    struct hash_source src = OVER(a);
    struct frontier f;

    ok(proof_check_consistency(0, &empty, 1, &one, &none) && !proof_check_consistency(0, &one, 1, &one, &none) &&
       !proof_check_consistency(0, &empty, 1, &one, &some), "from nothing: the empty root and an empty proof");
    ok(proof_check_consistency(0, &empty, 0, &empty, &none) && !proof_check_consistency(0, &empty, 0, &one, &none) &&
       !proof_check_consistency(0, &one, 0, &one, &none), "nothing is one tree only");
    ok(proof_check_consistency(1, &one, 1, &one, &none) && !proof_check_consistency(1, &one, 1, &one, &some) &&
       !proof_check_consistency(1, &one, 1, &empty, &none) && !proof_check_consistency(2, &one, 1, &one, &none),
       "equal sizes, equal roots; never backwards");
    is_int(proof_inclusion(s, &src, 9, 9, &none), ERR_NOT_FOUND, "no proof of an entry beyond the tree");
    scope_clear(s);
    is_int(proof_consistency(s, &src, 9, 8, &none), ERR_NOT_FOUND, "no proof backwards");
    scope_clear(s);
    is_int(proof_inclusion(s, &src, 0, UINT64_MAX, &none), ERR_NOT_FOUND, "no proof in an impossible tree");
    scope_clear(s);
    is_int(frontier_load(s, &src, UINT64_MAX, &f), ERR_INVALID, "no frontier of an impossible tree");
    scope_clear(s);
    a.broken = true;
    is_int(proof_inclusion(s, &src, 3, 9, &none), ERR_INTERNAL, "a source's failure is passed on");
    scope_clear(s);
}

/* Entry 5 of 7 of the worked example. */
static void test_published(struct scope *s)
{
    static const char *const want[] = {
        "OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8A=", "+lse5xGY+kkPkq85n90Bc31tj1A+T/t8a1QwFa9jUIE=",
        "nvaYen722bym3QyfHuCInnkOfJrFhm+oNWVzCtrkMsQ=",
    };
    static const char *const extend[] = {     /* from 3 to 5 */
        "PcBScDQMpoZKQqUYjxxjaHboVKs1RdmBrGZc+3SqTcw=", "p3MU24guqCjDQfV5sB28DbN8XL8DojgzAwhEBmfBj00=",
        "/h+2s9jnS+4u7RyHxkdMxC6zihyqhcmu/Yo8NQExOSU=", "OuVJIxGtMHi2jmTcTBaZliNIE3AQvjA90g21B9lTj8A=",
    };
    struct array a = { .size = 7 };
    char text[BASE64_SIZE(HASH_SIZE)];
    struct frontier f = FRONTIER_EMPTY;
    struct proof p;

    is_int(proof_inclusion(s, &OVER(a), 5, 7, &p), ERR_OK, "entry 5 of 7");
    is_int((int64_t)p.n, ARRAY_LEN(want), "three hashes");
    for (size_t i = 0; i < p.n && i < ARRAY_LEN(want); i++) {
        base64_write(p.hash[i].b, HASH_SIZE, text);
        is_str(text, want[i], "as published");
    }
    for (int i = 0; i < 3; i++)
        frontier_append(&f, leaves[i]);
    proof_extension(&f, leaves + 3, 2, &p);
    is_int((int64_t)p.n, ARRAY_LEN(extend), "from 3 to 5");
    for (size_t i = 0; i < p.n && i < ARRAY_LEN(extend); i++) {
        base64_write(p.hash[i].b, HASH_SIZE, text);
        is_str(text, extend[i], "as published");
    }
}

int main(void)
{
    struct scope s;

    scope_init(&s, 0);
    fill();
    test_published(&s);
    test_inclusion(&s);
    test_consistency(&s);
    test_frontier_load(&s);
    test_large(&s);
    test_mutations();
    test_edges(&s);
    scope_free(&s);
    return done_testing();
}
