/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/job.h"

#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/random.h"

enum { ENQUEUE, PENDING, NOTIFY, TAKE_DUE, BURY, TAKE_LOST, RENEW, DONE, FAIL, RELEASE, COUNT, FORGET, DEAD, RETRY,
       STATEMENTS };
_Static_assert(STATEMENTS == JOB_STATEMENTS, "job_sql");

#define COLUMNS "j.id, j.kind, j.key, j.args, j.state, j.attempt, j.error, j.run_at, j.created_at, j.done_at"
/* now(), not clock_timestamp(): only a stable function may bound an index scan. */
const struct sql job_sql[JOB_STATEMENTS] = {
    [ENQUEUE]   = { "job_enqueue",
                    "INSERT INTO job (id, kind, key, args, run_at)"
                    " VALUES ($1, $2, $3, $4, coalesce($5::timestamptz, clock_timestamp()))"
                    " ON CONFLICT (kind, key) WHERE state = 'queued' DO NOTHING" },
    [PENDING]   = { "job_pending",
                    "SELECT EXISTS (SELECT FROM job WHERE kind = $1 AND key = $2 AND state = 'queued') OR"
                    "       EXISTS (SELECT FROM job WHERE kind = $1 AND key = $2 AND state = 'running') AS yes" },
    [NOTIFY]    = { "job_notify",
                    "SELECT pg_notify('" JOB_CHANNEL "', '')" },
    [TAKE_DUE]  = { "job_take_due",
                    "WITH due AS (SELECT id FROM job q WHERE state = 'queued' AND run_at <= now() AND kind = ANY"
                    " ($2::text[])"
                    "                AND NOT EXISTS (SELECT FROM job r WHERE r.state = 'running' AND r.kind = q.kind"
                    "                                   AND r.key = q.key)"
                    "              ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
                    " UPDATE job j SET state = 'running', attempt = attempt + 1, worker = $1,"
                    "        leased_until = clock_timestamp() + $3::bigint * interval '1 ms'"
                    "   FROM due WHERE j.id = due.id RETURNING " COLUMNS },
    [BURY]      = { "job_bury",
                    "UPDATE job j SET state = 'dead', done_at = clock_timestamp(), leased_until = NULL,"
                    "       error = 'the worker vanished on the last attempt'"
                    "  FROM unnest($1::text[], $2::integer[]) AS k (kind, attempts)"
                    " WHERE j.kind = k.kind AND j.state = 'running' AND j.leased_until < now()"
                    "   AND j.attempt >= k.attempts" },
    [TAKE_LOST] = { "job_take_lost",
                    "WITH due AS (SELECT id FROM job WHERE state = 'running' AND leased_until < now() AND kind = ANY"
                    " ($2::text[])"
                    "              ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED)"
                    " UPDATE job j SET attempt = attempt + 1, worker = $1, error = 'the lease ran out',"
                    "        leased_until = clock_timestamp() + $3::bigint * interval '1 ms'"
                    "   FROM due WHERE j.id = due.id RETURNING " COLUMNS },
    [RENEW]     = { "job_renew",
                    "UPDATE job SET leased_until = clock_timestamp() + $3::bigint * interval '1 ms'"
                    " WHERE id = $1 AND attempt = $2 AND state = 'running'" },
    [DONE]      = { "job_done",
                    "UPDATE job SET state = 'done', done_at = clock_timestamp(), leased_until = NULL, error = NULL"
                    " WHERE id = $1 AND attempt = $2 AND state = 'running'" },
    /* One that waits again already takes this one's place: the queue holds a kind and key once. */
    [FAIL]      = { "job_fail",
                    "WITH next AS (SELECT CASE WHEN j.attempt >= $4::integer THEN 'dead'"
                    "     WHEN EXISTS (SELECT FROM job o WHERE o.kind = j.kind AND o.key = j.key AND o.state ="
                    " 'queued') THEN 'done'"
                    "     ELSE 'queued' END AS state FROM job j WHERE j.id = $1)"
                    " UPDATE job j SET state = next.state, error = $3, leased_until = NULL,"
                    "        run_at = clock_timestamp() + $5::bigint * interval '1 ms',"
                    "        done_at = CASE WHEN next.state <> 'queued' THEN clock_timestamp() END"
                    "   FROM next WHERE j.id = $1 AND j.attempt = $2 AND j.state = 'running' RETURNING " COLUMNS },
    [RELEASE]   = { "job_release",
                    "UPDATE job j SET leased_until = NULL, attempt = attempt - 1,"
                    "       run_at = clock_timestamp() + $3::bigint * interval '1 ms',"
                    "       state = CASE WHEN other THEN 'done' ELSE 'queued' END,"
                    "       done_at = CASE WHEN other THEN clock_timestamp() END"
                    "  FROM (SELECT EXISTS (SELECT FROM job q JOIN job o ON o.kind = q.kind AND o.key = q.key"
                    "                        WHERE q.id = $1 AND o.state = 'queued') AS other) x"
                    " WHERE id = $1 AND attempt = $2 AND state = 'running'" },
    [COUNT]     = { "job_count",
                    "SELECT count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state ="
                    " 'running') AS running,"
                    "       count(*) FILTER (WHERE state = 'dead') AS dead,"
                    "       coalesce((extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'queued' AND run_at"
                    " <= now())) * 1000)::bigint,"
                    "                0) AS oldest_ms"
                    "  FROM job WHERE state <> 'done'" },
    [FORGET]    = { "job_forget",
                    "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state = 'done' AND done_at < $1::timestamptz"
                    "                              ORDER BY done_at LIMIT $2 FOR UPDATE SKIP LOCKED)" },
    [DEAD]      = { "job_dead",
                    "SELECT " COLUMNS " FROM job j WHERE j.state = 'dead' ORDER BY j.id LIMIT $1" },
    /* Another row, so that whoever was believed dead can't close the new one by an attempt's number. */
    [RETRY]     = { "job_retry",
                    "WITH dead AS (UPDATE job SET state = 'done', done_at = clock_timestamp()"
                    "               WHERE id = $1 AND state = 'dead' RETURNING kind, key, args),"
                    "     added AS (INSERT INTO job (id, kind, key, args) SELECT $2, kind, key, args FROM dead"
                    "               ON CONFLICT (kind, key) WHERE state = 'queued' DO NOTHING RETURNING id)"
                    " SELECT (SELECT count(*) FROM dead) AS dead, (SELECT count(*) FROM added) AS added" },
};

