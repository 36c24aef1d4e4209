/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/forecast.h"

#include <assert.h>
#include <string.h>

#include "ledger/entry/codes.h"
#include "schema/base/limits.h"
#include "schema/store/log.h"

struct looking {
    struct scope *s;                   /* of what is kept from page to page */
    struct clearance_row row;
    struct judge judge[FORECAST_CLASSES];
    int64_t *consents;
    int32_t *verdicts[FORECAST_CLASSES];
    size_t n_classes, n, cap;
    bool many;                         /* more consents than are judged */
};

/* A quote has no license yet: one that is paid and begins when the quote says. */
static void suppose(const struct quote *q, int model, int64_t window, struct forecast *f, struct looking *l)
{
    struct license paid = { .state = "active", .index = 0, .purpose = q->purpose, .territory = q->territory,
                            .valid_from = q->valid_from, .valid_until = q->valid_until };

    l->row = (struct clearance_row){ .version = q->version.no, .slice = q->slice_no, .license_no = -1,
                                     .whole = strcmp(q->slice, "{}") == 0, .purpose = q->purpose,
                                     .territory = q->territory, .wanted_until = INT64_MIN };
    f->from = f->made_at > q->valid_from ? f->made_at : q->valid_from;
    for (size_t i = 0; i < model_codes.n; i++) {
        if (model >= 0 && (size_t)model != i)
            continue;
        l->row.model_class = model_codes.code[i];
        f->of[f->n] = (struct forecast_class){ .model = (int)i };
        judge_set(&l->row, &paid, f->from, window, &l->judge[f->n++]);
    }
    f->until = l->judge[0].request.until;
    l->n_classes = f->n;
}

/* ---- consents */

static err left(struct scope *s, void *arg)
{
    (void)arg;
    return scope_left_ms(s) > 0 ? ERR_OK : fail(s, ERR_BUSY, "judging the slice takes too long");
}

static void grow(struct looking *l)
{
    size_t cap = l->cap ? 2 * l->cap : CLEARANCE_CONSENTS;
    int64_t *consents = NEWS(l->s, int64_t, cap);

    if (l->n)
        memcpy(consents, l->consents, l->n * sizeof *consents);
    l->consents = consents;
    for (size_t c = 0; c < l->n_classes; c++) {
        int32_t *verdicts = NEWS(l->s, int32_t, cap);
        if (l->n)
            memcpy(verdicts, l->verdicts[c], l->n * sizeof *verdicts);
        l->verdicts[c] = verdicts;
    }
    l->cap = cap;
}

static err consents(struct scope *s, void *arg, const struct clearance_consent *k, size_t n)
{
    struct looking *l = arg;

    l->many = l->n + n > FORECAST_CONSENTS;
    if (l->many)
        return fail(s, ERR_TOO_LARGE, "more consents than a forecast judges");
    while (l->n + n > l->cap)
        grow(l);
    for (size_t i = 0; i < n; i++, l->n++) {
        l->consents[l->n] = k[i].no;
        for (size_t c = 0; c < l->n_classes; c++)
            l->verdicts[c][l->n] = (int32_t)judge_consent(s, &l->judge[c], &k[i]);
    }
    return ERR_OK;
}

/* ---- items */

static err count(struct scope *s, void *arg, const struct clearance_item *items, size_t n)
{
    struct forecast_class *out = arg;

    for (size_t i = 0; i < n; i++) {
        enum verdict v = VERDICT_CLEARED;
        if (items[i].reason && !verdict_parse(items[i].reason, &v))
            return fail(s, ERR_INTERNAL, "an item would be left out for '%s'", items[i].reason);
        verdict_count(&out->counts, v);
        if (v == VERDICT_CLEARED)
            out->bytes += items[i].size;
    }
    return ERR_OK;
}

/* Most consents say the same of each class: then so do the items. */
static bool same(const struct looking *l, size_t a, size_t b)
{
    return l->n == 0 || memcmp(l->verdicts[a], l->verdicts[b], l->n * sizeof *l->verdicts[a]) == 0;
}

static err class_count(struct scope *s, struct db *db, const struct quote *q, const struct looking *l, size_t at,
                       struct forecast *f)
{
    enum verdict whole = verdict_license(&l->judge[at].request, &l->judge[at].license);
    struct forecast_class *out = &f->of[at];
    const struct clearing_found found = { l->consents, l->verdicts[at], l->n };
    const struct judge_items items = { CLEARANCE_ITEMS, left, count, out };

    if (whole != VERDICT_CLEARED) {
        out->counts.by[whole] = (uint64_t)q->item_count;
        return ERR_OK;
    }
    for (size_t i = 0; i < at; i++)
        if (same(l, i, at)) {
            out->counts = f->of[i].counts;
            out->bytes = f->of[i].bytes;
            return ERR_OK;
        }
    return judge_items(s, db, &l->row, &l->judge[at], f->made_at, &found, &items);
}

/* ---- the forecast */

static err look(struct scope *s, struct db *db, const struct quote *q, struct looking *l, struct forecast *f)
{
    err e = judge_consents(s, db, &l->row, f->as_of, left, consents, l);

    if (l->many) {
        scope_forgive(s);
        f->n = 0;
        f->not_made = scope_printf(s, "its creators have given more than the %d consents that a quote judges at once",
                                   FORECAST_CONSENTS);
        return ERR_OK;
    }
    TRY(e);
    for (size_t i = 0; i < f->n; i++)
        TRY(class_count(s, db, q, l, i, f));
    return ERR_OK;
}

err forecast_make(struct scope *s, struct db *db, const struct quote *q, int model, int64_t content_window,
                  struct forecast *out)
{
    struct looking *l = NEW(s, struct looking);
    struct log_view view;

    assert(model_codes.n == FORECAST_CLASSES && model < FORECAST_CLASSES);
    TRY(log_view(s, db, &view));
    *out = (struct forecast){ .as_of = view.size, .made_at = view.now };
    l->s = s;
    suppose(q, model, content_window, out, l);
    if (q->item_count <= FORECAST_ITEMS)
        return look(s, db, q, l, out);
    out->n = 0;
    out->not_made = scope_printf(s, "the slice has more than the %d items that a quote judges at once",
                                 FORECAST_ITEMS);
    return ERR_OK;
}
