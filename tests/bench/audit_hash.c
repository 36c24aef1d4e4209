/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/audit_source.h"
#include "api/client/folder.h"
#include "schema/base/clock.h"

/*
 * The hash check of an audit beside what SHA-256 allows: audit_hash DIR [RUNS].
 *
 * Ours: every bundle of the mirror in DIR and its tile of hashes are read, hashed and compared by ahead_bundle(), on
 * all cores, as `counterfoil audit --dir` does it; nothing is replayed. The bound: the same leaves and nodes, hashed
 * from memory by libcrypto's low-level Init, Update, Final on as many threads, nothing read, split or compared. They
 * alternate.
 * Prints one JSON object; exit code 1 if a tile doesn't fit.
 */
struct inputs { const struct audit_source *source; uint64_t size, bundles; struct bytes *entry; };
struct part { pthread_t thread; const struct inputs *in; uint64_t from, to; unsigned char seen; };

static double seconds_since(int64_t began_us)
{
    return (double)(clock_monotonic_us() - began_us) / 1e6;
}

/* ---- ours */

static double check(const struct inputs *in, bool *good)
{
    int64_t began = clock_monotonic_us();
    const struct audit_bundle *b = NULL;
    struct ahead *ahead;
    struct scope s;

    scope_init(&s, 0);
    if (ahead_open(&s, in->source, parallel_cores() - 1, &ahead) != ERR_OK)
        abort();
    for (uint64_t n = 0; n < in->bundles; n++)
        *good = *good && ahead_bundle(&s, ahead, n, in->size, &b) == ERR_OK && b->n && b->tile &&
                memcmp(b->tile, b->leaf, b->n * sizeof *b->leaf) == 0;
    ahead_close(ahead);
    scope_free(&s);
    return seconds_since(began);
}

/* ---- the bound */

static void digest(unsigned char mark, const void *p, size_t len, unsigned char out[HASH_SIZE])
{
    SHA256_CTX c;

    SHA256_Init(&c);
    SHA256_Update(&c, &mark, 1);
    SHA256_Update(&c, p, len);
    SHA256_Final(out, &c);
}

static void *bound_part(void *arg)
{
    unsigned char node[TILE_WIDTH][HASH_SIZE];
    struct part *part = arg;

    for (uint64_t n = part->from; n < part->to; n++) {
        unsigned width = tile_width(0, n, part->in->size);
        const struct bytes *e = part->in->entry + n * TILE_WIDTH;

        for (unsigned i = 0; i < width; i++)
            digest(0, e[i].p, e[i].len, node[i]);
        for (unsigned left = width / 2; width == TILE_WIDTH && left > 0; left /= 2)
            for (unsigned i = 0; i < left; i++)
                digest(1, node[2 * i], 2 * HASH_SIZE, node[i]);
        part->seen ^= node[0][0];
    }
    return NULL;
}

static double bound(const struct inputs *in)
{
    unsigned threads = parallel_cores();
    struct part part[PARALLEL_THREADS_MAX];
    int64_t began = clock_monotonic_us();

    for (unsigned i = 0; i < threads; i++) {
        part[i] = (struct part){ .in = in, .from = in->bundles * i / threads, .to = in->bundles * (i + 1) / threads };
        if (pthread_create(&part[i].thread, NULL, bound_part, &part[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(part[i].thread, NULL);
    return seconds_since(began);
}

/* ---- */

/* Every entry, in memory: what the bound hashes; and all files are in the page cache afterwards. */
static bool load(struct scope *s, struct inputs *in)
{
    struct audit_bundle *b = NEW(s, struct audit_bundle);

    in->entry = reallocarray(NULL, in->bundles * TILE_WIDTH, sizeof *in->entry);
    if (!in->entry)
        abort();
    for (uint64_t n = 0; n < in->bundles; n++) {
        if (audit_bundle_read(s, in->source, n, in->size, b) != ERR_OK || b->n == 0)
            return false;
        memcpy(in->entry + n * TILE_WIDTH, b->entry, b->n * sizeof *b->entry);
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    struct dir_source dir = { -1 };
    struct checkpoint c;
    struct bytes note = { 0 };
    const uint8_t *end;
    bool good = true;
    struct scope s;

    scope_init(&s, 0);
    if (argc < 2 || folder_open(&s, argv[1], false, &dir.folder) != ERR_OK ||
        folder_read(&s, dir.folder, "checkpoint", NOTE_BYTES_MAX, &note) != ERR_OK ||
        (end = memmem(note.p, note.len, "\n\n", 2)) == NULL ||
        !checkpoint_parse((const char *)note.p, (size_t)(end - note.p) + 1, &c)) {
        fprintf(stderr, "usage: audit_hash DIR [RUNS]: %s\n", s.why.detail);
        return 2;
    }
    struct audit_source source = dir_source_of(&dir);
    struct inputs in = { &source, c.size, (c.size + TILE_WIDTH - 1) / TILE_WIDTH, NULL };
    if (!load(&s, &in)) {
        fprintf(stderr, "audit_hash: %s\n", s.why.detail);
        return 2;
    }
    printf("{\"entries\":%llu,\"threads\":%u,\"runs\":[", (unsigned long long)c.size, parallel_cores());
    for (unsigned i = 0; i < runs; i++) {
        double ours = check(&in, &good), best = bound(&in);
        printf("%s[%.4f,%.4f]", i ? "," : "", ours, best);
        fflush(stdout);
    }
    printf("]}\n");
    free(in.entry);
    scope_free(&s);
    close(dir.folder);
    return good ? 0 : 1;
}
