/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/statement.h"

#include <string.h>

#include "api/client/receipt.h"
#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/tree/sumtree.h"
#include "schema/json/canon.h"

/*
 * Whether a statement ends as the market's own snapshot says: the account's leaf, or its absence, under the root that
 * an entry of the log names.
 */
struct end {
    const struct statement_end *stated;
    uint64_t index, as_of;               /* the snapshot's entry */
    bool tree;                           /* it has one in the account's currency, of: */
    uint64_t accounts;
    struct sum_node root;
};

err statement_snapshot(struct scope *s, const struct note_key *key, const json_t *statement, struct receipt *out)
{
    uint64_t as_of;
    int64_t said;

    TRY(statement_receipt(s, key, statement, json_object_get(statement, "snapshot"), out));
    if (out->entry.spec->type != ENTRY_BALANCES_SNAPSHOT)
        return fail(s, ERR_CORRUPT, "entry %llu is no snapshot", (unsigned long long)out->index);
    as_of = entry_field(&out->entry, "as_of")->v.count;
    TRY(json_count(s, statement, "as_of", &said));
    return (uint64_t)said == as_of ? ERR_OK
         : fail(s, ERR_CORRUPT, "the snapshot of entry %llu is as of size %llu, the statement goes to size %lld",
                (unsigned long long)out->index, (unsigned long long)as_of, (long long)said);
}

/* The tree of the account's currency, as the entry has it. */
static err tree_read(struct scope *s, const struct receipt *r, struct end *out)
{
    struct bytes text = entry_field(&r->entry, "currencies")->v.json;
    const char *currency = out->stated->currency, *root, *total;
    const json_t *sums;
    json_t *all = NULL;
    bool good;

    TRY(json_read(s, (const char *)text.p, text.len, &all));
    sums = json_object_get(all, currency);
    out->tree = sums != NULL;
    root = json_string_value(json_object_get(sums, "root"));
    total = json_string_value(json_object_get(sums, "total"));
    out->accounts = (uint64_t)json_integer_value(json_object_get(sums, "accounts"));
    good = !sums || (root && total && hash_parse(root, &out->root.hash) &&
                     money_sum_parse(total, currency, &out->root.sum));
    json_decref(all);
    return good ? ERR_OK : fail(s, ERR_CORRUPT, "entry %llu has no total in %s", (unsigned long long)r->index,
                                currency);
}

/* ---- paths */

static err path_read(struct scope *s, const char *currency, const json_t *path, struct sum_path *out)
{
    const json_t *one;
    size_t i;

    if (!json_is_array(path) || json_array_size(path) > PROOF_HASHES_MAX)
        return fail(s, ERR_CORRUPT, "its path in the snapshot is none");
    out->n = json_array_size(path);
    json_array_foreach(path, i, one) {
        const char *sum = json_string_value(json_object_get(one, "sum"));
        const char *hash = json_string_value(json_object_get(one, "hash"));

        if (!sum || !hash || !money_sum_parse(sum, currency, &out->node[i].sum) ||
            !hash_parse(hash, &out->node[i].hash))
            return fail(s, ERR_CORRUPT, "its path in the snapshot holds what is no node");
    }
    return ERR_OK;
}

/* `proof` has place and path. */
static err leads(struct scope *s, const struct end *end, const json_t *proof, const struct sum_node *leaf,
                 uint64_t *place)
{
    struct sum_path path;
    int64_t at;

    TRY(json_count(s, proof, "place", &at));
    TRY(path_read(s, end->stated->currency, json_object_get(proof, "path"), &path));
    *place = (uint64_t)at;
    return end->tree && sum_path_check(*place, end->accounts, leaf, &path, &end->root)
         ? ERR_OK : fail(s, ERR_CORRUPT, "its path does not lead to the root of the snapshot of entry %llu",
                         (unsigned long long)end->index);
}

/* ---- an account that is there */

static err lines_fit(struct scope *s, const struct end *end, const struct held_row *row)
{
    const struct statement_end *x = end->stated;
    unsigned long long n = (unsigned long long)row->n, last = (unsigned long long)x->last_n;

    if (n > last)
        return fail(s, ERR_CORRUPT, "line %llu is missing: the snapshot of entry %llu counts %llu", n,
                    (unsigned long long)end->index, n);
    if (n < last)
        return fail(s, ERR_CORRUPT, "the snapshot of entry %llu counts %llu lines, the statement %llu",
                    (unsigned long long)end->index, n, last);
    return ERR_OK;
}

