/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "worker/jobs/work.h"

/*
 * Asking witnesses (C2SP tlog-witness) to cosign the log's checkpoints.
 *
 * Not a job of the queue: a witness that keeps one waiting must take nobody's
 * seat, and a checkpoint a second would fill the queue. Instead one thread
 * chooses checkpoints, and each witness of the policy that has a URL has a
 * thread and a connection of its own, so that a dead one delays nobody else.
 *
 * Of many workers one does it, picked by a lock of its database session. All
 * witnesses are sent the same checkpoints: the newest, at most one each
 * WITNESS_EVERY_MS, and the next only when the policy is met by the last one or
 * WITNESS_PATIENCE_MS are over. Each to its own pace they would cosign
 * different sizes, and no size would ever meet the policy.
 *
 * Only cosignatures that verify are stored. What may mean that this log has two
 * histories is said at error level as "witness alarm": 422, a 409 without a
 * size, a size beyond the newest checkpoint.
 */
struct cosigning;

/* *out NULL: no policy is configured. ERR_CONFIG: it can't be used for this log. */
err  cosigning_start(struct scope *s, const struct worker_settings *settings, struct cosigning **out);
void cosigning_stop(struct cosigning *c);       /* NULL is fine */
