/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/split.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

/*
 * Each line of an allocation, found here once more: who made what the license's first clearance cleared is in the
 * version's details, which hash to the root that it was published with, and its share follows by largest remainder.
 * Whose account a line's is, is told by the market alone; it is the same party's in every allocation.
 */
struct shares {
    struct scope *s;
    struct audit *a;
    const struct entry *e;
    const struct payment_row *p;
    const struct version_row *v;
    const struct first_rows *first;
    struct bytes lines, parties;
    const char *publisher;             /* of items that name nobody; NULL: not asked for yet */
    struct split_table weights;
    struct split_part *parts;          /* in order of their creators */
    size_t n;
    bool there;                        /* false: something was not to be had, or was found to be wrong */
};

bool id_in(const json_t *object, const char *name, const char *prefix, struct id *out)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text && id_parse(text, prefix, out);
}

static void missing(struct shares *x)
{
    x->a->report->unlisted++;
    x->there = false;
}

static void wrong(struct shares *x, enum audit_rule_id rule, const char *expected, const char *found)
{
    audit_find(x->a, rule, expected, "%s", found);
    x->there = false;
}

/* "licenses/<id>/<what>". */
static err ask(struct shares *x, const char *what, struct bytes *out)
{
    const char *name = scope_printf(x->s, "licenses/%s/%s", text_of(x->e, "license"), what);

    TRY(document_of(x->s, x->a, name, out, &x->there));
    x->a->report->listed += x->there;
    return ERR_OK;
}

/* The license's document goes with an erasure; but not without what the issuer made of it. */
static err document_missing(struct shares *x)
{
    const char *name = scope_printf(x->s, "documents/licenses/%s", text_of(x->e, "license"));
    struct bytes text;
    bool there;

    TRY(document_of(x->s, x->a, name, &text, &there));
    if (there)
        missing_list(x->a, "document of its license");
    else
        missing(x);
    return ERR_OK;
}

/* ---- the version's lists */

static bool hash_known(const struct hash *h)
{
    static const struct hash none;

    return !hash_equal(h, &none);
}

static bool hashes_to(struct bytes text, const struct hash *want, uint64_t count)
{
    const char *p = (const char *)text.p, *end = p + text.len, *eol;
    struct frontier tree = FRONTIER_EMPTY;
    struct hash root;

    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol)
            return false;
        frontier_append(&tree, leaf_hash(p, (size_t)(eol - p)));
    }
    root = frontier_root(&tree);
    return tree.size == count && hash_equal(&root, want);
}

static err list_keep(struct shares *x, const char *what, const struct hash *root, struct listed *kept)
{
    struct bytes text;

    if (kept->p || !x->there)
        return ERR_OK;
    TRY(ask(x, what, &text));
    if (!x->there) {
        missing_list(x->a, what);
        return ERR_OK;
    }
    if (!hashes_to(text, root, x->v->item_count)) {
        wrong(x, RULE_VERSION_LISTS, "what hashes to the version's root", what);
        return ERR_OK;
    }
    kept->p = malloc(text.len);
    if (!kept->p)
        abort();
    memcpy(kept->p, text.p, text.len);
    kept->len = text.len;
    return ERR_OK;
}

void listed_free(struct listed_version *l)
{
    free(l->details.p);
    free(l->items.p);
    *l = (struct listed_version){ 0 };
}

/* Payments for one version follow one another: its lists are kept until another's are asked for. */
static err lists(struct shares *x, bool items)
{
    struct listed_version *l = &x->a->listed;

    if (!key_equal(l->version, x->v->key)) {
        listed_free(l);
        l->version = x->v->key;
    }
    TRY(list_keep(x, "details", &x->v->details_root, &l->details));
    return items ? list_keep(x, "items", &x->v->root, &l->items) : ERR_OK;
}

err version_lists(struct scope *s, struct audit *a, const struct entry *e, const struct version_row *v, bool items,
                  bool *there)
{
    struct shares x = { .s = s, .a = a, .e = e, .v = v, .there = true };

    if (!v || !hash_known(&v->details_root) || v->item_count > AUDIT_WEIGHED_ITEMS_MAX)
        missing(&x);
    else
        TRY(lists(&x, items));
    *there = x.there;
    return ERR_OK;
}

/* ---- weights */

