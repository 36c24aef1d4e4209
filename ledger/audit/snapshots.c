/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/entry/lists.h"
#include "ledger/tree/sumtree.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

/*
 * Snapshots: each leaf against the number and the balance that the account has by its lines and payouts. No account is
 * written between `as_of` and the snapshot's entry, so what the replay has reached is what the leaves must say. Leaves
 * are read a page at a time, each account is marked when its leaf comes by. Of an account that was erased a leaf says
 * what its node is made of and nothing else: it isn't laid against anything, and its salted id is kept, since that is
 * all by which the account of a leaf can be told that an earlier run has seen the lines of.
 */
struct tree_said { char currency[4]; uint64_t accounts; struct sum_node root; };

struct leaves {
    struct audit *a;
    const struct tree_said *said;
    uint64_t as_of;
    struct sum_frontier tree;
    struct hash last;                      /* salted id of the leaf before */
    bool compared;                         /* so far no leaf differs from its account */
    struct table erased;                   /* struct past_row; the first halves of the salted ids of erased accounts */
    uint64_t n_erased;
};

/* A leaf as it was read: what its node is made of; and, if it isn't erased, whose it is. */
struct leaf_said { bool erased; struct held_row row; struct hash id, commitment; money_sum balance; };

static struct snapshot_row *last_snapshot(struct audit *a)
{
    static const struct key key = { 0, 1 };
    struct snapshot_row *r = table_find(&a->table[SNAPSHOTS], key);

    return r ? r : table_add(&a->table[SNAPSHOTS], key);
}

void account_written(struct audit *a, bool given)
{
    struct snapshot_row *r = last_snapshot(a);

    r->written = a->index + 1;
    if (given)
        r->given = r->written;
}

void payout_covered(struct audit *a)
{
    struct snapshot_row *r = last_snapshot(a);

    if (a->rules < 3 || r->as_of >= r->given)
        return;
    audit_find(a, RULE_PAYOUT_SNAPSHOT, "a snapshot of all that creators were given", "none since entry %" PRIu64,
               r->given - 1);
    r->given = 0;                          /* what is wrong is found once, not at every payout of the run */
}

void account_unsure(struct audit *a)
{
    last_snapshot(a)->unsure = true;
}

/*
 * Whether lines of an account may be among those that the reader lacks. To a reader whom everything private is shown to
 * a line goes after all leaves of its account: there is none that it would be missed in.
 */
static bool lines_lost(struct audit *a)
{
    return !a->config.whole && last_snapshot(a)->unsure;
}

static void as_of_check(struct audit *a, uint64_t as_of)
{
    struct snapshot_row *r = last_snapshot(a);

    if (as_of == 0 || as_of > a->index)
        audit_find(a, RULE_SNAPSHOT_AS_OF, "a size of the log before it", "%" PRIu64, as_of);
    else if (as_of <= r->as_of)
        audit_find(a, RULE_SNAPSHOT_AS_OF, "later than the snapshot before", "%" PRIu64 " after %" PRIu64, as_of,
                   r->as_of);
    else if (as_of < r->written)
        audit_find(a, RULE_SNAPSHOT_AS_OF, "no account written since", "%" PRIu64 ", and entry %" PRIu64 " since",
                   as_of, r->written - 1);
    if (as_of > r->as_of && as_of <= a->index)
        r->as_of = as_of;
}

/* ---- the leaves */

static struct key id_key(const struct hash *id)
{
    return (struct key){ be64_read(id->b), be64_read(id->b + 8) };
}

static bool leaf_read(const struct leaves *l, const char *text, size_t len, struct leaf_said *out)
{
    struct erased_held rest;
    struct scope s;
    struct buf leaf;

    out->erased = erased_held_read(text, len, &rest);
    if (out->erased) {
        out->id = rest.id;
        out->commitment = rest.commitment;
        return money_sum_parse(rest.sum, l->said->currency, &out->balance);
    }
    if (!held_row_read(text, len, &out->row) || !money_sum_parse(out->row.balance, l->said->currency, &out->balance))
        return false;
    out->id = held_id(out->row.account.text, l->as_of);
    scope_init(&s, 0);
    leaf = (struct buf)BUF(&s);
    out->commitment = held_commitment(&leaf, &out->row);
    scope_free(&s);
    return true;
}

/* A leaf against its account: what is wrong is found once. */
static void leaf_compare(struct leaves *l, const struct leaf_said *leaf)
{
    const struct held_row *row = &leaf->row;
    struct audit *a = l->a;
    struct balance_row *b = table_find(&a->table[BALANCES], key_of(row->account.text));

    if ((!b || row->n > b->n) && lines_lost(a)) {
        if (b)
            b->seen = a->index + 1;
        return;                            /* what is erased can't be laid against it */
    }
    l->compared = false;
    if (!b || b->n == 0 || strcmp(b->currency, l->said->currency) != 0)
        audit_find(a, RULE_SNAPSHOT_ACCOUNTS, "accounts that were allocated something in the currency", "%s",
                   row->account.text);
    else if (row->n != b->n)
        audit_find(a, RULE_SNAPSHOT_ACCOUNTS, "the account's last number", "%s with %" PRIu64 " instead of %" PRIu64,
                   row->account.text, row->n, b->n);
    else if (leaf->balance != (money_sum)(b->micro > 0 ? b->micro : 0))
        audit_find(a, RULE_SNAPSHOT_ACCOUNTS, "the account's lines less its payouts", "%s with another balance",
                   row->account.text);
    else
        l->compared = true;
    if (b)
        b->seen = a->index + 1;
}

