/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/rate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/limits.h"
#include "schema/base/random.h"

#define SHARDS     64
#define NEIGHBORS  8
#define SLOTS      (RATE_TABLE_SIZE / SHARDS)

/* Tokens are counted in thousandths: what a bucket of one token a second gains in a millisecond. */
struct bucket { uint64_t key; int64_t seen_ms, millitokens; };
struct shard { pthread_mutex_t lock; struct bucket slots[SLOTS]; };

struct rate {
    int64_t per_second, burst;
    uint64_t seed;
    struct shard shards[SHARDS];
};

void rate_place(const char *address, char out[RATE_PLACE_SIZE])
{
    struct in6_addr a;

    snprintf(out, RATE_PLACE_SIZE, "%s", address);
    if (inet_pton(AF_INET6, address, &a) != 1)
        return;
    if (IN6_IS_ADDR_V4MAPPED(&a)) {
        inet_ntop(AF_INET, a.s6_addr + 12, out, RATE_PLACE_SIZE);
        return;
    }
    memset(a.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &a, out, RATE_PLACE_SIZE);
}

struct rate *rate_new(int64_t per_second, int64_t burst)
{
    struct rate *r;

    if (per_second <= 0)
        return NULL;
    r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->per_second = per_second;
    r->burst = burst > 0 ? burst : per_second;
    random_bytes(&r->seed, sizeof r->seed);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&r->shards[i].lock, NULL);
    return r;
}

void rate_free(struct rate *r)
{
    for (int i = 0; r && i < SHARDS; i++)
        pthread_mutex_destroy(&r->shards[i].lock);
    free(r);
}

/* FNV-1a from a secret start, then mixed: keys are chosen by others, their places must not be. Never 0. */
static uint64_t key_hash(const struct rate *r, const char *key)
{
    uint64_t h = r->seed ^ UINT64_C(0xcbf29ce484222325);

    for (; *key; key++) {
        h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    return h ? h : 1;
}

static struct bucket *bucket_find(struct rate *r, struct shard *shard, uint64_t key, int64_t now_ms)
{
    size_t start = key / SHARDS % SLOTS;
    struct bucket *oldest = NULL;

    for (size_t i = 0; i < NEIGHBORS; i++) {
        struct bucket *b = &shard->slots[(start + i) % SLOTS];

        if (b->key == key)
            return b;
        if (!oldest || (oldest->key && (!b->key || b->seen_ms < oldest->seen_ms)))
            oldest = b;
    }
    *oldest = (struct bucket){ key, now_ms, r->burst * 1000 };
    return oldest;
}

void rate_give(struct rate *r, const char *key)
{
    uint64_t hash;
    struct shard *shard;

    if (!r)
        return;
    hash = key_hash(r, key);
    shard = &r->shards[hash % SHARDS];
    pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; i < NEIGHBORS; i++) {
        struct bucket *b = &shard->slots[(hash / SHARDS + i) % SLOTS];

        if (b->key == hash && b->millitokens < r->burst * 1000)
            b->millitokens += b->millitokens > (r->burst - 1) * 1000 ? r->burst * 1000 - b->millitokens : 1000;
    }
    pthread_mutex_unlock(&shard->lock);
}

bool rate_take(struct rate *r, const char *key, int64_t now_ms, int64_t *wait_ms)
{
    uint64_t hash;
    struct shard *shard;
    struct bucket *b;
    bool good;

    *wait_ms = 0;
    if (!r)
        return true;
    hash = key_hash(r, key);
    shard = &r->shards[hash % SHARDS];
    pthread_mutex_lock(&shard->lock);
    b = bucket_find(r, shard, hash, now_ms);
    if (now_ms > b->seen_ms) {
        int64_t passed = now_ms - b->seen_ms, full = r->burst * 1000;

        /* A long silence fills the bucket; asking first keeps the product in range. */
        if (passed >= full / r->per_second + 1)
            b->millitokens = full;
        else
            b->millitokens += passed * r->per_second;
        if (b->millitokens > full)
            b->millitokens = full;
        b->seen_ms = now_ms;
    }
    good = b->millitokens >= 1000;
    if (good)
        b->millitokens -= 1000;
    else
        *wait_ms = (1000 - b->millitokens + r->per_second - 1) / r->per_second;
    pthread_mutex_unlock(&shard->lock);
    return good;
}
