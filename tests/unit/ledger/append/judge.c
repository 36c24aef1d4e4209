/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/judge.h"

#include "ledger/entry/codes.h"
#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"
#include "schema/store/migrate.h"
#include "tests/unit/ledger/rules/random_filter.h"

/*
 * Against a real server (COUNTERFOIL_TEST_DSN, an empty database): whatever the facts, the pass of SQL over consents
 * that were judged once each says of every item what the evaluator of the rules says of all its facts.
 */
#define ITEMS    300
#define CONTENTS 40
#define PEOPLE   6
#define CONSENTS 60
#define ROUNDS   40
#define AS_OF    1000
#define NOW      INT64_C(1800000000000)
#define DAY      (24 * 3600 * INT64_C(1000))
#define WINDOW   (10 * DAY)

static const char *const places[] = { "DE", "EU", "FR", "US", "WORLD" };
static const char *const roles[] = { "author", "performer", "publisher" };
static const char *const states[] = { "verified", "verified", "verified", "corrupt", "missing", "unverified" };

struct content { struct hash sha256; bool there; const char *state; int64_t verified_at; };
struct part { int party, role; };
struct made { int content; size_t n; struct part parts[3]; };
struct given {
    int party, role;
    int64_t from, until, index;
    const char *state;                /* granted, suspended, revoked */
    uint32_t prohibited;
    size_t n;
    struct { int purpose, model, place; } grants[4];
    bool covers[CONTENTS];
};

struct world {
    struct content contents[CONTENTS];
    struct made items[ITEMS];
    struct given consents[CONSENTS];
    int64_t checked;
    bool whole, member[ITEMS];
    bool paid, left_out[ITEMS];       /* something; of the license's first clearance */
    struct clearance_row clearance;
    struct license license;
};

static bool is_err(struct scope *s, err got, err want, const char *name)
{
    bool good = got == want;

    ok(good, "%s", name);
    if (!good)
        printf("# got:  %s (%s)\n# want: %s\n", err_name(got), s->why.detail, err_name(want));
    scope_forgive(s);
    return good;
}

/* ---- a world */

static int some(struct seeded *r, size_t n)
{
    return (int)seeded_below(r, n);
}

static int64_t around(struct seeded *r, int64_t at)
{
    static const int64_t off[] = { -1, 0, 1, -DAY, DAY, -20 * DAY, 20 * DAY };

    return at + off[seeded_below(r, ARRAY_LEN(off))];
}

static void make_content(struct seeded *r, struct content *c, uint8_t i)
{
    *c = (struct content){ .sha256 = sha256_of(&i, 1), .there = seeded_below(r, 12) != 0,
                           .state = states[some(r, ARRAY_LEN(states))], .verified_at = NOW - DAY };
    if (seeded_below(r, 6) == 0)
        c->verified_at = around(r, seeded_below(r, 2) ? NOW : NOW - WINDOW);
    if (seeded_below(r, 20) == 0)
        c->verified_at = INT64_MIN;
}

static void make_item(struct seeded *r, struct made *m)
{
    *m = (struct made){ .content = some(r, CONTENTS), .n = seeded_below(r, 4) };
    for (size_t i = 0; i < m->n; i++)
        m->parts[i] = (struct part){ some(r, PEOPLE), some(r, ARRAY_LEN(roles)) };
}

/* Mostly in favor, so that some are cleared. */
static void make_consent(struct seeded *r, struct given *c, int64_t until)
{
    *c = (struct given){ .party = some(r, PEOPLE), .role = some(r, ARRAY_LEN(roles)), .from = NOW - DAY,
                         .until = until + DAY, .index = AS_OF - 1, .state = "granted", .n = seeded_below(r, 4) + 1 };
    if (seeded_below(r, 8) == 0)
        c->from = around(r, NOW);
    if (seeded_below(r, 4) == 0)
        c->until = seeded_below(r, 2) ? around(r, until) : around(r, NOW);
    if (c->until <= c->from)
        c->until = c->from + 1;
    if (seeded_below(r, 10) == 0)
        c->index = AS_OF;
    if (seeded_below(r, 6) == 0)
        c->state = seeded_below(r, 2) ? "suspended" : "revoked";
    if (seeded_below(r, 6) == 0)
        c->prohibited = (uint32_t)seeded_below(r, 1u << 9);
    for (size_t g = 0; g < c->n; g++) {
        c->grants[g].purpose = seeded_below(r, 6) ? 5 : some(r, purpose_codes.n);
        c->grants[g].model = seeded_below(r, 3) ? 2 : some(r, model_codes.n);
        c->grants[g].place = some(r, ARRAY_LEN(places));
    }
    for (int i = 0; i < CONTENTS; i++)
        c->covers[i] = seeded_below(r, 2) == 0;
}

