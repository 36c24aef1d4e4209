/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/market.h"
#include "ledger/cert/withdrawal.h"

typedef err withdrawal_signer(struct scope *s, const struct withdrawal *wish, const struct secret_key *key,
                              int64_t created_ms, json_t **out, enum refusal *why);
/*
 * Takes back what one's own key has signed: asks for it by `path`, a consent's or a certificate's, signs a request
 * about it and posts that to `path`/revoke. `key` NULL: ERR_INVALID. *answer: new reference.
 */
err withdraw(struct scope *s, struct market *m, const char *path, const char *key, const char *passphrase_file,
             withdrawal_signer *sign, json_t **answer);
