/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "ledger/tree/sumtree.h"
#include "tests/unit/ledger/audit/longer.h"

/*
 * A thousand random mutations of what a log serves, each of one answer: entries, hashes, the checkpoint, lists,
 * disclosures, rules of offers, signed documents. The audit names each, or says what it could not have; to a key with a
 * grant, in a story that goes on to an erasure and a snapshot, what is hidden is named, too. A mutation that leaves the
 * bytes as they were is drawn again.
 */
#define MUTATIONS   1000
#define ANSWERS_MAX 700
#define PADDING     300                       /* entries behind the story: a full tile, and one above it */

enum kind { CHECKPOINT, BUNDLE, TILE, LIST_DOCUMENT, DISCLOSURES, RULES_DOCUMENT, SIGNED_DOCUMENT, KINDS };
static const char *const kind_names[KINDS] = { "checkpoints", "bundles", "hash tiles", "lists", "disclosures",
                                               "offers' rules", "signed documents" };
enum way { FLIP, REMOVE, INSERT, CUT, OVERWRITE, EXCHANGE, HIDE, WAYS };

struct answer { char name[80]; enum kind kind; struct bytes bytes; };
struct liar {
    struct log *log;
    struct answer answer[ANSWERS_MAX];        /* what the honest audit had */
    size_t n;
    bool learning, whole;
    const struct answer *bent;                /* answered with `lie`, or not at all */
    struct bytes lie;
    bool hidden;
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static enum kind kind_of(const char *name)
{
    return strcmp(name, "checkpoint") == 0 ? CHECKPOINT : strncmp(name, "tile/entries/", 13) == 0 ? BUNDLE
         : strncmp(name, "tile/", 5) == 0 ? TILE : strncmp(name, "disclosures/", 12) == 0 ? DISCLOSURES
         : strncmp(name, "offers/", 7) == 0 ? RULES_DOCUMENT
         : strncmp(name, "documents/", 10) == 0 ? SIGNED_DOCUMENT : LIST_DOCUMENT;
}

static err give(struct scope *s, struct liar *l, const char *name, err e, struct bytes *out)
{
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < l->n; i++)
        if (&l->answer[i] == l->bent && strcmp(l->answer[i].name, name) == 0) {
            if (l->hidden)
                return fail(s, ERR_NOT_FOUND, "no %s", name);
            *out = l->lie;
        }
    if (l->learning) {
        struct answer *a = &l->answer[l->n++];
        if (l->n > ANSWERS_MAX)
            abort();
        snprintf(a->name, sizeof a->name, "%s", name);
        a->kind = kind_of(name);
        a->bytes = (struct bytes){ scope_memdup(&l->log->s, out->p, out->len), out->len };
    }
    return ERR_OK;
}

static err lie_checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct liar *l = arg;

    return give(s, l, "checkpoint", serve_checkpoint(s, l->log, note), note);
}

static err lie_tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct liar *l = arg;

    return give(s, l, path, serve_tile(s, l->log, path, out), out);
}

static err lie_document(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct liar *l = arg;

    return give(s, l, name, serve_document(s, l->log, name, out), out);
}

static err audit_lies(struct scope *s, struct liar *l, struct audit_report *r)
{
    struct audit_config config = { .vkey = l->log->vkey, .seed = 42, .whole = l->whole, .now_ms = START + 40 * DAY };
    struct audit_source src = { lie_checkpoint, lie_tile, lie_document, l };
    struct audit *a;
    err e;

    if (audit_new(s, &config, &a) != ERR_OK)
        abort();
    e = audit_run(s, a, &src, r);
    audit_free(a);
    return e;
}