static const struct column columns[] = {
    COL(job, id, T_ID),           COL(job, kind, T_TEXT),        COL(job, key, T_TEXT),    COL(job, args, T_TEXT),
    COL(job, state, T_TEXT),      COL(job, attempt, T_INT4),     COL(job, error, T_TEXT),  COL(job, run_at, T_TIME),
    COL(job, created_at, T_TIME), COL(job, done_at, T_TIME),
};
static const struct shape job_shape = SHAPE(job, columns);

static const struct column count_columns[] = {
    COL(job_counts, queued, T_INT8), COL(job_counts, running, T_INT8), COL(job_counts, dead, T_INT8),
    COL(job_counts, oldest_ms, T_INT8),
};
static const struct shape count_shape = SHAPE(job_counts, count_columns);

struct retried { int64_t dead, added; };
static const struct column retried_columns[] = { COL(retried, dead, T_INT8), COL(retried, added, T_INT8) };
static const struct shape retried_shape = SHAPE(retried, retried_columns);

err job_enqueue(struct scope *s, struct db *db, const char *kind, const char *key, const char *args, int64_t run_at,
                bool *added)
{
    struct id id = id_new("job", clock_wall_ms());
    int64_t touched;

    TRY(db_do(s, db, &job_sql[ENQUEUE], PARAMS(P_ID(id), P_TEXT(kind), P_TEXT(key), P_TEXT(args), P_TIME(run_at)),
              &touched));
    if (added)
        *added = touched == 1;
    return ERR_OK;
}

err job_pending(struct scope *s, struct db *db, const char *kind, const char *key, bool *yes)
{
    static const struct column column[] = { { "yes", T_BOOL, 0 } };
    static const struct shape shape = { sizeof(bool), 1, column };

    return db_one(s, db, &job_sql[PENDING], PARAMS(P_TEXT(kind), P_TEXT(key)), &shape, yes);
}

err job_notify(struct scope *s, struct db *db)
{
    return db_do(s, db, &job_sql[NOTIFY], NO_PARAMS, NULL);
}

