/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/jobs/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/parallel.h"
#include "schema/store/content.h"
#include "schema/store/job.h"
#include "schema/store/verification.h"

#define READ_BYTES (1 << 20)
#define RECORD_MS 60000            /* for the entry of a batch, waiting for the ledger included */

struct batch {
    struct scope s;                    /* of all that is in it; lent to the ledger while its entry is on the way */
    struct work *w;
    struct content *contents;
    struct content_result *results;
    bool *was_broken;                  /* before; what the contents point to may be gone when the batch is recorded */
    size_t n;
    unsigned char *room[PARALLEL_THREADS_MAX];     /* what each thread reads into */
    struct hash root;
    uint64_t verified, corrupt, missing;
    atomic_ullong bytes;
    struct append_op op;
    sem_t settled;
    err outcome;
};

/* Reads to the end; a disk that cannot read its bytes has lost them: that is corrupt, not a reason to try for ever. */
static err hash_content(struct scope *s, struct batch *b, int fd, const struct content *c, unsigned char *bytes,
                        const char **state)
{
    struct sha256 h;
    struct hash got;
    int64_t size = 0;
    ssize_t n;
    err e = ERR_OK;

    sha256_init(&h);
    if (c->size > READ_BYTES)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while (e == ERR_OK && ((n = read(fd, bytes, READ_BYTES)) > 0 || (n < 0 && errno == EINTR))) {
        if (n < 0)
            continue;
        sha256_add(&h, bytes, (size_t)n);
        size += n;
        e = work_left(s, b->w);
    }
    got = sha256_end(&h);
    atomic_fetch_add(&b->bytes, (unsigned long long)size);
    *state = size == c->size && hash_equal(&got, &c->sha256) ? "verified" : "corrupt";
    return e;
}

static err verify_one(struct scope *s, void *arg, size_t thing, unsigned thread)
{
    struct batch *b = arg;
    const struct content *c = &b->contents[thing];
    const char *state = "missing";
    int64_t size;
    int fd;
    err e;

    TRY(work_left(s, b->w));
    if (!b->room[thread] && !(b->room[thread] = malloc(READ_BYTES)))
        abort();
    e = blob_open(s, b->w->blobs, &c->sha256, &fd, &size);
    if (e == ERR_OK) {
        e = size == c->size ? hash_content(s, b, fd, c, b->room[thread], &state) : (state = "corrupt", ERR_OK);
        close(fd);
    } else if (e == ERR_NOT_FOUND) {
        scope_forgive(s);
        e = ERR_OK;
    }
    b->results[thing] = (struct content_result){ c->sha256, state, c->stored_at };
    if (e == ERR_OK && strcmp(state, "verified") != 0)
        log_line(LOG_ERROR, "content sha256=%s state=%s", hash_hex(s, &c->sha256), state);
    return e;
}

static void summarize(struct scope *s, struct batch *b)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);

    for (size_t i = 0; i < b->n; i++) {
        const struct content_result *r = &b->results[i];
        list_add_result(&tree, &leaf, r->state, &r->sha256);
        b->verified += strcmp(r->state, "verified") == 0;
        b->corrupt += strcmp(r->state, "corrupt") == 0;
        b->missing += strcmp(r->state, "missing") == 0;
    }
    b->root = frontier_root(&tree);
}

/* {"corrupt":1,"verified":2}: sorted, zeros left out, as the entry's field wants it. */
static struct bytes counts_json(struct scope *s, const struct batch *b)
{
    const struct { const char *code; uint64_t n; } counts[] = {
        { "corrupt", b->corrupt }, { "missing", b->missing }, { "verified", b->verified },
    };
    struct buf out = BUF(s);

    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        if (counts[i].n)
            buf_printf(&out, "%s\"%s\":%" PRIu64, out.len ? "," : "{", counts[i].code, counts[i].n);
    buf_char(&out, '}');
    return (struct bytes){ (const uint8_t *)out.p, out.len };
}

static err decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct batch *b = arg;
    const struct named_value values[] = {
        { "counts", EV_JSON(counts_json(s, b)) },
        { "results_root", EV_HASH(&b->root) },
    };
    uint64_t index;

    TRY(job_renew(s, t->db, b->w->job, JOB_LEASE_MS));
    TRY(append_entry(s, t, ENTRY_CONTENT_VERIFIED, values, ARRAY_LEN(values), &index));
    TRY(content_record(s, t->db, b->results, b->n, t->at_ms, index));
    t->op->status = 200;
    t->op->answer = "{}";
    return ERR_OK;
}

