/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/job.h"
#include "schema/store/db.h"

/*
 * Jobs in PostgreSQL: enqueue, take under a lease, renew, close.
 *
 * Enqueueing inside the ledger's transaction is fine, telling the workers is
 * not: job_notify() is a statement of its own after the commit, since NOTIFY
 * takes a lock of the whole database at COMMIT. Workers poll as well.
 */
#define JOB_CHANNEL "counterfoil_job"
#define JOB_BACKOFF_BASE_MS 500          /* First retry after about this, doubled with each attempt, */
#define JOB_BACKOFF_MAX_MS  60000        /* but never more, half of it drawn at random. */
#define JOB_STATEMENTS 14
extern const struct sql job_sql[JOB_STATEMENTS];

/* `args` is JSON text. run_at INT64_MIN: at once. *added false: such a job waits already (added may be NULL). */
err job_enqueue(struct scope *s, struct db *db, const char *kind, const char *key, const char *args, int64_t run_at,
                bool *added);
/* Whether such a job waits or is worked on. */
err job_pending(struct scope *s, struct db *db, const char *kind, const char *key, bool *yes);
err job_notify(struct scope *s, struct db *db);

/*
 * Takes the job that is due longest among these kinds, or one whose lease is over; *taken false: nothing to do. The
 * same kind and key is worked on once at a time. One whose worker vanished on the last attempt is dead.
 */
struct job_kinds_taken { const char *const *names; const int32_t *attempts; size_t n; };
err job_take(struct scope *s, struct db *db, const char *worker, const struct job_kinds_taken *k, int64_t lease_ms,
             struct job *out, bool *taken);
/* ERR_STALE: somebody else has it by now; stop working on it. */
err job_renew(struct scope *s, struct db *db, const struct job *j, int64_t lease_ms);
/* In the transaction of the job's own writes; ERR_STALE: roll them back. */
err job_done(struct scope *s, struct db *db, const struct job *j);
/* Back to the queue after a backoff with jitter, dead after so many attempts. ERR_STALE as above. */
err job_fail(struct scope *s, struct db *db, const struct job *j, int32_t attempts, const char *error,
             bool *dead /* may be NULL */);
/*
 * Gives the job back without counting the attempt, to be taken after so long: at a clean stop, or when what it needs
 * was away. ERR_STALE as above.
 */
err job_release(struct scope *s, struct db *db, const struct job *j, int64_t after_ms);

struct job_counts { int64_t queued, running, dead, oldest_ms; };    /* oldest_ms: how long the oldest due job waits */
err job_count(struct scope *s, struct db *db, struct job_counts *out);

/* Jobs that were done JOB_KEPT_MS ago are forgotten, at most `limit`. Dead ones stay until somebody retries them. */
err job_forget(struct scope *s, struct db *db, int64_t limit, int64_t *touched);
/* For the operator: the dead, at most JOB_DEAD_SHOWN, oldest first. */
err job_dead(struct scope *s, struct db *db, struct job **out, size_t *n);
/* Enqueues a dead job anew, with all its attempts; *added false: the same waits already. ERR_NOT_FOUND: not dead. */
err job_retry(struct scope *s, struct db *db, const char *id, bool *added);
