/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/limits.h"
#include "worker/jobs/work.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)

static int64_t every_rehash(const struct worker_settings *set)
{
    return set->rehash_every_ms;
}

static int64_t every_reverify(const struct worker_settings *set)
{
    return set->reverify_ms / 100 < MINUTE_MS ? set->reverify_ms / 100 + 1 : MINUTE_MS;
}

static int64_t every_expire(const struct worker_settings *set)
{
    (void)set;
    return 10 * MINUTE_MS;
}

static int64_t every_status_lists(const struct worker_settings *set)
{
    (void)set;
    return MINUTE_MS;
}

static int64_t every_certificates(const struct worker_settings *set)
{
    return set->reverify_ms < 10 * MINUTE_MS ? set->reverify_ms / 10 + 1 : MINUTE_MS;
}

/* What is due comes at once, by a job of its own; this finds what was held, and what got lost. */
static int64_t every_allocate(const struct worker_settings *set)
{
    return set->hold_ms < MINUTE_MS ? set->hold_ms / 2 + 1000 : MINUTE_MS;
}

/* What is due comes at once, by a job of its own; this finds what got lost. */
static int64_t every_erase(const struct worker_settings *set)
{
    (void)set;
    return 10 * MINUTE_MS;
}

/* Oftener than one is due, so that what was away that day isn't a day late. */
static int64_t every_snapshot(const struct worker_settings *set)
{
    return set->snapshot_ms / 24 + 1000;
}

const struct job_kind job_kinds[] = {
    { JOB_VERIFY_CONTENT, verify_content_run,   JOB_RETRIES, 24 * HOUR_MS, NULL },
    { JOB_SEAL_VERSION,   seal_version_run,     JOB_RETRIES, 24 * HOUR_MS, NULL },
    { JOB_COUNT_VERSION,  count_version_run,    JOB_RETRIES, HOUR_MS,      NULL },
    { "reverify_content", reverify_content_run, JOB_RETRIES, 24 * HOUR_MS, every_reverify },
    { JOB_VERIFY_CONSENT, verify_consent_run,   JOB_RETRIES, HOUR_MS,      NULL },
    { JOB_VERIFY_CERTIFICATE, verify_certificate_run, JOB_RETRIES, HOUR_MS, NULL },
    { JOB_REVERIFY_CERTIFICATES, reverify_certificates_run, JOB_RETRIES, HOUR_MS, every_certificates },
    { JOB_CLEAR_LICENSE,  clear_license_run,    JOB_RETRIES, 6 * HOUR_MS,  NULL },
    { JOB_STATUS_LISTS,   status_lists_run,     JOB_RETRIES, HOUR_MS,      every_status_lists },
    { "rehash_log",       rehash_log_run,       JOB_RETRIES, 48 * HOUR_MS, every_rehash },
    { JOB_ALLOCATE,       allocate_run,         JOB_RETRIES, HOUR_MS,      every_allocate },
    { JOB_PAYOUTS,        payouts_run,          JOB_RETRIES, HOUR_MS,      NULL },
    { JOB_ERASE,          erase_run,            JOB_RETRIES, 24 * HOUR_MS, every_erase },
    { "snapshot",         snapshot_run,         JOB_RETRIES, HOUR_MS,      every_snapshot },
    { "expire",           expire_run,           3,           HOUR_MS,      every_expire },
};
const size_t job_kinds_n = ARRAY_LEN(job_kinds);