static void make_world(struct seeded *r, struct world *w)
{
    for (int i = 0; i < CONTENTS; i++)
        make_content(r, &w->contents[i], (uint8_t)i);
    for (int i = 0; i < ITEMS; i++)
        make_item(r, &w->items[i]);
    w->checked = seeded_below(r, 3) ? ITEMS : some(r, ITEMS);
    w->whole = seeded_below(r, 2) == 0;
    for (int i = 0; i < ITEMS; i++)
        w->member[i] = w->whole || seeded_below(r, 2) == 0;
    w->paid = seeded_below(r, 3) != 0;
    for (int i = 0; i < ITEMS; i++)
        w->left_out[i] = seeded_below(r, 10) == 0;
    w->clearance = (struct clearance_row){
        .no = 1, .version = 1, .slice = 1, .license_no = 1, .purpose = "pretraining", .territory = places[some(r, 3)],
        .model_class = model_codes.code[seeded_below(r, 4) ? 2 : some(r, 3)], .wanted_until = INT64_MIN,
        .whole = w->whole, .reason = NULL,
    };
    w->license = (struct license){ .purpose = "pretraining", .territory = "WORLD", .state = "active", .index = 1,
                                   .valid_from = NOW - DAY, .valid_until = NOW + 30 * DAY };
    for (int i = 0; i < CONSENTS; i++)
        make_consent(r, &w->consents[i], NOW + CLEARANCE_MS);
}

/* ---- written down */

static err run(struct scope *s, struct db *db, const char *text)
{
    struct sql q = { DB_UNNAMED, text };

    return db_do(s, db, &q, NO_PARAMS, NULL);
}

static const char *when(struct scope *s, int64_t ms)
{
    return ms == INT64_MIN ? "NULL" : scope_printf(s, "to_timestamp(%lld / 1000.0)", (long long)ms);
}

static const char *hex(struct scope *s, const struct hash *h)
{
    return scope_printf(s, "'\\x%s'::bytea", hash_hex(s, h));
}

static err write_items(struct scope *s, struct db *db, const struct world *w)
{
    struct buf b = BUF(s);

    for (int i = 0; i < ITEMS; i++) {
        const struct made *m = &w->items[i];
        buf_printf(&b, "%s(1, %d, '%06d', %s, 1, 'text/plain', '{}', '[", i ? "," :
                   "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
                   " VALUES ", i, i, hex(s, &w->contents[m->content].sha256));
        for (size_t k = 0; k < m->n; k++)
            buf_printf(&b, "%s{\"party\":\"pty_%d\",\"role\":\"%s\",\"weight\":1}", k ? "," : "", m->parts[k].party,
                       roles[m->parts[k].role]);
        buf_str(&b, "]', decode(repeat('00', 16), 'hex'))");
    }
    return run(s, db, b.p);
}

static err write_contents(struct scope *s, struct db *db, const struct world *w)
{
    for (int i = 0; i < CONTENTS; i++)
        if (w->contents[i].there)
            TRY(run(s, db, scope_printf(s, "INSERT INTO content (sha256, size, state, verified_at) VALUES (%s, 1, '%s',"
                                           " %s)", hex(s, &w->contents[i].sha256), w->contents[i].state,
                                        when(s, w->contents[i].verified_at))));
    return ERR_OK;
}

static const char *words(struct scope *s, uint32_t mask)
{
    struct buf b = BUF(s);

    buf_str(&b, "{biometric_identification");
    for (size_t i = 0; i < purpose_codes.n; i++)
        if (mask >> i & 1)
            buf_printf(&b, ",%s", purpose_codes.code[i]);
    buf_char(&b, '}');
    return b.p;
}

