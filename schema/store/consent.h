/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/consent.h"
#include "schema/store/db.h"

/*
 * Consents: posted with their coverage, verified by a worker, granted and withdrawn under the ledger's lock.
 *
 * A withdrawal binds at once and costs one row under the lock, whatever it covers: consent_block() names the items that
 * rest on the consent before, and consent_withdraw() makes these rows count. What an access or a clearance asks is the
 * view item_withdrawal (version, n, withdrawn): a clearance as of a size <= withdrawn no longer covers the item.
 */
#define CONSENT_STATEMENTS 28
extern const struct sql consent_sql[CONSENT_STATEMENTS];

/* ---- keys of parties */
struct party_key { const char *public_key; struct id party; struct bytes statement; int64_t index, at; };
/* ERR_NOT_FOUND: nobody's yet. */
err party_key_get(struct scope *s, struct db *db, const char *public_key, struct party_key *out);
/* Under the ledger's lock: remembers the key (a repeat is fine for its own party) and makes it the party's. */
err party_key_set(struct scope *s, struct db *db, const struct party_key *k);

/* ---- posting; all in one transaction of the caller's */
/* ERR_CONFLICT: the certificate's id or its place in the status lists is taken. Gives `no`. */
err consent_add(struct scope *s, struct db *db, struct consent_row *c, const char *const *purposes, size_t n_purposes,
                const char *const *prohibitions, size_t n_prohibitions);
struct consent_grant_rows { const char **purpose, **model, **territory; size_t n; };
err consent_add_grants(struct scope *s, struct db *db, int64_t no, const struct consent_grant_rows *g);
/* COPY of the coverage: begin, a row for each hash, db_copy_end(). */
err consent_items_begin(struct scope *s, struct db *db);
err consent_items_row(struct scope *s, struct db *db, int64_t no, const struct hash *sha256);

/* ---- reading */
err consent_get(struct scope *s, struct db *db, const char *id, struct consent_row *out);
err consent_by_document(struct scope *s, struct db *db, const struct hash *document, struct consent_row *out);
/* In order of ids after `after`; creator NULL: of all. */
err consent_list(struct scope *s, struct db *db, const char *creator, const char *after, int64_t limit,
                 struct consent_row **out, size_t *n);
/* Hashes that it covers, sorted; `each` gets a struct hash and must not use this connection. */
err consent_items_each(struct scope *s, struct db *db, int64_t no,
                       err (*each)(struct scope *s, void *arg, void *sha256), void *arg);
/* A page of them, after the bytes of one; `after` empty: from the first. */
err consent_items(struct scope *s, struct db *db, int64_t no, struct bytes after, int64_t limit, struct hash **out,
                  size_t *n);

/* ---- deciding */
/* Of one that is received: ERR_STALE otherwise. Its coverage is forgotten. */
err consent_reject(struct scope *s, struct db *db, int64_t no, const char *reason);
/* Under the ledger's lock. ERR_STALE unless it is received. */
err consent_grant(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at);

/*
 * Names the items that rest on the consent: whose contributor its creator is, in its role, among what it covers, in
 * versions sealed by now. *size: the log's size before; a version published since then may have more.
 */
err consent_block(struct scope *s, struct db *db, int64_t no, uint64_t *size);
err consent_log_size(struct scope *s, struct db *db, uint64_t *size);
/* The items of versions published at `size` or later: costs what these have. */
err consent_block_since(struct scope *s, struct db *db, int64_t no, uint64_t size);
/* How many that are: few or none, or it isn't done under the ledger's lock. */
err consent_newer_items(struct scope *s, struct db *db, uint64_t size, int64_t *items);
/* Under the ledger's lock. ERR_STALE unless it is granted or suspended. */
err consent_revoke(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, struct bytes request);
/*
 * Takes one consent that was revoked, and of each of its items forgets what older revocations than the newest have
 * named: an access looks at all that is left. In the caller's transaction; *more false: nothing is to be pruned.
 */
err consent_prune(struct scope *s, struct db *db, bool *more);

/* ---- status lists */
/* A repeat of (pair, purpose) changes nothing. */
err status_list_add(struct scope *s, struct db *db, const struct status_list_row *l);
/* The consents' first, the newest pair of a kind first. */
err status_lists(struct scope *s, struct db *db, struct status_list_row **out, size_t *n);
/* How many places of a pair are taken. */
err status_places_taken(struct scope *s, struct db *db, int64_t pair, int64_t *taken);
/* Places that are set in a list, with the size of the log that this is the state of: one statement, one snapshot. */
struct status_bits { int64_t as_of; struct bytes places; };      /* places: big-endian int32 each */
err status_bits(struct scope *s, struct db *db, int64_t pair, const char *purpose, struct status_bits *out);

struct status_publication { int64_t list, index; struct hash document; int64_t as_of, at, valid_until; };
/* Under the ledger's lock. ERR_STALE: this state or a newer one was published meanwhile. */
err status_publish(struct scope *s, struct db *db, const struct status_publication *p);
/* The newest at this instant (INT64_MAX: now) whose entry is among the first `size` of the log. ERR_NOT_FOUND. */
err status_published(struct scope *s, struct db *db, const char *list, int64_t at, uint64_t size,
                     struct status_publication *out);
