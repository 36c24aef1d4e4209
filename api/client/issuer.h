/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/receipt.h"
#include "api/client/verb.h"

/*
 * Whose documents those of an entry's time are, by receipts of log.opened and of issuer.key_changed, offline: files as
 * `verify` reads receipts. The newest at or before `index` says it; who keeps a later one back keeps the key of before.
 * ERR_INVALID: `did` is another, or none of the receipts is of then.
 */
err issuer_check(struct scope *s, const struct texts *receipts, const struct note_key *key,
                 const struct policy *policy, uint64_t index, const char *did, int column);