/* In the license's document, whose digest its entry has. */
static err publisher_of(struct shares *x)
{
    json_t *document = NULL;
    struct bytes text;
    struct hash h;
    struct id id;
    err e;

    TRY(ask(x, "document", &text));
    if (!x->there)
        return document_missing(x);
    h = sha256_of(text.p, text.len);
    e = json_read_as(x->s, (const char *)text.p, text.len, (struct json_rules){ .any_number = true }, &document);
    if (e != ERR_OK || !key_equal((struct key){ be64_read(h.b), be64_read(h.b + 8) }, x->p->document) ||
        !id_in(json_object_get(json_object_get(document, "credentialSubject"), "publisher"), "id", "pty", &id))
        wrong(x, RULE_LICENSE_DOCUMENT, "the document whose digest the license has", "another");
    else
        x->publisher = scope_strdup(x->s, id.text);
    scope_forgive(x->s);
    json_decref(document);
    return ERR_OK;
}

static bool weigh(struct shares *x, const char *party, int64_t weight, int64_t size)
{
    enum split_rule rule = x->p->by_byte ? SPLIT_PER_BYTE : SPLIT_PER_ITEM;

    return split_table_add(&x->weights, rule, party, weight, size) == ERR_OK;
}

/* One item: who made it, and how large it is. */
static err item_weigh(struct shares *x, const json_t *details, const json_t *item)
{
    json_t *made = json_object_get(details, "contributors"), *size = json_object_get(item, "size"), *row;
    int64_t bytes = json_integer_value(size);
    bool good = json_is_array(made) && (!x->p->by_byte || json_is_integer(size));
    struct id party;
    size_t i;

    if (good && json_array_size(made) == 0 && !x->publisher) {
        TRY(publisher_of(x));
        if (!x->there)
            return ERR_OK;
    }
    if (good && json_array_size(made) == 0)
        good = weigh(x, x->publisher, 1, bytes);
    for (i = 0; good && i < json_array_size(made); i++) {
        row = json_array_get(made, i);
        good = id_in(row, "party", "pty", &party) &&
               weigh(x, party.text, json_integer_value(json_object_get(row, "weight")), bytes);
    }
    if (!good) {
        scope_forgive(x->s);
        wrong(x, RULE_VERSION_LISTS, "items that can be weighed", "another form");
    }
    return ERR_OK;
}

static err line_weigh(struct shares *x, const char *details, size_t len, const char *item, size_t item_len)
{
    const struct json_rules rules = { .any_number = true };
    json_t *d = NULL, *i = NULL;
    struct scope one;
    err e;

    scope_init(&one, 0);
    e = json_read_as(&one, details, len, rules, &d);
    if (e == ERR_OK && item)
        e = json_read_as(&one, item, item_len, rules, &i);
    scope_free(&one);
    if (e != ERR_OK)
        wrong(x, RULE_VERSION_LISTS, "items that can be weighed", "another form");
    else
        e = item_weigh(x, d, i);
    json_decref(d);
    json_decref(i);
    return x->there ? e : ERR_OK;
}

/* Of what the first clearance cleared: both lists are in the version's order. */
static err weights(struct shares *x)
{
    const struct listed_version *l = &x->a->listed;
    const char *p = l->details.p, *end = p + l->details.len, *q = x->p->by_byte ? l->items.p : NULL, *eol, *eoq = q;
    size_t at = 0;

    for (uint64_t i = 0; x->there && p < end && at < x->first->n; i++, p = eol + 1, q = q ? eoq + 1 : NULL) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (q)
            eoq = memchr(q, '\n', (size_t)(l->items.p + l->items.len - q));
        if (i >= x->first->range[at].from)
            TRY(line_weigh(x, p, (size_t)(eol - p), q, (size_t)(eoq - q)));
        if (i + 1 == x->first->range[at].until)
            at++;
    }
    if (x->there && at < x->first->n)
        wrong(x, RULE_ALLOCATION_SHARES, "items of the version", "a cleared item beyond its count");
    if (x->there)
        split_table_end(&x->weights, &x->parts, &x->n);
    return ERR_OK;
}

static int by_creator(const void *key, const void *part)
{
    return strcmp(key, ((const struct split_part *)part)->creator);
}

/* ---- whose they are: {"account":…,"party":…} in order of the lines */

struct owned { struct line_row line; struct id party; size_t number; };

