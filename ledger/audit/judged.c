/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/cert/clearance.h"
#include "ledger/cert/coverage.h"
#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"
#include "schema/json/canon.h"

/*
 * The items that a clearance clears, judged once more: who made each is in the version's details, its hash in the
 * version's items; what its consents say is in their certificates, and what they cover in lists of their own, which are
 * read page by page. A list that was found to cover the same items before is not read again.
 */
struct judging {
    struct scope *s;
    struct audit *a;
    const struct entry *e;
    const struct clearance_row *c;
    const struct version_row *v;
    struct cleared_rows *rows;
    struct verdict_request request;
    struct verdict_license license;
    bool judged;                       /* the rules can be asked */
    struct verdict_grant anything;     /* without the clearance's document it isn't known for where and what it is */
    bool anywhere;
    struct key *consent;               /* that the rows rest on, sorted, each once */
    size_t n;
    struct hash *hash;                 /* of each row's item */
    bool there;
};

/* ---- who made an item has consented to it */

/* Who gave a consent; zero: not known, since it was erased, or is not shown to this reader. */
static struct key given_by(const struct audit *a, struct key consent)
{
    const struct creator_row *c = table_find(&a->table[CREATORS], consent);

    return c ? c->creator : (struct key){ 0 };
}

struct maker { struct key party; const char *role; };
struct made { struct maker by[ITEM_CONTRIBUTORS_MAX]; size_t n; };

static bool made_read(const json_t *details, struct made *out)
{
    json_t *contributors = json_object_get(details, "contributors"), *row;
    struct id party;
    size_t i;

    out->n = 0;
    if (!json_is_array(contributors) || json_array_size(contributors) > ITEM_CONTRIBUTORS_MAX)
        return false;
    json_array_foreach(contributors, i, row) {
        if (!id_in(row, "party", "pty", &party))
            return false;
        out->by[out->n++] = (struct maker){ key_of(party.text), json_string_value(json_object_get(row, "role")) };
    }
    return true;
}

static bool is_maker(const struct made *made, size_t n, struct key party)
{
    for (size_t i = 0; i < n; i++)
        if (key_equal(made->by[i].party, party))
            return true;
    return false;
}

/* What is wrong with the consents of one item; NULL: nothing. A consent of nobody known may be anybody's. */
static const char *consents_compare(const struct audit *a, const struct made *made, const struct key *consents,
                                    size_t n)
{
    size_t unknown = 0, without = 0;

    if (n > 0 && made->n == 0)
        return "a consent to an item that names nobody";
    for (size_t i = 0; i < n; i++) {
        struct key by = given_by(a, consents[i]);

        if (!key_zero(by) && !is_maker(made, made->n, by))
            return "a consent of somebody who made nothing of it";
        unknown += key_zero(by);
    }
    for (size_t at = 0; at < made->n; at++) {
        bool with = is_maker(made, at, made->by[at].party);          /* each party once */

        for (size_t i = 0; i < n && !with; i++)
            with = key_equal(made->by[at].party, given_by(a, consents[i]));
        without += !with;
    }
    return without > unknown ? "no consent of somebody who made it" : NULL;
}

/* ---- what the rules say of it */

/* Facts of those of an item's consents that may be this maker's. */
static size_t consent_facts_of(const struct judging *j, const struct cleared_item *x, struct key party,
                               struct consent_facts *out)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n; i++) {
        struct key key = j->rows->consents[x->first + i], by = given_by(j->a, key);
        const struct consent_row *c = table_find(&j->a->table[CONSENTS], key);
        const struct terms_row *t = table_find(&j->a->terms, key);

        if (key_zero(by) || key_equal(by, party))
            out[n++] = (struct consent_facts){
                .role = contributor_codes.code[t->role], .signature_holds = true, .logged_at = c->at_ms,
                .from = c->from, .until = c->until, .suspended = c->suspended, .status_at = j->request.now,
                .prohibited = t->prohibited, .grants = j->anywhere ? &j->anything : &t->grant,
                .n_grants = t->grant.purposes != 0,
            };
    }
    return n;
}