static err write_consent(struct scope *s, struct db *db, const struct world *w, int no)
{
    const struct given *c = &w->consents[no];
    bool granted = strcmp(c->state, "granted") == 0;
    struct buf b = BUF(s);

    TRY(run(s, db, scope_printf(s, "INSERT INTO consent (id, creator, public_key, credential, document, bytes, state,"
        " role, assurance, purposes, prohibitions, root, item_count, valid_from, valid_until, pair, place, index,"
        " withdrawn, decided_at) VALUES ('cns_%026d', 'pty_%d', '', 'urn:%d', sha256('%d'), '', '%s', '%s', 'L3', '{}',"
        " '%s', sha256(''), 1, %s, %s, 1, %d, %lld, %s, %s)", no, c->party, no, no, c->state, roles[c->role],
        words(s, c->prohibited), when(s, c->from), when(s, c->until), no, (long long)c->index, granted ? "NULL" : "999",
        when(s, NOW - DAY))));
    for (size_t g = 0; g < c->n; g++)
        TRY(run(s, db, scope_printf(s, "INSERT INTO consent_grant SELECT no, '%s', '%s', '%s' FROM consent"
            " WHERE credential = 'urn:%d' ON CONFLICT DO NOTHING", purpose_codes.code[c->grants[g].purpose],
            model_codes.code[c->grants[g].model], places[c->grants[g].place], no)));
    buf_printf(&b, "INSERT INTO consent_item (consent, sha256) SELECT no, h FROM consent, unnest(ARRAY[sha256('none')");
    for (int i = 0; i < CONTENTS; i++)
        if (c->covers[i])
            buf_printf(&b, ",%s", hex(s, &w->contents[i].sha256));
    buf_printf(&b, "]) h WHERE credential = 'urn:%d'", no);
    return run(s, db, b.p);
}

static err write_slice(struct scope *s, struct db *db, const struct world *w)
{
    TRY(run(s, db, scope_printf(s, "INSERT INTO slice (no, version, request, digest, whole, root, item_count, bytes)"
                                   " VALUES (1, 1, '{}', sha256('{}'), %s, sha256(''), 1, 1)",
                                w->whole ? "true" : "false")));
    for (int i = 0; i < ITEMS && !w->whole; i++)
        if (w->member[i])
            TRY(run(s, db, scope_printf(s, "INSERT INTO slice_item VALUES (1, %d)", i)));
    return run(s, db, "INSERT INTO slice_weight (slice, rule, party, weight) SELECT 1, 'per_item', party, sum(weight)"
                      "  FROM item_contributor GROUP BY party");
}

/* The license's first clearance, and one of another license that left everything out; without the sale before it. */
static err write_first(struct scope *s, struct db *db, const struct world *w)
{
    TRY(run(s, db, "ALTER TABLE license DROP CONSTRAINT license_quote_fkey, DROP CONSTRAINT license_offer_fkey"));
    TRY(run(s, db, scope_printf(s, "INSERT INTO license (no, id, quote, offer, revision, version, publisher, buyer,"
        " purpose, territory, valid_from, valid_until, slice, slice_no, slice_root, item_count, amount, currency,"
        " payment, document, state, index, granted_at) OVERRIDING SYSTEM VALUE SELECT i, 'lic_' || i, 'qte_' || i,"
        " 'ofr', 1, 1, 'pty_0', 'pty_0', '', '', now(), now(), '{}', 1, sha256(''), 1, %d, 'EUR', 'pay', sha256(''),"
        " 'active', 1, now() FROM generate_series(1, 2) i", w->paid)));
    TRY(run(s, db, "INSERT INTO clearance (no, id, license, territory, model_class, requested_at) OVERRIDING SYSTEM"
                   " VALUE SELECT 1 + i, 'clr_' || i, i, '', '', now() FROM generate_series(1, 2) i"));
    TRY(run(s, db, "INSERT INTO allocation (id, license, clearance, due_at) SELECT 'alc_' || i, i, 'clr_' || i, now()"
                   "  FROM generate_series(1, 2) i"));
    TRY(run(s, db, scope_printf(s, "INSERT INTO clearance_exclusion SELECT 3, n, '' FROM generate_series(0, %d) n",
                                ITEMS - 1)));
    for (int i = 0; i < ITEMS; i++)
        if (w->left_out[i])
            TRY(run(s, db, scope_printf(s, "INSERT INTO clearance_exclusion VALUES (2, %d, '')", i)));
    return ERR_OK;
}

