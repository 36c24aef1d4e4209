/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "tests/unit/ledger/audit/story.h"

/* The honest story and accesses, `n` entries in all. */
static void log_fill(struct log *l, size_t n)
{
    for (int i = 0; i <= GRANTED; i++)
        log_act(l, &story[i]);
    while (l->n < n) {
        struct act x = story[ACCESS_1];
        x.at = START + 10 + (int64_t)l->n;
        log_act(l, &x);
    }
}

static struct audit *fresh(struct scope *s, const struct log *l)
{
    struct audit_config config = { .vkey = l->vkey, .seed = 42 };
    struct audit *a = NULL;

    ok(audit_new(s, &config, &a) == ERR_OK, "a new audit");
    return a;
}

static struct audit_report go(struct scope *s, struct audit *a, struct log *l)
{
    struct audit_source src = log_source(l);
    struct audit_report r;

    ok(audit_run(s, a, &src, &r) == ERR_OK, "runs to its end");
    for (const struct audit_finding *f = r.first; f; f = f->next)
        printf("# %s: expected %s, found %s\n", audit_rules[f->rule].name, f->expected, f->found);
    return r;
}

static bool first_is(const struct audit_report *r, enum audit_rule_id rule)
{
    return r->findings > 0 && r->first->rule == rule;
}

/* Saves, loads, frees the old one: as a client does between two runs. */
static struct audit *reloaded(struct scope *s, struct audit *a)
{
    struct audit_config config = { .seed = 43 };
    struct buf text = BUF(s), again = BUF(s);
    struct audit *b = NULL;

    audit_save(a, &text);
    ok(audit_load(s, &config, text.p, text.len, &b) == ERR_OK && audit_size(b) == audit_size(a), "a saved state loads");
    audit_save(b, &again);
    is_int((int64_t)again.len, (int64_t)text.len, "with all that it held");
    audit_free(a);
    return b;
}

/* From every size to every later size, across the borders of tiles. */
static void test_resume(struct scope *s)
{
    static const size_t sizes[] = { 1, 2, 15, 255, 256, 257, 511, 512, 700, 1025 };
    struct audit *a;
    struct log l;

    log_init(&l);
    log_fill(&l, 1025);
    a = fresh(s, &l);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct audit_report r;
        l.shown = sizes[i];
        r = go(s, a, &l);
        ok(r.findings == 0 && r.advanced && r.to == sizes[i] && r.from == (i ? sizes[i - 1] : 0), "sound to %zu",
           sizes[i]);
        a = reloaded(s, a);
    }
    is_int((int64_t)audit_size(a), 1025, "stands at the end");
    is_str(audit_vkey(a), l.vkey, "under its key");
    audit_free(a);
    log_free(&l);
}

/* A resumed audit knows what was live. */
static void test_memory(struct scope *s)
{
    struct audit_report r;
    struct audit *a;
    struct log l;

    log_init(&l);
    log_fill(&l, 300);
    a = fresh(s, &l);
    r = go(s, a, &l);
    is_int((int64_t)r.licenses_live, 1, "one live license");
    is_int((int64_t)r.entries[ENTRY_ACCESS_RECORDED], 300 - GRANTED - 1, "its accesses");
    is_int((int64_t)r.undisclosed, 300 - 3, "what was private stays so");
    a = reloaded(s, a);
    log_act(&l, &story[ENDED]);
    { struct act late = story[ACCESS_1]; late.at = START + 30 * DAY; log_act(&l, &late); }
    r = go(s, a, &l);
    ok(r.findings == 1 && first_is(&r, RULE_ACCESS_LICENSE) && r.first->index == 301 && r.advanced,
       "an access after the end");
    a = reloaded(s, a);
    r = go(s, a, &l);
    ok(r.findings == 0 && r.earlier_findings == 1, "findings of earlier runs are not forgotten");
    audit_free(a);
    log_free(&l);
}

