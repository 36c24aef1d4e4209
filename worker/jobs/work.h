/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "ledger/append/append.h"
#include "ledger/cert/did.h"
#include "schema/blob/blob.h"
#include "schema/model/job.h"
#include "schema/store/db.h"
#include "schema/store/log.h"

/*
 * The kinds of jobs: a table of rows, one file a kind.
 *
 * run() works on one job that this process holds under a lease. It may be cut
 * off at any point and is then begun again, here or elsewhere: so it either
 * writes nothing, or in one transaction, or what it has written is found and
 * passed over by the next attempt. It asks work_left() between steps, and ends
 * with that error when the lease is lost or the process is stopping.
 */
struct worker_settings {
    const char *dsn, *content_dir, *signer_socket;
    int64_t threads;
    int64_t fresh_ms;                 /* a content verified less long ago is not read again, unless asked for by name */
    int64_t reverify_ms;              /* every content is verified again after so long */
    int64_t rehash_every_ms, rehash_per_second;
    const char *public_url;           /* where outsiders find the market; "": https:// and the origin's first part */
    const char *policy_file;          /* C2SP tlog-policy; "": nobody is asked to cosign */
    bool witness_private;             /* witnesses may have private addresses */
    int64_t snapshot_ms;              /* what is owed to creators is committed to after so long */
    int64_t hold_ms;                  /* what a creator was allocated becomes available after so long */
};

struct seat {                         /* one job thread's place, seen by the thread that renews leases */
    atomic_bool busy, lost;
    struct job job;                   /* while busy; guarded by the workshop's lock */
};

struct work {
    const struct job *job;
    struct db *db;                    /* the job thread's own connection */
    struct append *append;
    const struct blobs *blobs;
    const struct worker_settings *settings;
    const struct seat *seat;
    const atomic_bool *stopping;
};

struct job_kind {
    const char *name;
    err (*run)(struct scope *s, struct work *w);
    int32_t retries;                  /* after the first attempt; then the job is dead */
    int64_t deadline_ms;              /* of one attempt */
    int64_t (*every_ms)(const struct worker_settings *set);    /* NULL: only when enqueued; else how often by itself */
};

extern const struct job_kind job_kinds[];
extern const size_t job_kinds_n;

/* ERR_STALE: the lease is lost; ERR_BUSY: stopping, or out of time. */
err work_left(struct scope *s, const struct work *w);
/* A text, or a number above 0, of the job's arguments. ERR_INTERNAL: it is not there. */
err work_named(struct scope *s, const struct work *w, const char *name, const char **out);
err work_numbered(struct scope *s, const struct work *w, const char *name, int64_t *out);
/* One operation of the ledger's, which may take `ms` whatever is left of the job's time. */
err work_append(struct scope *s, const struct work *w, int64_t ms,
                err (*decide)(struct scope *s, struct append_txn *t, void *arg), void *arg);
/* The log's row, and the did:key of the issuer of the market's documents. */
err work_log(struct scope *s, const struct work *w, struct log_row *log, char issuer[DID_KEY_SIZE]);
/* Has a document of the market signed, if that can be done now: who serves it may do it later. */
void work_sign(struct scope *s, const struct work *w, const struct hash *document, uint64_t index);

err count_version_run(struct scope *s, struct work *w);
err seal_version_run(struct scope *s, struct work *w);
err verify_content_run(struct scope *s, struct work *w);
err reverify_content_run(struct scope *s, struct work *w);
err verify_consent_run(struct scope *s, struct work *w);
err verify_certificate_run(struct scope *s, struct work *w);
err reverify_certificates_run(struct scope *s, struct work *w);
err clear_license_run(struct scope *s, struct work *w);
err status_lists_run(struct scope *s, struct work *w);
err rehash_log_run(struct scope *s, struct work *w);
err expire_run(struct scope *s, struct work *w);
err allocate_run(struct scope *s, struct work *w);
err payouts_run(struct scope *s, struct work *w);
err erase_run(struct scope *s, struct work *w);
err snapshot_run(struct scope *s, struct work *w);
