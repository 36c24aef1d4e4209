/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/filling.h"

/*
 * Grows a market's log to SIZE entries: log_fill DSN SIGNER SIZE, by the API's role and the signer's socket, while no
 * other process appends. The market has cleared licenses of one version enough for as many accesses (append.py's
 * Fixture makes one of any size: tests/bench/append.py ENTRIES). Prints entries a second and entries a batch.
 */
#define AHEAD (1 << 20)              /* entries between two looks at partitions, which are made some millions ahead */

int main(int argc, char **argv)
{
    uint64_t size, first, most;
    struct append_state before, after;
    struct filler f;
    int64_t began;
    int made;

    log_open("log_fill", LOG_WARNING);
    if (argc != 4) {
        fprintf(stderr, "usage: log_fill DSN SIGNER SIZE\n");
        return 2;
    }
    size = strtoull(argv[3], NULL, 10);
    fill_open(&f, argv[1], argv[2]);
    append_state(f.a, &before);
    first = append_signed_size(f.a);
    began = clock_monotonic_us();
    for (uint64_t now = first; now < size; now = append_signed_size(f.a)) {
        must(log_partitions(&f.scope, f.db, &made), "partitions", &f.scope);
        most = size - now < AHEAD ? size - now : AHEAD;
        fill(&f, most);
    }
    append_state(f.a, &after);
    if (append_signed_size(f.a) > first)
        printf("%.0f entries/s, %.0f a batch\n",
               (double)(append_signed_size(f.a) - first) * 1e6 / (double)(clock_monotonic_us() - began),
               (double)(after.entries - before.entries) / (double)(after.batches - before.batches));
    fill_close(&f);
    return 0;
}
