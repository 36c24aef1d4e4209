/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/tree/sumtree.h"
#include "tests/unit/ledger/audit/longer.h"

/*
 * Rules version 3: what creators are owed, committed to twice; and every way in which a snapshot may lie. Its first
 * one comes after a payout of all that one of the two accounts had, the second repeats it.
 */
enum { CHANGED_3 = LONG_ACTS, TAKEN, LATER, ALL_ACTS };
#define ACC_0 ID("acc", "00")
#define ACC_1 ID("acc", "01")
#define TAKEN_AS_OF (LONG_ACTS + 1)
#define PAGE_1 "snapshots/41/EUR/0"
#define PAGE_2 "snapshots/42/EUR/0"
_Static_assert(TAKEN == 41, "the pages' names have the entries' indexes");

struct account { const char *id, *balance; uint64_t n; };
static const struct account honest[] = { { ACC_0, "0.00", 2 }, { ACC_1, "8.251467", 2 } };

struct lie {
    const char *why;
    struct account account[3];             /* the leaves of the first snapshot; none: the honest ones */
    enum { AS_IT_IS, TURNED, DOUBLED, SHORTENED, SPOILED, HIDDEN, ERASED, MISERASED } served;
    const char *total;                     /* in the entry; NULL: the leaves' */
    const char *currency;                  /* NULL: EUR */
    uint64_t accounts;                     /* 0: the leaves' */
    uint64_t as_of;                        /* 0: TAKEN_AS_OF */
    bool closed;                           /* nothing is disclosed */
    bool payout_gone;                      /* the payout isn't: its payee is being erased */
    enum audit_rule_id rule;               /* RULES: nothing is found */
};

static const struct lie lies[] = {
    { "the honest story", .rule = RULES },
    { "and to outsiders", .closed = true, .rule = RULES },
    { "without its leaves", .served = HIDDEN, .rule = RULES },
    { "with leaves of erased accounts", .served = ERASED, .rule = RULES },
    { "with such leaves of another sum", .served = MISERASED, .rule = RULE_SNAPSHOT_LEAVES },
    { "with such leaves, in the middle of an erasure", .served = ERASED, .payout_gone = true, .rule = RULES },
    { "an account left out behind an erased one", { { ACC_0, "0.00", 2 }, { ID("acc", "zz"), "8.251467", 2 } }, ERASED,
      .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "an account left out that has nothing", { { ACC_1, "8.251467", 2 } }, .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "an account left out", { { ACC_0, "0.00", 2 } }, .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "an account left out, unseen", { { ACC_0, "0.00", 2 } }, HIDDEN, .rule = RULE_SNAPSHOT_TOTAL },
    { "a micro-unit less", { { ACC_0, "0.00", 2 }, { ACC_1, "8.251466", 2 } }, .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "a micro-unit more", { { ACC_0, "0.00", 2 }, { ACC_1, "8.251468", 2 } }, .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "one's money as another's", { { ACC_0, "8.251467", 2 }, { ACC_1, "0.00", 2 } }, .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "another number", { { ACC_0, "0.00", 2 }, { ACC_1, "8.251467", 1 } }, .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "an account of nobody", { { ACC_0, "0.00", 2 }, { ACC_1, "8.251467", 2 }, { ID("acc", "zz"), "1.00", 1 } },
      .rule = RULE_SNAPSHOT_ACCOUNTS },
    { "an account by another name", { { ACC_0, "0.00", 2 }, { "acc_81jdc5x9k2h3v8m4q7t0w6y101", "8.251467", 2 } },
      .rule = RULE_SNAPSHOT_LEAVES },
    { "a balance in another form", { { ACC_0, "0.000", 2 }, { ACC_1, "8.251467", 2 } }, .rule = RULE_SNAPSHOT_LEAVES },
    { "leaves out of order", .served = TURNED, .rule = RULE_SNAPSHOT_LEAVES },
    { "a leaf twice", .served = DOUBLED, .rule = RULE_SNAPSHOT_LEAVES },
    { "a leaf less than its number", .served = SHORTENED, .rule = RULE_SNAPSHOT_LEAVES },
    { "leaves of another root", .served = SPOILED, .rule = RULE_SNAPSHOT_LEAVES },
    { "a total that is not the leaves'", .total = "8.26", .rule = RULE_SNAPSHOT_LEAVES },
    { "another total, unseen", .total = "8.25", .served = HIDDEN, .rule = RULE_SNAPSHOT_TOTAL },
    { "another number of accounts", .accounts = 1, .rule = RULE_SNAPSHOT_LEAVES },
    { "no accounts", .accounts = ENTRY_COUNT_MAX + 1, .closed = true, .rule = RULE_SNAPSHOT_SUMS },
    { "a total in another form", .total = "8.250000", .closed = true, .rule = RULE_SNAPSHOT_SUMS },
    { "a currency that there is not", .currency = "XTS", .closed = true, .rule = RULE_SNAPSHOT_SUMS },
    { "as of its own future", .as_of = TAKEN + 1, .closed = true, .rule = RULE_SNAPSHOT_AS_OF },
    { "as of before the log", .as_of = ENTRY_COUNT_MAX + 1, .closed = true, .rule = RULE_SNAPSHOT_AS_OF },
    { "as of before a payout failed", .as_of = FAILED, .closed = true, .rule = RULE_SNAPSHOT_AS_OF },
};

