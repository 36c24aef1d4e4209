/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/id.h"

/*
 * Jobs: work for workers, kept in PostgreSQL.
 *
 * The same kind and key waits at most once. A job that is taken carries its
 * attempt number; whoever closes it must name that number, so that a worker
 * believed dead cannot close what another one has taken over since.
 *
 * Kinds and their arguments:
 *   verify_content   {"version":"ver_…"}: every content of a version
 *                    {"sha256":"…"}: one content
 *   count_version    {"no":…}: a version's items by the state of their content
 *   verify_consent   {"consent":"cns_…"}: a certificate that was posted
 *   verify_certificate  {"certificate":"crt_…"}: one that was posted, or verified long ago
 *   reverify_certificates  {}: those verified long ago, or by certifiers trusted no more
 *   clear_license    {"clearance":"clr_…"}: whether a license's items may be used now
 *   publish_status_lists  {}: lists that changed, or whose published state grows old
 *   seal_version     {"no":…}: a draft too large to be sealed within a request
 *   allocate         {}: every allocation that is due, and what has been held long enough
 *   erase            {}: the parties that were closed to be erased, one after the other
 *   payouts          {"run":"run_…"}: the payouts of a run
 */
#define JOB_VERIFY_CONTENT "verify_content"
#define JOB_COUNT_VERSION  "count_version"
#define JOB_VERIFY_CONSENT "verify_consent"
#define JOB_VERIFY_CERTIFICATE "verify_certificate"
#define JOB_REVERIFY_CERTIFICATES "reverify_certificates"
#define JOB_CLEAR_LICENSE  "clear_license"
#define JOB_STATUS_LISTS   "publish_status_lists"
#define JOB_SEAL_VERSION   "seal_version"
#define JOB_ALLOCATE       "allocate"
#define JOB_PAYOUTS        "payouts"
#define JOB_ERASE          "erase"

struct job {
    struct id id;
    const char *kind, *key;
    const char *args;         /* JSON */
    const char *state;        /* queued, running, done, dead */
    int32_t attempt;          /* from 1 when taken */
    const char *error;        /* of the last attempt, or NULL */
    int64_t run_at, created_at, done_at;      /* INT64_MIN: not yet */
};
