/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Accesses without HTTP, for benchmarks: entries of real licenses under real clearances, with their disclosures, put
 * into a market's log by the append room, FILL_BATCH a batch and so a checkpoint for each. No pair of license and item
 * comes twice, so an audit finds nothing wrong with them.
 *
 * An operation is one batch: the next one is submitted when it is decided, so that it waits alone for the batch after.
 */
#include <pthread.h>
#include <stdlib.h>

#include "ledger/append/append.h"
#include "ledger/keys/sign.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/log.h"

#define FILL_BATCH  1000
#define FILL_MS     60000

struct grant { const char *license, *clearance, *key; };
static const struct column grant_columns[] = {
    COL(grant, license, T_TEXT), COL(grant, clearance, T_TEXT), COL(grant, key, T_TEXT)
};
static const struct shape grant_shape = SHAPE(grant, grant_columns);
static const struct sql grants_sql = {
    "fill_grants",
    "SELECT l.id AS license, c.id AS clearance, (SELECT min(id) FROM api_key WHERE party = l.buyer) AS key"
    "  FROM license l JOIN clearance c ON c.license = l.no AND c.granted WHERE l.state = 'active' ORDER BY l.no"
};

struct content { struct hash sha256; int64_t size; };
static const struct column content_columns[] = { COL(content, sha256, T_HASH), COL(content, size, T_INT8) };
static const struct shape content_shape = SHAPE(content, content_columns);
static const struct sql contents_sql = {
    "fill_contents",
    "SELECT sha256, size FROM item WHERE version = (SELECT min(version) FROM license WHERE state = 'active') ORDER BY n"
};

struct count { int64_t n; };
static const struct column count_columns[] = { COL(count, n, T_INT8) };
static const struct shape count_shape = SHAPE(count, count_columns);
static const struct sql recorded_sql = {
    "fill_recorded", "SELECT count(*) AS n FROM entry WHERE type = 'access.recorded'"
};

struct filler {
    struct append *a;
    struct db *db;
    struct scope scope;
    struct grant *grants;
    struct content *items;
    size_t n_grants, n_items;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    uint64_t next, end;              /* pairs of license and item: the next one, and where to stop */
    size_t in_flight;
    bool failed;
};

struct fill_op {
    struct append_op op;
    struct scope scope;
    struct filler *f;
    uint64_t first;
    size_t n;
    bool followed;                   /* the next one is submitted */
};

/* Says why and ends the program: nothing here is expected to fail. */
static inline void must(err e, const char *what, struct scope *s)
{
    if (e == ERR_OK)
        return;
    log_why(LOG_ERROR, what, s);
    exit(2);
}

static inline void fill_next(struct filler *f);

static inline err fill_decide(struct scope *s, struct append_txn *t, void *arg)
{
    struct fill_op *o = arg;
    struct filler *f = o->f;

    if (!o->followed)
        fill_next(f);
    o->followed = true;
    for (uint64_t pair = o->first; pair < o->first + o->n; pair++) {
        const struct grant *g = &f->grants[pair / f->n_items];
        const struct content *item = &f->items[pair % f->n_items];
        struct named_value values[] = {
            { "clearance", EV_TEXT(g->clearance) },
            { "license", EV_TEXT(g->license) },
            { "bytes", EV_COUNT((uint64_t)item->size) },
            { "item_hash", EV_HASH(&item->sha256) },
            { "item_number", EV_COUNT(pair % f->n_items) },
            { "key", EV_TEXT(g->key) },
        };
        uint64_t index;

        TRY(append_entry(s, t, ENTRY_ACCESS_RECORDED, values, ARRAY_LEN(values), &index));
    }
    t->op->status = 200;
    t->op->answer = "{}";
    return ERR_OK;
}

static inline void fill_done(struct append_op *op, err e)
{
    struct fill_op *o = op->arg;
    struct filler *f = o->f;

    if (e != ERR_OK)
        log_why(LOG_ERROR, "append", &o->scope);
    pthread_mutex_lock(&f->lock);
    f->failed = f->failed || e != ERR_OK;
    if (--f->in_flight == 0)
        pthread_cond_signal(&f->idle);
    pthread_mutex_unlock(&f->lock);
    scope_free(&o->scope);
    free(o);
}

/* Submits the next operation, if one is left. */
static inline void fill_next(struct filler *f)
{
    struct fill_op *o = calloc(1, sizeof *o);

    if (!o)
        abort();
    pthread_mutex_lock(&f->lock);
    o->f = f;
    o->first = f->next;
    o->n = f->end - f->next < FILL_BATCH ? (size_t)(f->end - f->next) : FILL_BATCH;
    f->next += o->n;
    f->in_flight += o->n > 0;
    pthread_mutex_unlock(&f->lock);
    if (o->n == 0) {
        free(o);
        return;
    }
    scope_init(&o->scope, FILL_MS);
    o->op = (struct append_op){ .scope = &o->scope, .decide = fill_decide, .done = fill_done, .arg = o };
    append_submit(f->a, &o->op);
}

/* The market's grants and items; pairs that are in the log are not taken again. */
static inline void fill_open(struct filler *f, const char *dsn, const char *signer)
{
    struct append_config config = { dsn, "bench", signer };
    struct count recorded;

    *f = (struct filler){ .lock = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER };
    keys_init();
    scope_init(&f->scope, 0);
    must(db_open(&f->scope, dsn, "bench", &f->db), "database", &f->scope);
    must(db_many(&f->scope, f->db, &grants_sql, NO_PARAMS, &grant_shape, &f->grants, &f->n_grants), "grants",
         &f->scope);
    must(db_many(&f->scope, f->db, &contents_sql, NO_PARAMS, &content_shape, &f->items, &f->n_items), "items",
         &f->scope);
    must(db_one(&f->scope, f->db, &recorded_sql, NO_PARAMS, &count_shape, &recorded), "entries", &f->scope);
    must(append_open(&f->scope, &config, &f->a), "append", &f->scope);
    f->next = (uint64_t)recorded.n;
}

/* Entries a second; returns when all are signed. */
static inline double fill(struct filler *f, uint64_t entries)
{
    int64_t began = clock_monotonic_us();

    if (f->next + entries > f->n_grants * f->n_items) {
        fprintf(stderr, "%zu cleared licenses of %zu items don't last for %llu accesses\n", f->n_grants, f->n_items,
                (unsigned long long)(f->next + entries));
        exit(2);
    }
    f->end = f->next + entries;
    fill_next(f);
    pthread_mutex_lock(&f->lock);
    while (f->in_flight > 0)
        pthread_cond_wait(&f->idle, &f->lock);
    pthread_mutex_unlock(&f->lock);
    if (f->failed)
        exit(2);
    return (double)entries * 1e6 / (double)(clock_monotonic_us() - began);
}

static inline void fill_close(struct filler *f)
{
    append_close(f->a, FILL_MS);
    db_close(f->db);
    scope_free(&f->scope);
}
