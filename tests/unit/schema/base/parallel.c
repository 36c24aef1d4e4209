/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/parallel.h"

#include <stdatomic.h>

#include "tests/unit/tap.h"

#define THINGS 1000

struct tally { atomic_int seen[THINGS]; atomic_int done; size_t bad; };

static err count(struct scope *s, void *arg, size_t thing, unsigned thread)
{
    struct tally *t = arg;

    (void)thread;
    if (thing == t->bad)
        return fail(s, ERR_INVALID, "thing %zu", thing);
    memset(scope_alloc(s, 100, 1), 1, 100);
    atomic_fetch_add(&t->seen[thing], 1);
    atomic_fetch_add(&t->done, 1);
    return ERR_OK;
}

int main(void)
{
    static struct tally all = { .bad = THINGS }, stopped = { .bad = 10 };
    struct scope s;
    bool once = true;
    err e;

    scope_init(&s, 0);
    e = parallel_run(&s, 4, THINGS, count, &all);
    for (size_t i = 0; i < THINGS; i++)
        once = once && all.seen[i] == 1;
    ok(e == ERR_OK && once, "each thing is worked on exactly once");
    ok(parallel_run(&s, 4, 0, count, &all) == ERR_OK, "nothing to do is done");
    e = parallel_run(&s, 3, THINGS, count, &stopped);
    ok(e == ERR_INVALID && stopped.done < THINGS, "an error stops the handing out");
    is_str(s.why.detail, "thing 10", "its reason is the caller's");
    ok(parallel_cores() >= 1, "there is a core");
    scope_free(&s);
    return done_testing();
}