static err write_world(struct scope *s, struct db *db, const struct world *w)
{
    TRY(run(s, db, "INSERT INTO party (id, handle, roles, index, created_at)"
                   " SELECT 'pty_' || i, 'p' || i, '{publisher}', 1, now() FROM generate_series(0, 5) i"));
    TRY(run(s, db, "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
                   " VALUES ('dts_1', 'p0', 'set', 'pty_0', '', '', 'text', '{}', '')"));
    TRY(run(s, db, scope_printf(s, "INSERT INTO version (no, id, dataset, publisher, state, checked)"
                                   " OVERRIDING SYSTEM VALUE VALUES (1, 'ver_1', 'dts_1', 'pty_0', 'published', %lld)",
                                (long long)w->checked)));
    TRY(write_contents(s, db, w));
    TRY(write_items(s, db, w));
    TRY(run(s, db, "INSERT INTO item_contributor SELECT i.version, i.n, c.place - 1, c.value ->> 'party',"
                   " c.value ->> 'role', 1 FROM item i, jsonb_array_elements(i.contributors::jsonb) WITH ORDINALITY c"
                   " (value, place) UNION ALL SELECT 1, n, 0, 'pty_0', 'publisher', 1 FROM item"
                   "  WHERE contributors = '[]'"));
    for (int i = 0; i < CONSENTS; i++)
        TRY(write_consent(s, db, w, i));
    TRY(write_slice(s, db, w));
    return write_first(s, db, w);
}

/* ---- by the rules */

static struct verdict_grant *grants_of(struct scope *s, const struct given *c)
{
    struct verdict_grant *out = NEWS(s, struct verdict_grant, c->n + 1);

    for (size_t g = 0; g < c->n; g++) {
        out[g].purposes = 1u << c->grants[g].purpose;
        out[g].model_classes = 1u << c->grants[g].model;
        if (!territory_parse(places[c->grants[g].place], &out[g].territory))
            abort();
    }
    return out;
}

static struct contributor_facts facts_of(struct scope *s, const struct world *w, int content, const struct part *p)
{
    struct consent_facts *consents = NEWS(s, struct consent_facts, CONSENTS);
    struct contributor_facts f = { .role = roles[p->role], .consents = consents };

    for (int i = 0; i < CONSENTS; i++) {
        const struct given *c = &w->consents[i];
        if (c->party != p->party || !c->covers[content] || c->index >= AS_OF)
            continue;
        consents[f.n_consents++] = (struct consent_facts){
            .role = roles[c->role], .signature_holds = true, .logged_at = NOW - DAY, .from = c->from,
            .until = c->until, .revoked = strcmp(c->state, "revoked") == 0,
            .suspended = strcmp(c->state, "suspended") == 0, .status_at = NOW, .prohibited = c->prohibited,
            .grants = grants_of(s, c), .n_grants = c->n,
        };
    }
    return f;
}

/* The publication is the consent of an item's publisher, where nobody else is named. */
static struct contributor_facts publisher(struct scope *s, const struct judge *j)
{
    struct verdict_grant *all = NEW(s, struct verdict_grant);
    struct consent_facts *c = NEW(s, struct consent_facts);

    *all = (struct verdict_grant){ ~0u, ~0u, j->request.territory };
    *c = (struct consent_facts){ .role = "publisher", .signature_holds = true, .logged_at = 1, .until = INT64_MAX,
                                 .status_at = NOW, .grants = all, .n_grants = 1 };
    return (struct contributor_facts){ .role = "publisher", .consents = c, .n_consents = 1 };
}

static enum verdict expected(struct scope *s, const struct world *w, const struct judge *j, int item)
{
    const struct made *m = &w->items[item];
    const struct content *c = &w->contents[m->content];
    struct contributor_facts people[3];
    struct verdict_facts f = { .in_root = true, .contributors = people, .n_contributors = m->n ? m->n : 1 };

    f.given_back = w->paid && w->left_out[item];
    f.content = item >= w->checked ? CONTENT_UNVERIFIED : content_state_parse(c->there ? c->state : NULL);
    f.verified_at = c->there && c->verified_at != INT64_MIN ? c->verified_at : 0;
    people[0] = publisher(s, j);
    for (size_t i = 0; i < m->n; i++)
        people[i] = facts_of(s, w, m->content, &m->parts[i]);
    return verdict_item(&j->request, &j->license, &f);
}

/* ---- both */

static err nothing(struct scope *s, void *arg)
{
    (void)s;
    (void)arg;
    return ERR_OK;
}

/* What a pass gives, page by page, is what is read again afterwards. */
struct given_items { struct scope *s; struct clearance_item items[ITEMS]; size_t n; };

