/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/tree/tile.h"

/*
 * Properties: one path for one tile; a tile of a tree has a width that the
 * tree gives it; and, from the raw bytes, any tile prints to what parses back.
 */
static void path_stable(const char *path)
{
    char again[TILE_PATH_SIZE];
    struct tile t;

    if (!tile_parse(path, &t))
        return;
    tile_path(&t, again);
    if (strcmp(path, again) != 0 || t.width < 1 || t.width > TILE_WIDTH || t.level > TILE_LEVEL_MAX)
        abort();
}

static void tile_stable(const uint8_t *data)
{
    uint64_t number = be64_read(data) % (TREE_SIZE_MAX / TILE_WIDTH + 1), size = be64_read(data + 8);
    struct tile t = { .n = number, .width = data[16] + 1u, .entries = data[17] & 1, .level = data[17] / 2 % 6 }, back;
    char path[TILE_PATH_SIZE];

    if (t.entries)
        t.level = 0;
    tile_path(&t, path);
    if (!tile_parse(path, &back) || back.n != t.n || back.width != t.width || back.level != t.level ||
        back.entries != t.entries)
        abort();
    size = data[17] & 0x80 ? size : size % (TREE_SIZE_MAX + 1);
    if (tile_within(&t, size) != (((__uint128_t)t.n * TILE_WIDTH + t.width) << 8 * t.level <= size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;

    scope_init(&s, 0);
    path_stable(scope_strndup(&s, (const char *)data, size));
    if (size >= 18)
        tile_stable(data);
    scope_free(&s);
    return 0;
}