static bool terms_there(const struct judging *j, const struct cleared_item *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct terms_row *t = table_find(&j->a->terms, j->rows->consents[x->first + i]);

        if (!t->there)
            return false;
    }
    return true;
}

/* What its bytes were found to be, and what was paid for it, is not in question here. */
static enum verdict item_verdict(struct scope *s, const struct judging *j, const struct made *made,
                                 const struct cleared_item *x)
{
    struct contributor_facts *by = NEWS(s, struct contributor_facts, made->n);
    struct verdict_facts facts = { .in_root = true, .content = CONTENT_VERIFIED, .verified_at = j->request.now,
                                   .contributors = by, .n_contributors = made->n };

    for (size_t i = 0; i < made->n; i++) {
        struct consent_facts *consents = NEWS(s, struct consent_facts, x->n);

        by[i] = (struct contributor_facts){ made->by[i].role, consents,
                                            consent_facts_of(j, x, made->by[i].party, consents) };
    }
    return verdict_item(&j->request, &j->license, &facts);
}

/* Of a clearance for this territory and class of models; the license's time and purpose have rules of their own. */
static void request_fill(struct judging *j, const struct territory *where, int model)
{
    const struct clearance_row *c = j->c;

    j->request = (struct verdict_request){ .purpose = (int)c->purpose, .territory = *where, .model_class = model,
                                           .now = j->e->at_ms, .until = c->until };
    j->license = (struct verdict_license){ .state = LICENSE_ACTIVE, .paid = true, .from = j->e->at_ms,
                                           .until = c->until, .purposes = UINT32_C(1) << c->purpose,
                                           .territory = *where };
    j->judged = true;
}

/* The clearance's document is not there: what is left of the rules are roles, and what is prohibited. */
static void request_bare(struct judging *j)
{
    j->a->report->unshown[RULE_CLEARANCE_VERDICT]++;
    j->anywhere = territory_parse("WORLD", &j->anything.territory);
    j->anything.purposes = j->anything.model_classes = UINT32_MAX;
    request_fill(j, &j->anything.territory, 0);
}

static err request_make(struct judging *j, const struct license_row *l)
{
    enum refusal why = REFUSAL_NONE;
    struct clearance *said = NEW(j->s, struct clearance);
    struct territory where;
    json_t *document = NULL;
    err e;

    if (!j->a->document.p) {
        request_bare(j);
        return ERR_OK;
    }
    e = document_read(j->s, (const char *)j->a->document.p, j->a->document.len, &document, &why);
    if (e == ERR_OK)
        e = clearance_read(j->s, document, said, &why);
    json_decref(document);
    if (e != ERR_OK || strcmp(said->clearance, text_of(j->e, "clearance")) != 0 ||
        strcmp(said->license, text_of(j->e, "license")) != 0 || said->purpose != j->c->purpose ||
        said->c.valid_until != j->c->until || !territory_parse(said->territory, &where)) {
        scope_forgive(j->s);
        audit_find(j->a, RULE_CLEARANCE_VERDICT, "a document that says the same as its entry", "%s",
                   e == ERR_OK ? "another" : refusal_code(why));
        return ERR_OK;
    }
    request_fill(j, &where, said->model);
    if (*l->territory && !territory_parse(l->territory, &j->license.territory))
        j->license.territory = (struct territory){ 0 };
    return ERR_OK;
}

/* ---- the version's details */

/* False: something is found. */
static bool details_judge(struct scope *one, struct judging *j, const char *text, size_t len,
                          struct cleared_item *x, enum verdict *verdict)
{
    const char *found = "details in another form";
    json_t *details = NULL;
    struct made made;

