/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot: commits to what is owed to every creator, daily and before a payout run.
 *
 * It holds the books from the first balance that is read to the entry, so that no account is written in between; the
 * ledger goes on meanwhile. Leaves and nodes are written in one transaction and not in effect; one operation under the
 * ledger's lock enters them. What an attempt that was cut off has left is given up by the next, since it grows old. A
 * creator's entry that was on its way when its worker gave up is seen under the ledger's lock: then it is done anew.
 */
#include "worker/jobs/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/entry/lists.h"
#include "ledger/tree/sumtree.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/base/random.h"
#include "schema/store/books.h"
#include "schema/store/snapshot.h"

#define ENTER_MS   30000          /* for the entry */
#define LET_GO_MS  5000
#define SINCE      3              /* the rules version that brought snapshots */

struct held { struct id account; char currency[4]; struct hash id; int64_t n, balance; };
struct taking {
    struct snapshot row;
    struct scope *s;
    struct held *held;            /* sorted by currency and salted id */
    size_t n, cap;
    struct buf currencies;        /* the entry's, in canonical form */
    bool entered;
};

/* ---- what there is */

static err gather(struct scope *s, void *arg, void *row)
{
    const struct held_account *a = row;
    struct taking *t = arg;
    struct held *more, *h;

    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 1024;
        more = NEWS(t->s, struct held, t->cap);
        if (t->n)
            memcpy(more, t->held, t->n * sizeof *more);
        t->held = more;
    }
    h = &t->held[t->n++];
    *h = (struct held){ .id = held_id(a->account, (uint64_t)t->row.as_of), .n = a->n, .balance = a->balance };
    if (!id_parse(a->account, "acc", &h->account) || !currency_known(a->currency) || h->n <= 0 || h->balance < 0)
        return fail(s, ERR_CORRUPT, "account %s has no number or balance in %s", a->account, a->currency);
    memcpy(h->currency, a->currency, sizeof h->currency);
    return ERR_OK;
}

static int by_place(const void *left, const void *right)
{
    const struct held *a = left, *b = right;
    int currency = strcmp(a->currency, b->currency);

    return currency ? currency : memcmp(a->id.b, b->id.b, HASH_SIZE);
}

/* ---- a tree */

static err write_leaf(struct scope *s, struct db *db, const struct taking *t, const struct held *h, int64_t place,
                      struct buf *text, struct sum_node *out)
{
    struct held_row row = { .account = h->account, .n = (uint64_t)h->n };
    struct snapshot_leaf leaf = { .place = place, .id = h->id, .balance = h->balance, .account = h->account.text,
                                  .n = h->n, .salt = { row.salt, SALT_SIZE } };

    random_bytes(row.salt, SALT_SIZE);
    money_format(h->balance, h->currency, row.balance);
    leaf.commitment = held_commitment(text, &row);
    *out = sum_leaf((money_sum)h->balance, &leaf.id, &leaf.commitment);
    return snapshot_leaf_add(s, db, t->row.no, h->currency, &leaf);
}

static err write_leaves(struct scope *s, struct db *db, const struct taking *t, const struct held *h, size_t n,
                        struct sum_node *nodes)
{
    struct buf text = BUF(s);
    err e = ERR_OK, ended;

    TRY(snapshot_leaves_begin(s, db));
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        e = write_leaf(s, db, t, &h[i], (int64_t)i, &text, &nodes[i]);
    ended = snapshot_rows_end(s, db, e == ERR_OK);
    return e != ERR_OK ? e : ended;
}

/* One tile; the node above it. */
static err write_tile(struct scope *s, struct db *db, const struct taking *t, const char *currency, int32_t level,
                      int64_t number, struct sum_node *nodes, size_t n, struct sum_node *above)
{
    uint8_t bytes[TILE_WIDTH * SUM_NODE_SIZE];
    struct snapshot_tile tile = { level, number, { bytes, n * SUM_NODE_SIZE } };

    for (size_t i = 0; i < n; i++)
        sum_node_write(&nodes[i], bytes + i * SUM_NODE_SIZE);
    TRY(snapshot_tile_add(s, db, t->row.no, currency, &tile));
    return sum_fold(nodes, n, 0, NULL, above) ? ERR_OK : fail(s, ERR_CORRUPT, "what is owed in %s is too much to sum",
                                                              currency);
}

/* All levels; nodes[0] is the root in the end. */
static err fold(struct scope *s, struct db *db, const struct taking *t, const char *currency, struct sum_node *nodes,
                size_t n)
{
    int32_t level = 0;

    do {
        size_t above = 0;
        for (size_t first = 0; first < n; first += TILE_WIDTH, above++)
            TRY(write_tile(s, db, t, currency, level, (int64_t)above, &nodes[first],
                           n - first < TILE_WIDTH ? n - first : TILE_WIDTH, &nodes[above]));
        n = above;
        level++;
    } while (n > 1);
    return ERR_OK;
}

static err write_tiles(struct scope *s, struct db *db, const struct taking *t, const char *currency,
                       struct sum_node *nodes, size_t n)
{
    err e, ended;

    TRY(snapshot_tiles_begin(s, db));
    e = fold(s, db, t, currency, nodes, n);
    ended = snapshot_rows_end(s, db, e == ERR_OK);
    return e != ERR_OK ? e : ended;
}