static err leaf_check(struct scope *s, const struct end *end, const json_t *proof)
{
    const struct statement_end *x = end->stated;
    struct hash id, commitment;
    struct sum_node node;
    struct held_row row;
    struct bytes text;
    money_sum balance;
    uint64_t place;

    TRY(canon(s, json_object_get(proof, "leaf"), &text));
    if (!held_row_read((const char *)text.p, text.len, &row) || !money_sum_parse(row.balance, x->currency, &balance))
        return fail(s, ERR_CORRUPT, "its leaf in the snapshot is none");
    if (strcmp(row.account.text, x->account) != 0)
        return fail(s, ERR_CORRUPT, "its leaf in the snapshot is another account's");
    id = held_id(x->account, end->as_of);
    commitment = sha256_of(text.p, text.len);
    node = sum_leaf(balance, &id, &commitment);
    TRY(leads(s, end, proof, &node, &place));
    TRY(lines_fit(s, end, &row));
    if (balance != (money_sum)(x->closing > 0 ? x->closing : 0))
        return fail(s, ERR_CORRUPT, "the snapshot of entry %llu says %s, the statement's closing balance is another",
                    (unsigned long long)end->index, row.balance);
    return ERR_OK;
}

/* ---- an account that is not there */

struct beside { struct hash id; uint64_t place; };

static err beside_read(struct scope *s, const struct end *end, const json_t *neighbor, struct beside *out)
{
    struct hash commitment;
    struct sum_node node;
    money_sum sum;
    const char *text;

    TRY(json_hash(s, neighbor, "id", &out->id));
    TRY(json_hash(s, neighbor, "commitment", &commitment));
    TRY(json_text(s, neighbor, "sum", &text));
    if (!money_sum_parse(text, end->stated->currency, &sum))
        return fail(s, ERR_CORRUPT, "a neighbor's sum is none");
    node = sum_leaf(sum, &out->id, &commitment);
    return leads(s, end, neighbor, &node, &out->place);
}

/* Two that follow one another around it, or the first or last of all. */
static bool enclose(const struct end *end, const struct hash *id, const struct beside *b, size_t n)
{
    if (n == 2)
        return b[0].place + 1 == b[1].place && memcmp(b[0].id.b, id->b, HASH_SIZE) < 0 &&
               memcmp(id->b, b[1].id.b, HASH_SIZE) < 0;
    if (n == 1 && b[0].place == 0 && memcmp(id->b, b[0].id.b, HASH_SIZE) < 0)
        return true;
    return n == 1 && b[0].place + 1 == end->accounts && memcmp(b[0].id.b, id->b, HASH_SIZE) < 0;
}

static err absence_check(struct scope *s, const struct end *end, const json_t *proof)
{
    const struct statement_end *x = end->stated;
    const json_t *list = json_object_get(proof, "neighbors"), *one;
    struct hash id = held_id(x->account, end->as_of);
    struct beside beside[2];
    size_t i;

    if (!json_is_array(list) || json_array_size(list) > ARRAY_LEN(beside))
        return fail(s, ERR_CORRUPT, "its place in the snapshot is not shown");
    json_array_foreach(list, i, one)
        TRY(beside_read(s, end, one, &beside[i]));
    if (end->tree && !enclose(end, &id, beside, json_array_size(list)))
        return fail(s, ERR_CORRUPT, "the neighbors in the snapshot of entry %llu do not show that it isn't there",
                    (unsigned long long)end->index);
    return x->last_n == 0 && x->closing == 0 ? ERR_OK
         : fail(s, ERR_CORRUPT, "it is not in the snapshot of entry %llu, and has %lld lines",
                (unsigned long long)end->index, (long long)x->last_n);
}

err statement_end_check(struct scope *s, const struct receipt *snapshot, const json_t *account,
                        const struct statement_end *stated)
{
    const json_t *proof = json_object_get(account, "proof");
    struct end end = { .stated = stated, .index = snapshot->index,
                       .as_of = entry_field(&snapshot->entry, "as_of")->v.count };

    if (stated->last_index >= 0 && (uint64_t)stated->last_index >= end.as_of)
        return fail(s, ERR_CORRUPT, "the snapshot of entry %llu is as of size %llu, before entry %lld of the statement",
                    (unsigned long long)end.index, (unsigned long long)end.as_of, (long long)stated->last_index);
    TRY(tree_read(s, snapshot, &end));
    return json_object_get(proof, "leaf") ? leaf_check(s, &end, proof) : absence_check(s, &end, proof);
}