    *verdict = VERDICT_CLEARED;
    if (json_read_as(one, text, len, (struct json_rules){ .any_number = true }, &details) == ERR_OK &&
        made_read(details, &made)) {
        found = consents_compare(j->a, &made, &j->rows->consents[x->first], x->n);
        if (!found && j->judged && x->n > 0 && terms_there(j, x))
            *verdict = item_verdict(one, j, &made, x);
        x->refused = *verdict != VERDICT_CLEARED;
    }
    json_decref(details);
    if (found)
        audit_find(j->a, RULE_CLEARANCE_CONTRIBUTORS, "the consents of those who made each item", "%s", found);
    return !found;
}

static bool details_each(struct judging *j)
{
    const char *at = j->a->listed.details.p, *end = at + j->a->listed.details.len, *eol;
    enum verdict first = VERDICT_CLEARED, v;
    bool good = true;
    size_t next = 0;

    for (uint64_t i = 0; good && at < end && next < j->rows->n; i++, at = eol + 1) {
        eol = memchr(at, '\n', (size_t)(end - at));
        if (i == j->rows->item[next].item) {
            struct scope one;

            scope_init(&one, 0);
            good = details_judge(&one, j, at, (size_t)(eol - at), &j->rows->item[next++], &v);
            if (first == VERDICT_CLEARED)
                first = v;
            scope_free(&one);
        }
    }
    if (good && next < j->rows->n) {
        audit_find(j->a, RULE_CLEARANCE_CONTRIBUTORS, "the consents of those who made each item", "%s",
                   "an item beyond the version's");
        return false;
    }
    if (first != VERDICT_CLEARED)
        audit_find(j->a, RULE_CLEARANCE_VERDICT, "items that the rules clear", "%s", verdict_code(first));
    return good;
}

/* ---- what the consents cover */

static int by_key(const void *left, const void *right)
{
    const struct key *a = left, *b = right;

    return a->high != b->high ? (a->high > b->high) - (a->high < b->high) : (a->low > b->low) - (a->low < b->low);
}

static void consents_gather(struct judging *j)
{
    const struct cleared_rows *r = j->rows;

    j->consent = scope_memdup(j->s, r->consents, r->n_consents * sizeof *r->consents);
    qsort(j->consent, r->n_consents, sizeof *j->consent, by_key);
    for (size_t i = 0; i < r->n_consents; i++)
        if (j->n == 0 || !key_equal(j->consent[j->n - 1], j->consent[i]))
            j->consent[j->n++] = j->consent[i];
}

static size_t place_of(const struct judging *j, struct key consent)
{
    const struct key *at = bsearch(&consent, j->consent, j->n, sizeof consent, by_key);

    return (size_t)(at - j->consent);
}

/* The rows of each consent, one consent's behind the other's: those of consent k are row[from[k]] to row[from[k+1]]. */
struct resting { size_t *from; uint32_t *row; };

static struct resting rows_gather(const struct judging *j)
{
    const struct cleared_rows *r = j->rows;
    struct resting out = { .from = NEWS(j->s, size_t, j->n + 2) };
    size_t pairs = 0;

    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->item[i].n; k++, pairs++)
            out.from[place_of(j, r->consents[r->item[i].first + k]) + 2]++;
    for (size_t k = 2; k < j->n + 2; k++)
        out.from[k] += out.from[k - 1];
    out.row = NEWS(j->s, uint32_t, pairs);
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->item[i].n; k++)
            out.row[out.from[place_of(j, r->consents[r->item[i].first + k]) + 1]++] = (uint32_t)i;
    return out;
}