static err take(struct scope *s, void *arg, const struct clearance_item *items, size_t n)
{
    struct given_items *g = arg;

    (void)s;
    for (size_t i = 0; i < n && g->n < ITEMS; i++) {
        struct clearance_item *to = &g->items[g->n++];
        *to = items[i];
        to->path = scope_strdup(g->s, items[i].path);
        to->reason = items[i].reason ? scope_strdup(g->s, items[i].reason) : NULL;
        to->consents = items[i].consents ? scope_strdup(g->s, items[i].consents) : NULL;
    }
    return ERR_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static unsigned differ(const struct given_items *g, const struct clearance_item *again, size_t n)
{
    unsigned wrong = g->n != n;

    for (size_t i = 0; i < n && i < g->n; i++) {
        const struct clearance_item *a = &g->items[i], *b = &again[i];
        if (a->n != b->n || strcmp(a->path, b->path) != 0 || !hash_equal(&a->sha256, &b->sha256) ||
            a->size != b->size || !same_text(a->reason, b->reason) || !same_text(a->consents, b->consents)) {
            if (wrong++ < 3)
                printf("# item %d: rests on %s, %s; then on %s, %s\n", a->n, a->consents, a->reason, b->consents,
                       b->reason);
        }
    }
    return wrong;
}

static unsigned compare(struct scope *s, const struct world *w, const struct judge *j,
                        const struct clearance_item *got, size_t n, unsigned seen[VERDICTS])
{
    unsigned wrong = 0;
    size_t at = 0;

    for (int i = 0; i < ITEMS; i++) {
        enum verdict want, v = VERDICT_CLEARED;
        if (!w->member[i])
            continue;
        want = expected(s, w, j, i);
        if (at == n || got[at].n != i || (got[at].reason && !verdict_parse(got[at].reason, &v)) || v != want) {
            if (wrong++ < 3)
                printf("# item %d: %s instead of %s\n", i, verdict_code(v), verdict_code(want));
        }
        seen[want]++;
        at++;
    }
    return wrong + (at != n);
}

static bool one_round(struct db *db, struct seeded *r, unsigned seen[VERDICTS], unsigned *wrong)
{
    struct judge_items hears = { (int64_t)seeded_below(r, ITEMS + 10) + 1, nothing, take, NULL };
    struct clearance_item *got;
    struct given_items *given;
    struct world *w;
    struct judge j;
    struct scope s;
    size_t n = 0;
    bool good;

    scope_init(&s, 0);
    w = NEW(&s, struct world);
    hears.arg = given = NEW(&s, struct given_items);
    given->s = &s;
    make_world(r, w);
    judge_set(&w->clearance, &w->license, NOW, WINDOW, &j);
    good = db_begin(&s, db) == ERR_OK && write_world(&s, db, w) == ERR_OK &&
           judge_pass(&s, db, &w->clearance, &j, AS_OF, &hears) == ERR_OK &&
           clearance_items(&s, db, &w->clearance, CLEARANCE_ALL, -1, ITEMS + 1, &got, &n) == ERR_OK;
    if (good)
        *wrong += compare(&s, w, &j, got, n, seen) + differ(given, got, n);
    else
        printf("# %s\n", s.why.detail);
    db_rollback(db);
    scope_free(&s);
    return good;
}

static void test_equal(struct db *db, struct seeded *r)
{
    unsigned seen[VERDICTS] = { 0 }, wrong = 0, kinds = 0;
    int rounds = 0;

    while (rounds < ROUNDS && one_round(db, r, seen, &wrong))
        rounds++;
    is_int(rounds, ROUNDS, "rounds");
    is_int(wrong, 0, "SQL says what the rules say");
    for (enum verdict v = 0; v < VERDICTS; v++) {
        kinds += seen[v] > 0;
        printf("# %6u %s\n", seen[v], verdict_code(v));
    }
    ok(kinds >= 15 && seen[VERDICT_CLEARED] > 100, "of %u kinds of verdicts, %u cleared", kinds, seen[VERDICT_CLEARED]);
}

int main(void)
{
    const char *dsn = getenv("COUNTERFOIL_TEST_DSN");
    struct seeded r = seeded_start();
    struct scope s;
    struct db *db;

    if (!dsn || !*dsn) {
        skip(1, "COUNTERFOIL_TEST_DSN is not set: nothing about verdicts in SQL was tested");
        return done_testing();
    }
    scope_init(&s, 0);
    if (is_err(&s, db_open(&s, dsn, "unit", &db), ERR_OK, "connects")) {
        if (is_err(&s, migrate_apply(&s, db, migrations, NULL), ERR_OK, "makes the tables"))
            test_equal(db, &r);
        db_close(db);
    }
    scope_free(&s);
    return done_testing();
}
