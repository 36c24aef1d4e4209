/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include "tests/unit/ledger/audit/longer.h"

/*
 * A thousand random mutations of what a log serves, each of one answer: entries, hashes, the checkpoint, lists,
 * disclosures, rules of offers. The audit names each, or says what it could not have. A mutation that leaves the bytes
 * as they were is drawn again.
 */
#define MUTATIONS   1000
#define ANSWERS_MAX 700
#define PADDING     300                       /* entries behind the story: a full tile, and one above it */

enum kind { CHECKPOINT, BUNDLE, TILE, LIST_DOCUMENT, DISCLOSURES, RULES_DOCUMENT, KINDS };
static const char *const kind_names[KINDS] = { "checkpoints", "bundles", "hash tiles", "lists", "disclosures",
                                               "offers' rules" };
enum way { FLIP, REMOVE, INSERT, CUT, OVERWRITE, EXCHANGE, HIDE, WAYS };

struct answer { char name[80]; enum kind kind; struct bytes bytes; };
struct liar {
    struct log *log;
    struct answer answer[ANSWERS_MAX];        /* what the honest audit had */
    size_t n;
    bool learning;
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
         : strncmp(name, "offers/", 7) == 0 ? RULES_DOCUMENT : LIST_DOCUMENT;
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
    struct audit_config config = { .vkey = l->log->vkey, .seed = 42 };
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
                   (way == HIDE && r.undisclosed + r.unlisted > honest->undisclosed + honest->unlisted);
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

int main(void)
{
    const char *given = getenv("COUNTERFOIL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20261123;
    struct liar *l = calloc(1, sizeof *l);
    struct act acts[LONG_ACTS + 1];
    struct audit_report honest;
    struct log log;
    size_t n = tell(acts);

    if (!l)
        abort();
    keys_init();
    printf("# COUNTERFOIL_SEED=%" PRIu64 "\n", seed);
    log_init(&log);
    log.disclose = true;
    log_lists(&log);
    for (size_t i = 0; i < n; i++)
        log_act(&log, &acts[i]);
    acts[VERIFIED].at = acts[n - 1].at;
    for (size_t i = 0; i < PADDING; i++)
        log_act(&log, &acts[VERIFIED]);
    *l = (struct liar){ .log = &log, .learning = true };
    ok(audit_lies(&log.s, l, &honest) == ERR_OK && honest.findings == 0, "the honest log is sound");
    l->learning = false;
    run(l, &honest, seed);
    log_free(&log);
    free(l);
    return done_testing();
}