static err write_tree(struct scope *s, struct db *db, struct taking *t, const struct held *h, size_t n)
{
    struct snapshot_tree tree = { .currency = h->currency, .accounts = (int64_t)n };
    struct sum_node *nodes = NEWS(s, struct sum_node, n);
    char total[MONEY_SUM_SIZE], root[HEX_SIZE(HASH_SIZE)];

    TRY(write_leaves(s, db, t, h, n, nodes));
    TRY(write_tiles(s, db, t, h->currency, nodes, n));
    money_sum_format(nodes->sum, h->currency, total);
    hex_write(nodes->hash.b, HASH_SIZE, root);
    tree.root = nodes->hash;
    tree.total = total;
    buf_printf(&t->currencies, "%s\"%s\":{\"accounts\":%zu,\"root\":\"%s\",\"total\":\"%s\"}",
               t->currencies.len ? "," : "{", h->currency, n, root, total);
    return snapshot_tree_add(s, db, t->row.no, &tree);
}

/* ---- taking one */

static err write_all(struct scope *s, struct work *w, struct taking *t)
{
    TRY(db_begin(s, w->db));
    TRY(snapshot_begin(s, w->db, &t->row));
    TRY(snapshot_accounts_each(s, w->db, gather, t));
    if (t->n == 0) {
        db_rollback(w->db);
        return ERR_OK;
    }
    qsort(t->held, t->n, sizeof *t->held, by_place);
    for (size_t from = 0, to; from < t->n; from = to) {
        for (to = from; to < t->n && strcmp(t->held[from].currency, t->held[to].currency) == 0; to++)
            ;
        TRY(work_left(s, w));
        TRY(write_tree(s, w->db, t, &t->held[from], to - from));
    }
    buf_char(&t->currencies, '}');
    return db_commit(s, w->db);
}

static err enter(struct scope *s, struct append_txn *txn, void *arg)
{
    struct taking *t = arg;
    struct named_value values[] = {
        { "as_of", EV_COUNT((uint64_t)t->row.as_of) },
        { "currencies", EV_JSON(((struct bytes){ (const uint8_t *)t->currencies.p, t->currencies.len })) },
    };
    uint64_t index;
    bool passed;

    if (append_rules_version(txn) < SINCE)
        return ERR_OK;
    TRY(snapshot_passed(s, txn->db, t->row.as_of, true, &passed));
    if (passed)
        return fail(s, ERR_STALE, "an account was written meanwhile");
    TRY(append_entry(s, txn, ENTRY_BALANCES_SNAPSHOT, values, ARRAY_LEN(values), &index));
    TRY(snapshot_enter(s, txn->db, t->row.no, index, txn->at_ms));
    t->row.index = (int64_t)index;
    t->entered = true;
    return ERR_OK;
}

static err take(struct scope *s, struct work *w)
{
    struct taking t = { .s = s, .currencies = BUF(s) };
    int64_t began = clock_monotonic_ms();
    err e;

    TRY(snapshot_give_up(s, w->db));
    TRY(write_all(s, w, &t));
    if (t.n == 0)
        return ERR_OK;
    e = work_append(s, w, ENTER_MS, enter, &t);
    if (e == ERR_STALE) {                   /* time mends it: not counted as a failure */
        scope_forgive(s);
        return fail(s, ERR_BUSY, "an account was written meanwhile");
    }
    TRY(e);
    if (t.entered)
        log_line(LOG_INFO, "snapshot accounts=%zu as_of=%" PRId64 " entry=%" PRId64 " ms=%" PRId64, t.n, t.row.as_of,
                 t.row.index, clock_monotonic_ms() - began);
    return ERR_OK;
}

static err uncovered(struct scope *s, struct db *db, bool *yes)
{
    struct snapshot newest;
    err e = snapshot_newest(s, db, INT64_MAX, &newest);

    *yes = true;
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK ? snapshot_passed(s, db, newest.as_of, false, yes) : e;
    scope_forgive(s);
    return ERR_OK;
}

err snapshot_cover(struct scope *s, struct work *w)
{
    bool yes;

    TRY(uncovered(s, w->db, &yes));
    return yes ? take(s, w) : ERR_OK;
}

err snapshot_demand(struct scope *s, struct append_txn *t)
{
    bool yes;

    if (append_rules_version(t) < SINCE)
        return ERR_OK;
    TRY(uncovered(s, t->db, &yes));
    return yes ? fail(s, ERR_STALE, "creators were given something since the snapshot") : ERR_OK;
}

err with_books(struct scope *s, struct work *w, err (*inside)(struct scope *s, struct work *w, void *arg), void *arg)
{
    struct scope own;
    err e;

    TRY(books_keep(s, w->db));
    e = inside(s, w, arg);
    if (e != ERR_OK)
        db_rollback(w->db);
    scope_init(&own, LET_GO_MS);
    if (db_healthy(w->db) && books_let_go(&own, w->db) != ERR_OK) {
        log_why(LOG_WARNING, "the books could not be let go", &own);
        scope_forgive(&own);
        if (db_reopen(&own, w->db) != ERR_OK)      /* which lets them go */
            log_why(LOG_WARNING, "no connection to the database", &own);
    }
    scope_free(&own);
    return e;
}

/* ---- the daily one */

static err daily(struct scope *s, struct work *w, void *arg)
{
    struct snapshot newest;
    err e = snapshot_newest(s, w->db, INT64_MAX, &newest);

    (void)arg;
    if (e == ERR_OK && newest.at + w->settings->snapshot_ms > clock_wall_ms())
        return ERR_OK;
    if (e == ERR_NOT_FOUND)
        scope_forgive(s);
    else
        TRY(e);
    return take(s, w);
}

err snapshot_run(struct scope *s, struct work *w)
{
    return with_books(s, w, daily, NULL);
}
