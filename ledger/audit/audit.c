/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/audit/audit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/audit/state.h"

static const size_t row_sizes[TABLES] = {
    [PARTIES] = sizeof(struct party_row), [VERSIONS] = sizeof(struct version_row), [OFFERS] = sizeof(struct offer_row),
    [PAYMENTS] = sizeof(struct payment_row), [LICENSES] = sizeof(struct license_row),
    [PAST_OFFERS] = sizeof(struct past_row), [PAST_PAYMENTS] = sizeof(struct past_row),
    [PAST_LICENSES] = sizeof(struct past_row), [WINDOWS] = sizeof(struct window_row),
    [CONSENTS] = sizeof(struct consent_row), [PAST_CONSENTS] = sizeof(struct past_row),
    [STATUS_PLACES] = sizeof(struct past_row), [CERTIFICATES] = sizeof(struct certificate_row),
    [PAST_CERTIFICATES] = sizeof(struct past_row), [STATUS_LISTS] = sizeof(struct list_row),
    [CLEARANCES] = sizeof(struct clearance_row), [PAST_CLEARANCES] = sizeof(struct past_row),
    [REFUNDS] = sizeof(struct past_row), [ALLOCATIONS] = sizeof(struct past_row), [PAYOUTS] = sizeof(struct payout_row),
    [PAST_PAYOUTS] = sizeof(struct past_row), [BALANCES] = sizeof(struct balance_row),
    [TOTALS] = sizeof(struct balance_row), [PAST_PARTIES] = sizeof(struct past_row),
    [MISSING] = sizeof(struct missing_row),
    [ISSUERS] = sizeof(struct issuer_row),
    [SUCCESSORS] = sizeof(struct successor_row), [PREDECESSORS] = sizeof(struct predecessor_row),
    [SNAPSHOTS] = sizeof(struct snapshot_row), [CREATORS] = sizeof(struct creator_row),
};

err audit_new(struct scope *s, const struct audit_config *config, struct audit **out)
{
    struct note_key key;
    struct audit *a;

    if (!config->vkey || !note_key_parse(config->vkey, &key))
        return fail(s, ERR_INVALID, "not an Ed25519 verifier key: %s", config->vkey ? config->vkey : "(none)");
    a = calloc(1, sizeof *a);
    if (!a)
        abort();
    scope_init(&a->kept, 0);
    a->config = *config;
    a->key = key;
    a->vkey = scope_strdup(&a->kept, config->vkey);
    a->config.vkey = a->vkey;
    a->last.root = empty_root();
    for (int i = 0; i < TABLES; i++)
        table_init(&a->table[i], row_sizes[i], config->seed + (uint64_t)i);
    table_init(&a->cleared, sizeof(struct cleared_rows), config->seed + TABLES);
    table_init(&a->firsts, sizeof(struct first_rows), config->seed + TABLES + 1);
    table_init(&a->terms, sizeof(struct terms_row), config->seed + TABLES + 2);
    *out = a;
    return ERR_OK;
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    for (int i = 0; i < TABLES; i++)
        table_free(&a->table[i]);
    cleared_rows_free(a);
    table_free(&a->terms);
    listed_free(&a->listed);
    scope_free(&a->kept);
    free(a);
}

const char *audit_origin(const struct audit *a) { return a->key.name; }
const char *audit_vkey(const struct audit *a)   { return a->vkey; }
uint64_t    audit_size(const struct audit *a)   { return a->last.size; }

static void find_at(struct audit *a, enum audit_rule_id rule, bool has_index, const char *expected, const char *format,
                    va_list ap)
{
    struct audit_finding *f;
    char found[SCOPE_DETAIL_MAX];

    a->report->tree_findings += !has_index;
    if (a->report->findings++ >= AUDIT_FINDINGS_KEPT)
        return;
    vsnprintf(found, sizeof found, format, ap);
    f = NEW(a->out, struct audit_finding);
    *f = (struct audit_finding){ .rule = rule, .has_index = has_index, .index = has_index ? a->index : 0,
                                 .expected = expected, .found = scope_strdup(a->out, found) };
    *a->tail = f;
    a->tail = &f->next;
}

void audit_find(struct audit *a, enum audit_rule_id rule, const char *expected, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    find_at(a, rule, true, expected, format, ap);
    va_end(ap);
}

void audit_find_tree(struct audit *a, enum audit_rule_id rule, const char *expected, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    find_at(a, rule, false, expected, format, ap);
    va_end(ap);
}

/* Work in a scope of its own; the reason of a failure is handed on. */
static err inner(struct scope *s, struct scope *t, err e)
{
    if (e != ERR_OK)
        e = scope_fail(s, e, t->why.file, t->why.line, "%s", t->why.detail);
    scope_free(t);
    return e;
}

