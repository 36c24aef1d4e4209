/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/seal.h"

#include <string.h>

#include "ledger/entry/lists.h"
#include "schema/base/limits.h"
#include "schema/store/slice.h"
#include "schema/store/version.h"

#define ASK_EVERY 4096        /* items between two looks at the watch */

err seal_check(struct scope *s, struct db *db, int64_t no)
{
    const char *twice;
    int64_t items;
    bool begun;

    TRY(items_begun(s, db, no, &begun));
    if (begun)
        return ERR_OK;
    TRY(draft_size(s, db, no, VERSION_ITEMS_MAX + 1, &items));
    if (items == 0)
        return fail(s, ERR_INVALID, "the draft has no items: send them by PUT …/items?part=0 first");
    if (items > VERSION_ITEMS_MAX)
        return fail(s, ERR_TOO_LARGE, "a version has at most %d items", VERSION_ITEMS_MAX);
    TRY(draft_duplicate(s, db, no, &twice));
    if (twice)
        return fail(s, ERR_INVALID, "the draft has the path '%.200s' twice: send a part again without it", twice);
    return ERR_OK;
}

err seal_items(struct scope *s, struct db *db, int64_t no, bool *done)
{
    int64_t moved;
    int32_t first;

    TRY(draft_to_items(s, db, no, SEAL_CHUNK_ITEMS, &first, &moved));
    TRY(contributors_fill(s, db, no, first, first + (int32_t)moved, NULL));
    *done = moved < SEAL_CHUNK_ITEMS;
    return ERR_OK;
}

struct roots {
    struct frontier items, details;
    struct buf leaf;
    int64_t n, bytes;
    const struct seal_watch *watch;
};

static err root_add(struct scope *s, void *arg, void *row)
{
    struct roots *r = arg;
    const struct item *i = row;
    size_t len = strlen(i->path);
    struct item_details d = {
        .attributes = { (const uint8_t *)i->attributes, strlen(i->attributes) },
        .contributors = { (const uint8_t *)i->contributors, strlen(i->contributors) },
        .media_type = i->media_type, .path = i->path, .path_len = len, .salt = i->salt.p,
    };

    if (i->salt.len != 16 || i->n != r->n || i->size < 0 || r->bytes > INT64_MAX - i->size)
        return fail(s, ERR_CORRUPT, "item %d of the draft is damaged", i->n);
    if (r->n++ % ASK_EVERY == 0 && r->watch)
        TRY(r->watch->left(s, r->watch->arg));
    r->bytes += i->size;
    list_add_item(&r->items, &r->leaf, i->path, len, &i->sha256, (uint64_t)i->size);
    list_add_details(&r->details, &r->leaf, &d);
    return ERR_OK;
}

err seal_roots(struct scope *s, struct db *db, int64_t no, const struct seal_watch *watch)
{
    struct roots r = { .items = FRONTIER_EMPTY, .details = FRONTIER_EMPTY, .leaf = BUF(s), .watch = watch };
    char commit[COMMIT_ID_SIZE];
    struct version v = { .no = no, .commit_id = commit };

    TRY(item_each(s, db, no, root_add, &r));
    v.root = frontier_root(&r.items);
    v.details_root = frontier_root(&r.details);
    version_commit_id(&v.root, &v.details_root, commit);
    v.item_count = r.n;
    v.bytes = r.bytes;
    return version_seal(s, db, &v);
}
