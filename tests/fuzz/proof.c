/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/tree/proof.h"
#include "ledger/tree/tile.h"

/*
 * Properties over a tree that the input names: proofs that we make verify, the
 * same proof comes from a frontier, and with any bit of it flipped, a hash cut
 * off, or at any other index, it does not. Verifying any bytes does no harm.
 */
enum { LEAVES = 1100 };
static struct hash leaves[LEAVES], level1[LEAVES / 256], roots[LEAVES + 1];
static struct frontier front[LEAVES + 1];

static err array_read(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct tile t = { .level = level, .n = first / 256, .width = (unsigned)(first % 256 + n) };

    (void)s;
    if (!tile_within(&t, *(const uint64_t *)arg) || level > 1 || first / 256 != (first + n - 1) / 256)
        abort();
    memcpy(out, (level ? level1 : leaves) + first, n * sizeof *out);
    return ERR_OK;
}

static void setup(void)
{
    struct frontier f = FRONTIER_EMPTY;

    roots[0] = empty_root();
    for (size_t i = 0; i < LEAVES; i++) {
        leaves[i] = leaf_hash(&i, sizeof i);
        frontier_append(&f, leaves[i]);
        front[i + 1] = f;
        roots[i + 1] = frontier_root(&f);
    }
    for (size_t i = 0; i < LEAVES / 256; i++)
        level1[i] = tree_root(leaves + 256 * i, 256);
}

static struct proof mutated(const struct proof *p, uint16_t how)
{
    struct proof q = *p;

    if (q.n == 0)
        q.hash[q.n++] = leaves[how % LEAVES];
    else if (how % 64 == 0)
        q.n--;
    else
        q.hash[how / 256 % q.n].b[how % HASH_SIZE] ^= (uint8_t)(1u << how % 8);
    return q;
}

static void tree_properties(uint64_t size, uint64_t index, uint64_t other, uint16_t how)
{
    struct hash_source src = { .read = array_read, .arg = &size };
    struct frontier f;
    struct proof p, q;
    struct scope s;

    scope_init(&s, 0);
    if (proof_inclusion(&s, &src, index, size, &p) != ERR_OK ||
        !proof_check_inclusion(index, size, &leaves[index], &roots[size], &p))
        abort();
    q = mutated(&p, how);
    if (proof_check_inclusion(index, size, &leaves[index], &roots[size], &q) ||
        (other != index && proof_check_inclusion(other, size, &leaves[index], &roots[size], &p)))
        abort();
    if (proof_consistency(&s, &src, other, size, &p) != ERR_OK ||
        !proof_check_consistency(other, &roots[other], size, &roots[size], &p))
        abort();
    q = mutated(&p, how);
    if (proof_check_consistency(other, &roots[other], size, &roots[size], &q))
        abort();
    if (other > 0 && other < size) {
        proof_extension(&front[other], leaves + other, size - other, &q);
        if (p.n != q.n || memcmp(p.hash, q.hash, p.n * sizeof *p.hash) != 0)
            abort();
    }
    if (frontier_load(&s, &src, size, &f) != ERR_OK || f.size != size ||
        memcmp(f.edge, front[size].edge, frontier_edges(&f) * sizeof *f.edge) != 0)
        abort();
    scope_free(&s);
}

/* Sizes and hashes as they come; nothing of them is ours. */
static void any_bytes(const uint8_t *data, size_t size)
{
    uint64_t a = be64_read(data), b = be64_read(data + 8);
    struct hash h, r;
    struct proof p = { .n = 0 };

    memcpy(h.b, data + 16, HASH_SIZE);
    memcpy(r.b, data + 48, HASH_SIZE);
    for (size_t at = 80; at + HASH_SIZE <= size && p.n < PROOF_HASHES_MAX; at += HASH_SIZE)
        memcpy(p.hash[p.n++].b, data + at, HASH_SIZE);
    if (proof_check_inclusion(a, b, &h, &r, &p) && a >= b)
        abort();
    if (proof_check_consistency(a, &h, b, &r, &p) && a > b)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t n;

    if (roots[1].b[0] == 0 && hash_equal(&roots[1], &(struct hash){ { 0 } }))
        setup();
    if (size >= 80)
        any_bytes(data, size);
    if (size < 8)
        return 0;
    n = 1 + be16_read(data) % LEAVES;
    tree_properties(n, be16_read(data + 2) % n, be16_read(data + 4) % n, be16_read(data + 6));
    return 0;
}
