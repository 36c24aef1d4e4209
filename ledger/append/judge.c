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

int64_t judge_content_window(int64_t reverify_ms)
{
    return 2 * reverify_ms > CLEARANCE_CONTENT_MS ? 2 * reverify_ms : CLEARANCE_CONTENT_MS;
}

/* ---- page by page */

struct pages {
    struct db *db;
    const struct clearance_row *c;
    err (*left)(struct scope *s, void *arg);
    void *arg;
    int64_t as_of;                                   /* of consents */
    err (*consents)(struct scope *s, void *arg, const struct clearance_consent *k, size_t n);
    const struct clearance_rules *rules;             /* of items */
    const struct clearing_found *found;              /* NULL: what is stored */
    const struct judge_items *items;
};

static err each(struct scope *s, const struct pages *p, int64_t after,
                err (*page)(struct scope *s, const struct pages *p, int64_t *after, bool *more))
{
    for (bool more = true; more;) {
        struct scope one = scope_within(s);

        TRY(p->left(s, p->arg));
        TRY(scope_end(s, &one, page(&one, p, &after, &more)));
    }
    return ERR_OK;
}

static err consents_page(struct scope *s, const struct pages *p, int64_t *after, bool *more)
{
    struct clearance_consent *k;
    size_t n;

    TRY(clearance_consents(s, p->db, p->c, p->as_of, *after, CLEARANCE_CONSENTS, &k, &n));
    *more = n == CLEARANCE_CONSENTS;
    if (n == 0)
        return ERR_OK;
    *after = k[n - 1].no;
    return p->consents(s, p->arg, k, n);
}

err judge_consents(struct scope *s, struct db *db, const struct clearance_row *c, int64_t as_of,
                   err (*left)(struct scope *s, void *arg),
                   err (*consents)(struct scope *s, void *arg, const struct clearance_consent *k, size_t n), void *arg)
{
    const struct pages p = { .db = db, .c = c, .left = left, .arg = arg, .as_of = as_of, .consents = consents };

    return each(s, &p, 0, consents_page);
}

static err items_page(struct scope *s, const struct pages *p, int64_t *after, bool *more)
{
    int64_t limit = p->items->items_at_once;
    struct clearance_item *items;
    size_t n;

    if (p->found)
        TRY(clearing_forecast(s, p->db, p->c, p->rules, p->found, *after, limit, &items, &n));
    else
        TRY(clearing_page(s, p->db, p->c, p->rules, *after, limit, &items, &n));
    *more = n == (size_t)limit;
    if (n == 0)
        return ERR_OK;
    *after = items[n - 1].n;
    return p->items->items(s, p->arg, items, n);
}

err judge_items(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j, int64_t now,
                const struct clearing_found *found, const struct judge_items *items)
{
    const char *codes[VERDICTS];
    const struct clearance_rules rules = { codes, VERDICTS, now, j->request.content_window };
    const struct pages p = { .db = db, .c = c, .left = items->left, .arg = items->arg, .rules = &rules,
                             .found = found, .items = items };

    for (enum verdict v = 0; v < VERDICTS; v++)
        codes[v] = verdict_code(v);
    TRY(clearing_begin(s, db));
    return each(s, &p, -1, items_page);
}

/* ---- a pass */

struct pass {
    struct db *db;
    const struct clearance_row *c;
    const struct judge *j;
    const struct judge_items *items;
};

static err pass_left(struct scope *s, void *arg)
{
    const struct pass *p = arg;

    return p->items->left(s, p->items->arg);
}

static err pass_consents(struct scope *s, void *arg, const struct clearance_consent *k, size_t n)
{
    const struct pass *p = arg;
    int64_t *consents = NEWS(s, int64_t, n);
    int32_t *verdicts = NEWS(s, int32_t, n);
    bool *clears = NEWS(s, bool, n);

    for (size_t i = 0; i < n; i++) {
        enum verdict v = judge_consent(s, p->j, &k[i]);
        consents[i] = k[i].no;
        verdicts[i] = (int32_t)v;
        clears[i] = v == VERDICT_CLEARED;
    }
    return clearance_judged(s, p->db, p->c->no, consents, verdicts, clears, n);
}

err judge_pass(struct scope *s, struct db *db, const struct clearance_row *c, const struct judge *j, int64_t as_of,
               const struct judge_items *p)
{
    struct pass pass = { db, c, j, p };

    TRY(judge_consents(s, db, c, as_of, pass_left, pass_consents, &pass));
    return judge_items(s, db, c, j, j->request.now, NULL, p);
}
