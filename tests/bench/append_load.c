/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>

#include "tests/unit/ledger/append/ground.h"

/*
 * Recorded accesses a second through append_access_submit() alone, without HTTP: append_load [SECONDS [IN_FLIGHT]].
 * Every access is of another item, so every one is an entry. Prints rates, latencies and what a batch costs.
 */
#define IN_FLIGHT_MAX 4096
#define LATENCIES     4000000

struct load {
    struct append *a;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    int64_t until_ms;
    size_t next, items, in_flight, done, failed;
    uint32_t *latency_us;
};

struct slot { struct append_access x; struct scope scope; struct load *load; char path[32]; int64_t began_us; };

static void settled(struct append_access *x, err e);

static void submit(struct slot *slot)
{
    struct load *l = slot->load;

    scope_init(&slot->scope, 5000);
    slot->began_us = clock_monotonic_us();
    slot->x = (struct append_access){ .scope = &slot->scope, .key_id = KEY_ID, .license_id = LICENSE,
                                      .path = slot->path, .done = settled, .arg = slot };
    slot->x.key_digest = sha256_of("secret", 6);
    append_access_submit(l->a, &slot->x);
}

static bool take(struct slot *slot)
{
    struct load *l = slot->load;
    bool more;

    pthread_mutex_lock(&l->lock);
    more = clock_monotonic_ms() < l->until_ms && l->next < l->items;
    if (more)
        snprintf(slot->path, sizeof slot->path, "item/%zu", l->next++);
    else if (--l->in_flight == 0)
        pthread_cond_signal(&l->idle);
    pthread_mutex_unlock(&l->lock);
    return more;
}

static void settled(struct append_access *x, err e)
{
    struct slot *slot = x->arg;
    struct load *l = slot->load;
    int64_t took = clock_monotonic_us() - slot->began_us;

    pthread_mutex_lock(&l->lock);
    if (e != ERR_OK || x->outcome != ACCESS_RECORDED)
        l->failed++;
    else if (l->done < LATENCIES)
        l->latency_us[l->done++] = (uint32_t)took;
    pthread_mutex_unlock(&l->lock);
    scope_free(&slot->scope);
    if (take(slot))
        submit(slot);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void seed_items(struct ground *g, size_t items)
{
    sql(g->dsn, scope_printf(&g->scope,
        "INSERT INTO content (sha256, size, state) SELECT sha256(i::text::bytea), i, 'verified'"
        "   FROM generate_series(2000, %zu) i;"
        "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
        " SELECT 1, i, 'item/' || i, sha256(i::text::bytea), i, 'text/plain', '{}', '[]',"
        "        '\\x00000000000000000000000000000000' FROM generate_series(2000, %zu) i", items, items));
    sql(g->dsn, "VACUUM ANALYZE");
    sql(g->dsn, "CHECKPOINT");
}

static void report(struct load *l, double seconds, const struct rusage *used)
{
    struct append_state state;

    append_state(l->a, &state);
    qsort(l->latency_us, l->done, sizeof *l->latency_us, by_value);
    printf("%.0f accesses/s  p50 %.2f ms  p99 %.2f ms  max %.2f ms  failed %zu\n", (double)l->done / seconds,
           l->latency_us[l->done / 2] / 1e3, l->latency_us[l->done * 99 / 100] / 1e3,
           l->latency_us[l->done - 1] / 1e3, l->failed);
    printf("%.0f batches/s of %.1f entries, %.0f checkpoints/s, %llu syncs asked, own CPU %.2f s/s\n",
           (double)state.batches / seconds, (double)state.entries / (double)state.batches,
           (double)state.checkpoints / seconds, (unsigned long long)state.syncs_asked,
           ((double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
            (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6) / seconds);
}

int main(int argc, char **argv)
{
    static struct slot slots[IN_FLIGHT_MAX];
    struct load l = { .lock = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER, .next = 2000 };
    size_t in_flight;
    int64_t seconds, began;
    struct rusage used;
    struct ground g;

    ground_signer(argc, argv);
    seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    in_flight = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
    if (in_flight > IN_FLIGHT_MAX)
        in_flight = IN_FLIGHT_MAX;
    log_open("append_load", LOG_WARNING);
    if (!ground_up(&g))
        return 1;
    l.items = 2000 + (size_t)seconds * 60000;
    seed_items(&g, l.items);
    l.latency_us = calloc(LATENCIES, sizeof *l.latency_us);
    l.a = ground_append(&g, true);
    l.in_flight = in_flight;
    began = clock_monotonic_us();
    l.until_ms = clock_monotonic_ms() + seconds * 1000;
    for (size_t i = 0; i < in_flight; i++) {
        slots[i].load = &l;
        if (take(&slots[i]))
            submit(&slots[i]);
    }
    pthread_mutex_lock(&l.lock);
    while (l.in_flight > 0)
        pthread_cond_wait(&l.idle, &l.lock);
    pthread_mutex_unlock(&l.lock);
    getrusage(RUSAGE_SELF, &used);
    report(&l, (double)(clock_monotonic_us() - began) / 1e6, &used);
    append_close(l.a, 1000);
    free(l.latency_us);
    ground_down(&g);
    return l.failed ? 1 : 0;
}