/* Whether its entries can be replayed: those that were audited before must be the same. */
static bool bundle_good(struct audit *a, uint64_t number, const struct audit_bundle *b)
{
    uint64_t first = number * TILE_WIDTH;

    if (!b->served)
        audit_find_tree(a, RULE_TREE_BUNDLE, "a bundle", "nothing served for bundle %" PRIu64, number);
    else if (b->n == 0)
        audit_find_tree(a, RULE_TREE_BUNDLE, "a bundle", "bundle %" PRIu64 " does not hold %u entries", number,
                        b->width);
    for (unsigned i = 0; i < b->n && first + i < a->tree.size; i++)
        if (!hash_equal(&b->leaf[i], &a->tile[0][i]))
            audit_find_tree(a, RULE_TREE_BUNDLE, "the entries audited before", "another entry %" PRIu64, first + i);
    return b->n > 0;
}

static err bundle_replay(struct scope *t, struct audit *a, uint64_t number, const struct audit_bundle *b)
{
    for (unsigned i = a->tree.size % TILE_WIDTH; i < b->n; i++) {
        a->index = number * TILE_WIDTH + i;
        TRY(replay_entry(t, a, b->entry[i]));
    }
    tiles_append(a, b);
    return tiles_compare(t, a, b);
}

/* Made by whoever reads ahead, else here. */
static err bundle_take(struct scope *t, struct audit *a, uint64_t number, const struct audit_bundle **out)
{
    struct audit_bundle *own;

    if (a->config.bundle)
        return a->config.bundle(t, a->config.bundle_arg, number, a->size, out);
    own = NEW(t, struct audit_bundle);
    *out = own;
    return audit_bundle_read(t, a->src, number, a->size, own);
}

static err bundle(struct scope *t, struct audit *a, uint64_t number, bool *good)
{
    const struct audit_bundle *b;

    TRY(bundle_take(t, a, number, &b));
    *good = bundle_good(a, number, b);
    return *good ? bundle_replay(t, a, number, b) : ERR_OK;
}

static err replay(struct scope *s, struct audit *a)
{
    uint64_t first = a->tree.size / TILE_WIDTH, end = (a->size + TILE_WIDTH - 1) / TILE_WIDTH;
    bool good = true;

    if (a->config.progress)
        a->config.progress(a->config.progress_arg, a->tree.size, a->size);
    for (uint64_t number = first; good && number < end; number++) {
        struct scope t = scope_within(s);
        TRY(inner(s, &t, bundle(&t, a, number, &good)));
        if (a->config.progress)
            a->config.progress(a->config.progress_arg, a->tree.size, a->size);
    }
    return ERR_OK;
}

/* Both notes, one after the other: what the log has signed. */
static const char *evidence(struct audit *a, struct bytes note)
{
    return scope_printf(a->out, "%.*s\n%.*s", (int)a->note.len, (const char *)a->note.p, (int)note.len,
                        (const char *)note.p);
}

static void contradicts(struct audit *a, enum audit_rule_id rule, const struct checkpoint *next, struct bytes note)
{
    audit_find_tree(a, rule, rule == RULE_FORK ? "one history with the checkpoint seen before"
                                               : "the entries that the checkpoint seen before covers",
                    rule == RULE_FORK ? "size %" PRIu64 " that is not proven to be of one with %" PRIu64
                                      : "size %" PRIu64 " after %" PRIu64 ", and no tile beyond it",
                    next->size, a->last.size);
    a->report->evidence = evidence(a, note);
}

/*
 * A smaller checkpoint: either an old copy of what was signed, or a log that has gone back. It is an old copy only if
 * it is proven to be extended by what was seen before, and the log still serves that. Then there is nothing to find
 * and nothing to bless: it could not be checked.
 */
static err older(struct scope *s, struct audit *a, const struct checkpoint *next, struct bytes note)
{
    struct scope t = scope_within(s);
    bool served = false, good = false;
    err e;

    a->size = a->last.size;                          /* tiles as of then */
    e = tiles_served(&t, a, &served);
    if (e == ERR_OK && served)
        e = tiles_consistent(&t, a, next, &a->last, &good);
    TRY(inner(s, &t, e));
    if (!served || !good) {
        contradicts(a, served ? RULE_FORK : RULE_ROLLBACK, next, note);
        return ERR_OK;
    }
    return fail(s, ERR_STALE, "the checkpoint served, of %" PRIu64 " entries, is an old one: %" PRIu64
                " were signed before, in the same history. A cache may hold it: ask the log itself. Nothing was "
                "checked", next->size, a->last.size);
}

/* Whether the new checkpoint goes on where the last one ended. */
static err extends(struct scope *s, struct audit *a, const struct checkpoint *next, struct bytes note, bool *good)
{
    struct scope t;

    *good = true;
    if (a->last.size == 0)
        return ERR_OK;
    if (next->size < a->last.size) {
        *good = false;
        return older(s, a, next, note);
    }
    if (next->size == a->last.size) {
        *good = hash_equal(&next->root, &a->last.root);
    } else {
        t = scope_within(s);
        TRY(inner(s, &t, tiles_consistent(&t, a, &a->last, next, good)));
    }
    if (!*good)
        contradicts(a, RULE_FORK, next, note);
    return ERR_OK;
}

