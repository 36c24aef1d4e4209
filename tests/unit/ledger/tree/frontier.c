/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/frontier.h"

#include "tests/unit/tap.h"

/* The classic vectors of RFC 6962: the root after each of these leaves, in order. */
static const struct { const char *leaf_hex, *root_hex; } rows[] = {
    { "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
    { "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
    { "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
    { "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
    { "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
    { "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
    { "5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
    { "606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

/* Roots of the log whose entry i is "entry <i>\n". */
static const struct { uint64_t size; const char *root; } entries[] = {
    { 0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
    { 1, "FiHOfaiyVKSlJYyQjHADc2z8NG8kgqvmCmBlH7wRZ5E=" },
    { 3, "JuepCLEeDgtaydy1MBABTLXvSvOXbV6jWV1IpMD7cYs=" },
    { 5, "yPFA0nVVp4Kn5u40sWJWSMGpIO/IGbB5vSHKLdpohO4=" },
    { 7, "YKQybLwsL5BFr3eA5qS7SplWNLOKCgKCnBewk5Ysqfk=" },
    { 600, "v3dyglMp7Q5YWb3i2edP6bGnfVwc+noD1kp0SlTuiPg=" },
    { 70000, "PyRlJHNNTThWh1rCFkBE4adafIct52rP1LJtrAm1vcA=" },
};

static struct hash entry_leaf(uint64_t i)
{
    char text[32];
    int len = snprintf(text, sizeof text, "entry %" PRIu64 "\n", i);

    return leaf_hash(text, (size_t)len);
}

static void test_rfc6962(void)
{
    struct frontier f = FRONTIER_EMPTY;
    struct hash leaves[ARRAY_LEN(rows)], root;
    uint8_t leaf[16];

    root = frontier_root(&f);
    is_hex(root.b, HASH_SIZE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "root of nothing");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].leaf_hex) / 2;
        hex_read(rows[i].leaf_hex, 2 * len, leaf, len);
        leaves[i] = leaf_hash(leaf, len);
        frontier_append(&f, leaves[i]);
        root = frontier_root(&f);
        is_hex(root.b, HASH_SIZE, rows[i].root_hex, "root of published leaves");
        is_int((int64_t)frontier_edges(&f), __builtin_popcountll(i + 1), "an edge for each set bit");
        root = tree_root(leaves, i + 1);
        is_hex(root.b, HASH_SIZE, rows[i].root_hex, "the same as a list");
    }
}

static void test_entries(void)
{
    struct frontier f = FRONTIER_EMPTY;
    struct hash root;
    char text[BASE64_SIZE(HASH_SIZE)];

    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        while (f.size < entries[i].size)
            frontier_append(&f, entry_leaf(f.size));
        root = frontier_root(&f);
        base64_write(root.b, HASH_SIZE, text);
        is_str(text, entries[i].root, "root of the worked example");
    }
    root = entry_leaf(5);
    is_hex(root.b, HASH_SIZE, "36a8b45c9378afce85ed6abdaef7ecacf57ae00b2ac85bf63fbcd3793defb9c0", "leaf 5");
}

/* Appending subtrees wherever they fit gives what appending leaves gives. */
static void test_subtrees(void)
{
    enum { N = 300 };
    struct hash leaves[N], a, b;
    bool same = true;

    for (uint64_t i = 0; i < N; i++)
        leaves[i] = entry_leaf(i);
    for (size_t step = 0; step < 9; step++) {
        struct frontier f = FRONTIER_EMPTY, g = FRONTIER_EMPTY;
        while (f.size < N) {
            unsigned level = f.size == 0 ? (unsigned)step : (unsigned)__builtin_ctzll(f.size);
            level = level > step ? (unsigned)step : level;
            while (f.size + (UINT64_C(1) << level) > N)
                level--;
            for (uint64_t i = f.size; i < f.size + (UINT64_C(1) << level); i++)
                frontier_append(&g, leaves[i]);
            frontier_append_subtree(&f, level, tree_root(leaves + f.size, (size_t)1 << level));
            a = frontier_root(&f);
            b = frontier_root(&g);
            same = same && f.size == g.size && hash_equal(&a, &b) &&
                   memcmp(f.edge, g.edge, frontier_edges(&f) * sizeof *f.edge) == 0;
        }
    }
    ok(same, "subtrees of every level are the same as their leaves");
}

int main(void)
{
    test_rfc6962();
    test_entries();
    test_subtrees();
    return done_testing();
}
