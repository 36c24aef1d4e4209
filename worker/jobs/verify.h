/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/content.h"
#include "worker/jobs/work.h"

/*
 * Re-hashes contents from the store on all cores and records what was found:
 * one content.verified entry for the batch, whose results_root commits to
 * {result,sha256} of each, and the contents' rows, in the entry's transaction.
 * `contents` is sorted by hash first. That transaction also checks that the job is still ours.
 */
#define VERIFY_BATCH 2000
err verify_batch(struct scope *s, struct work *w, struct content *contents, size_t n);
