/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/append.h"
#include "schema/store/log.h"

static err read_leaves(struct scope *s, struct db *db, uint64_t first, size_t n, struct hash *out)
{
    struct leaf_row *rows;
    size_t got;

    TRY(log_leaves(s, db, first, first + n, &rows, &got));
    if (got != n)
        return fail(s, ERR_CORRUPT, "%zu of %zu leaves from entry %llu", got, n, (unsigned long long)first);
    for (size_t i = 0; i < n; i++)      /* indexes are unique and sorted: as many as asked for are all of them */
        out[i] = rows[i].leaf;
    return ERR_OK;
}

static err read_hashes(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct db *db = arg;
    struct subtree_row *rows;
    size_t got;

    if (level == 0)
        return read_leaves(s, db, first, n, out);
    TRY(log_subtrees(s, db, level, first, first + n, &rows, &got));
    if (got != n)
        return fail(s, ERR_CORRUPT, "%zu of %zu subtrees of level %u from %llu", got, n, level,
                    (unsigned long long)first);
    for (size_t i = 0; i < n; i++)
        out[i] = rows[i].hash;
    return ERR_OK;
}

struct hash_source append_hash_source(struct db *db)
{
    return (struct hash_source){ .read = read_hashes, .arg = db };
}
