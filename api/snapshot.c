/* SPDX-License-Identifier: Apache-2.0 */
#include "api/snapshot.h"

#include <string.h>

#include "api/auth.h"
#include "api/ledgered.h"
#include "api/page.h"
#include "api/show.h"
#include "ledger/entry/lists.h"
#include "ledger/tree/sumtree.h"
#include "schema/base/limits.h"
#include "schema/store/statement.h"

static int64_t signed_size(const struct request *rq)
{
    const struct app *app = rq->app;

    return (int64_t)append_signed_size(app->append);
}

err snapshot_json(struct scope *s, struct db *db, const struct snapshot *row, json_t **out)
{
    json_t *currencies = json_object();
    struct snapshot_tree *trees;
    size_t n;
    err e = snapshot_trees(s, db, row->no, &trees, &n);

    for (size_t i = 0; e == ERR_OK && i < n; i++)
        json_object_set_new(currencies, trees[i].currency,
                            json_pack("{s:I,s:o,s:s}", "accounts", (json_int_t)trees[i].accounts, "root",
                                      show_hash(&trees[i].root), "total", trees[i].total));
    *out = json_pack("{s:o,s:I,s:o,s:o}", "entry", entry_link((uint64_t)row->index), "as_of", (json_int_t)row->as_of,
                     "at", show_time(row->at), "currencies", currencies);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}

/* ---- proofs */

static json_t *node_json(const struct sum_node *node, const char *currency)
{
    char sum[MONEY_SUM_SIZE];

    money_sum_format(node->sum, currency, sum);
    return json_pack("{s:o,s:s}", "hash", show_hash(&node->hash), "sum", sum);
}

static err tile_fold(struct scope *s, const struct snapshot_tile *tile, size_t place, struct sum_path *path)
{
    struct sum_node nodes[TILE_WIDTH], above;
    size_t n = tile->nodes.len / SUM_NODE_SIZE;

    if (n == 0 || n > TILE_WIDTH || tile->nodes.len % SUM_NODE_SIZE != 0 || place >= n)
        return fail(s, ERR_CORRUPT, "a tile of a snapshot does not hold place %zu", place);
    for (size_t i = 0; i < n; i++)
        sum_node_read(tile->nodes.p + i * SUM_NODE_SIZE, &nodes[i]);
    return sum_fold(nodes, n, place, path, &above) ? ERR_OK : fail(s, ERR_CORRUPT, "a snapshot's tile can't be summed");
}

static err path_json(struct scope *s, struct db *db, const struct snapshot *row, const char *currency, int64_t place,
                     json_t **out)
{
    struct sum_path path = { .n = 0 };
    struct snapshot_tile *tiles;
    int64_t at = place;
    size_t n;

    TRY(snapshot_tiles(s, db, row->no, currency, place, &tiles, &n));
    for (size_t i = 0; i < n; i++, at /= TILE_WIDTH)
        TRY(tile_fold(s, &tiles[i], (size_t)(at % TILE_WIDTH), &path));
    *out = json_array();
    for (size_t i = 0; i < path.n; i++)
        json_array_append_new(*out, node_json(&path.node[i], currency));
    return ERR_OK;
}

static json_t *held_json(const struct snapshot_leaf *l, const char *currency)
{
    char balance[MONEY_TEXT_SIZE], salt[BASE64_SIZE(SALT_SIZE)] = "";

    money_format(l->balance, currency, balance);
    if (!l->account)
        return json_pack("{s:o,s:o,s:s}", "commitment", show_hash(&l->commitment), "id", show_hash(&l->id), "sum",
                         balance);
    if (l->salt.len == SALT_SIZE)
        base64url_write(l->salt.p, SALT_SIZE, salt);
    return json_pack("{s:s,s:s,s:I,s:s}", "account", l->account, "balance", balance, "n", (json_int_t)l->n, "salt",
                     salt);
}

/* What a leaf's hash is made of, and nothing of whose it is. */
static err neighbor_json(struct scope *s, struct db *db, const struct snapshot *row, const char *currency,
                         const struct snapshot_leaf *l, json_t **out)
{
    char balance[MONEY_TEXT_SIZE];
    json_t *path;

    TRY(path_json(s, db, row, currency, l->place, &path));
    money_format(l->balance, currency, balance);
    *out = json_pack("{s:o,s:o,s:o,s:I,s:s}", "commitment", show_hash(&l->commitment), "id", show_hash(&l->id), "path",
                     path, "place", (json_int_t)l->place, "sum", balance);
    return ERR_OK;
}

static err absence(struct scope *s, struct db *db, const struct snapshot *row, const char *currency,
                   const struct hash *id, json_t **out)
{
    struct snapshot_leaf *beside;
    json_t *list = json_array(), *one;
    size_t n;
    err e = snapshot_neighbors(s, db, row->no, currency, id, &beside, &n);

    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        e = neighbor_json(s, db, row, currency, &beside[i], &one);
        if (e == ERR_OK)
            json_array_append_new(list, one);
    }
    *out = json_pack("{s:o}", "neighbors", list);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}

