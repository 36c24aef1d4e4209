/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ledger/tree/frontier.h"
#include "schema/base/limits.h"

/*
 * Tiles of the C2SP tlog-tiles format: paths, widths, entry bundles.
 *
 * A path is what follows `<prefix>/`: "tile/0/x001/x234/067", "tile/1/000.p/17",
 * "tile/entries/000.p/7". Parsed strictly: one text for one tile.
 */
#define TILE_PATH_SIZE 64
#define TILE_LEVEL_MAX 5          /* 256^6 > TREE_SIZE_MAX; the format allows 63, we never serve more */

struct tile {
    bool     entries;             /* an entry bundle; level is 0 then */
    unsigned level;               /* tile level: each is 8 levels of the tree */
    uint64_t n;                   /* number of the tile on its level */
    unsigned width;               /* 1 to 256; 256 is a full tile, without ".p/" in its path */
};

bool tile_parse(const char *path, struct tile *out);
void tile_path(const struct tile *t, char out[TILE_PATH_SIZE]);
/* (256 n + width) 256^level <= size: served if and only if this holds. */
bool tile_within(const struct tile *t, uint64_t size);
/* Width of tile n on `level` in a tree of `size`: 0 if there is none. */
unsigned tile_width(unsigned level, uint64_t n, uint64_t size);

/* Entry bundles: 16-bit big-endian length, then the entry; entries may be empty. */
void bundle_add(struct buf *bundle, const void *entry, size_t len);     /* len <= ENTRY_BYTES_MAX */
/* Splits a bundle into exactly `width` entries that end where it ends; false otherwise. `out` borrows from `bundle`. */
bool bundle_split(const void *bundle, size_t len, unsigned width, struct bytes *out);
