/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/entry/lists.h"

/* The rows of clearances: fetched once, laid against the root in the log, kept while the clearance lives. */

err document_of(struct scope *s, struct audit *a, const char *name, struct bytes *out, bool *there)
{
    err e = a->src->document ? a->src->document(s, a->src->arg, name, out) : ERR_NOT_FOUND;

    *there = e == ERR_OK;
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    return ERR_OK;
}

/* Room for `more` rows behind the n that are there. */
static void *grown(void *p, size_t n, size_t more, size_t size, size_t *cap)
{
    if (n + more <= *cap)
        return p;
    *cap = 2 * *cap + more + 64;
    p = reallocarray(p, *cap, size);
    if (!p)
        abort();
    return p;
}

static bool same_consents(const struct cleared_rows *r, const struct cleared_row *row)
{
    const struct cleared_item *last = r->n ? &r->item[r->n - 1] : NULL;

    if (!last || last->n != row->n_consents)
        return false;
    for (size_t i = 0; i < row->n_consents; i++)
        if (!key_equal(r->consents[last->first + i], key_of(row->consents[i].text)))
            return false;
    return true;
}

static bool row_keep(struct cleared_rows *r, const struct cleared_row *row)
{
    struct cleared_item x = { .item = row->item, .n = (uint32_t)row->n_consents & (UINT32_MAX >> 2) };

    if (r->n >= VERSION_ITEMS_MAX || (r->n && r->item[r->n - 1].item >= row->item))
        return false;
    if (same_consents(r, row)) {
        x.first = r->item[r->n - 1].first;
    } else {
        r->consents = grown(r->consents, r->n_consents, row->n_consents, sizeof *r->consents, &r->consents_cap);
        x.first = (uint32_t)r->n_consents;
        for (size_t i = 0; i < row->n_consents; i++)
            r->consents[r->n_consents++] = key_of(row->consents[i].text);
    }
    r->item = grown(r->item, r->n, 1, sizeof *r->item, &r->cap);
    r->item[r->n++] = x;
    return true;
}

/* What is wrong with the rows as they were served; NULL: nothing. */
static const char *rows_read(struct cleared_rows *r, const struct clearance_row *c, struct bytes text)
{
    const char *p = (const char *)text.p, *end = p + text.len, *eol;
    struct frontier tree = FRONTIER_EMPTY;
    struct cleared_row row;
    struct hash root;

    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol || !cleared_row_read(p, (size_t)(eol - p), &row))
            return "a row in another form";
        if (!row_keep(r, &row))
            return "rows out of order";
        frontier_append(&tree, leaf_hash(p, (size_t)(eol - p)));
    }
    root = frontier_root(&tree);
    if (!hash_equal(&root, &c->rows_root))
        return "rows of another root";
    return r->n == c->cleared ? NULL : "another number of rows than the items that are not excluded";
}

static void rows_empty(struct cleared_rows *r)
{
    free(r->item);
    free(r->consents);
    r->item = NULL;
    r->consents = NULL;
    r->n = r->cap = r->n_consents = r->consents_cap = 0;
    r->there = false;
}

err cleared_rows_of(struct scope *s, struct audit *a, const struct clearance_row *c, const char *id,
                    struct cleared_rows **out)
{
    struct cleared_rows *r = table_find(&a->cleared, c->key);
    struct bytes text;
    const char *wrong;
    bool there;

    *out = r && r->there ? r : NULL;
    if (r)
        return ERR_OK;
    TRY(document_of(s, a, scope_printf(s, "clearances/%s/rows", id), &text, &there));
    r = table_add(&a->cleared, c->key);
    if (!there) {
        a->report->unlisted++;
        return ERR_OK;
    }
    a->report->listed++;
    wrong = rows_read(r, c, text);
    r->there = !wrong;
    if (wrong) {
        audit_find(a, RULE_CLEARANCE_ROWS, "rows that hash to the root of the clearance", "%s", wrong);
        rows_empty(r);
    }
    *out = r->there ? r : NULL;
    return ERR_OK;
}

const struct cleared_item *cleared_rows_find(const struct cleared_rows *r, uint64_t item)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->item[middle].item < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n && r->item[low].item == item ? &r->item[low] : NULL;
}

void cleared_rows_drop(struct audit *a, struct key clearance)
{
    struct cleared_rows *r = table_find(&a->cleared, clearance);

    if (!r)
        return;
    rows_empty(r);
    table_remove(&a->cleared, r);
}

/* ---- first clearances */

void first_rows_keep(struct audit *a, struct key license, const struct cleared_rows *r)
{
    struct first_rows *f = table_find(&a->firsts, license) ? NULL : table_add(&a->firsts, license);

    for (size_t i = 0; f && i < r->n; i++) {
        uint64_t item = r->item[i].item;

        if (f->n && f->range[f->n - 1].until == item) {
            f->range[f->n - 1].until++;
            continue;
        }
        f->range = grown(f->range, f->n, 1, sizeof *f->range, &f->cap);
        f->range[f->n++] = (struct item_range){ item, item + 1 };
    }
}

bool first_rows_hold(const struct audit *a, struct key license, const struct cleared_rows *r)
{
    const struct first_rows *f = table_find(&a->firsts, license);
    size_t at = 0;

    for (size_t i = 0; f && i < r->n; i++) {           /* both are in order */
        while (at < f->n && f->range[at].until <= r->item[i].item)
            at++;
        if (at == f->n || f->range[at].from > r->item[i].item)
            return false;
    }
    return true;
}

void first_rows_drop(struct audit *a, struct key license)
{
    struct first_rows *f = table_find(&a->firsts, license);

    if (!f)
        return;
    free(f->range);
    table_remove(&a->firsts, f);
}

void cleared_rows_free(struct audit *a)
{
    struct cleared_rows *r;
    struct first_rows *f;

    for (size_t at = 0; (f = table_next(&a->firsts, &at)) != NULL;)
        free(f->range);
    table_free(&a->firsts);

    for (size_t at = 0; (r = table_next(&a->cleared, &at)) != NULL;)
        rows_empty(r);
    table_free(&a->cleared);
}
