/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/model/party.h"
#include "schema/store/db.h"

/* Parties and their API keys. */
#define PARTY_STATEMENTS 11
extern const struct sql party_sql[PARTY_STATEMENTS];

/* ERR_CONFLICT: the handle is taken. `roles` sorted. */
err party_add(struct scope *s, struct db *db, const struct party *p, const char *const *roles, size_t n_roles);
err party_get(struct scope *s, struct db *db, const char *id, struct party *out);
err party_by_handle(struct scope *s, struct db *db, const char *handle, struct party *out);
/* In order of ids, those that were registered, after `after` ("": from the first). */
err party_list(struct scope *s, struct db *db, const char *after, int64_t limit, struct party **out, size_t *n);

err api_key_add(struct scope *s, struct db *db, const struct api_key *k, const char *const *scopes, size_t n_scopes);
/*
 * The first key anew, in place of those that the party has and never used; ERR_STALE if it has used one. k->party is
 * set. ERR_NOT_FOUND.
 */
err api_key_renew(struct scope *s, struct db *db, const char *handle, struct api_key *k, const char *const *scopes,
                  size_t n_scopes);
/* The key and its party, by the key's id alone: whether the secret fits is the caller's to check. ERR_NOT_FOUND. */
struct key_holder {
    struct api_key key;
    struct party party;
    bool granted;                 /* an auditor that the operator lets read everybody's private fields and lists */
};
err api_key_holder(struct scope *s, struct db *db, const char *key_id, struct key_holder *out);
err api_key_list(struct scope *s, struct db *db, const char *party, const char *after, int64_t limit,
                 struct api_key **out, size_t *n);
/* Keys that are neither revoked nor expired. */
err api_key_count(struct scope *s, struct db *db, const char *party, int64_t *live);
/* Revoked once and for ever; ERR_NOT_FOUND if the party has no such key. A repeat changes nothing. */
err api_key_revoke(struct scope *s, struct db *db, const char *party, const char *key_id);
/* Notes the use of many keys at once, to the minute; a statement of its own, not synchronous. */
err api_key_used(struct scope *s, struct db *db, const char *const *key_ids, size_t n, int64_t at);