/* One leaf; what is wrong with the list, or NULL. What is wrong with the account is found here. */
static const char *leaf_take(struct leaves *l, const char *text, size_t len)
{
    struct leaf_said leaf;

    if (!leaf_read(l, text, len, &leaf))
        return "a leaf in another form";
    if (l->tree.size > 0 && memcmp(l->last.b, leaf.id.b, HASH_SIZE) >= 0)
        return "leaves out of order";
    l->last = leaf.id;
    if (!sum_append(&l->tree, sum_leaf(leaf.balance, &leaf.id, &leaf.commitment)))
        return "a sum that is too large";
    if (leaf.erased) {
        l->n_erased++;
        if (!table_find(&l->erased, id_key(&leaf.id)))
            table_add(&l->erased, id_key(&leaf.id));
    } else if (!l->a->balances_partial && l->compared) {
        leaf_compare(l, &leaf);
    }
    return NULL;
}

static const char *page_take(struct leaves *l, struct bytes text)
{
    const char *p = (const char *)text.p, *end = p + text.len, *eol, *wrong = NULL;

    for (; p < end && !wrong; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol || l->tree.size == l->said->accounts)
            return eol ? "more leaves than its number of accounts" : "a leaf in another form";
        wrong = leaf_take(l, p, (size_t)(eol - p));
    }
    return wrong;
}

/*
 * A closed party has given up what it had, and has no leaf any more. Whose an account is, is not known where lines or
 * their parties were not to be had, or to a state that an older program has saved.
 */
static bool closed(const struct audit *a, const struct balance_row *b)
{
    bool known = a->config.whole && !a->owners_partial;

    return a->table[PAST_PARTIES].n > 0 && (key_zero(b->party) ? !known : past(a, PAST_PARTIES, b->party));
}

static bool leaf_erased(const struct leaves *l, const char *account)
{
    struct hash id = held_id(account, l->as_of);

    return table_find(&l->erased, id_key(&id));
}

/*
 * Sorted ids don't repeat: who is not marked has no leaf, or an erased one. `l` NULL: of all currencies that the
 * snapshot has no tree of.
 */
static void left_out(struct audit *a, const json_t *currencies, const struct leaves *l)
{
    const struct balance_row *b;

    for (size_t at = 0; (b = table_next(&a->table[BALANCES], &at)) != NULL;) {
        char id[ID_SIZE];

        if (b->n == 0 || b->seen == a->index + 1 || closed(a, b) ||
            (l ? strcmp(b->currency, l->said->currency) != 0 : json_object_get(currencies, b->currency) != NULL))
            continue;
        id_of_key("acc", b->key, id);
        if (l && leaf_erased(l, id))
            continue;
        audit_find(a, RULE_SNAPSHOT_ACCOUNTS, "a leaf for every account", "none for %s, which has %" PRIu64 " lines",
                   id, b->n);
        return;                            /* what is wrong is found once */
    }
}

static const char *tree_compare(const struct leaves *l)
{
    struct sum_node root;

    if (l->tree.size != l->said->accounts)
        return "fewer leaves than its number of accounts";
    if (!sum_root(&l->tree, &root) || root.sum != l->said->root.sum)
        return "leaves of another total";
    return hash_equal(&root.hash, &l->said->root.hash) ? NULL : "leaves of another root";
}

/* One page in a scope of its own; *there false: not to be had. */
static err page(struct scope *s, struct leaves *l, uint64_t number, bool *there, const char **wrong)
{
    struct bytes text = { 0 };
    struct scope one = scope_within(s);
    uint64_t due = l->said->accounts - l->tree.size, before = l->tree.size;
    err e;

    e = document_of(&one, l->a, scope_printf(&one, "snapshots/%" PRIu64 "/%s/%" PRIu64, l->a->index, l->said->currency,
                                             number), &text, there);
    if (e == ERR_OK && *there)
        *wrong = page_take(l, text);
    e = scope_end(s, &one, e);
    due = due < SNAPSHOT_LEAVES ? due : SNAPSHOT_LEAVES;
    if (e == ERR_OK && *there && !*wrong && l->tree.size < before + due)
        *wrong = "fewer leaves than its number of accounts";
    return e;
}

