/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/content.h"
#include "worker/jobs/work.h"

/*
 * Re-hashes contents from the store on all cores and records what was found:
 * one content.verified entry a batch, whose results_root commits to
 * {result,sha256} of each in the order of the hashes, and the contents' rows,
 * in the entry's transaction. That transaction also checks that the job is still ours.
 *
 *   struct verifier v = { .work = w };
 *   e = verify_more(s, &v, contents, n);      // again and again
 *   e = verify_end(s, &v);                    // always, also after a failure
 *
 * verify_more() returns when the batch is hashed and its entry on the way, so
 * that the cores hash the next one meanwhile; the failure of a batch is that
 * of the call after it. Until then the contents' rows are as before; what is on
 * the way is not read again.
 */
#define VERIFY_BATCH 2000
struct verifier {
    struct work *work;
    struct batch *recording;      /* whose entry is on the way; NULL: none */
    bool alone;                   /* contents asked for by name, not for a version that is counted afterwards */
};
err verify_more(struct scope *s, struct verifier *v, const struct content *contents, size_t n);
err verify_end(struct scope *s, struct verifier *v);
