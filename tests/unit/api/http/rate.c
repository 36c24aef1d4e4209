/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/http/rate.h"

static int take_many(struct rate *r, const char *key, int64_t now_ms, int n)
{
    int64_t wait;
    int taken = 0;

    for (int i = 0; i < n; i++)
        taken += rate_take(r, key, now_ms, &wait);
    return taken;
}

static void test_bucket(void)
{
    struct rate *r = rate_new(10, 20);
    int64_t wait;

    is_int(take_many(r, "a", 1000, 30), 20, "a full bucket has its burst");
    ok(!rate_take(r, "a", 1000, &wait) && wait == 100, "then a token takes a tenth of a second");
    ok(!rate_take(r, "a", 1099, &wait) && wait == 1, "not earlier");
    ok(rate_take(r, "a", 1100, &wait), "but then");
    is_int(take_many(r, "a", 2100, 30), 10, "a second gives ten");
    is_int(take_many(r, "a", 1000000000, 30), 20, "a long silence gives no more than the burst");
    is_int(take_many(r, "b", 1000, 30), 20, "another key has its own");
    is_int(take_many(r, "a", 5, 30), 0, "a clock that goes back gives nothing");
    rate_free(r);
    ok(!rate_new(0, 5) && rate_take(NULL, "a", 0, &wait), "no bound is no table");
}

static void test_give(void)
{
    struct rate *r = rate_new(1, 3);
    int64_t wait;

    is_int(take_many(r, "a", 1000, 5), 3, "three saved up");
    rate_give(r, "a");
    is_int(take_many(r, "a", 1000, 5), 1, "one that was put back can be taken again");
    for (int i = 0; i < 10; i++)
        rate_give(r, "a");
    is_int(take_many(r, "a", 1000, 9), 3, "putting back makes no more than the burst");
    rate_give(r, "unheard of");
    is_int(take_many(r, "unheard of", 1000, 9), 3, "nor more than a new bucket has");
    ok(rate_take(r, "b", 1000, &wait), "another key has its own");
    rate_give(NULL, "a");
    rate_free(r);
}

static void test_table(void)
{
    struct rate *r = rate_new(1, 1);
    char key[32];
    int taken = 0;

    for (int i = 0; i < 200000; i++) {
        snprintf(key, sizeof key, "key_%d", i);
        taken += take_many(r, key, 1000 + i, 1);
    }
    is_int(taken, 200000, "more keys than places, each gets its first token");
    is_int(take_many(r, "key_199999", 1000 + 200000, 1), 0, "the newest is remembered");
    rate_free(r);
}

static void test_place(void)
{
    static const struct { const char *address, *place; } rows[] = {
        { "10.1.2.3", "10.1.2.3" }, { "::ffff:10.1.2.3", "10.1.2.3" }, { "::1", "::" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" }, { "2001:db8:1:2:ffff::1", "2001:db8:1:2::" },
        { "2001:db8:1:3::1", "2001:db8:1:3::" }, { "unknown", "unknown" },
    };
    char place[RATE_PLACE_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rate_place(rows[i].address, place);
        is_str(place, rows[i].place, rows[i].address);
    }
}

struct shared { struct rate *r; atomic_int taken; };

static void *take_shared(void *arg)
{
    struct shared *shared = arg;

    atomic_fetch_add(&shared->taken, take_many(shared->r, "x", 1000, 1000));
    return NULL;
}

static void test_threads(void)
{
    struct shared shared = { .r = rate_new(1000, 1500) };
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, take_shared, &shared);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    is_int(atomic_load(&shared.taken), 1500, "four threads take what there is");
    rate_free(shared.r);
}

int main(void)
{
    test_bucket();
    test_give();
    test_table();
    test_place();
    test_threads();
    return done_testing();
}
