/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/signer/vault.h"

/*
 * The issuer's keys. The first is issuer.key; each change makes the key that
 * lies ready, issuer-next.key, to issuer-<index>.key, where index is that of
 * the issuer.key_changed entry that a signed tree holds. The name is the
 * record: one rename, synced, so that a crash leaves the key ready or in force.
 * Old keys stay: a document of an earlier entry is signed by the key of then.
 */

/* Makes issuer-next.key, without the lock: a signer that runs learns of it when asked. ERR_CONFLICT: there is one. */
err issuers_make_next(struct scope *s, const char *dir, struct note_key *out);
/* Adds those after the first, oldest first. */
err issuers_load(struct scope *s, const char *dir, struct vault *v);
/* The key that lies ready. ERR_NOT_FOUND: none. */
err issuers_next(struct scope *s, const struct vault *v, struct note_key *out);
/* Brings it into force from entry `since` on, which is beyond the last change; durable when this returns. */
err issuers_change(struct scope *s, struct vault *v, uint64_t since);
/*
 * The key in force is that of entry `since`: the folder has it, or has it ready, and then it is in force here, too.
 * ERR_INVALID: it has neither, or a later one.
 */
err issuers_adopt(struct scope *s, struct vault *v, uint64_t since, const struct note_key *key);
/* Whose document that of entry `index` is. */
const struct issuer *issuers_at(const struct issuer *issuers, size_t n, uint64_t index);
/*
 * The names of all key files of a folder, which a standby gets too; n of them. A signer that runs may bring the next
 * key into force meanwhile: then its old name is here, or its new one, or both.
 */
err issuers_files(struct scope *s, int dir, const char ***names, size_t *n);
