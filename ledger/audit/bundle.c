/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "ledger/audit/state.h"

/* What is served for a tile; a log may drop a partial tile once the full one is there. */
static err served(struct scope *s, const struct audit_source *src, struct tile *t, struct bytes *out)
{
    char path[TILE_PATH_SIZE];
    err e;

    tile_path(t, path);
    e = src->tile(s, src->arg, path, out);
    if (e != ERR_NOT_FOUND || t->width == TILE_WIDTH)
        return e;
    scope_forgive(s);
    t->width = TILE_WIDTH;
    tile_path(t, path);
    return src->tile(s, src->arg, path, out);
}

err tile_hashes(struct scope *s, const struct audit_source *src, uint64_t size, unsigned level, uint64_t number,
                unsigned n, const struct hash **out)
{
    struct tile t = { .level = level, .n = number, .width = tile_width(level, number, size) };
    struct bytes bytes = { 0 };
    err e;

    assert(n <= t.width);
    e = served(s, src, &t, &bytes);
    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    else if (e != ERR_OK)
        return e;
    *out = e == ERR_OK && bytes.len == (size_t)t.width * HASH_SIZE ? (const struct hash *)(const void *)bytes.p : NULL;
    return ERR_OK;
}

err audit_bundle_read(struct scope *s, const struct audit_source *src, uint64_t number, uint64_t size,
                      struct audit_bundle *out)
{
    struct tile t = { .entries = true, .n = number, .width = tile_width(0, number, size) };
    unsigned want = t.width;
    struct bytes bytes = { 0 };
    err e = served(s, src, &t, &bytes);

    out->n = 0;
    out->tile = NULL;
    out->served = e == ERR_OK;
    out->width = t.width;
    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    else if (e != ERR_OK)
        return e;
    if (!out->served || !bundle_split(bytes.p, bytes.len, t.width, out->entry))
        return ERR_OK;
    out->n = want;
    for (unsigned i = 0; i < want; i++)
        out->leaf[i] = leaf_hash(out->entry[i].p, out->entry[i].len);
    if (want == TILE_WIDTH)
        out->root = tree_root(out->leaf, TILE_WIDTH);
    return tile_hashes(s, src, size, 0, number, want, &out->tile);
}
