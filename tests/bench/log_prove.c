/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/tree/proof.h"
#include "schema/base/random.h"
#include "tests/bench/filling.h"

/*
 * Receipts of random entries from the rows of two logs, alternating: log_prove DSN OTHER_DSN COUNT, by the room that
 * the API makes them by. Each is read like a stranger's and checked against the checkpoint and the entry's bytes;
 * one that doesn't hold ends the program with 1. Prints for each log its size, the median and the 99th percentile in
 * microseconds, and the median number of hashes:
 *
 *     size 10000 p50 310 p99 420 hashes 14
 */
struct log_side {
    struct scope scope;
    struct db *db;
    struct append *a;
    struct log_view view;
    struct hash root;
    int64_t *us, *hashes;
};

static const struct sql bytes_sql = { "prove_bytes", "SELECT bytes FROM entry WHERE index = $1" };
struct entry_bytes { struct bytes bytes; };
static const struct column bytes_columns[] = { COL(entry_bytes, bytes, T_BYTES) };
static const struct shape bytes_shape = SHAPE(entry_bytes, bytes_columns);

static void side_open(struct log_side *l, const char *dsn, size_t count)
{
    struct append_config config = { dsn, "bench", NULL };
    struct checkpoint cp;
    struct note_key key;
    struct log_row log;
    struct scope *s = &l->scope;

    scope_init(s, 0);
    must(db_open(s, dsn, "bench", &l->db), "database", s);
    must(append_open(s, &config, &l->a), "append", s);
    must(log_load(s, l->db, &log), "log", s);
    must(log_view(s, l->db, &l->view), "newest rows", s);
    must(note_key_parse(log.log_key, &key) ? ERR_OK : ERR_CORRUPT, "the log's key", s);
    must(checkpoint_open(s, l->view.note, strlen(l->view.note), &key, &cp), "checkpoint", s);
    l->root = cp.root;
    l->us = NEWS(s, int64_t, count);
    l->hashes = NEWS(s, int64_t, count);
}

/* What is served is what is read: the text, as a client gets it. */
static bool holds(struct scope *s, struct log_side *l, uint64_t index, const char *text)
{
    struct tlog_proof proof;
    struct entry_bytes row;
    struct hash leaf;

    must(db_one(s, l->db, &bytes_sql, PARAMS(P_INT8((int64_t)index)), &bytes_shape, &row), "entry", s);
    leaf = leaf_hash(row.bytes.p, row.bytes.len);
    return tlog_proof_parse(text, strlen(text), &proof) && proof.index == index &&
           proof_check_inclusion(index, (uint64_t)l->view.signed_size, &leaf, &l->root, &proof.proof);
}

static bool prove(struct log_side *l, size_t at)
{
    struct hash_source source;
    struct proof proof;
    struct scope s;
    uint64_t index;
    int64_t began;
    char *text;
    bool good;

    random_bytes(&index, sizeof index);
    index %= (uint64_t)l->view.signed_size;
    scope_init(&s, 0);
    source = append_proof_source(&s, l->a, l->db);
    began = clock_monotonic_us();
    must(proof_inclusion(&s, &source, index, (uint64_t)l->view.signed_size, &proof), "proof", &s);
    text = tlog_proof_text(&s, index, &proof, l->view.note);
    l->us[at] = clock_monotonic_us() - began;
    l->hashes[at] = (int64_t)proof.n;
    good = holds(&s, l, index, text);
    if (!good)
        fprintf(stderr, "the proof of entry %llu doesn't hold\n", (unsigned long long)index);
    scope_free(&s);
    return good;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void side_report(struct log_side *l, size_t count)
{
    qsort(l->us, count, sizeof *l->us, by_value);
    qsort(l->hashes, count, sizeof *l->hashes, by_value);
    printf("size %lld p50 %lld p99 %lld hashes %lld\n", (long long)l->view.signed_size, (long long)l->us[count / 2],
           (long long)l->us[count * 99 / 100], (long long)l->hashes[count / 2]);
    append_close(l->a, FILL_MS);
    db_close(l->db);
    scope_free(&l->scope);
}

int main(int argc, char **argv)
{
    struct log_side side[2] = { 0 };
    bool good = true;
    size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

    log_open("log_prove", LOG_WARNING);
    if (count == 0) {
        fprintf(stderr, "usage: log_prove DSN OTHER_DSN COUNT\n");
        return 2;
    }
    keys_init();
    for (int i = 0; i < 2; i++)
        side_open(&side[i], argv[1 + i], count);
    for (size_t at = 0; at < count; at++)
        for (int i = 0; i < 2; i++)
            good = prove(&side[i], at) && good;
    for (int i = 0; i < 2; i++)
        side_report(&side[i], count);
    return good ? 0 : 1;
}
