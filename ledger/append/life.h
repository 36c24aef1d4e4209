/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/append/append.h"

/*
 * Acts in the life of a log, by its owner: each an entry, then shown to the
 * signer with its proof (docs/signer.md). Repeating one that broke off goes on
 * where it stopped, and does nothing twice.
 */
struct life { uint64_t index; const char *key; };      /* the act's entry, and the key that it names */

/* issuer.key_changed to the key that lies ready with the signer, which signs with it when this returns. */
err life_issuer(struct scope *s, const struct append_config *config, struct life *out);
/* log.frozen, the last entry; `successor` is the next log's verifier key. The signer signs nothing after it. */
err life_freeze(struct scope *s, const struct append_config *config, const char *successor, struct life *out);
