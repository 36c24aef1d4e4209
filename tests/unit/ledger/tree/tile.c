/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/tile.h"

#include "tests/unit/tap.h"

static const struct { const char *path; struct tile tile; } good[] = {
    { "tile/0/000", { false, 0, 0, 256 } },
    { "tile/0/x001/x234/067", { false, 0, 1234067, 256 } },
    { "tile/0/999", { false, 0, 999, 256 } },
    { "tile/0/x001/000", { false, 0, 1000, 256 } },
    { "tile/1/000.p/17", { false, 1, 0, 17 } },
    { "tile/5/000.p/1", { false, 5, 0, 1 } },
    { "tile/entries/000.p/7", { true, 0, 0, 7 } },
    { "tile/entries/x123/456.p/255", { true, 0, 123456, 255 } },
    { "tile/0/x004/x294/x967/296", { false, 0, UINT64_C(1) << 32, 256 } },
};

static const char *const bad[] = {
    "", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/000/", "/tile/0/000",
    "tile/00/000",
    "tile/6/000", "tile/63/000", "tile/-1/000", "tile/entries", "tile/entries/", "tile/data/000", "Tile/0/000",
    "tile/0/x000/000", "tile/0/x000/x001/000", "tile/0/x01/000", "tile/0/001/000", "tile/0/x001", "tile/0/x001/x002",
    "tile/0/X001/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p",
    "tile/0/000.p/1x", "tile/0/000.p/1/", "tile/0/000.P/1", "tile/0/000p/1", "tile/0/000.p/-1", "tile/0/ 00",
    "tile/0/0x0",
    "tile/0/000?x", "tile/entries/0/000", "tile/0/x004/x294/x967/297", "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    "tile/0/x018/x446/x744/x073/x709/x551/616", "tile/0/000\n", "tile/0/%30%30%30", "tile//0/000",
};

static void test_paths(void)
{
    char path[TILE_PATH_SIZE];
    struct tile t;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        memset(&t, 0, sizeof t);
        ok(tile_parse(good[i].path, &t) && t.entries == good[i].tile.entries && t.level == good[i].tile.level &&
           t.n == good[i].tile.n && t.width == good[i].tile.width, "parses %s", good[i].path);
        tile_path(&t, path);
        is_str(path, good[i].path, "and prints it");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ok(!tile_parse(bad[i], &t), "refuses '%s'", bad[i]);
}

/* Served if and only if (256 n + width) 256^level <= size; checked against that formula. */
static void test_within(void)
{
    static const uint64_t sizes[] = { 0, 1, 7, 255, 256, 257, 511, 512, 65535, 65536, 65537, 70000, 131072 };
    bool same = true;

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (unsigned level = 0; level <= 2; level++)
            for (uint64_t n = 0; n < 515; n++) {
                unsigned widest = 0;
                for (unsigned w = 1; w <= 256; w++) {
                    struct tile t = { .level = level, .n = n, .width = w };
                    bool served = (256 * n + w) * (UINT64_C(1) << 8 * level) <= sizes[i];
                    same = same && tile_within(&t, sizes[i]) == served;
                    if (served)
                        widest = w;
                }
                same = same && tile_width(level, n, sizes[i]) == widest;
            }
    ok(same, "tiles are served by the formula");
    is_int(tile_width(0, 273, 70000), 112, "tile 0/273 of 70000");
    is_int(tile_width(1, 1, 70000), 17, "tile 1/001 of 70000");
    is_int(tile_width(2, 0, 70000), 1, "tile 2/000 of 70000");
    is_int(tile_width(0, 1, 256), 0, "no empty tile after a full one");
    ok(!tile_within(&(struct tile){ .width = 0 }, 9) && !tile_within(&(struct tile){ .width = 1, .n = UINT64_MAX },
                                                                     9) &&
       !tile_within(&(struct tile){ .width = 1, .level = 99 }, 9), "no tile beyond the format");
}

static void test_bundles(void)
{
    struct scope s;
    struct buf b;
    struct bytes out[4];
    uint8_t *large;

    scope_init(&s, 0);
    b = BUF(&s);
    for (int i = 0; i < 7; i++)
        bundle_add(&b, scope_printf(&s, "entry %d\n", i), 8);
    is_int((int64_t)b.len, 70, "seven entries of eight bytes");
    is_hex(b.p, 20, "0008656e74727920300a0008656e74727920310a", "begin as the worked example does");
    b = BUF(&s);
    large = scope_alloc(&s, ENTRY_BYTES_MAX, 1);
    bundle_add(&b, "", 0);
    bundle_add(&b, large, ENTRY_BYTES_MAX);
    bundle_add(&b, "z", 1);
    ok(bundle_split(b.p, b.len, 3, out) && out[0].len == 0 && out[1].len == ENTRY_BYTES_MAX && out[2].len == 1 &&
       *out[2].p == 'z', "an empty, the largest and a small entry");
    ok(!bundle_split(b.p, b.len, 2, out) && !bundle_split(b.p, b.len, 4, out), "exactly as many entries");
    ok(!bundle_split(b.p, b.len - 1, 3, out) && !bundle_split(b.p, 1, 1, out), "that end where it ends");
    ok(bundle_split(b.p, 0, 0, out) && !bundle_split(b.p, 0, 1, out), "nothing holds nothing");
    scope_free(&s);
}

int main(void)
{
    test_paths();
    test_within();
    test_bundles();
    return done_testing();
}