/* What the log serves wrongly, each found by its rule and never taken for the new state. */
static void test_tree(struct scope *s)
{
    static const struct { const char *why, *hide, *bend; enum audit_rule_id rule; bool advanced; } rows[] = {
        { "a bundle changed", NULL, "tile/entries/001", RULE_TREE_BUNDLE, false },
        { "a bundle missing", "tile/entries/001", NULL, RULE_TREE_BUNDLE, false },
        { "a last bundle missing", "tile/entries/002.p/88", NULL, RULE_TREE_BUNDLE, false },
        { "a tile changed", NULL, "tile/0/001", RULE_TREE_TILE, true },
        { "a partial tile changed", NULL, "tile/0/002.p/88", RULE_TREE_TILE, true },
        { "an upper tile changed", NULL, "tile/1/000.p/2", RULE_TREE_TILE, true },
        { "a tile missing", "tile/0/000", NULL, RULE_TREE_TILE, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct audit_report r;
        struct audit *a;
        struct log l;
        log_init(&l);
        log_fill(&l, 600);
        l.hide = rows[i].hide, l.bend = rows[i].bend;
        a = fresh(s, &l);
        r = go(s, a, &l);
        ok((first_is(&r, rows[i].rule) || first_is(&r, RULE_ENTRY_FORM)) && r.advanced == rows[i].advanced, "%s",
           rows[i].why);
        audit_free(a);
        log_free(&l);
    }
}

/* A partial tile that is gone because the log has grown: the full one stands for it. */
static void test_grown(struct scope *s)
{
    struct audit_report r;
    struct audit *a;
    struct log l;

    log_init(&l);
    log_fill(&l, 600);
    l.shown = 300, l.hide = "tile/entries/001.p/44";
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(r.findings == 0 && r.to == 300, "a full bundle stands for a partial one that is gone");
    audit_free(a);
    l.hide = "tile/0/001.p/44";
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(r.findings == 0 && r.to == 300, "and a full tile");
    audit_free(a);
    log_free(&l);
}

static void test_checkpoints(struct scope *s)
{
    uint8_t seed[ED25519_SEED] = { 9 };
    struct checkpoint c = { .origin = ORIGIN, .size = 20 };
    struct secret_key *other;
    struct audit_report r;
    struct audit *a;
    struct log l;
    char *bent;

    log_init(&l);
    log_fill(&l, 20);
    other = secret_key_from_seed(seed);
    l.note = note_sign(s, checkpoint_text(s, &c), &l.key, other);
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(first_is(&r, RULE_CHECKPOINT) && !r.has_checkpoint && !r.advanced && l.asked == 0, "a signature by another key");
    audit_free(a);
    bent = scope_strdup(s, log_note(&l, 20));
    bent[sizeof ORIGIN] = '3';
    l.note = bent;
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(first_is(&r, RULE_CHECKPOINT), "a size changed under its signature");
    audit_free(a);
    l.note = note_sign(s, checkpoint_text(s, &c), &l.key, l.secret);
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(first_is(&r, RULE_TREE_ROOT) && r.has_checkpoint && !r.advanced, "a root that is not that of the entries");
    audit_free(a);
    l.note = log_note(&l, 0);
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(r.findings == 0 && r.advanced && r.to == 0, "an empty log is sound");
    audit_free(a);
    secret_key_free(other);
    log_free(&l);
}

static void access_at(struct log *l, int64_t at, uint64_t item)
{
    struct act x = story[ACCESS_1];

    x.at = at;
    act_value(&x, "item_number")->value.v.count = item;
    log_act(l, &x);
}

/* Windows outlive a run; one is over after 24 hours to the millisecond, and then takes no room. */
static void test_windows(struct scope *s)
{
    struct audit_report r;
    struct audit *a;
    struct buf text = BUF(s);
    size_t kept = 0;
    struct log l;

    log_init(&l);
    l.disclose = true;
    for (int i = 0; i <= GRANTED; i++) {
        struct act x = story[i];
        if (i == PUBLISHED || i == GRANTED)
            act_value(&x, "item_count")->value.v.count = 5000;
        log_act(&l, &x);
    }
    access_at(&l, START + 2, 7);
    a = fresh(s, &l);
    r = go(s, a, &l);
    a = reloaded(s, a);
    access_at(&l, START + 2 + DAY, 7);
    r = go(s, a, &l);
    ok(r.findings == 0, "a window is over after 24 hours");
    a = reloaded(s, a);
    access_at(&l, START + 1 + 2 * DAY, 7);
    r = go(s, a, &l);
    ok(r.findings == 1 && first_is(&r, RULE_ACCESS_WINDOW), "not a millisecond before");
    a = reloaded(s, a);
    for (int64_t i = 0; i < 1400; i++)
        access_at(&l, START + 3 * DAY + i * (DAY / 60), 8 + (uint64_t)i);
    r = go(s, a, &l);
    ok(r.findings == 0 && r.disclosed == 1400, "1,400 items in 23 days");
    audit_save(a, &text);
    buf_char(&text, '\0');
    for (const char *p = text.p; (p = strstr(p, "\nwindow ")) != NULL; p++)
        kept++;
    ok(kept > 60 && kept < 500, "of which %zu are remembered, 60 a day", kept);
    audit_free(a);
    log_free(&l);
}

/* Another history behind the same key: found, with both notes kept. */
static void test_forks(struct scope *s)
{
    static const struct { size_t seen, size; bool other; enum audit_rule_id rule; } rows[] = {
        { 300, 300, true, RULE_FORK }, { 300, 301, true, RULE_FORK }, { 300, 700, true, RULE_FORK },
        { 256, 600, true, RULE_FORK },
        { 300, 100, true, RULE_FORK }, { 300, 299, true, RULE_FORK },
    };
    struct log l, other;

    log_init(&l);
    log_fill(&l, 300);
    log_init(&other);
    for (int i = 0; i <= GRANTED; i++)
        log_act(&other, &story[i]);
    log_act(&other, &story[ACCESS_2]);
    while (other.n < 700) {
        struct act x = story[ACCESS_1];
        x.at = START + 10 + (int64_t)other.n;
        log_act(&other, &x);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct log *next = rows[i].other ? &other : &l;
        struct audit *a = fresh(s, &l);
        struct audit_report r;
        l.shown = rows[i].seen;
        l.note = NULL;
        r = go(s, a, &l);
        ok(r.advanced, "a first history to %zu", rows[i].seen);
        next->note = log_note(next, rows[i].size);
        a = reloaded(s, a);
        r = go(s, a, next);
        ok(first_is(&r, rows[i].rule) && !r.advanced, "then %s at %zu", audit_rules[rows[i].rule].name, rows[i].size);
        ok(r.evidence && strstr(r.evidence, log_note(&l, rows[i].seen)) && strstr(r.evidence, next->note),
           "both notes are evidence");
        next->note = NULL;
        audit_free(a);
    }
    log_free(&other);
    log_free(&l);
}

/* A smaller checkpoint of the same history: an old copy while the rest is served, else a log that went back. */
static void test_old_copies(struct scope *s)
{
    static const size_t sizes[] = { 299, 257, 256, 255, 12, 1, 0 };
    struct log l, cut;

    log_init(&l);
    log_fill(&l, 300);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct audit_source src;
        struct audit_report r;
        struct audit *a = fresh(s, &l);
        l.note = NULL;
        go(s, a, &l);
        a = reloaded(s, a);
        l.note = log_note(&l, sizes[i]);
        src = log_source(&l);
        ok(audit_run(s, a, &src, &r) == ERR_STALE && strstr(s->why.detail, "old one") && r.findings == 0 &&
           !r.advanced && !r.evidence, "an old copy of size %zu is neither found nor blessed", sizes[i]);
        scope_forgive(s);
        audit_free(a);
        a = fresh(s, &l);
        l.note = NULL;
        go(s, a, &l);
        a = reloaded(s, a);
        log_init(&cut);
        log_fill(&cut, 12);
        while (cut.n < sizes[i])
            log_raw(&cut, l.entry[cut.n].p, l.entry[cut.n].len);
        cut.note = log_note(&cut, sizes[i]);
        r = go(s, a, &cut);
        ok(first_is(&r, RULE_ROLLBACK) && !r.advanced && strstr(r.evidence, cut.note), "a log cut back to %zu is",
           sizes[i]);
        audit_free(a);
        log_free(&cut);
    }
    log_free(&l);
}

