/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/app.h"

/*
 * Answers that read committed rows and name their entries. An `entry` acknowledges, so none is shown before a signed
 * checkpoint covers it: the answer about one thing waits a moment for that, then it shows null, as a list does at once.
 */

/* As app_with_db(); `work` ends with reply_covered(). */
err  covered_read(struct request *rq, err (*work)(struct request *rq, struct db *db));
/* 200 with `answer`; its entry, if it has one, is null if it isn't signed for within COVER_WAIT_MS. */
void reply_covered(struct request *rq, json_t *answer /* stolen */);
/* `thing` without its entry as long as that isn't signed for. */
json_t *as_covered(struct request *rq, json_t *thing);
/* reply_page() (page.h) for rows with an `entry`. */
void reply_covered_page(struct request *rq, json_t *data /* stolen */, const char *last);
/*
 * Sets `credential` of an answer: the document named by the entry at `index`, with the market's proof. Signed as soon
 * as a checkpoint covers that entry; until then, or with the signer away, the answer stays as it is.
 */
err  credential_add(struct request *rq, struct db *db, const struct hash *document, uint64_t index, json_t *answer);