static err rightmost(struct scope *s, struct audit *a, bool *good)
{
    struct scope t = scope_within(s);

    TRY(inner(s, &t, tiles_resume(&t, a, good)));
    if (!*good)
        audit_find_tree(a, RULE_TREE_TILE, "the tiles audited before", "other hashes below size %" PRIu64,
                        a->tree.size);
    return ERR_OK;
}

static void finish(struct audit *a, const struct checkpoint *c, struct bytes note)
{
    struct hash root = frontier_root(&a->tree);

    a->report->to = a->tree.size;
    if (a->tree.size != c->size)
        return;                                      /* a bundle was missing: found already */
    if (!hash_equal(&root, &c->root)) {
        audit_find_tree(a, RULE_TREE_ROOT, "the root that is signed", "another root over the entries");
        return;
    }
    a->last = *c;
    a->note = (struct bytes){ scope_memdup(&a->kept, note.p, note.len), note.len };
    a->findings += a->report->findings;
    a->report->advanced = true;
}

/* The keys are part of the evidence: neither note shows the other's. */
static void replaced(struct audit *a, struct bytes note)
{
    audit_find_tree(a, RULE_LOG_SAME, scope_strdup(a->out, a->vkey), "%s", a->config.named);
    a->report->evidence = scope_printf(a->out, "%s\n%s\n\n%s", a->vkey, a->config.named, evidence(a, note));
}

/* What lies below the policy is not gone on from: nothing is remembered of it, and the next run asks again. */
static bool below_policy(struct scope *s, struct audit *a, struct bytes note)
{
    struct policy_verdict *v = NEW(a->out, struct policy_verdict);

    if (!a->config.policy)
        return false;
    if (policy_judge(s, a->config.policy, &a->key, (const char *)note.p, note.len, v) != ERR_OK) {
        audit_find_tree(a, RULE_POLICY, "a checkpoint that the policy can be asked of", "%s", s->why.detail);
        scope_forgive(s);
        return true;
    }
    if (!v->met)
        audit_find_tree(a, RULE_POLICY, "cosignatures that meet the policy", "%s", v->missing);
    return !v->met;
}

/* A checkpoint from elsewhere stands for the last one if it goes further; the replay ends at both or at none. */
static err take_seen(struct scope *s, struct audit *a)
{
    struct checkpoint c;
    struct bytes note = a->config.seen;

    if (note.len == 0)
        return ERR_OK;
    if (checkpoint_open(s, (const char *)note.p, note.len, &a->key, &c) != ERR_OK) {
        scope_forgive(s);
        return fail(s, ERR_INVALID, "a checkpoint that was seen elsewhere is not this log's: none signed by %s",
                    a->vkey);
    }
    if (c.size <= a->last.size)
        return ERR_OK;
    a->last = c;
    a->note = (struct bytes){ scope_memdup(&a->kept, note.p, note.len), note.len };
    return ERR_OK;
}

static err walk(struct scope *s, struct audit *a)
{
    struct checkpoint *c = &a->report->checkpoint;
    struct bytes note = { 0 };
    bool good, met;
    err e;

    TRY(a->src->checkpoint(s, a->src->arg, &note));
    if (a->config.named && strcmp(a->config.named, a->vkey) != 0)
        replaced(a, note);
    if (checkpoint_open(s, (const char *)note.p, note.len, &a->key, c) != ERR_OK) {
        audit_find_tree(a, RULE_CHECKPOINT, "a checkpoint signed by this key", "%s", s->why.detail);
        scope_forgive(s);
        return ERR_OK;
    }
    a->report->has_checkpoint = true;
    met = !below_policy(s, a, note);
    TRY(take_seen(s, a));
    if (a->config.draw && met)
        draw_begin(a->config.draw, &c->root);
    a->size = c->size;
    e = extends(s, a, c, note, &good);
    if (!met) {                                      /* found, whatever else it is; a fork is to be told with it */
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(e);
    if (good)
        TRY(rightmost(s, a, &good));
    if (!good)
        return ERR_OK;
    TRY(replay(s, a));
    if (a->tree.size == a->size)
        TRY(missing_settle(s, a));
    predecessor_check(a);
    finish(a, c, note);
    return ERR_OK;
}

err audit_run(struct scope *s, struct audit *a, const struct audit_source *src, struct audit_report *out)
{
    err e;

    assert(!a->src);                                 /* one run for each state */
    *out = (struct audit_report){ .from = a->tree.size, .to = a->tree.size, .earlier_findings = a->findings };
    a->src = src;
    a->report = out;
    a->out = s;
    a->tail = &out->first;
    e = walk(s, a);
    if (a->config.draw)
        draw_end(a->config.draw);
    out->parties = a->table[PARTIES].n;
    out->versions = a->table[VERSIONS].n;
    out->offers_open = a->table[OFFERS].n;
    out->licenses_live = a->table[LICENSES].n;
    out->consents_live = a->table[CONSENTS].n;
    a->report = NULL;
    return e;
}