static bool hashes_read(struct judging *j)
{
    const char *at = j->a->listed.items.p, *end = at + j->a->listed.items.len, *eol;
    size_t next = 0;

    j->hash = NEWS(j->s, struct hash, j->rows->n);
    for (uint64_t i = 0; at < end && next < j->rows->n; i++, at = eol + 1) {
        json_t *item = NULL;
        const char *hex;
        struct scope one;
        bool good;

        eol = memchr(at, '\n', (size_t)(end - at));
        if (i != j->rows->item[next].item)
            continue;
        scope_init(&one, 0);
        good = json_read_as(&one, at, (size_t)(eol - at), (struct json_rules){ .any_number = true }, &item) == ERR_OK;
        hex = json_string_value(json_object_get(item, "sha256"));
        good = good && hex && hex_read(hex, strlen(hex), j->hash[next++].b, HASH_SIZE);
        json_decref(item);
        scope_free(&one);
        if (!good) {
            audit_find(j->a, RULE_VERSION_LISTS, "items with their hashes", "another form");
            return false;
        }
    }
    return next == j->rows->n;
}

static int by_hash(const void *left, const void *right, void *hashes)
{
    const struct hash *h = hashes;

    return memcmp(h[*(const uint32_t *)left].b, h[*(const uint32_t *)right].b, HASH_SIZE);
}

/* What one consent's list is laid against: the rows that rest on it, in order of their items' hashes. */
struct covering {
    struct judging *j;
    uint32_t *row;
    size_t n, at, uncovered;
    bool there;                        /* its first page */
    struct frontier tree;
    struct hash last;
};

static void uncovered(struct covering *c)
{
    c->j->rows->item[c->row[c->at++]].uncovered = true;
    c->uncovered++;
}

static void cover(struct covering *c, const struct hash *h)
{
    int order = -1;

    while (c->at < c->n && (order = memcmp(c->j->hash[c->row[c->at]].b, h->b, HASH_SIZE)) <= 0)
        if (order < 0)
            uncovered(c);
        else
            c->at++;
    coverage_add(&c->tree, h);
    c->last = *h;
}

static const char *page_cover(struct covering *c, struct bytes text)
{
    const char *p = (const char *)text.p, *end = p + text.len, *eol;
    struct hash h;

    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol || !coverage_leaf_read(p, (size_t)(eol - p), &h))
            return "a row in another form";
        if (c->tree.size > 0 && memcmp(c->last.b, h.b, HASH_SIZE) >= 0)
            return "rows out of order";
        cover(c, &h);
    }
    return NULL;
}

/* The page after the last hash; *more false: none, an empty one, or it is wrong. */
static err page_next(struct scope *s, struct covering *c, const char *id, const char **wrong, bool *more)
{
    char after[HEX_SIZE(HASH_SIZE)] = "";
    struct bytes text = { 0 };
    bool there;

    if (c->tree.size > 0)
        hex_write(c->last.b, HASH_SIZE, after);
    TRY(document_of(s, c->j->a, scope_printf(s, "consents/%s/coverage%s%s", id, *after ? "/" : "", after), &text,
                    &there));
    c->there = c->there || there;
    *wrong = there ? page_cover(c, text) : NULL;
    *more = there && text.len > 0 && !*wrong;
    return ERR_OK;
}

/* All pages; what is wrong with them. */
static err pages_cover(struct covering *c, const struct consent_row *x, const char *id, const char **wrong)
{
    struct scope *s = c->j->s;
    unsigned pages = 0;
    struct hash root;

    for (bool more = true; more && c->tree.size < x->items;) {
        struct scope one = scope_within(s);

        if (pages++ == LIST_PAGES_MAX) {
            *wrong = "a list that never ends";
            break;
        }
        TRY(scope_end(s, &one, page_next(&one, c, id, wrong, &more)));
    }
    if (!c->there)
        return ERR_OK;
    root = frontier_root(&c->tree);
    if (!*wrong && (c->tree.size != x->items || !hash_equal(&root, &x->root)))
        *wrong = "a list of another root";
    if (*wrong)
        c->at = 0;
    while (c->at < c->n)
        uncovered(c);
    return ERR_OK;
}

static struct key set_key(const struct covering *c)
{
    struct sha256 sum;
    struct hash h;

    sha256_init(&sum);
    for (size_t i = 0; i < c->n; i++)
        sha256_add(&sum, c->j->hash[c->row[i]].b, HASH_SIZE);
    h = sha256_end(&sum);
    return (struct key){ be64_read(h.b), be64_read(h.b + 8) };
}

