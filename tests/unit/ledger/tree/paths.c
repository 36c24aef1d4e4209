/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree/paths.h"

#include "tests/unit/tap.h"

#define SIZE_MAX_TRIED 600

static struct hash leaf(size_t i)
{
    return leaf_hash(&i, sizeof i);
}

/* Every path of every tree up to some size leads to the root that the frontier names, and from no other place. */
int main(void)
{
    struct hash leaves[SIZE_MAX_TRIED];
    unsigned wrong = 0, moved = 0, bent = 0;

    for (size_t n = 0; n < SIZE_MAX_TRIED; n++)
        leaves[n] = leaf(n);
    for (size_t n = 1; n < SIZE_MAX_TRIED; n += n < 70 ? 1 : 53) {
        struct hash root = tree_root(leaves, n);
        struct tree_paths paths;
        struct scope s;

        scope_init(&s, 0);
        tree_paths_make(&s, leaves, n, &paths);
        for (size_t i = 0; i < n; i++) {
            struct proof p;
            tree_path(&paths, i, &p);
            wrong += !proof_check_inclusion(i, n, &leaves[i], &root, &p);
            moved += n > 1 && proof_check_inclusion((i + 1) % n, n, &leaves[i], &root, &p);
            if (p.n > 0)
                p.hash[p.n / 2].b[7] ^= 1;
            bent += p.n > 0 && proof_check_inclusion(i, n, &leaves[i], &root, &p);
        }
        scope_free(&s);
    }
    is_int(wrong, 0, "each path leads to the root");
    is_int(moved, 0, "none from another place");
    is_int(bent, 0, "none with a bit changed");
    return done_testing();
}
