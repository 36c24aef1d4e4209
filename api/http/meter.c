/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/meter.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CLASSES 6      /* hung up, 1xx … 5xx */

static const int64_t bounds_us[] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000,
                                    30000000 };

struct meter {
    const struct operation_spec *ops;
    size_t n_ops;
    atomic_uint_fast64_t buckets[ARRAY_LEN(bounds_us) + 1], us;
    atomic_uint_fast64_t counts[];     /* n_ops + 1 rows of CLASSES; the last row: no route */
};

struct meter *meter_new(const struct contract *c)
{
    size_t n;
    const struct operation_spec *ops = contract_operations(c, &n);
    struct meter *m = calloc(1, sizeof *m + (n + 1) * CLASSES * sizeof m->counts[0]);

    if (!m)
        abort();
    m->ops = ops;
    m->n_ops = n;
    return m;
}

void meter_free(struct meter *m)
{
    free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void meter_count(struct meter *m, const struct operation_spec *op, int status, int64_t us)
{
    size_t row = op ? op->index : m->n_ops, bucket = 0;

    add(&m->counts[row * CLASSES + (size_t)(status / 100 % CLASSES)], 1);
    while (bucket < ARRAY_LEN(bounds_us) && us > bounds_us[bucket])
        bucket++;
    add(&m->buckets[bucket], 1);
    add(&m->us, (uint64_t)us);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void meter_print(const struct meter *m, struct buf *out)
{
    static const char *const classes[CLASSES] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
    uint64_t sum = 0;

    buf_str(out, "# HELP counterfoil_http_requests_total Requests by operation and class of status.\n"
                 "# TYPE counterfoil_http_requests_total counter\n");
    for (size_t i = 0; i < (m->n_ops + 1) * CLASSES; i++) {
        uint64_t n = read_counter(&m->counts[i]);

        if (n > 0)
            buf_printf(out, "counterfoil_http_requests_total{operation=\"%s\",status=\"%s\"} %llu\n",
                       i / CLASSES < m->n_ops ? m->ops[i / CLASSES].id : "none", classes[i % CLASSES],
                           (unsigned long long)n);
    }
    buf_str(out, "# HELP counterfoil_http_request_seconds Time from a request's first line to its answer's last byte.\n"
                 "# TYPE counterfoil_http_request_seconds histogram\n");
    for (size_t i = 0; i <= ARRAY_LEN(bounds_us); i++) {
        sum += read_counter(&m->buckets[i]);
        if (i < ARRAY_LEN(bounds_us))
            buf_printf(out, "counterfoil_http_request_seconds_bucket{le=\"%g\"} %llu\n", (double)bounds_us[i] / 1e6,
                       (unsigned long long)sum);
        else
            buf_printf(out, "counterfoil_http_request_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)sum);
    }
    buf_printf(out, "counterfoil_http_request_seconds_sum %g\ncounterfoil_http_request_seconds_count %llu\n",
               (double)read_counter(&m->us) / 1e6, (unsigned long long)sum);
}
