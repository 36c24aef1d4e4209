/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/judge.h"

#include <string.h>

#include "ledger/entry/codes.h"
#include "schema/base/limits.h"
#include "schema/store/clearing.h"

void judge_set(const struct clearance_row *c, const struct license *l, int64_t now, int64_t content_window,
               struct judge *out)
{
    int purpose = code_find(&purpose_codes, l->purpose, strlen(l->purpose));
    struct verdict_request *r = &out->request;

    *out = (struct judge){ .license = { .paid = l->index >= 0, .from = l->valid_from, .until = l->valid_until } };
    if (!license_state_parse(l->state, &out->license.state))
        out->license.state = LICENSE_ENDED;
    if (purpose >= 0)
        out->license.purposes = UINT32_C(1) << purpose;
    /* What is not known is an empty set: nothing is within it, and it is within nothing that is granted. */
    if (!territory_parse(l->territory, &out->license.territory))
        out->license.territory = (struct territory){ 0 };
    *r = (struct verdict_request){ .purpose = purpose, .now = now, .until = now + CLEARANCE_MS,
                                   .content_window = content_window, .status_window = CLEARANCE_MS };
    r->model_class = code_find(&model_codes, c->model_class, strlen(c->model_class));
    if (!territory_parse(c->territory, &r->territory))
        out->license.state = LICENSE_ENDED;
    if (l->valid_until < r->until)
        r->until = l->valid_until;
    if (c->wanted_until != INT64_MIN && c->wanted_until < r->until)
        r->until = c->wanted_until;
}

/* ---- one consent */

/* The next word of a list, up to `end`; NULL: no more. */
static const char *word_next(const char **rest, char end, size_t *len)
{
    const char *word = *rest;

    if (!word || !*word)
        return NULL;
    *len = (size_t)(strchrnul(word, end) - word);
    *rest = word + *len + (word[*len] != '\0');
    return word;
}

static uint32_t prohibited(const char *list)
{
    const char *word;
    uint32_t mask = 0;
    size_t len;

    while ((word = word_next(&list, ',', &len)) != NULL) {
        int at = code_find(&purpose_codes, word, len);
        if (at >= 0)                  /* others are kinds of use that no license is for */
            mask |= UINT32_C(1) << at;
    }
    return mask;
}

/* "model territory"; what is unknown grants nothing. */
static bool grant_read(struct scope *s, const char *word, size_t len, int purpose, struct verdict_grant *out)
{
    const char *space = memchr(word, ' ', len);
    int model = space ? code_find(&model_codes, word, (size_t)(space - word)) : -1;

    if (model < 0 || purpose < 0)
        return false;
    *out = (struct verdict_grant){ .purposes = UINT32_C(1) << purpose, .model_classes = UINT32_C(1) << model };
    return territory_parse(scope_strndup(s, space + 1, len - (size_t)(space + 1 - word)), &out->territory);
}

static struct verdict_grant *grants_read(struct scope *s, const char *list, int purpose, size_t *n)
{
    struct verdict_grant *grants;
    const char *word;
    size_t len, cap = 1;

    for (const char *c = list; c && *c; c++)
        cap += *c == ',';
    grants = NEWS(s, struct verdict_grant, cap);
    *n = 0;
    while ((word = word_next(&list, ',', &len)) != NULL)
        *n += grant_read(s, word, len, purpose, &grants[*n]);
    return grants;
}

enum verdict judge_consent(struct scope *s, const struct judge *j, const struct clearance_consent *k)
{
    struct consent_facts facts = {
        .role = k->role, .signature_holds = true,    /* a worker has verified it before it was granted */
        .logged_at = k->granted_at, .from = k->valid_from, .until = k->valid_until, .revoked = k->revoked,
        .suspended = k->suspended, .status_at = j->request.now,      /* the ledger itself knows of withdrawals */
        .prohibited = prohibited(k->prohibitions),
    };

    facts.grants = grants_read(s, k->grants, j->request.purpose, &facts.n_grants);
    return verdict_consent(&j->request, &facts);
}

/* ---- a pass */

static err judge_page(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j,
                      const struct clearance_consent *k, size_t n)
{
    int64_t *consents = NEWS(s, int64_t, n);
    int32_t *verdicts = NEWS(s, int32_t, n);
    bool *clears = NEWS(s, bool, n);

    for (size_t i = 0; i < n; i++) {
        enum verdict v = judge_consent(s, j, &k[i]);
        consents[i] = k[i].no;
        verdicts[i] = (int32_t)v;
        clears[i] = v == VERDICT_CLEARED;
    }
    return clearance_judged(s, db, c->no, consents, verdicts, clears, n);
}

static err judge_some(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j,
                      int64_t as_of, int64_t *after, bool *more)
{
    struct clearance_consent *k;
    size_t n;

    TRY(clearance_consents(s, db, c, as_of, *after, CLEARANCE_CONSENTS, &k, &n));
    *more = n == CLEARANCE_CONSENTS;
    if (n == 0)
        return ERR_OK;
    *after = k[n - 1].no;
    return judge_page(s, db, c, j, k, n);
}

static err judge_all(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j,
                     int64_t as_of, err (*left)(struct scope *s, void *arg), void *arg)
{
    int64_t after = 0;

    for (bool more = true; more;) {
        struct scope page;
        err e;

        TRY(left(s, arg));
        scope_init(&page, 0);
        page.deadline_ms = s->deadline_ms;
        e = judge_some(&page, db, c, j, as_of, &after, &more);
        if (e != ERR_OK)
            s->why = page.why;
        scope_free(&page);
        TRY(e);
    }
    return ERR_OK;
}

static err items_some(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                      const struct judge_items *p, int64_t *after, bool *more)
{
    struct clearance_item *items;
    size_t n;

    TRY(clearing_page(s, db, c, r, *after, p->items_at_once, &items, &n));
    *more = n == (size_t)p->items_at_once;
    if (n == 0)
        return ERR_OK;
    *after = items[n - 1].n;
    return p->items(s, p->arg, items, n);
}

static err items_all(struct scope *s, struct db *db, const struct clearance_row *c, const struct clearance_rules *r,
                     const struct judge_items *p)
{
    int64_t after = -1;

    TRY(clearing_begin(s, db));
    for (bool more = true; more;) {
        struct scope page;
        err e;

        TRY(p->left(s, p->arg));
        scope_init(&page, 0);
        page.deadline_ms = s->deadline_ms;
        e = items_some(&page, db, c, r, p, &after, &more);
        if (e != ERR_OK)
            s->why = page.why;
        scope_free(&page);
        TRY(e);
    }
    return ERR_OK;
}

err judge_pass(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j, int64_t as_of,
               const struct judge_items *p)
{
    const char *codes[VERDICTS];
    struct clearance_rules rules = { codes, VERDICTS, j->request.now, j->request.content_window };

    for (enum verdict v = 0; v < VERDICTS; v++)
        codes[v] = verdict_code(v);
    TRY(judge_all(s, db, c, j, as_of, p->left, p->arg));
    return items_all(s, db, c, &rules, p);
}
