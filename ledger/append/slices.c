/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/slices.h"

#include <string.h>

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/slice.h"
#include "schema/store/version.h"

struct cut { struct frontier tree; struct buf leaf; int64_t n, bytes; };

static err add(struct scope *s, void *arg, void *row)
{
    struct cut *c = arg;
    const struct item *i = row;

    if (i->size < 0 || c->bytes > INT64_MAX - i->size)
        return fail(s, ERR_CORRUPT, "item %d of the version is damaged", i->n);
    list_add_item(&c->tree, &c->leaf, i->path, strlen(i->path), &i->sha256, (uint64_t)i->size);
    c->n++;
    c->bytes += i->size;
    return ERR_OK;
}

/* Its items, and what follows from them. */
static err fill(struct scope *s, struct db *db, const struct slice *slice, struct kept_slice *k)
{
    struct cut c = { .tree = FRONTIER_EMPTY, .leaf = BUF(s) };
    int64_t filled;

    TRY(slice_fill(s, db, k->no, k->version, slice, &filled));
    TRY(slice_fill_each(s, db, k->no, k->version, add, &c));
    if (c.n != filled)
        return fail(s, ERR_INTERNAL, "of %lld items of a slice %lld came back", (long long)filled, (long long)c.n);
    k->root = frontier_root(&c.tree);
    k->item_count = c.n;
    k->bytes = c.bytes;
    return ERR_OK;
}

err slice_cut(struct scope *s, struct db *db, const struct cut_version *v, const struct slice *slice,
              struct kept_slice *out)
{
    struct kept_slice k = { .version = v->no, .whole = slice_whole(slice), .root = v->root,
                            .item_count = v->item_count, .bytes = v->bytes };
    struct bytes text;
    err e;

    TRY(slice_canon(s, slice, &text));
    k.request = scope_strndup(s, (const char *)text.p, text.len);
    k.digest = sha256_of(text.p, text.len);
    TRY(version_unhurried(s, db));
    TRY(slice_hold(s, db, v->no, &k.digest, &k.no));
    e = slice_find(s, db, v->no, &k.digest, out);
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    if (!k.whole)
        TRY(fill(s, db, slice, &k));
    TRY(slice_keep(s, db, &k));
    *out = k;
    return ERR_OK;
}