/* One answer in one way; false: it is as it was. */
static bool mutate(struct scope *s, struct liar *l, uint64_t *seed, const struct answer *x, enum way way)
{
    struct bytes was = x->bytes;
    uint8_t *p = scope_alloc(s, was.len + 1, 1);
    const struct answer *other = &l->answer[next_random(seed) % l->n];
    size_t at = was.len ? next_random(seed) % was.len : 0, len = was.len;

    memcpy(p, was.p, was.len);
    l->bent = x;
    l->hidden = way == HIDE;
    switch (way) {
    case FLIP:      p[at] ^= (uint8_t)(1 << next_random(seed) % 8); break;
    case REMOVE:    memmove(p + at, p + at + 1, --len - at); break;
    case INSERT:    memmove(p + at + 1, p + at, len++ - at); p[at] = (uint8_t)('!' + next_random(seed) % 90); break;
    case CUT:       len = at; break;
    case OVERWRITE:
        for (size_t i = at; i < len && i < at + 32; i++)
            p[i] = (uint8_t)next_random(seed);
        break;
    case EXCHANGE:
        if (other->kind != x->kind)
            return false;
        p = scope_memdup(s, other->bytes.p, other->bytes.len);
        len = other->bytes.len;
        break;
    default:
        break;
    }
    l->lie = (struct bytes){ p, len };
    return way == HIDE || len != was.len || memcmp(p, was.p, len) != 0;
}

/* What it is no finding to lack: a denial that names no project goes unlisted when its license is erased. */
static bool optional(const struct liar *l, const struct answer *x)
{
    return !l->whole || strcmp(x->name, "documents/clearances/" ID("clr", "02")) == 0;
}

static void run(struct liar *l, const struct audit_report *honest, uint64_t seed)
{
    unsigned made[KINDS] = { 0 }, missed = 0;

    for (size_t n = 0; n < MUTATIONS;) {
        enum kind kind = next_random(&seed) % KINDS;                      /* each kind as often as the others */
        enum way way = next_random(&seed) % WAYS;
        const struct answer *x;
        struct audit_report r;
        struct scope s;
        bool told;
        do
            x = &l->answer[next_random(&seed) % l->n];
        while (x->kind != kind);
        scope_init(&s, 0);
        if (mutate(&s, l, &seed, x, way)) {
            n++;
            made[kind]++;
            told = audit_lies(&s, l, &r) != ERR_OK || r.findings > 0 ||
                   (way == HIDE && optional(l, x) &&
                    r.undisclosed + r.unlisted > honest->undisclosed + honest->unlisted);
            missed += !told;
            if (!told)
                printf("# missed: mutation %zu of %s, way %d\n", n, x->name, way);
        }
        scope_free(&s);
    }
    ok(missed == 0, "none of %d mutations is missed", MUTATIONS);
    for (int i = 0; i < KINDS; i++)
        ok(made[i] > MUTATIONS / KINDS / 4, "%u of them were of %s", made[i], kind_names[i]);
}

/* ---- rules version 3: a party who comes, goes and is erased; a snapshot of what the two accounts have then */

static int by_id(const void *left, const void *right)
{
    return memcmp(*(const struct hash *const *)left, *(const struct hash *const *)right, HASH_SIZE);
}

static void snapshot(struct log *l)
{
    static const char *const accounts[] = { ID("acc", "00"), ID("acc", "01") }, *const balances[] = { "0.002933",
                                                                                                     "8.251467" };
    uint64_t as_of = l->n;
    struct hash ids[2] = { held_id(accounts[0], as_of), held_id(accounts[1], as_of) };
    const struct hash *order[2] = { &ids[0], &ids[1] };
    struct sum_frontier tree = SUM_FRONTIER_EMPTY;
    struct buf leaf = BUF(&l->s), *page = beside(l, scope_printf(&l->s, "snapshots/%zu/EUR/0", l->n));
    char root[HEX_SIZE(HASH_SIZE)], total[MONEY_SUM_SIZE];
    struct sum_node top;

    qsort(order, 2, sizeof *order, by_id);
    for (size_t i = 0; i < 2; i++) {
        size_t at = (size_t)(order[i] - ids);
        struct held_row row = { .n = 2, .salt = { (uint8_t)at } };
        struct hash commitment;
        money_sum balance;
        if (!id_parse(accounts[at], "acc", &row.account) || !money_sum_read(balances[at], &balance))
            abort();
        snprintf(row.balance, sizeof row.balance, "%s", balances[at]);
        commitment = held_commitment(&leaf, &row);
        if (!sum_append(&tree, sum_leaf(balance, &ids[at], &commitment)))
            abort();
        buf_printf(page, "%.*s\n", (int)leaf.len, leaf.p);
    }
    if (!sum_root(&tree, &top))
        abort();
    hex_write(top.hash.b, HASH_SIZE, root);
    money_sum_format(top.sum, "EUR", total);
    const char *text = scope_printf(&l->s, "{\"EUR\":{\"accounts\":2,\"root\":\"%s\",\"total\":\"%s\"}}", root,
                                    total);
    struct act taken = { ENTRY_BALANCES_SNAPSHOT, START + 40, {
        { "as_of", EV_COUNT(as_of) },
        { "currencies", EV_JSON(((struct bytes){ (const uint8_t *)text, strlen(text) })) } }, 0 };
    log_act(l, &taken);
}