static uint64_t some(uint64_t said, uint64_t otherwise)
{
    return said > ENTRY_COUNT_MAX ? 0 : said ? said : otherwise;
}

struct leaf { struct hash id, commitment; struct sum_node node; const char *text, *balance; };

static int by_id(const void *left, const void *right)
{
    return memcmp(((const struct leaf *)left)->id.b, ((const struct leaf *)right)->id.b, HASH_SIZE);
}

/* All of them without their accounts. */
static void serve_erased(struct buf *out, const struct leaf *leaves, size_t n, const char *balance)
{
    char commitment[HEX_SIZE(HASH_SIZE)], id[HEX_SIZE(HASH_SIZE)];

    for (size_t i = 0; i < n; i++) {
        hex_write(leaves[i].commitment.b, HASH_SIZE, commitment);
        hex_write(leaves[i].id.b, HASH_SIZE, id);
        buf_printf(out, "{\"commitment\":\"%s\",\"id\":\"%s\",\"sum\":\"%s\"}\n", commitment, id,
                   balance ? balance : leaves[i].balance);
    }
}

static void serve(struct buf *out, const struct lie *lie, const struct leaf *leaves, size_t n)
{
    if (lie->served == ERASED || lie->served == MISERASED) {
        serve_erased(out, leaves, n, lie->served == MISERASED ? "1.00" : NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (lie->served != SHORTENED || i > 0)
            buf_printf(out, "%s\n", leaves[lie->served == TURNED ? n - 1 - i : i].text);
    if (lie->served == DOUBLED)
        buf_printf(out, "%s\n", leaves[n - 1].text);
    if (lie->served == SPOILED) {
        *strstr(out->p, "\"salt\":\"") = '\0';
        out->len = strlen(out->p);
        buf_printf(out, "\"salt\":\"BAAAAAAAAAAAAAAAAAAAAA\"}\n%s\n", leaves[1].text);
    }
}

/* The leaves as the market serves them; the entry's `currencies`. */
static const char *tree_of(struct log *l, const char *page, const struct lie *lie, uint64_t as_of)
{
    const struct account *a = lie->account[0].id ? lie->account : honest;
    struct sum_frontier tree = SUM_FRONTIER_EMPTY;
    struct leaf leaves[3] = { 0 };
    char root[HEX_SIZE(HASH_SIZE)], total[MONEY_SUM_SIZE];
    struct sum_node top;
    struct buf text = BUF(&l->s);
    size_t n = 0, most = a == honest ? ARRAY_LEN(honest) : ARRAY_LEN(lie->account);

    for (; n < most && a[n].id; n++) {
        struct held_row row = { .n = a[n].n, .salt = { (uint8_t)n } };
        money_sum balance;
        snprintf(row.account.text, sizeof row.account.text, "%s", a[n].id);
        snprintf(row.balance, sizeof row.balance, "%s", a[n].balance);
        leaves[n].id = held_id(a[n].id, as_of);
        leaves[n].commitment = held_commitment(&text, &row);
        leaves[n].balance = a[n].balance;
        if (!money_sum_read(a[n].balance, &balance))
            abort();
        leaves[n].node = sum_leaf(balance, &leaves[n].id, &leaves[n].commitment);
        leaves[n].text = scope_strndup(&l->s, text.p, text.len);
    }
    qsort(leaves, n, sizeof *leaves, by_id);
    for (size_t i = 0; i < n; i++)
        if (!sum_append(&tree, leaves[i].node))
            abort();
    if (lie->served != HIDDEN)
        serve(beside(l, page), lie, leaves, n);
    if (!sum_root(&tree, &top))
        abort();
    hex_write(top.hash.b, HASH_SIZE, root);
    money_sum_format(top.sum, "EUR", total);
    return scope_printf(&l->s, "{\"%s\":{\"accounts\":%llu,\"root\":\"%s\",\"total\":\"%s\"}}",
                        lie->currency ? lie->currency : "EUR", (unsigned long long)some(lie->accounts, n), root,
                        lie->total ? lie->total : total);
}

static struct act taken(uint64_t as_of, const char *currencies)
{
    return (struct act){ ENTRY_BALANCES_SNAPSHOT, START + 40, {
        { "as_of", EV_COUNT(as_of) },
        { "currencies", EV_JSON(((struct bytes){ (const uint8_t *)currencies, strlen(currencies) })) } }, 0 };
}

static size_t tell_all(struct log *l, struct act *acts, const struct lie *lie, uint64_t later)
{
    static const struct lie none = { .why = "" }, gone = { .why = "", .served = ERASED };
    uint64_t as_of = some(lie->as_of, TAKEN_AS_OF);

    tell(acts);
    act_value(&acts[PAYOUT_0], "amount")->value = (struct entry_value)T("11.002933");
    acts[CHANGED_3] = acts[CHANGED];
    acts[CHANGED_3].at = START + 40;
    act_value(&acts[CHANGED_3], "versions")->value = (struct entry_value)J("{\"entry\":1,\"rules\":3}");
    l->disclose = !lie->closed;
    log_lists(l);
    acts[TAKEN] = taken(as_of, tree_of(l, PAGE_1, lie, as_of));
    acts[LATER] = taken(later, tree_of(l, PAGE_2, lie->payout_gone ? &gone : &none, later));
    return ALL_ACTS;
}

static bool found_at(const struct audit_report *r, uint64_t index)
{
    return r->first && r->first->has_index && r->first->index == index && *r->first->expected && *r->first->found;
}

static void try(const struct lie *lie, uint64_t later, uint64_t index)
{
    static struct act acts[ALL_ACTS + 1];
    struct audit_report r;
    struct scope s;
    struct log l;
    size_t n;

    scope_init(&s, 0);
    log_init(&l);
    n = tell_all(&l, acts, lie, later);
    for (size_t i = 0; i < n; i++)
        log_act(&l, &acts[i]);
    if (lie->payout_gone)
        l.disclosures[PAYOUT_0].len = 0;
    ok(audited(&s, &l, &r) == ERR_OK && r.advanced, "%s: checked to the end", lie->why);
    if (lie->rule == RULES)
        ok(r.findings == 0, "%s: nothing found", lie->why);
    else
        ok(only_finding(&r, lie->rule) && r.findings == 1 && found_at(&r, index), "%s: %s, once", lie->why,
           audit_rules[lie->rule].name);
    for (const struct audit_finding *f = lie->rule == RULES ? r.first : NULL; f; f = f->next)
        printf("# entry %" PRIu64 " %s: expected %s, found %s\n", f->index, audit_rules[f->rule].name, f->expected,
               f->found);
    log_free(&l);
    scope_free(&s);
}

/* What was written before the audit stopped counts when it goes on. */
static void test_resumed(void)
{
    static const struct lie stale = { "stale", .as_of = FAILED };
    static struct act acts[ALL_ACTS + 1];
    struct audit_report r;
    struct log l;

    for (size_t size = FAILED + 1; size <= LATER; size++) {
        struct audit_config config = { .seed = 42 };
        struct audit_source src;
        struct buf state;
        struct scope s;
        struct audit *a;

        scope_init(&s, 0);
        log_init(&l);
        tell_all(&l, acts, size > TAKEN ? &lies[0] : &stale, size > TAKEN ? TAKEN_AS_OF : LATER);
        for (size_t i = 0; i < ALL_ACTS; i++)
            log_act(&l, &acts[i]);
        src = log_source(&l);
        config.vkey = l.vkey;
        l.shown = size;
        state = (struct buf)BUF(&s);
        if (audit_new(&s, &config, &a) != ERR_OK || audit_run(&s, a, &src, &r) != ERR_OK)
            abort();
        audit_save(a, &state);
        audit_free(a);
        l.shown = 0;
        ok(r.findings == 0 && audit_load(&s, &config, state.p, state.len, &a) == ERR_OK &&
           audit_run(&s, a, &src, &r) == ERR_OK && only_finding(&r, RULE_SNAPSHOT_AS_OF),
           "an audit that stopped at %zu knows what was written, or taken", size);
        audit_free(a);
        log_free(&l);
        scope_free(&s);
    }
}

/* The publisher's line of an allocation, of which only the hash is left; and nobody is told whose it was. */
static void erase_line(struct log *l, const char *lines, const char *parties)
{
    char hex[HEX_SIZE(HASH_SIZE)] = "";

    for (size_t i = 0; i < l->n_documents; i++) {
        struct buf *text = &l->document[i].text;
        char *second;

        if (strcmp(l->document[i].name, lines) != 0 && strcmp(l->document[i].name, parties) != 0)
            continue;
        second = memchr(text->p, '\n', text->len);
        second++;
        if (strcmp(l->document[i].name, lines) == 0) {
            size_t len = (size_t)(text->p + text->len - second) - 1;
            struct hash h = leaf_hash(second, len);
            hex_write(h.b, HASH_SIZE, hex);
        }
        text->len = (size_t)(second - text->p);
        buf_printf(text, "{\"leaf\":\"%s\"}\n", hex);
    }
}

/* What goes of an entry: of an allocation a line, and of a sale that is erased from both sides what it cost. */
static void gone_of(int act, bool sale, struct erased_row *row)
{
    static const char *const paid[] = { "amount", "buyer", "currency", "reference" }, *const total[] = { "currency",
                                      "total" }, *const payee[] = { "account", "amount", "currency" };
    const char *const *names = act == PAID ? paid : act == PAYOUT_1 ? payee : total;

    *row = (struct erased_row){ .index = (uint64_t)act, .rows = act == ALLOCATED_A || act == ALLOCATED_B };
    row->n_fields = act == PAID ? ARRAY_LEN(paid) : act == PAYOUT_1 ? ARRAY_LEN(payee)
                  : act == ALLOCATED_A && sale ? ARRAY_LEN(total) : 0;
    for (size_t i = 0; i < row->n_fields; i++)
        snprintf(row->fields[i], sizeof row->fields[i], "%s", names[i]);
}

static struct act erasure_of(struct log *l, const int *of, size_t n, bool sale)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(&l->s), *text = beside(l, scope_printf(&l->s, "erasures/%d", LONG_ACTS + 2));
    struct hash *root = NEW(&l->s, struct hash);

    for (size_t i = 0; i < n; i++) {
        struct erased_row row;

        gone_of(of[i], sale, &row);
        list_add_erased(&tree, &leaf, &row);
        buf_add(text, leaf.p, leaf.len);
        buf_char(text, '\n');
    }
    *root = frontier_root(&tree);
    return (struct act){ ENTRY_DISCLOSURES_ERASED, START + 40, {
        { "count", EV_COUNT(n) }, { "reason", EV_TEXT("request") }, { "root", EV_HASH(root) } }, 0 };
}

/* An erasure, or a closing, is no excuse for what has nothing to do with it. */
static const struct closing {
    const char *why;
    bool erased, sale, resumed;              /* sale: on both sides, with what was paid and split */
    struct account account[3];
    const char *paid;                        /* out of the first account; NULL: all that it has */
    enum audit_rule_id found;                /* RULES: nothing */
} closings[] = {
    { "an erased account has no leaf", true, false, false, { { ACC_0, "0.00", 2 } }, NULL, RULES },
    { "an account of nobody after an erasure", true, false, false,
      { { ACC_0, "0.00", 2 }, { ID("acc", "zz"), "1.00", 1 } }, NULL, RULE_SNAPSHOT_ACCOUNTS },
    { "a line more after an erasure", true, false, false, { { ACC_0, "0.00", 3 } }, NULL, RULE_SNAPSHOT_ACCOUNTS },
    { "too much paid after an erasure", true, false, false, { { ACC_0, "0.00", 2 } }, "11.002934",
      RULE_PAYOUT_ACCRUED },
    { "an erased sale", true, true, false, { { ACC_0, "0.00", 2 } }, NULL, RULES },
    { "too much paid after an erased sale", true, true, false, { { ACC_0, "0.00", 2 } }, "11.002934",
      RULE_PAYOUT_ACCRUED },
    { "an account of nobody after one", true, true, false, { { ACC_0, "0.00", 2 }, { ID("acc", "zz"), "1.00", 1 } },
      NULL, RULE_SNAPSHOT_ACCOUNTS },
    { "an account left out after one", true, true, false, { { ID("acc", "zz"), "0.00", 2 } }, NULL,
      RULE_SNAPSHOT_ACCOUNTS },
    { "a line left out after one", true, true, false, { { ACC_0, "0.00", 1 } }, NULL, RULE_SNAPSHOT_ACCOUNTS },
    { "a line left out after one, in a run that goes on", true, true, true, { { ACC_0, "0.00", 1 } }, NULL,
      RULE_SNAPSHOT_ACCOUNTS },
    { "somebody was closed", false, false, true, { { ACC_0, "0.00", 2 }, { ACC_1, "8.251467", 2 } }, NULL, RULES },
    { "an account left out, after another party was closed", false, false, true, { { ACC_0, "0.00", 2 } }, NULL,
      RULE_SNAPSHOT_ACCOUNTS },
};

/* The story; a party is closed, and what is about it is gone and listed; then a snapshot. */
static void close_log(struct log *l, const struct closing *c)
{
    static const int part[] = { ALLOCATED_A, ALLOCATED_B, PAYOUT_1 }, sale[] = { PAID, ALLOCATED_A, ALLOCATED_B,
                                                                                PAYOUT_1 };
    static struct act acts[ALL_ACTS + 1];
    struct lie lie = { .account = { c->account[0], c->account[1] } };
    struct act close = { ENTRY_PARTY_CLOSED, START + 40, {
        { "party", EV_TEXT(c->erased ? ID("pty", "01") : ID("pty", "02")) } }, 0 }, last;

    tell_all(l, acts, &lies[0], LATER);
    if (c->paid)
        act_value(&acts[PAYOUT_0], "amount")->value.v.text = c->paid;
    acts[CERTIFIED] = acts[UNCERTIFIED] = acts[VERIFIED];
    acts[CERTIFIED].at = START + 12;
    acts[UNCERTIFIED].at = START + 30;
    if (c->erased) {
        erase_line(l, "allocations/" ID("alc", "00") "/lines", "allocations/" ID("alc", "00") "/parties");
        erase_line(l, "allocations/" ID("alc", "01") "/lines", "allocations/" ID("alc", "01") "/parties");
    }
    for (size_t j = 0; j <= CHANGED_3; j++)
        log_act(l, &acts[j]);
    log_act(l, &close);
    if (c->erased)
        l->disclosures[PAYOUT_1].len = 0;
    if (c->sale) {
        l->disclosures[PAID].len = l->disclosures[ALLOCATED_A].len = 0;
        buf_printf(beside(l, scope_printf(&l->s, "erased/%d", PAID)), "%d", LONG_ACTS + 2);
    }
    last = c->sale ? erasure_of(l, sale, ARRAY_LEN(sale), true)
         : c->erased ? erasure_of(l, part, ARRAY_LEN(part), false) : acts[VERIFIED];
    last.at = START + 40;
    log_act(l, &last);
    last = taken(l->n, tree_of(l, "snapshots/43/EUR/0", &lie, l->n));
    log_act(l, &last);
}

/* In one run, or in two, of which the second forgets what was cleared, and lays no shares against it. */
static void audit_closed(struct scope *s, struct log *l, const struct closing *c, struct audit_report *r)
{
    struct audit_config config = { .seed = 42, .whole = true, .now_ms = START, .vkey = l->vkey };
    struct audit_source src = log_source(l);
    struct buf state = BUF(s);
    struct audit *a;

    if (audit_new(s, &config, &a) != ERR_OK)
        abort();
    if (c->resumed) {
        l->shown = ALLOCATED_A;
        if (audit_run(s, a, &src, r) != ERR_OK || r->findings)
            abort();
        audit_save(a, &state);
        audit_free(a);
        l->shown = 0;
        if (audit_load(s, &config, state.p, state.len, &a) != ERR_OK)
            abort();
    }
    ok(audit_run(s, a, &src, r) == ERR_OK && r->advanced, "%s: checked to the end", c->why);
    audit_free(a);
}

static void test_after_closing(void)
{
    for (size_t i = 0; i < ARRAY_LEN(closings); i++) {
        const struct closing *c = &closings[i];
        struct audit_report r;
        struct scope s;
        struct log l;

        scope_init(&s, 0);
        log_init(&l);
        close_log(&l, c);
        audit_closed(&s, &l, c, &r);
        ok(c->found != RULES ? only_finding(&r, c->found) : !only_finding(&r, RULES) && r.findings == 0, "%s", c->why);
        ok(r.erased[RULE_ALLOCATION_LINES] == (c->erased ? 2 : 0), "an entry counts once for each rule");
        log_free(&l);
        scope_free(&s);
    }
}

/* Since version 3 there is a snapshot of all that creators were given before anything is paid out. */
static void test_before_payouts(void)
{
    static const struct { const char *why; bool taken, earlier, failed; enum audit_rule_id rule; } rows[] = {
        { "after a snapshot", true, false, false, RULES },
        { "without one", false, false, false, RULE_PAYOUT_SNAPSHOT },
        { "under the rules before", false, true, false, RULES },
        { "after one that failed since the snapshot", true, false, true, RULE_PAYOUT_SNAPSHOT },
    };
    static struct act acts[ALL_ACTS + 1];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct act payout = rest[PAYOUT_1 - FIRST], failed = rest[FAILED - FIRST];
        struct audit_report r;
        struct scope s;
        struct log l;

        scope_init(&s, 0);
        log_init(&l);
        tell_all(&l, acts, &lies[0], LATER);
        for (size_t j = 0; j < (rows[i].taken ? LATER : rows[i].earlier ? CHANGED_3 : TAKEN); j++)
            log_act(&l, &acts[j]);
        payout.at = failed.at = START + 40;
        act_value(&payout, "payout")->value.v.text = act_value(&failed, "payout")->value.v.text = ID("pyo", "07");
        log_act(&l, &payout);
        if (rows[i].failed) {
            log_act(&l, &failed);
            for (int j = 0; j < 2; j++) {
                act_value(&payout, "payout")->value.v.text = j ? ID("pyo", "08") : ID("pyo", "09");
                log_act(&l, &payout);
            }
        }
        ok(audited(&s, &l, &r) == ERR_OK && (rows[i].rule == RULES ? r.findings == 0
           : only_finding(&r, rows[i].rule) && r.findings == 1), "a payout %s", rows[i].why);
        log_free(&l);
        scope_free(&s);
    }
}

int main(void)
{
    keys_init();
    test_before_payouts();
    test_after_closing();
    for (size_t i = 0; i < ARRAY_LEN(lies); i++)
        try(&lies[i], LATER, TAKEN);
    try(&(struct lie){ "one as of the same size again", .rule = RULE_SNAPSHOT_AS_OF }, TAKEN_AS_OF, LATER);
    try(&(struct lie){ "one as of an earlier size", .as_of = TAKEN, .rule = RULE_SNAPSHOT_AS_OF }, TAKEN - 1, LATER);
    test_resumed();
    return done_testing();
}
