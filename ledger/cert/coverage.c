/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/coverage.h"

#include <string.h>

#define LEAF_HEAD "{\"sha256\":\""
#define LEAF_TAIL "\"}"

struct hash coverage_leaf(const struct hash *item)
{
    char leaf[sizeof LEAF_HEAD - 1 + 2 * HASH_SIZE + sizeof LEAF_TAIL];

    memcpy(leaf, LEAF_HEAD, sizeof LEAF_HEAD - 1);
    hex_write(item->b, HASH_SIZE, leaf + sizeof LEAF_HEAD - 1);
    memcpy(leaf + sizeof LEAF_HEAD - 1 + 2 * HASH_SIZE, LEAF_TAIL, sizeof LEAF_TAIL);
    return leaf_hash(leaf, sizeof leaf - 1);
}

bool coverage_leaf_read(const char *leaf, size_t len, struct hash *item)
{
    static const size_t head = sizeof LEAF_HEAD - 1, tail = sizeof LEAF_TAIL - 1, hex = 2 * HASH_SIZE;

    return len == head + hex + tail && memcmp(leaf, LEAF_HEAD, head) == 0 &&
           memcmp(leaf + head + hex, LEAF_TAIL, tail) == 0 && hex_read(leaf + head, hex, item->b, HASH_SIZE);
}

void coverage_add(struct frontier *tree, const struct hash *item)
{
    frontier_append(tree, coverage_leaf(item));
}

static err sorted(struct scope *s, const struct hash *items, size_t n)
{
    if (n == 0)
        return fail(s, ERR_INVALID, "a coverage without items covers nothing");
    for (size_t i = 1; i < n; i++)
        if (memcmp(items[i - 1].b, items[i].b, HASH_SIZE) >= 0)
            return fail(s, ERR_INVALID, "the items of a coverage are sorted, each once; number %zu is not", i);
    return ERR_OK;
}

err coverage_root(struct scope *s, const struct hash *items, size_t n, struct hash *out)
{
    struct frontier tree = FRONTIER_EMPTY;

    TRY(sorted(s, items, n));
    for (size_t i = 0; i < n; i++)
        coverage_add(&tree, &items[i]);
    *out = frontier_root(&tree);
    return ERR_OK;
}

struct items { const struct hash *hash; size_t n; };

/* Hashes of a tile level, made of the items when they are asked for. */
static err read_level(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    const struct items *items = arg;
    uint64_t width = UINT64_C(1) << 8 * level;

    (void)s;
    for (size_t i = 0; i < n; i++) {
        struct frontier tree = FRONTIER_EMPTY;
        for (uint64_t at = (first + i) * width; at < (first + i + 1) * width; at++)
            coverage_add(&tree, &items->hash[at]);
        out[i] = frontier_root(&tree);
    }
    return ERR_OK;
}

err coverage_prove(struct scope *s, const struct hash *items, size_t n, size_t i, struct proof *out)
{
    struct items all = { items, n };
    struct hash_source source = { .read = read_level, .arg = &all };

    TRY(sorted(s, items, n));
    return proof_inclusion(s, &source, i, n, out);
}

bool coverage_check(const struct hash *item, uint64_t i, uint64_t n, const struct hash *root, const struct proof *p)
{
    struct hash leaf = coverage_leaf(item);

    return proof_check_inclusion(i, n, &leaf, root, p);
}