static void erasure(struct log *l, uint64_t index)
{
    struct erased_row row = { .index = index, .n_fields = 1, .fields = { "name" } };
    struct frontier tree = FRONTIER_EMPTY;
    struct buf *text = beside(l, scope_printf(&l->s, "erasures/%zu", l->n)), leaf = BUF(&l->s);
    struct hash root;

    list_add_erased(&tree, &leaf, &row);
    buf_printf(text, "%.*s\n", (int)leaf.len, leaf.p);
    root = frontier_root(&tree);
    struct act erased = { ENTRY_DISCLOSURES_ERASED, START + 40, {
        { "count", EV_COUNT(1) }, { "reason", EV_TEXT("request") }, { "root", EV_HASH(&root) } }, 0 };
    log_act(l, &erased);
    l->disclosures[index].len = 0;
}

static void go_on(struct log *l)
{
    struct act changed = rest[CHANGED - FIRST], party = rest[CREATOR - FIRST];
    struct act closed = { ENTRY_PARTY_CLOSED, START + 40, { { "party", EV_TEXT(ID("pty", "05")) } }, 0 };
    uint64_t index;

    changed.at = party.at = START + 40;
    act_value(&changed, "versions")->value = (struct entry_value)J("{\"entry\":1,\"rules\":3}");
    act_value(&party, "party")->value.v.text = ID("pty", "05");
    act_value(&party, "person_key")->name = NULL;
    log_act(l, &changed);
    index = l->n;
    log_act(l, &party);
    snapshot(l);
    log_act(l, &closed);
    erasure(l, index);
}

static void tell_it(bool granted, uint64_t seed)
{
    struct liar *l = calloc(1, sizeof *l);
    struct act acts[LONG_ACTS + 1], padding;
    struct audit_report honest;
    struct log log;
    size_t n = tell(acts);

    if (!l)
        abort();
    log_init(&log);
    log.disclose = true;
    log_lists(&log);
    padding = acts[VERIFIED];
    for (size_t i = 0; i < n; i++) {
        int64_t at = acts[i].at;
        if (granted && (i == CERTIFIED || i == UNCERTIFIED))       /* whose documents certificates.c has */
            acts[i] = padding;
        acts[i].at = at;
        log_act(&log, &acts[i]);
    }
    if (granted)
        go_on(&log);
    padding.at = START + 40;
    for (size_t i = 0; i < PADDING; i++)
        log_act(&log, &padding);
    *l = (struct liar){ .log = &log, .learning = true, .whole = granted };
    ok(audit_lies(&log.s, l, &honest) == ERR_OK && honest.findings == 0, "the honest log is sound");
    for (const struct audit_finding *f = honest.first; f; f = f->next)
        printf("# entry %" PRIu64 " %s: %s\n", f->index, audit_rules[f->rule].name, f->found);
    l->learning = false;
    run(l, &honest, seed);
    log_free(&log);
    free(l);
}

int main(void)
{
    const char *given = getenv("COUNTERFOIL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20261123;

    keys_init();
    printf("# COUNTERFOIL_SEED=%" PRIu64 "\n", seed);
    tell_it(false, seed);
    tell_it(true, seed);
    return done_testing();
}