/* The next line that was not erased, with whose it is: false at the end, or if something is wrong with it, *bad. */
static bool owned_next(struct shares *x, const char **p, const char **q, struct owned *out, const char **bad)
{
    const char *end = (const char *)x->lines.p + x->lines.len, *stop = (const char *)x->parties.p + x->parties.len;
    const char *line, *party;
    struct hash leaf;
    struct id account;
    json_t *row = NULL;
    size_t len;

    *bad = NULL;
    do {
        if (*p == end)
            return false;
        line = *p, party = *q;
        len = (size_t)((const char *)memchr(line, '\n', (size_t)(end - line)) - line);      /* lines were read before */
        *p = line + len + 1;
        *q = party < stop ? memchr(party, '\n', (size_t)(stop - party)) : NULL;
        *q = *q ? *q + 1 : stop;
        out->number++;
    } while (erased_line_read(line, len, &leaf));
    if (*q == party || !line_row_read(line, len, &out->line) ||
        json_read(x->s, party, (size_t)(*q - 1 - party), &row) != ERR_OK || !id_in(row, "party", "pty", &out->party))
        *bad = "nobody's";
    else if (!id_in(row, "account", "acc", &account) || strcmp(account.text, out->line.account.text) != 0)
        *bad = "of another account";
    json_decref(row);
    return !*bad;
}

/* Each account is one party's for good. Which line is wrong, and how; NULL: none. */
static const char *owners(struct shares *x)
{
    const char *p = (const char *)x->lines.p, *q = (const char *)x->parties.p, *bad;
    struct owned o = { .number = 0 };

    while (owned_next(x, &p, &q, &o, &bad)) {
        struct balance_row *b = table_find(&x->a->table[BALANCES], key_of(o.line.account.text));
        struct key party = key_of(o.party.text);

        if (!key_zero(b->party) && !key_equal(b->party, party)) {
            bad = "of an account that was another party's";
            break;
        }
        b->party = party;
    }
    return bad ? scope_printf(x->s, "line %zu %s", o.number, bad) : NULL;
}

static err parties(struct shares *x)
{
    const char *name = scope_printf(x->s, "allocations/%s/parties", text_of(x->e, "allocation")), *found;

    TRY(document_of(x->s, x->a, name, &x->parties, &x->there));
    if (!x->there) {
        missing_list(x->a, "parties of its lines");
        return ERR_OK;
    }
    x->a->report->listed++;
    found = owners(x);
    scope_forgive(x->s);
    if (found)
        wrong(x, RULE_ALLOCATION_SHARES, "the party of each line's account", found);
    return ERR_OK;
}

/* ---- what they get */

static const char *line_compare(struct shares *x, const struct owned *o, const char *currency)
{
    struct split_part *part = bsearch(o->party.text, x->parts, x->n, sizeof *x->parts, by_creator);
    int64_t micro, due;

    if (!part || part->amount <= 0)
        return "for a party who gets nothing, or has its line";
    due = part->amount;
    part->amount = 0;
    return money_parse(o->line.amount, currency, &micro) && due == micro ? NULL : "of another amount";
}

static const char *lines_compare(struct shares *x, const char *currency)
{
    const char *p = (const char *)x->lines.p, *q = (const char *)x->parties.p, *bad;
    struct owned o = { .number = 0 };
    size_t due = 0;

    for (size_t i = 0; i < x->n; i++)
        due += x->parts[i].amount > 0;
    while (owned_next(x, &p, &q, &o, &bad))
        if ((bad = line_compare(x, &o, currency)) != NULL)
            return scope_printf(x->s, "line %zu %s", o.number, bad);
    return o.number == due ? NULL : scope_printf(x->s, "%zu lines for %zu parties", o.number, due);
}

static void compare(struct shares *x, const struct money_fact *total)
{
    const char *found = "what nobody weighs anything in";

    if (split_amounts(x->s, total->micro, x->parts, x->n) == ERR_OK)
        found = lines_compare(x, total->currency);
    scope_forgive(x->s);
    if (found)
        wrong(x, RULE_ALLOCATION_SHARES, "each party's part by largest remainder of what was cleared", found);
}

static err recompute(struct shares *x, const struct money_fact *total)
{
    TRY(parties(x));
    if (!x->there)
        return ERR_OK;
    if (!x->v || !x->first || !hash_known(&x->v->details_root) || x->v->item_count > AUDIT_WEIGHED_ITEMS_MAX ||
        x->p->fee_ppm == MONEY_UNKNOWN || !total->known) {
        missing(x);
        return ERR_OK;
    }
    TRY(lists(x, x->p->by_byte));
    if (x->there)
        TRY(weights(x));
    if (x->there)
        compare(x, total);
    return ERR_OK;
}

err allocation_shares(struct scope *s, struct audit *a, const struct entry *e, const struct payment_row *p,
                      const struct money_fact *total, struct bytes lines)
{
    struct scope one = scope_within(s);
    struct shares x = { .s = &one, .a = a, .e = e, .p = p, .lines = lines, .weights = SPLIT_TABLE(&one),
                        .there = true };

    x.v = table_find(&a->table[VERSIONS], p->version);
    x.first = table_find(&a->firsts, p->license);
    return scope_end(s, &one, recompute(&x, total));
}