static void test_bytes(struct scope *s)
{
    static const char odd[] = "{\"at\":\"2026-11-23T10:15:30.123Z\", \"body\":{},"
                              "\"sd\":[],\"type\":\"log.opened\",\"v\":1}";
    struct audit_report r;
    struct audit *a;
    struct log l;

    log_init(&l);
    log_fill(&l, 20);
    log_raw(&l, odd, sizeof odd - 1);
    log_raw(&l, "", 0);
    a = fresh(s, &l);
    r = go(s, a, &l);
    ok(r.findings == 2 && first_is(&r, RULE_ENTRY_FORM) && r.first->index == 20 && r.advanced, "entries that are none");
    audit_free(a);
    log_free(&l);
}

static void test_failures(struct scope *s)
{
    struct audit_source src;
    struct audit_report r;
    struct audit *a;
    struct log l;

    log_init(&l);
    log_fill(&l, 20);
    l.failure = ERR_UNREACHABLE;
    src = log_source(&l);
    a = fresh(s, &l);
    ok(audit_run(s, a, &src, &r) == ERR_UNREACHABLE && !r.advanced && strstr(s->why.detail, "network"),
       "a source that fails is no finding");
    scope_forgive(s);
    audit_free(a);
    log_free(&l);
}

/* A state with any byte changed is refused, so a client never goes on from a damaged file. */
static void test_damage(struct scope *s)
{
    struct audit_config config = { .seed = 1 };
    struct audit_config foreign = { .vkey = "x+00000000+AAAA", .seed = 1 };
    struct buf text = BUF(s);
    struct audit *a, *b;
    size_t refused = 0;
    struct log l;

    log_init(&l);
    log_fill(&l, 20);
    a = fresh(s, &l);
    go(s, a, &l);
    audit_save(a, &text);
    audit_free(a);
    for (size_t i = 0; i < text.len; i++) {
        struct scope t;
        scope_init(&t, 0);
        text.p[i] ^= 1;
        if (audit_load(&t, &config, text.p, text.len, &b) == ERR_INVALID)
            refused++;
        else
            audit_free(b);
        text.p[i] ^= 1;
        if (audit_load(&t, &config, text.p, i, &b) == ERR_OK)
            audit_free(b), refused = 0;
        scope_free(&t);
    }
    is_int((int64_t)refused, (int64_t)text.len, "every damaged byte is seen");
    ok(audit_load(s, &foreign, text.p, text.len, &b) == ERR_INVALID, "a state of another key is refused");
    scope_forgive(s);
    foreign.vkey = "nonsense";
    ok(audit_new(s, &foreign, &b) == ERR_INVALID, "and so is a key that is none");
    scope_forgive(s);
    log_free(&l);
}

int main(void)
{
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    test_resume(&s);
    test_memory(&s);
    test_tree(&s);
    test_grown(&s);
    test_checkpoints(&s);
    test_forks(&s);
    test_old_copies(&s);
    test_windows(&s);
    test_bytes(&s);
    test_failures(&s);
    test_damage(&s);
    scope_free(&s);
    return done_testing();
}
