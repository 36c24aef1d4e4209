/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/certificate.h"
#include "schema/store/db.h"

/*
 * Ethical-sourcing certificates: the register of certifiers whom the operator trusts; certificates posted, verified by
 * a worker, issued and revoked under the ledger's lock; and what stood behind an item at an instant.
 *
 * A certificate stands at an instant if its entry was there by then, it is within its validity, and neither its
 * revocation nor a flaw that a worker found was there by then.
 */
#define CERTIFICATE_STATEMENTS 18
extern const struct sql certificate_sql[CERTIFICATE_STATEMENTS];

/* ---- whom the operator trusts */
/* Under the ledger's lock; public_key NULL: nobody's any more. */
err certifier_trust(struct scope *s, struct db *db, const struct id *party, const char *public_key, uint64_t index,
                    int64_t at);
/* By key or by id; the other NULL. ERR_NOT_FOUND: not trusted, or not with this key. */
err certifier_get(struct scope *s, struct db *db, const char *public_key, const char *id,
                  struct trusted_certifier *out);
/* In order of ids after `after`. */
err certifier_list(struct scope *s, struct db *db, const char *after, int64_t limit, struct trusted_certifier **out,
                   size_t *n);
/* The operator trusted it once and doesn't any more, whatever its key. */
err certifier_distrusted(struct scope *s, struct db *db, const char *id, bool *yes);

/* ---- posting */
/* A published version, by its id. ERR_NOT_FOUND. */
err certificate_version(struct scope *s, struct db *db, const char *version_id, struct certified_version *out);
/* ERR_CONFLICT: the certificate's id or its place in the status list is taken. Gives `no`. */
err certificate_add(struct scope *s, struct db *db, struct certificate_row *c, const char *const *criteria,
                    size_t n_criteria);

/* ---- reading */
err certificate_get(struct scope *s, struct db *db, const char *id, struct certificate_row *out);
err certificate_by_document(struct scope *s, struct db *db, const struct hash *document, struct certificate_row *out);
/* In order of ids after `after`. */
struct certificate_filter {
    const char *dataset;          /* "owner/name"; NULL: of all */
    int64_t version;              /* its number; 0: of all */
    int64_t at;                   /* only those that stood then; INT64_MIN: whatever their state */
    const char *party;            /* sees those of its own that are not issued yet; NULL: nobody */
    bool all;                     /* sees all of them */
};
err certificate_list(struct scope *s, struct db *db, const struct certificate_filter *f, const char *after,
                     int64_t limit, struct certificate_row **out, size_t *n);
/* Those of these datasets (their ids) that stand at `at`, of their newest version each. */
err certificate_of_datasets(struct scope *s, struct db *db, const char *const *datasets, size_t n_datasets,
                            int64_t at, struct certificate_row **out, size_t *n);

/* ---- deciding */
/* Of one that is received: ERR_STALE otherwise. */
err certificate_reject(struct scope *s, struct db *db, int64_t no, const char *reason);
/* Under the ledger's lock. ERR_STALE unless it is received. */
err certificate_issue(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at);
/* Under the ledger's lock. ERR_STALE unless it is issued. `request` empty: by the operator. */
err certificate_revoke(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, struct bytes request);
/* What a worker found of one that is issued; flaw NULL: nothing wrong. */
err certificate_verified(struct scope *s, struct db *db, int64_t no, const char *flaw);
/* Issued ones not verified since `before`, or of certifiers who are trusted no more: oldest first. */
struct certificate_due { struct id id; };
err certificate_due(struct scope *s, struct db *db, int64_t before, int64_t limit, struct certificate_due **out,
                    size_t *n);

/* ---- status list: places taken, and the ones to be set with the size of the log that this is the state of */
err certificate_places_taken(struct scope *s, struct db *db, int64_t pair, int64_t *taken);

/* ---- what stood behind an item */
/* Contributors of item n of a version with their consents for these bytes that were granted by `at`. */
err behind_item(struct scope *s, struct db *db, int64_t version, int32_t n, const struct hash *sha256, int64_t at,
                struct behind_row **out, size_t *rows);
/* Whether a party contributed to the item, and whether it licensed it. */
struct behind_asker { bool creator, buyer; };
err behind_asker(struct scope *s, struct db *db, int64_t version, int32_t n, const char *party,
                 struct behind_asker *out);
