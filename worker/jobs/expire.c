/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expire: forgets stored answers and jobs that are done, closes quotes, forgets slices that nobody bought, drops
 * abandoned uploads, and makes partitions ahead.
 */
#include <inttypes.h>

#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/job.h"
#include "schema/store/log.h"
#include "schema/store/slice.h"
#include "schema/store/upkeep.h"
#include "schema/store/version.h"
#include "worker/jobs/work.h"

#define EXPIRE_BATCH 1000
#define UPLOAD_KEPT_MS (7 * 24 * 3600 * INT64_C(1000))

static err in_batches(struct scope *s, struct work *w,
                      err (*step)(struct scope *s, struct db *db, int64_t limit, int64_t *touched), int64_t *sum)
{
    int64_t n = EXPIRE_BATCH;

    while (n == EXPIRE_BATCH) {
        TRY(work_left(s, w));
        TRY(step(s, w->db, EXPIRE_BATCH, &n));
        *sum += n;
    }
    return ERR_OK;
}

/* Somebody who reads the log for long holds off new partitions: they are far ahead, so there is a next time. */
static err partitions_ahead(struct scope *s, struct db *db, int *made)
{
    err e = log_partitions(s, db, made);

    if (e != ERR_BUSY || !db_healthy(db))
        return e;
    log_why(LOG_INFO, "no partition made ahead this time", s);
    scope_forgive(s);
    *made = 0;
    return ERR_OK;
}

/* One slice a transaction: each may have ten million items. */
static err forget_slice(struct scope *s, struct db *db, bool *gone)
{
    TRY(db_begin(s, db));
    TRY(version_unhurried(s, db));
    TRY(slice_forget(s, db, clock_wall_ms() - SLICE_KEPT_MS, gone));
    return db_commit(s, db);
}

static err forget_slices(struct scope *s, struct work *w, int64_t *sum)
{
    bool gone = true;

    while (gone) {
        TRY(work_left(s, w));
        TRY(forget_slice(s, w->db, &gone));
        *sum += gone;
    }
    return ERR_OK;
}

err expire_run(struct scope *s, struct work *w)
{
    int64_t answers = 0, quotes = 0, slices = 0, jobs = 0;
    size_t uploads = 0;
    int partitions = 0;

    TRY(partitions_ahead(s, w->db, &partitions));
    TRY(in_batches(s, w, upkeep_idempotency, &answers));
    TRY(in_batches(s, w, upkeep_quotes, &quotes));
    TRY(forget_slices(s, w, &slices));
    TRY(in_batches(s, w, job_forget, &jobs));
    TRY(blobs_sweep(s, w->blobs, clock_wall_ms() - UPLOAD_KEPT_MS, &uploads));
    if (answers || quotes || slices || jobs || uploads || partitions)
        log_line(LOG_INFO, "expired answers=%" PRId64 " quotes=%" PRId64 " slices=%" PRId64 " jobs=%" PRId64
                 " uploads=%zu; partitions made=%d", answers, quotes, slices, jobs, uploads, partitions);
    return ERR_OK;
}