static void settled(struct append_op *op, err e)
{
    struct batch *b = op->arg;

    b->outcome = e;
    sem_post(&b->settled);
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct content *)a)->sha256.b, ((const struct content *)b)->sha256.b, HASH_SIZE);
}

static bool on_the_way(const struct batch *recording, const struct content *c)
{
    return recording && bsearch(c, recording->contents, recording->n, sizeof *c, by_hash);
}

static void keep(struct batch *b, struct content c)
{
    b->was_broken[b->n] = strcmp(c.state, "corrupt") == 0 || strcmp(c.state, "missing") == 0;
    b->contents[b->n++] = c;
}

/* A copy in the order of the hashes, each once: items may share a content, and pages that follow one another too. */
static struct batch *batch_new(struct verifier *v, const struct content *contents, size_t n)
{
    struct batch *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    scope_init(&b->s, 0);
    sem_init(&b->settled, 0, 0);
    b->w = v->work;
    b->contents = scope_memdup(&b->s, contents, n * sizeof *contents);
    b->was_broken = NEWS(&b->s, bool, n);
    qsort(b->contents, n, sizeof *contents, by_hash);
    for (size_t i = 0; i < n; i++)
        if ((b->n == 0 || by_hash(&b->contents[i], &b->contents[b->n - 1]) != 0) &&
            !on_the_way(v->recording, &b->contents[i]))
            keep(b, b->contents[i]);
    b->results = NEWS(&b->s, struct content_result, b->n);
    return b;
}

static void room_free(struct batch *b)
{
    for (size_t i = 0; i < PARALLEL_THREADS_MAX; i++)
        free(b->room[i]);
    memset(b->room, 0, sizeof b->room);
}

static void batch_free(struct batch *b)
{
    room_free(b);
    sem_destroy(&b->settled);
    scope_free(&b->s);
    free(b);
}

/* What broke, or healed, changes the counts of versions that nobody is walking: a job for each. */
static err tell_holders(struct scope *s, struct batch *b, bool alone)
{
    struct bytes *changed = NEWS(&b->s, struct bytes, b->n);
    struct version_holder *holders;
    size_t n_changed = 0, n;

    for (size_t i = 0; i < b->n; i++)
        if (alone || b->was_broken[i] || strcmp(b->results[i].state, "verified") != 0)
            changed[n_changed++] = (struct bytes){ b->results[i].sha256.b, HASH_SIZE };
    if (n_changed == 0)
        return ERR_OK;
    TRY(verification_holders(s, b->w->db, changed, n_changed, &holders, &n));
    for (size_t i = 0; i < n; i++)
        TRY(job_enqueue(s, b->w->db, JOB_COUNT_VERSION, holders[i].id.text,
                        scope_printf(s, "{\"no\":%" PRId64 "}", holders[i].no), INT64_MIN, NULL));
    return ERR_OK;
}

err verify_end(struct scope *s, struct verifier *v)
{
    struct batch *b = v->recording;
    err e;

    if (!b)
        return ERR_OK;
    v->recording = NULL;
    while (sem_wait(&b->settled) != 0)
        continue;                      /* interrupted */
    e = b->outcome;
    if (e != ERR_OK)
        e = scope_fail(s, e, b->s.why.file, b->s.why.line, "%s", b->s.why.detail);
    else
        log_line(LOG_INFO, "verified entry=%" PRIu64 " verified=%" PRIu64 " corrupt=%" PRIu64 " missing=%" PRIu64
                 " bytes=%llu", b->op.first_index, b->verified, b->corrupt, b->missing, (unsigned long long)b->bytes);
    if (e == ERR_OK)
        e = tell_holders(s, b, v->alone);
    batch_free(b);
    return e;
}

err verify_more(struct scope *s, struct verifier *v, const struct content *contents, size_t n)
{
    struct batch *b = batch_new(v, contents, n);
    err e = parallel_run(s, parallel_cores(), b->n, verify_one, b);

    room_free(b);
    if (e == ERR_OK && b->n)
        e = verify_end(s, v);          /* one batch at a time waits for the ledger */
    if (e != ERR_OK || b->n == 0) {
        batch_free(b);
        return e;
    }
    summarize(&b->s, b);
    b->s.deadline_ms = clock_monotonic_ms() + RECORD_MS;
    b->op = (struct append_op){ .scope = &b->s, .decide = decide, .done = settled, .arg = b };
    v->recording = b;
    append_submit(v->work->append, &b->op);
    return ERR_OK;
}
