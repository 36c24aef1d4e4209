/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_ahead.h"

#include <pthread.h>

#include "tests/unit/ledger/audit/story.h"
#include "tests/unit/tap.h"

/*
 * Read ahead by threads, a log is found to be what it is found to be without them: the same findings in the same order,
 * the same failure of the source.
 */
struct shared { struct log *l; pthread_mutex_t lock; };          /* the story's log, for several threads */

static err checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct shared *x = arg;

    return serve_checkpoint(s, x->l, note);
}

static err tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct shared *x = arg;
    err e;

    pthread_mutex_lock(&x->lock);
    e = serve_tile(s, x->l, path, out);
    pthread_mutex_unlock(&x->lock);
    return e;
}

/* As text, of an audit from nothing, or of one that goes on from the first `before` entries. */
static const char *found(struct scope *s, struct log *l, int threads, size_t before)
{
    struct shared shared = { l, PTHREAD_MUTEX_INITIALIZER };
    struct audit_source src = { checkpoint, tile, NULL, &shared };
    struct audit_config config = { .vkey = l->vkey, .seed = 42 };
    struct ahead *ahead = NULL;
    struct audit_report r;
    struct buf text = BUF(s), state = BUF(s);
    struct audit *a;
    err e;

    if (before) {
        size_t all = l->shown;
        const char *bend = l->bend;
        l->shown = before;
        l->bend = NULL;
        if (audit_new(s, &config, &a) != ERR_OK || audit_run(s, a, &src, &r) != ERR_OK || !r.advanced)
            abort();
        audit_save(a, &state);
        audit_free(a);
        l->shown = all;
        l->bend = bend;
    }
    if (threads >= 0) {
        if (ahead_open(s, &src, (unsigned)threads, &ahead) != ERR_OK)
            abort();
        config.bundle = ahead_bundle;
        config.bundle_arg = ahead;
    }
    e = before ? audit_load(s, &config, state.p, state.len, &a) : audit_new(s, &config, &a);
    if (e != ERR_OK)
        abort();
    e = audit_run(s, a, &src, &r);
    ahead_close(ahead);
    audit_free(a);
    buf_printf(&text, "%s %s, %" PRIu64 " to %" PRIu64 ", %" PRIu64 " findings\n", err_name(e), s->why.detail, r.from,
               r.to, r.findings);
    for (const struct audit_finding *f = r.first; f; f = f->next)
        buf_printf(&text, "%s %" PRIu64 ": %s, %s\n", audit_rules[f->rule].name, f->index, f->expected, f->found);
    scope_forgive(s);
    return text.p;
}

static void same(struct log *l, size_t before, const char *word, const char *name)
{
    const char *alone = found(&l->s, l, -1, before);
    bool good = strstr(alone, word);

    if (!good)
        printf("# %s", alone);
    for (int threads = 0; threads <= 5; threads += threads < 2 ? 1 : 3)
        good = is_str(found(&l->s, l, threads, before), alone, name) && good;
    ok(good, "%s: %s", name, word);
}

/* A story of many accesses; at a third of it one of a license that was never granted. */
static void tell_long(struct log *l)
{
    struct act access = story[ACCESS_1], wrong = story[ACCESS_1];

    act_value(&wrong, "license")->value = (struct entry_value)T(ID("lic", "99"));
    for (size_t i = 0; i < ACCESS_1; i++)
        log_act(l, &story[i]);
    while (l->n < LOG_MAX - 7)
        log_act(l, l->n % 500 == 400 ? &wrong : &access);
}

/* Bundles of BIG bytes each; whose scopes they were read into. */
#define BIG (3 << 20)
#define BIG_BUNDLES 200
struct big { pthread_mutex_t lock; size_t n; const struct scope *scope[BIG_BUNDLES]; };

static err big_tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct big *b = arg;
    size_t i;

    (void)path;
    *out = (struct bytes){ scope_alloc(s, BIG, 1), BIG };
    pthread_mutex_lock(&b->lock);
    for (i = 0; i < b->n && b->scope[i] != s; i++)
        ;
    b->scope[i] = s;
    b->n = i == b->n ? i + 1 : b->n;
    pthread_mutex_unlock(&b->lock);
    return ERR_OK;
}

/* Whatever the threads and the entries' size, no more is held than was said, by slots that wait for work, too. */
static void bounded(void)
{
    struct big b = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct audit_source src = { NULL, big_tile, NULL, &b };
    const struct audit_bundle *bundle;
    struct ahead *ahead;
    struct scope s;
    size_t held = 0;
    bool good;

    scope_init(&s, 0);
    good = ahead_open(&s, &src, AHEAD_THREADS_MAX, &ahead) == ERR_OK;
    for (uint64_t n = 0; good && n < BIG_BUNDLES; n++)
        good = ahead_bundle(&s, ahead, n, BIG_BUNDLES * TILE_WIDTH, &bundle) == ERR_OK && bundle->served;
    for (size_t i = 0; i < b.n; i++)                       /* nobody reads any more */
        held += scope_held(b.scope[i]);
    ok(good && b.n == (AHEAD_THREADS_MAX + 1) * AHEAD_BUNDLES, "%zu slots have read", b.n);
    ok(held >= BIG && held <= AHEAD_BYTES + (AHEAD_THREADS_MAX + 1) * BIG, "they hold %zu MiB", held >> 20);
    ahead_close(ahead);
    scope_free(&s);
}

int main(void)
{
    struct log l;

    keys_init();
    log_init(&l);
    tell_long(&l);
    same(&l, 0, "1493, 3 findings", "a log with three wrong entries");
    same(&l, 700, "700 to 1493, 2 findings", "the same, gone on from the middle of a bundle");
    l.bend = "tile/0/002";
    same(&l, 0, "tree.tile", "a bent tile");
    l.bend = "tile/entries/001";
    same(&l, 0, "0 to 256, 1 findings", "a bent bundle");
    same(&l, 300, "tree.bundle", "a bundle that is bent below what was audited before");
    l.bend = NULL;
    l.hide = "tile/entries/003";
    same(&l, 0, "0 to 768, 2 findings", "a bundle that is not served");
    l.hide = "tile/entries/005.p/213";
    same(&l, 0, "1280, 3 findings", "a last bundle that is not served");
    l.hide = "tile/0/005.p/213";
    same(&l, 0, "not served whole", "a last tile that is not served");
    l.hide = NULL;
    l.failure = ERR_UNREACHABLE;
    same(&l, 0, "the network is down", "a source that fails");
    log_free(&l);
    bounded();
    return done_testing();
}