/* All that was read of a tree. */
static void leaves_settle(struct leaves *l, const char *wrong)
{
    struct audit *a = l->a;

    a->report->listed++;
    wrong = wrong ? wrong : tree_compare(l);
    if (wrong)
        audit_find(a, RULE_SNAPSHOT_LEAVES, "leaves that are sorted and hash to its root, number and total", "%s: %s",
                   l->said->currency, wrong);
    else if (l->compared && !a->balances_partial)
        left_out(a, NULL, l);
}

/* *there false: they are not to be had. *gone: so many of them, or of those that are, say nothing of their account. */
static err leaves_check(struct scope *s, struct audit *a, const struct tree_said *said, uint64_t as_of, bool *there,
                        uint64_t *gone)
{
    struct leaves l = { .a = a, .said = said, .as_of = as_of, .tree = SUM_FRONTIER_EMPTY, .compared = true };
    const char *wrong = NULL;
    err e = ERR_OK;

    *there = true;
    table_init(&l.erased, sizeof(struct past_row), a->config.seed);
    for (uint64_t n = 0; e == ERR_OK && !wrong && *there && l.tree.size < said->accounts; n++)
        e = page(s, &l, n, there, &wrong);
    if (e == ERR_OK && *there)
        leaves_settle(&l, wrong);
    else if (e == ERR_OK)
        a->report->unlisted++;
    *gone = *there ? l.n_erased : said->accounts;
    table_free(&l.erased);
    return e;
}

/* ---- what the entry says */

static bool said_read(const char *currency, const json_t *sums, struct tree_said *out)
{
    const char *total = json_string_value(json_object_get(sums, "total"));
    const char *root = json_string_value(json_object_get(sums, "root"));

    memcpy(out->currency, currency, sizeof out->currency);     /* three letters: the entry's form */
    out->accounts = (uint64_t)json_integer_value(json_object_get(sums, "accounts"));
    return out->accounts > 0 && total && root && hash_parse(root, &out->root.hash) &&
           money_sum_parse(total, currency, &out->root.sum);
}

static bool total_sure(struct audit *a)
{
    return !a->totals_partial && !last_snapshot(a)->unsure && a->table[PAST_PARTIES].n == 0;
}

/* What is known of a snapshot's trees besides what they say themselves. */
struct known {
    uint64_t hidden;                       /* leaves that are not to be had, or erased */
    bool by_total;                         /* the totals were laid against them, instead of every account */
};

static void known_count(struct audit *a, const struct entry *e, const struct known *known)
{
    missing_rows(a, e, known->hidden);
    a->report->unshown[RULE_SNAPSHOT_ACCOUNTS] += known->by_total && known->hidden == 0;
    a->report->unshown[RULE_SNAPSHOT_TOTAL] += known->by_total && !total_sure(a);
}

/* By the totals alone: an account that is below zero doesn't lessen what is owed to the others. */
static void total_check(struct audit *a, const char *currency, money_sum said)
{
    const struct balance_row *t = total_of(a, currency);

    if (total_sure(a) && t->micro > 0 && said < (money_sum)t->micro)
        audit_find(a, RULE_SNAPSHOT_TOTAL, "no less than what was allocated and not paid out", "less in %s", currency);
}

/* Currencies that it has no tree of. */
static void others_check(struct audit *a, const json_t *currencies)
{
    const struct balance_row *t;

    if (!a->balances_partial)
        left_out(a, currencies, NULL);
    for (size_t at = 0; a->balances_partial && (t = table_next(&a->table[TOTALS], &at)) != NULL;)
        if (!json_object_get(currencies, t->currency))
            total_check(a, t->currency, 0);
}

static err tree_check(struct scope *s, struct audit *a, const char *currency, const json_t *sums, uint64_t as_of,
                      struct known *known)
{
    struct tree_said said = { .accounts = 0 };
    uint64_t gone;
    bool there;

    if (!said_read(currency, sums, &said)) {
        audit_find(a, RULE_SNAPSHOT_SUMS, "accounts and a canonical total in a currency of ISO 4217", "%s", currency);
        return ERR_OK;
    }
    TRY(leaves_check(s, a, &said, as_of, &there, &gone));
    known->hidden += gone;
    if (!there || a->balances_partial) {
        known->by_total = true;
        total_check(a, currency, said.root.sum);
    }
    return ERR_OK;
}

err snapshot_posted(struct scope *s, struct audit *a, const struct entry *e)
{
    struct bytes text = entry_field(e, "currencies")->v.json;
    uint64_t as_of = count_of(e, "as_of"), findings = a->report->findings;
    struct known known = { .by_total = a->balances_partial };
    json_t *currencies = NULL, *sums;
    const char *currency;
    err got = ERR_OK;

    as_of_check(a, as_of);
    if (a->report->findings > findings)
        return ERR_OK;                     /* its leaves are of another state */
    TRY(json_read(s, (const char *)text.p, text.len, &currencies));
    json_object_foreach(currencies, currency, sums)
        if (got == ERR_OK)
            got = tree_check(s, a, currency, sums, as_of, &known);
    if (got == ERR_OK)
        others_check(a, currencies);
    json_decref(currencies);
    known_count(a, e, &known);
    return got;
}
