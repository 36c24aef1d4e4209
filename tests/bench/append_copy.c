/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/filling.h"

/*
 * Appending against COPY of the very same rows: append_copy DSN SIGNER OWNER ENTRIES ROUNDS, DSN and SIGNER as those of
 * log_fill, OWNER the connection string of the tables' owner. Each round appends ENTRIES, then copies those entries,
 * read back beforehand, in binary into a table of the same columns, indexes, checks and generated hash: FILL_BATCH a
 * transaction, then all in one. With "all", disclosures are copied too, which the append room stores in the same
 * transaction. Prints a line for each round, rates in entries a second:
 *
 *     append 75000 copy 110000 one 170000 all 90000 all_one 130000 batch 1000
 */
static const struct sql tables_sql[] = {
    { "bench_entry", "CREATE TABLE bench_entry (LIKE entry INCLUDING ALL)" },
    { "bench_disclosure", "CREATE TABLE bench_disclosure (LIKE disclosure INCLUDING ALL)" },
};
static const struct sql truncate_sql = { "bench_truncate", "TRUNCATE bench_entry, bench_disclosure" };
static const struct sql copy_entry_sql = {
    "bench_copy_entry", "COPY bench_entry (index, type, bytes) FROM STDIN (FORMAT binary)"
};
static const struct sql copy_disclosure_sql = {
    "bench_copy_disclosure", "COPY bench_disclosure (index, disclosures) FROM STDIN (FORMAT binary)"
};
static const struct sql same_sql = {
    "bench_same",
    "SELECT (SELECT count(*) FROM entry e JOIN bench_entry b USING (index)"
    "         WHERE (b.type, b.bytes, b.leaf) = (e.type, e.bytes, e.leaf) AND e.index >= $1 AND e.index < $2) AS n"
};

struct row { int64_t index; const char *type; struct bytes bytes, disclosures; };
static const struct column row_columns[] = {
    COL(row, index, T_INT8), COL(row, type, T_TEXT), COL(row, bytes, T_BYTES), COL(row, disclosures, T_BYTES)
};
static const struct shape row_shape = SHAPE(row, row_columns);
static const struct sql rows_sql = {
    "bench_rows", "SELECT e.index, e.type, e.bytes, d.disclosures FROM entry e LEFT JOIN disclosure d USING (index)"
                  " WHERE e.index >= $1 AND e.index < $2 ORDER BY e.index"
};

struct copied { struct scope scope; struct db *db; struct row *rows; size_t n; };

static void copy_entries(struct scope *s, struct copied *c, size_t from, size_t to)
{
    must(db_copy_begin(s, c->db, &copy_entry_sql), "copy", s);
    for (size_t i = from; i < to; i++)
        must(db_copy_row(s, c->db, PARAMS(P_INT8(c->rows[i].index), P_TEXT(c->rows[i].type),
                                          P_BYTES(c->rows[i].bytes.p, c->rows[i].bytes.len))), "copy", s);
    must(db_copy_end(s, c->db, true, NULL), "copy", s);
}

static void copy_disclosures(struct scope *s, struct copied *c, size_t from, size_t to)
{
    must(db_copy_begin(s, c->db, &copy_disclosure_sql), "copy", s);
    for (size_t i = from; i < to; i++)
        if (c->rows[i].disclosures.p)
            must(db_copy_row(s, c->db, PARAMS(P_INT8(c->rows[i].index),
                                              P_BYTES(c->rows[i].disclosures.p, c->rows[i].disclosures.len))),
                 "copy", s);
    must(db_copy_end(s, c->db, true, NULL), "copy", s);
}

/* Entries a second, `batch` of them a transaction. */
static double copy(struct copied *c, size_t batch, bool all)
{
    struct scope s;
    int64_t began;

    scope_init(&s, 0);
    must(db_do(&s, c->db, &truncate_sql, NO_PARAMS, NULL), "truncate", &s);
    began = clock_monotonic_us();
    for (size_t at = 0; at < c->n; at += batch) {
        size_t end = c->n - at < batch ? c->n : at + batch;

        must(db_begin(&s, c->db), "begin", &s);
        copy_entries(&s, c, at, end);
        if (all)
            copy_disclosures(&s, c, at, end);
        must(db_commit(&s, c->db), "commit", &s);
    }
    scope_free(&s);
    return (double)c->n * 1e6 / (double)(clock_monotonic_us() - began);
}

static void read_back(struct copied *c, uint64_t first, uint64_t end)
{
    scope_free(&c->scope);
    scope_init(&c->scope, 0);
    must(db_many(&c->scope, c->db, &rows_sql, PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)), &row_shape,
                 &c->rows, &c->n), "rows", &c->scope);
}

/* False: what was copied is not what was appended. */
static bool same(struct copied *c, uint64_t first, uint64_t end)
{
    struct count good;

    must(db_one(&c->scope, c->db, &same_sql, PARAMS(P_INT8((int64_t)first), P_INT8((int64_t)end)), &count_shape,
                &good), "comparison", &c->scope);
    return (uint64_t)good.n == end - first;
}

static bool one_round(struct filler *f, struct copied *c, uint64_t entries)
{
    uint64_t first = append_signed_size(f->a);
    struct append_state before, after;
    double rate[5];
    bool good;

    append_state(f->a, &before);
    rate[0] = fill(f, entries);
    append_state(f->a, &after);
    read_back(c, first, first + entries);
    good = c->n == entries;
    for (int i = 0; i < 4; i++) {
        rate[i + 1] = copy(c, i % 2 ? entries : FILL_BATCH, i >= 2);
        good = good && same(c, first, first + entries);
    }
    printf("append %.0f copy %.0f one %.0f all %.0f all_one %.0f batch %.0f\n", rate[0], rate[1], rate[2], rate[3],
           rate[4], (double)entries / (double)(after.batches - before.batches));
    fflush(stdout);
    return good;
}

int main(int argc, char **argv)
{
    struct filler f;
    struct copied c = { 0 };
    bool good = true;
    int made;

    log_open("append_copy", LOG_WARNING);
    if (argc != 6) {
        fprintf(stderr, "usage: append_copy DSN SIGNER OWNER ENTRIES ROUNDS\n");
        return 2;
    }
    scope_init(&c.scope, 0);
    must(db_open(&c.scope, argv[3], "bench", &c.db), "database", &c.scope);
    for (size_t i = 0; i < ARRAY_LEN(tables_sql); i++)
        must(db_do(&c.scope, c.db, &tables_sql[i], NO_PARAMS, NULL), "tables", &c.scope);
    fill_open(&f, argv[1], argv[2]);
    must(log_partitions(&f.scope, f.db, &made), "partitions", &f.scope);
    for (long i = strtol(argv[5], NULL, 10); i > 0; i--)
        good = one_round(&f, &c, strtoull(argv[4], NULL, 10)) && good;
    fill_close(&f);
    db_close(c.db);
    scope_free(&c.scope);
    return good ? 0 : 1;
}
