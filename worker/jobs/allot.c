/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/jobs/allot.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/entry/lists.h"
#include "ledger/rules/split.h"
#include "ledger/rules/tariff.h"
#include "ledger/tree/paths.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"
#include "schema/store/slice.h"

#define CHUNK 10000               /* parties of one statement */

struct lots {                     /* the contributors, in order of their ids' bytes */
    struct scope *s;
    struct split_part *parts;     /* of what the creators get */
    struct split_part *fees;      /* of the fee, by the same weights */
    size_t n, cap;
};

static err weigh(struct scope *s, void *arg, void *row)
{
    struct lots *l = arg;
    const struct contributor_weight *c = row;
    struct split_part *more;

    if (c->weight < 0)
        return fail(s, ERR_CORRUPT, "a weight is negative");
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        more = NEWS(l->s, struct split_part, l->cap);
        if (l->n)
            memcpy(more, l->parts, l->n * sizeof *more);
        l->parts = more;
    }
    l->parts[l->n++] = (struct split_part){ .creator = scope_strdup(l->s, c->party), .weight = (uint64_t)c->weight };
    return ERR_OK;
}

/* ---- how much */

static err tariff_of(struct scope *s, const struct allocation_task *t, struct tariff *out)
{
    *out = (struct tariff){ .currency = t->currency, .amount = t->price, .minimum = t->minimum };
    if (!t->same_revision || !tariff_kind_parse(t->kind, &out->kind))
        return fail(s, ERR_CORRUPT, "the offer of %s has no tariff that the license was sold by", t->a.license.text);
    return ERR_OK;
}

static err appraise(struct scope *s, struct db *db, struct allocation_task *t)
{
    struct allocation *a = &t->a;
    struct tariff tariff;
    int64_t excluded, ppm;

    if (!a->clearance) {              /* it ended without one: nothing was cleared, and all goes back */
        a->cleared = a->owed = a->fee = 0;
        a->refund = t->paid;
        return ERR_OK;
    }
    TRY(tariff_of(s, t, &tariff));
    TRY(split_fee_read(s, t->fee_rule, &ppm));
    TRY(allocation_excluded(s, db, t, &excluded));
    a->cleared = a->items - excluded;
    if (a->cleared < 0)
        return fail(s, ERR_CORRUPT, "more items are excluded than %s has", t->a.license.text);
    TRY(tariff_owed(s, &tariff, t->paid, (uint64_t)a->items, (uint64_t)a->cleared, &a->owed));
    a->refund = t->paid - a->owed;
    return split_fee(s, a->owed, ppm, &a->fee);
}

/* By bytes nobody weighs anything in what is empty: then there is nobody to pay, and all of it goes back. */
static bool weightless(const struct lots *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->parts[i].weight > 0)
            return false;
    return true;
}

static err divide(struct scope *s, struct db *db, struct allocation_task *t, struct lots *l)
{
    enum split_rule rule;

    TRY(split_rule_read(s, t->split, &rule));
    TRY(allocation_weights(s, db, t, rule == SPLIT_PER_BYTE, weigh, l));
    if (l->n == 0)
        return fail(s, ERR_CORRUPT, "nobody contributed to what %s cleared", t->a.license.text);
    if (weightless(l)) {
        t->a.refund = t->paid;
        t->a.owed = t->a.fee = 0;
        return ERR_OK;
    }
    l->fees = NEWS(s, struct split_part, l->n);
    memcpy(l->fees, l->parts, l->n * sizeof *l->fees);
    TRY(split_amounts(s, t->a.owed - t->a.fee, l->parts, l->n));
    return split_amounts(s, t->a.fee, l->fees, l->n);
}

/* ---- whose accounts */

struct line { struct line_row row; const struct split_part *part; int64_t fee; };
struct lines { struct lots *lots; struct line *line; size_t n; const char *currency; };

static int by_creator(const void *key, const void *part)
{
    return strcmp(key, ((const struct split_part *)part)->creator);
}

static int by_account(const void *left, const void *right)
{
    const struct line *a = left, *b = right;

    return strcmp(a->row.account.text, b->row.account.text);
}

