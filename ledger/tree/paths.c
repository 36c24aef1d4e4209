/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/paths.h"

#include <assert.h>

void tree_paths_make(struct scope *s, struct hash *leaves, size_t n, struct tree_paths *out)
{
    unsigned level = 0;

    out->level[0] = leaves;
    out->n[0] = n;
    for (; out->n[level] > 1; level++) {
        size_t below = out->n[level], above = below / 2 + below % 2;

        assert(level < PROOF_HASHES_MAX);
        out->n[level + 1] = above;
        out->level[level + 1] = NEWS(s, struct hash, above);
        for (size_t i = 0; i < below / 2; i++)
            out->level[level + 1][i] = node_hash(&out->level[level][2 * i], &out->level[level][2 * i + 1]);
        if (below % 2)
            out->level[level + 1][above - 1] = out->level[level][below - 1];
    }
    out->levels = level + 1;
}

void tree_path(const struct tree_paths *t, size_t index, struct proof *out)
{
    assert(index < t->n[0]);
    out->n = 0;
    for (unsigned level = 0; level + 1 < t->levels; level++, index /= 2)
        if ((index ^ 1) < t->n[level])
            out->hash[out->n++] = t->level[level][index ^ 1];
}
