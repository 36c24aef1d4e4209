/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/tile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TILE_NUMBER_MAX (TREE_SIZE_MAX / TILE_WIDTH)

/* Reads three digits. */
static bool group_read(const char *p, uint64_t *out)
{
    *out = 0;
    for (int i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(p[i] - '0');
    }
    return true;
}

/* Reads "x001/x234/067" and gives what follows it. A first group "x000" is a second text for the same number. */
static const char *number_read(const char *p, uint64_t *n)
{
    uint64_t group;

    *n = 0;
    for (; *p == 'x'; p += 5) {
        if (!group_read(p + 1, &group) || p[4] != '/' || (*n == 0 && group == 0) || *n > TILE_NUMBER_MAX / 1000)
            return NULL;
        *n = *n * 1000 + group;
    }
    if (!group_read(p, &group) || *n > TILE_NUMBER_MAX / 1000)
        return NULL;
    *n = *n * 1000 + group;
    return *n <= TILE_NUMBER_MAX ? p + 3 : NULL;
}

bool tile_parse(const char *path, struct tile *out)
{
    static const char head[] = "tile/", entries[] = "entries/";
    const char *p = path + sizeof head - 1;
    struct tile t = { .width = TILE_WIDTH };
    uint64_t width;

    if (strncmp(path, head, sizeof head - 1) != 0)
        return false;
    if (strncmp(p, entries, sizeof entries - 1) == 0) {
        t.entries = true;
        p += sizeof entries - 1;
    } else {
        if (*p < '0' || *p > '0' + TILE_LEVEL_MAX || p[1] != '/')
            return false;
        t.level = (unsigned)(*p - '0');
        p += 2;
    }
    p = number_read(p, &t.n);
    if (!p)
        return false;
    if (*p) {
        if (strncmp(p, ".p/", 3) != 0 || !decimal_read(p + 3, strlen(p + 3), TILE_WIDTH - 1, &width) || width == 0)
            return false;
        t.width = (unsigned)width;
    }
    *out = t;
    return true;
}

void tile_path(const struct tile *t, char out[TILE_PATH_SIZE])
{
    uint64_t n = t->n, scale = 1;
    int at;

    assert(t->level <= TILE_LEVEL_MAX && n <= TILE_NUMBER_MAX && t->width >= 1 && t->width <= TILE_WIDTH);
    assert(!t->entries || t->level == 0);
    at = t->entries ? snprintf(out, TILE_PATH_SIZE, "tile/entries/")
                    : snprintf(out, TILE_PATH_SIZE, "tile/%u/", t->level);
    while (n / scale >= 1000)
        scale *= 1000;
    for (; scale > 1; scale /= 1000)
        at += snprintf(out + at, TILE_PATH_SIZE - (size_t)at, "x%03" PRIu64 "/", n / scale % 1000);
    at += snprintf(out + at, TILE_PATH_SIZE - (size_t)at, "%03" PRIu64, n % 1000);
    if (t->width < TILE_WIDTH)
        snprintf(out + at, TILE_PATH_SIZE - (size_t)at, ".p/%u", t->width);
}

unsigned tile_width(unsigned level, uint64_t n, uint64_t size)
{
    uint64_t hashes;

    if (level > TILE_LEVEL_MAX)
        return 0;
    hashes = size >> 8 * level;
    if (n > hashes / TILE_WIDTH)
        return 0;
    hashes -= n * TILE_WIDTH;
    return hashes < TILE_WIDTH ? (unsigned)hashes : TILE_WIDTH;
}

bool tile_within(const struct tile *t, uint64_t size)
{
    return t->width >= 1 && t->width <= tile_width(t->level, t->n, size);
}

void bundle_add(struct buf *bundle, const void *entry, size_t len)
{
    uint8_t prefix[2];

    assert(len <= ENTRY_BYTES_MAX);
    be16_write(prefix, (uint16_t)len);
    buf_add(bundle, prefix, sizeof prefix);
    buf_add(bundle, entry, len);
}

bool bundle_split(const void *bundle, size_t len, unsigned width, struct bytes *out)
{
    const uint8_t *p = bundle;

    for (unsigned i = 0; i < width; i++) {
        if (len < 2 || len - 2 < be16_read(p))
            return false;
        out[i] = (struct bytes){ .p = p + 2, .len = be16_read(p) };
        len -= 2 + out[i].len;
        p += 2 + out[i].len;
    }
    return len == 0;
}