static err consent_covers(struct judging *j, struct key consent, uint32_t *row, size_t n, const char **found)
{
    const struct consent_row *x = table_find(&j->a->table[CONSENTS], consent);
    struct terms_row *t = table_find(&j->a->terms, consent);
    struct covering c = { .j = j, .row = row, .n = n, .tree = FRONTIER_EMPTY };
    const char *wrong = NULL;
    char id[ID_SIZE];
    struct key set;

    if (key_zero(x->document))
        return ERR_OK;
    qsort_r(row, n, sizeof *row, by_hash, j->hash);
    set = set_key(&c);
    if (key_equal(t->covered, set))
        return ERR_OK;
    id_of_key("cns", consent, id);
    TRY(pages_cover(&c, x, id, &wrong));
    if (!c.there) {
        j->there = false;
        return ERR_OK;
    }
    j->a->report->listed++;
    if (wrong || c.uncovered)
        *found = scope_printf(j->s, "%s, of %s", wrong ? wrong : "a list without it", id);
    else
        t->covered = set;
    return ERR_OK;
}

static err coverage_judge(struct judging *j)
{
    const char *found = NULL;
    struct resting resting;

    TRY(version_lists(j->s, j->a, j->e, j->v, true, &j->there));
    if (!j->there || !hashes_read(j))
        return ERR_OK;
    resting = rows_gather(j);
    for (size_t k = 0; k < j->n; k++)
        TRY(consent_covers(j, j->consent[k], resting.row + resting.from[k],
                           resting.from[k + 1] - resting.from[k], &found));
    if (found)
        audit_find(j->a, RULE_CLEARANCE_COVERAGE, "each item in what its consents cover", "%s", found);
    if (!j->there) {
        missing_list(j->a, "list of what a consent covers");
        j->a->report->unshown[RULE_CLEARANCE_COVERAGE] += !j->a->config.whole;
    }
    return ERR_OK;
}

/* ---- a clearance */

/*
 * The certificates of all consents. A reader whom one is not shown to, who need not be shown any, is not made to ask
 * for a thousand others: *hold false then.
 */
static err terms_gather(struct judging *j, bool *hold)
{
    struct audit *a = j->a;

    consents_gather(j);
    for (size_t i = 0; *hold && i < j->n; i++) {
        const struct consent_row *c = table_find(&a->table[CONSENTS], j->consent[i]);

        TRY(consent_terms(j->s, a, j->consent[i], j->c->purpose));
        *hold = a->config.whole || key_zero(c->document) ||
                ((const struct terms_row *)table_find(&a->terms, j->consent[i]))->purpose != PURPOSE_UNKNOWN;
    }
    if (!*hold) {
        a->report->unshown[RULE_CLEARANCE_COVERAGE]++;
        a->report->unshown[RULE_CLEARANCE_VERDICT]++;
    }
    return ERR_OK;
}

static err judge(struct judging *j, const struct license_row *l, bool hold)
{
    bool good = true;

    TRY(version_lists(j->s, j->a, j->e, j->v, false, &j->there));
    hold = hold && j->rows->n_consents > 0;
    if (hold)
        TRY(terms_gather(j, &hold));
    if (hold)
        TRY(request_make(j, l));
    if (j->there)
        good = details_each(j);
    return good && hold && j->there ? coverage_judge(j) : ERR_OK;
}

err cleared_judge(struct scope *s, struct audit *a, const struct entry *e, const struct clearance_row *c,
                  const struct license_row *l, struct cleared_rows *rows, bool hold)
{
    const struct payment_row *p = table_find(&a->table[PAYMENTS], l->payment);
    struct scope one = scope_within(s);
    struct judging j = { .s = &one, .a = a, .e = e, .c = c, .rows = rows };

    j.v = table_find(&a->table[VERSIONS], p->version);
    return scope_end(s, &one, judge(&j, l, hold));
}