static err add_account(struct scope *s, void *arg, void *row)
{
    struct lines *l = arg;
    struct line *line = &l->line[l->n++];
    const struct creator_account *c = row;

    line->part = bsearch(c->party, l->lots->parts, l->lots->n, sizeof *l->lots->parts, by_creator);
    if (!line->part || !id_parse(c->id, "acc", &line->row.account))
        return fail(s, ERR_CORRUPT, "account %s is nobody's", c->id);
    line->fee = l->lots->fees[line->part - l->lots->parts].amount;
    line->row.n = (uint64_t)c->next;
    money_format(line->part->amount, l->currency, line->row.amount);
    random_bytes(line->row.salt, SALT_SIZE);
    return ERR_OK;
}

/* One line each for those who get something, in order of their accounts. */
static err open_accounts(struct scope *s, struct db *db, struct lots *lots, struct lines *out)
{
    const char **parties = NEWS(s, const char *, lots->n), **ids = NEWS(s, const char *, CHUNK);
    int64_t now = clock_wall_ms();
    size_t n = 0, got;

    for (size_t i = 0; i < lots->n; i++)
        if (lots->parts[i].amount > 0)
            parties[n++] = lots->parts[i].creator;
    out->line = NEWS(s, struct line, n);
    for (size_t from = 0; from < n; from += CHUNK) {
        got = n - from < CHUNK ? n - from : CHUNK;
        for (size_t i = 0; i < got; i++)
            ids[i] = scope_strdup(s, id_new("acc", now).text);
        TRY(creator_accounts_open(s, db, out->currency, &parties[from], ids, got));
        TRY(creator_accounts_each(s, db, out->currency, &parties[from], got, add_account, out));
    }
    if (out->n != n)
        return fail(s, ERR_CORRUPT, "%zu of %zu accounts are there", out->n, n);
    if (n > 0)
        qsort(out->line, n, sizeof *out->line, by_account);
    return ERR_OK;
}

/* ---- the list */

static err write_line(struct scope *s, struct db *db, int64_t allocation, const struct tree_paths *paths,
                      const struct line *line, size_t place)
{
    struct allocation_line row = {
        .place = (int32_t)place, .account = line->row.account.text, .party = line->part->creator,
        .weight = (int64_t)line->part->weight, .amount = line->part->amount, .fee = line->fee,
        .n = (int64_t)line->row.n, .salt = { line->row.salt, SALT_SIZE },
    };
    struct proof path;

    tree_path(paths, place, &path);
    row.path = (struct bytes){ path.hash->b, path.n * HASH_SIZE };
    return allocation_line(s, db, allocation, &row);
}

static err write_lines(struct scope *s, struct db *db, struct allocation *a, const struct lines *l)
{
    struct hash *leaves = NEWS(s, struct hash, l->n + 1);
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);
    struct tree_paths paths;
    err e = ERR_OK, ended;

    for (size_t i = 0; i < l->n; i++) {
        list_add_line(&tree, &leaf, &l->line[i].row);
        leaves[i] = leaf_hash(leaf.p, leaf.len);
    }
    tree_paths_make(s, leaves, l->n, &paths);
    a->line_count = (int64_t)l->n;
    a->lines_root = frontier_root(&tree);
    TRY(allocation_lines_begin(s, db));
    for (size_t i = 0; e == ERR_OK && i < l->n; i++)
        e = write_line(s, db, a->no, &paths, &l->line[i], i);
    ended = allocation_lines_end(s, db, e == ERR_OK);
    return e != ERR_OK ? e : ended;
}

err allot(struct scope *s, struct db *db, struct allocation_task *t)
{
    struct lots lots = { .s = s };
    struct lines lines = { .lots = &lots, .currency = t->currency };

    TRY(appraise(s, db, t));
    if (t->a.owed > 0)
        TRY(divide(s, db, t, &lots));
    if (t->a.owed > 0) {
        TRY(open_accounts(s, db, &lots, &lines));
        TRY(write_lines(s, db, &t->a, &lines));
    }
    return allocation_prepare(s, db, &t->a, t->currency);
}
