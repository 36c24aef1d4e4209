/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/sumtree.h"

#include "ledger/keys/sha256.h"
#include "tests/unit/tap.h"

#define NODES_MAX 600

static struct hash text_hash(const char *what, size_t i)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%s%zu", what, i);

    return sha256_of(text, (size_t)n);
}

static struct sum_node leaf(size_t i)
{
    struct hash id = text_hash("id", i), commitment = text_hash("c", i);

    return sum_leaf((money_sum)i * 1000000 + (i % 3 == 0 ? (money_sum)1 << 64 : 0), &id, &commitment);
}

/* The same trees made by a program in another language. */
static const struct { size_t size; uint64_t high, low; const char *hash; } vectors[] = {
    { 1, 0x1, 0x0, "9bef0dcacdd38f1ea968bbfbbdd6c048a796d733ebbd3c111be03111eff6fc1a" },
    { 2, 0x1, 0xf4240, "e23ab61466556011620b4d9e414160b7003c9aba5b67fbcd2289bf4a7e7f083f" },
    { 3, 0x1, 0x2dc6c0, "fdfbbf940702c4d6fec3ce0ca5bc1ba0dbb20b159ee9618b8f8e17d1188f601c" },
    { 7, 0x3, 0x1406f40, "c28fef15996939629ed7992f863508d1f0482155d3d444c9efbaf2a592442ce6" },
    { 256, 0x56, 0x7997ee000, "df21529d9f5d5dc15de09ec283efdf29b9c92ac413a8d5f3f410cb9ec55915a6" },
    { 257, 0x56, 0x7a8c12000, "b19960fab7bcfabaff70785b864187c319f87404bfc467d18803b8bc1cf48bbc" },
    { 600, 0xc8, 0x29d6f46500, "ca2c56d46714dd86ffcf460ce6a402f0c024af6bdd774a65bf6952dd943418a4" },
};

static bool root_of(size_t n, struct sum_node *out)
{
    struct sum_frontier f = SUM_FRONTIER_EMPTY;

    for (size_t i = 0; i < n; i++)
        if (!sum_append(&f, leaf(i)))
            return false;
    return sum_root(&f, out);
}

static void test_vectors(void)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct sum_node root = { 0 };

        ok(root_of(vectors[i].size, &root), "a tree of %zu", vectors[i].size);
        is_hex(root.hash.b, HASH_SIZE, vectors[i].hash, "has the root of another program");
        ok(root.sum == ((money_sum)vectors[i].high << 64 | vectors[i].low), "and its sum");
    }
}

/* The path of a place, by way of tiles: *n nodes of the level are left. */
static bool path_of(size_t size, size_t place, struct sum_path *path, struct sum_node *root)
{
    static struct sum_node level[NODES_MAX];
    size_t n = size;

    path->n = 0;
    for (size_t i = 0; i < n; i++)
        level[i] = leaf(i);
    do {
        size_t above = 0;
        for (size_t first = 0; first < n; first += TILE_WIDTH, above++) {
            size_t width = n - first < TILE_WIDTH ? n - first : TILE_WIDTH;
            bool on = place / TILE_WIDTH == above;
            if (!sum_fold(&level[first], width, on ? place % TILE_WIDTH : 0, on ? path : NULL, &level[above]))
                return false;
        }
        n = above;
        place /= TILE_WIDTH;
    } while (n > 1);
    *root = level[0];
    return true;
}

struct wrongs { unsigned root, path, moved, bent, sum, cut, longer; };

static void try(size_t size, size_t place, const struct sum_node *want, struct wrongs *w)
{
    struct sum_node mine = leaf(place), root, other = mine;
    struct sum_path p, q;

    w->root += !path_of(size, place, &p, &root) || !sum_node_equal(&root, want);
    w->path += !sum_path_check(place, size, &mine, &p, want);
    w->moved += size > 1 && sum_path_check((place + 1) % size, size, &mine, &p, want);
    other.sum += 1;
    w->sum += sum_path_check(place, size, &other, &p, want);
    if (p.n > 0) {
        q = p;
        q.node[p.n / 2].hash.b[7] ^= 1;
        w->bent += sum_path_check(place, size, &mine, &q, want);
        q = p;
        q.node[p.n / 2].sum -= q.node[p.n / 2].sum > 0 ? 1 : (money_sum)-1;
        w->bent += sum_path_check(place, size, &mine, &q, want);
        q = p;
        q.n--;
        w->cut += sum_path_check(place, size, &mine, &q, want);
    }
    q = p;
    q.node[q.n++] = mine;
    w->longer += sum_path_check(place, size, &mine, &q, want);
}

static void test_paths(void)
{
    struct wrongs w = { 0 };

    for (size_t size = 1; size <= NODES_MAX; size += size < 20 ? 1 : size == 255 || size == 256 ? 1 : 47) {
        struct sum_node root = { 0 };

        w.root += !root_of(size, &root);
        for (size_t place = 0; place < size; place += size < 70 ? 1 : 13)
            try(size, place, &root, &w);
        try(size, size - 1, &root, &w);
    }
    is_int(w.root, 0, "tiles fold to the root of the frontier");
    is_int(w.path, 0, "each path leads to it");
    is_int(w.moved, 0, "none from another place");
    is_int(w.sum, 0, "none with another amount");
    is_int(w.bent, 0, "none with a node changed, its hash or its sum");
    is_int(w.cut + w.longer, 0, "none that is shorter or longer");
}

static void test_overflow(void)
{
    const money_sum most = (money_sum)-1;
    struct hash h = text_hash("", 0);
    struct sum_node a = sum_leaf(most, &h, &h), zero = sum_leaf(0, &h, &h), one = sum_leaf(1, &h, &h), out;
    struct sum_frontier f = SUM_FRONTIER_EMPTY;
    struct sum_node pair[2] = { a, one };
    struct sum_path p = { 1, { one } };

    ok(sum_join(&a, &zero, &out) && out.sum == most, "the largest sum there is");
    ok(!sum_join(&a, &one, &out) && !sum_join(&one, &a, &out), "one more is refused");
    ok(sum_append(&f, a) && !sum_append(&f, one), "when it is appended,");
    f = SUM_FRONTIER_EMPTY;
    ok(sum_append(&f, a) && sum_append(&f, zero) && sum_append(&f, one) && !sum_root(&f, &out), "at the root,");
    ok(!sum_fold(pair, 2, 0, NULL, &out), "in a tile,");
    ok(!sum_path_check(0, 2, &a, &p, &out), "and on a path");
    ok(!sum_path_check(0, 0, &a, &p, &a) && !sum_path_check(1, 1, &a, &p, &a), "no place of no tree");
}

static void test_bytes(void)
{
    uint8_t bytes[SUM_NODE_SIZE];
    struct sum_node node = leaf(3), back;

    sum_node_write(&node, bytes);
    sum_node_read(bytes, &back);
    ok(sum_node_equal(&node, &back), "a node is read as it was written");
    is_hex(bytes, SUM_SIZE, "000000000000000100000000002dc6c0", "its sum in 16 bytes, the highest first");
}

int main(void)
{
    test_vectors();
    test_paths();
    test_overflow();
    test_bytes();
    return done_testing();
}