static err take(struct scope *s, struct db *db, const struct sql *q, const char *worker,
                const struct job_kinds_taken *k, int64_t lease_ms, struct job *out, bool *taken)
{
    struct job *rows;
    size_t n;

    TRY(db_many(s, db, q, PARAMS(P_TEXT(worker), P_TEXTS(k->names, k->n), P_INT8(lease_ms)), &job_shape, &rows, &n));
    *taken = n == 1;
    if (n == 1)
        *out = rows[0];
    return ERR_OK;
}

err job_take(struct scope *s, struct db *db, const char *worker, const struct job_kinds_taken *k, int64_t lease_ms,
             struct job *out, bool *taken)
{
    TRY(take(s, db, &job_sql[TAKE_DUE], worker, k, lease_ms, out, taken));
    if (*taken)
        return ERR_OK;
    TRY(db_do(s, db, &job_sql[BURY], PARAMS(P_TEXTS(k->names, k->n), P_INT4S(k->attempts, k->n)), NULL));
    return take(s, db, &job_sql[TAKE_LOST], worker, k, lease_ms, out, taken);
}

static err lost(struct scope *s, const struct job *j)
{
    return fail(s, ERR_STALE, "job %s is no longer at attempt %d", j->id.text, (int)j->attempt);
}

err job_renew(struct scope *s, struct db *db, const struct job *j, int64_t lease_ms)
{
    int64_t touched;

    TRY(db_do(s, db, &job_sql[RENEW], PARAMS(P_ID(j->id), P_INT4(j->attempt), P_INT8(lease_ms)), &touched));
    return touched == 1 ? ERR_OK : lost(s, j);
}

err job_done(struct scope *s, struct db *db, const struct job *j)
{
    int64_t touched;

    TRY(db_do(s, db, &job_sql[DONE], PARAMS(P_ID(j->id), P_INT4(j->attempt)), &touched));
    return touched == 1 ? ERR_OK : lost(s, j);
}

static int64_t backoff_ms(int32_t attempt)
{
    int64_t full = JOB_BACKOFF_BASE_MS;
    uint32_t noise;

    for (int32_t i = 1; i < attempt && full < JOB_BACKOFF_MAX_MS; i++)
        full *= 2;
    if (full > JOB_BACKOFF_MAX_MS)
        full = JOB_BACKOFF_MAX_MS;
    random_bytes(&noise, sizeof noise);
    return full / 2 + noise % (full / 2 + 1);
}

err job_fail(struct scope *s, struct db *db, const struct job *j, int32_t attempts, const char *error, bool *dead)
{
    struct job *rows;
    size_t n;

    TRY(db_many(s, db, &job_sql[FAIL],
                PARAMS(P_ID(j->id), P_INT4(j->attempt), P_TEXT(error), P_INT4(attempts),
                       P_INT8(backoff_ms(j->attempt))),
                &job_shape, &rows, &n));
    if (n == 0)
        return lost(s, j);
    if (dead)
        *dead = rows[0].state[0] == 'd' && rows[0].state[1] == 'e';
    return ERR_OK;
}

err job_release(struct scope *s, struct db *db, const struct job *j, int64_t after_ms)
{
    int64_t touched;

    TRY(db_do(s, db, &job_sql[RELEASE], PARAMS(P_ID(j->id), P_INT4(j->attempt), P_INT8(after_ms)), &touched));
    return touched == 1 ? ERR_OK : lost(s, j);
}

err job_count(struct scope *s, struct db *db, struct job_counts *out)
{
    return db_one(s, db, &job_sql[COUNT], NO_PARAMS, &count_shape, out);
}

err job_forget(struct scope *s, struct db *db, int64_t limit, int64_t *touched)
{
    return db_do(s, db, &job_sql[FORGET], PARAMS(P_TIME(clock_wall_ms() - JOB_KEPT_MS), P_INT8(limit)), touched);
}

err job_dead(struct scope *s, struct db *db, struct job **out, size_t *n)
{
    return db_many(s, db, &job_sql[DEAD], PARAMS(P_INT8(JOB_DEAD_SHOWN)), &job_shape, out, n);
}

err job_retry(struct scope *s, struct db *db, const char *id, bool *added)
{
    struct id next = id_new("job", clock_wall_ms());
    struct retried r;

    TRY(db_one(s, db, &job_sql[RETRY], PARAMS(P_TEXT(id), P_ID(next)), &retried_shape, &r));
    *added = r.added == 1;
    return r.dead == 1 ? ERR_OK : fail(s, ERR_NOT_FOUND, "no dead job %s", id);
}