err snapshot_proof(struct scope *s, struct db *db, const struct snapshot *row, const char *account,
                   const char *currency, json_t **out)
{
    struct hash id = held_id(account, (uint64_t)row->as_of);
    struct snapshot_leaf leaf;
    json_t *path;
    err e = snapshot_leaf_of(s, db, row->no, currency, &id, &leaf);

    if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        return absence(s, db, row, currency, &id, out);
    }
    TRY(e);
    TRY(path_json(s, db, row, currency, leaf.place, &path));
    *out = json_pack("{s:o,s:o,s:I}", "leaf", held_json(&leaf, currency), "path", path, "place",
                     (json_int_t)leaf.place);
    return ERR_OK;
}

/* ---- answering */

static err found(struct scope *s, err e)
{
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return fail(s, e, "there is no such snapshot");
}

static err snapshots_read(struct request *rq, struct db *db)
{
    struct scope *s = &rq->scope;
    int64_t limit = page_limit(rq), before = signed_size(rq), after;
    json_t *data = json_array(), *one;
    struct snapshot *rows;
    size_t n = 0;
    err e = page_after_number(rq, before, &after);

    if (e == ERR_OK)
        e = snapshot_list(s, db, after < before ? after : before, limit + 1, &rows, &n);
    for (size_t i = 0; e == ERR_OK && i < n && i < (size_t)limit; i++) {
        e = snapshot_json(s, db, &rows[i], &one);
        if (e == ERR_OK)
            json_array_append_new(data, one);
    }
    if (e != ERR_OK) {
        json_decref(data);
        return e;
    }
    reply_page(rq, data, n > (size_t)limit ? scope_printf(s, "%lld", (long long)rows[limit - 1].index) : NULL);
    return ERR_OK;
}

err list_snapshots(struct request *rq)
{
    return app_with_db(rq, snapshots_read);
}

/* The one that the path names by its entry. */
static err named(struct request *rq, struct db *db, struct snapshot *out)
{
    const char *text = match_path(&rq->match, "snapshot");
    uint64_t index;

    if (!decimal_read(text, strlen(text), TREE_SIZE_MAX, &index))
        return found(&rq->scope, ERR_NOT_FOUND);
    return found(&rq->scope, snapshot_get(&rq->scope, db, (int64_t)index, signed_size(rq), out));
}

static err accounts_add(struct scope *s, struct db *db, const struct snapshot *row, const char *party, json_t *to)
{
    struct creator_state *states;
    json_t *proof;
    size_t n;

    TRY(creator_states(s, db, party, &states, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(snapshot_proof(s, db, row, states[i].account, states[i].currency, &proof));
        json_array_append_new(to, json_pack("{s:s,s:s,s:o}", "account", states[i].account, "currency",
                                            states[i].currency, "proof", proof));
    }
    return ERR_OK;
}

static err snapshot_read(struct request *rq, struct db *db)
{
    json_t *answer, *accounts;
    struct snapshot row;
    err e;

    TRY(named(rq, db, &row));
    TRY(snapshot_json(&rq->scope, db, &row, &answer));
    accounts = json_array();
    json_object_set_new(answer, "accounts", accounts);
    e = accounts_add(&rq->scope, db, &row, auth_caller(rq)->party.id.text, accounts);
    if (e == ERR_OK)
        reply_json(rq, 200, answer);
    else
        json_decref(answer);
    return e;
}

err show_snapshot(struct request *rq)
{
    return app_with_db(rq, snapshot_read);
}

static err leaves_read(struct request *rq, struct db *db)
{
    const char *currency = match_query(&rq->match, "currency");
    int64_t limit = page_limit(rq), from;
    struct scope *s = &rq->scope;
    struct snapshot_leaf *rows;
    struct snapshot row;
    json_t *data;
    size_t n;

    if (!caller_audits(auth_caller(rq)))
        return fail(s, ERR_FORBIDDEN, "the leaves are for auditors with a grant");
    TRY(page_after_number(rq, match_query_int(&rq->match, "from", 0), &from));
    TRY(named(rq, db, &row));
    TRY(snapshot_leaves(s, db, row.no, currency, from, limit + 1, &rows, &n));
    data = json_array();
    for (size_t i = 0; i < n && i < (size_t)limit; i++)
        json_array_append_new(data, held_json(&rows[i], currency));
    reply_page(rq, data, n > (size_t)limit ? scope_printf(s, "%lld", (long long)rows[limit].place) : NULL);
    return ERR_OK;
}

err list_snapshot_leaves(struct request *rq)
{
    return app_with_db(rq, leaves_read);
}
