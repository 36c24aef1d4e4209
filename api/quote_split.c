/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quote_split.h"

#include <inttypes.h>
#include <string.h>

#include "api/show.h"
#include "ledger/rules/split.h"
#include "schema/store/slice.h"

struct parts { struct split_part *v; size_t n, cap; };

static err add(struct scope *s, void *arg, void *row)
{
    struct parts *p = arg;
    const struct contributor_weight *w = row;

    if (w->weight < 0)
        return fail(s, ERR_CORRUPT, "%s weighs less than nothing", w->party);
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        struct split_part *more = NEWS(s, struct split_part, cap);

        if (p->n)
            memcpy(more, p->v, p->n * sizeof *more);
        p->v = more;
        p->cap = cap;
    }
    p->v[p->n++] = (struct split_part){ .creator = scope_strdup(s, w->party), .weight = (uint64_t)w->weight };
    return ERR_OK;
}

struct terms_of_split { enum split_rule rule; int64_t ppm, fee; };

static err read_rules(struct scope *s, const struct quote *q, const struct offer *o, struct terms_of_split *t)
{
    err e = split_rule_read(s, o->split, &t->rule);

    if (e == ERR_OK)
        e = split_fee_read(s, o->fee, &t->ppm);
    if (e != ERR_OK) {
        scope_forgive(s);
        return fail(s, ERR_CORRUPT, "the stored split or fee of %s is none", o->id.text);
    }
    return split_fee(s, q->amount, t->ppm, &t->fee);
}

/* All parts: the largest remainders are known when all are. What is free is split into nothing. */
static err find_parts(struct scope *s, struct db *db, const struct quote *q, const struct terms_of_split *t,
                      struct parts *p)
{
    *p = (struct parts){ 0 };
    TRY(slice_weighed(s, db, q->slice_no, t->rule == SPLIT_PER_BYTE, add, p));
    return q->amount > 0 ? split_amounts(s, q->amount - t->fee, p->v, p->n) : ERR_OK;
}

err quote_weigh(struct scope *s, struct db *db, const struct quote *q, const struct offer *o)
{
    struct terms_of_split t;
    struct parts p;
    err e;

    TRY(read_rules(s, q, o, &t));
    TRY(slice_weigh(s, db, q->slice_no, t.rule == SPLIT_PER_BYTE));
    e = find_parts(s, db, q, &t, &p);
    if (e != ERR_INVALID)
        return e;
    scope_forgive(s);
    return fail_at(s, ERR_INVALID, "/slice", "the price could not be split: by this offer's rule (%s) none of the "
                   "items' contributors has a weight, or their sum passes what can be counted",
                   split_rule_name(t.rule));
}

/* By bytes a weight soon passes what every reader's numbers hold. */
static json_t *show_weight(uint64_t weight)
{
    return json_sprintf("%" PRIu64, weight);
}

static json_t *shown(const struct parts *p, const struct quote *q, const char *after, int64_t limit, const char **last)
{
    json_t *list = json_array();
    size_t i = 0, end;

    while (i < p->n && strcmp(p->v[i].creator, after) <= 0)
        i++;
    end = p->n - i > (size_t)limit ? i + (size_t)limit : p->n;
    *last = end < p->n ? p->v[end - 1].creator : NULL;
    for (; i < end; i++)
        json_array_append_new(list, json_pack("{s:s,s:o,s:o}", "party", p->v[i].creator, "weight",
                                              show_weight(p->v[i].weight), "amount",
                                              show_money(p->v[i].amount, q->currency)));
    return list;
}

err quote_split(struct scope *s, struct db *db, const struct quote *q, const struct offer *o, const char *after,
                int64_t limit, json_t **out, const char **last)
{
    struct terms_of_split t;
    struct parts p;
    uint64_t sum = 0;

    TRY(read_rules(s, q, o, &t));
    TRY(find_parts(s, db, q, &t, &p));
    for (size_t i = 0; i < p.n; i++)
        sum += p.v[i].weight;
    *out = json_pack("{s:s,s:I,s:o,s:o,s:I,s:o,s:o}", "rule", split_rule_name(t.rule), "fee_ppm", (json_int_t)t.ppm,
                     "fee", show_money(t.fee, q->currency), "creators", show_money(q->amount - t.fee, q->currency),
                     "contributors", (json_int_t)p.n, "weight", show_weight(sum), "parts",
                     shown(&p, q, after, limit, last));
    return ERR_OK;
}
