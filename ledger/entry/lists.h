/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/entry/entry.h"
#include "ledger/tree/frontier.h"
#include "schema/base/id.h"
#include "schema/base/money.h"

/*
 * Lists beside the log that entries commit to by an RFC 6962 root.
 *
 * A leaf is the canonical JSON of a row. Rows come sorted by the bytes of their
 * path (items, details), hash (results) or account (lines), or by their number
 * (cleared items, erased entries), without repeats: the caller's promise, by a unique index or
 * a merge. Each function appends one leaf to `tree`; `leaf` is emptied first
 * and then holds the leaf's bytes, so that one buffer serves ten million rows.
 */

#define ERASED_NAME_MAX 31                     /* of a private field */

/* {"path":…,"sha256":…,"size":…}. Precondition: item_path_valid(path). */
void list_add_item(struct frontier *tree, struct buf *leaf, const char *path, size_t path_len,
                   const struct hash *sha256, uint64_t size);

/*
 * {"attributes":{…},"contributors":[…],"media_type":…,"path":…,"salt":…}: the
 * first two are canonical JSON as given, the salt is in base64url.
 */
struct item_details {
    struct bytes attributes, contributors;
    const char *media_type;
    const char *path;
    size_t path_len;
    const uint8_t *salt;                   /* SALT_SIZE bytes (entry.h) */
};
void list_add_details(struct frontier *tree, struct buf *leaf, const struct item_details *d);

/* {"result":"verified","sha256":…}; result is one of verification_codes (codes.h). */
void list_add_result(struct frontier *tree, struct buf *leaf, const char *result, const struct hash *sha256);

/*
 * {"consents":["cns_…",…],"item":N,"salt":"…"}: a cleared item, by its number in its version, and the consents that
 * it rests on, sorted by bytes, without repeats; none if its publisher is its only contributor.
 */
struct cleared_row {
    uint64_t item;
    size_t n_consents;
    struct id consents[ITEM_CONTRIBUTORS_MAX];
    uint8_t salt[SALT_SIZE];
};
void list_add_cleared(struct frontier *tree, struct buf *leaf, const struct cleared_row *row);
/* The salt of an item's row: the first bytes of SHA-256(seed || number in 8 bytes), the seed being 256 secret bits. */
#define CLEARED_SEED_SIZE 32
void cleared_salt(const uint8_t seed[CLEARED_SEED_SIZE], uint64_t item, uint8_t salt[SALT_SIZE]);
/* Only what list_add_cleared() writes. */
bool cleared_row_read(const char *leaf, size_t len, struct cleared_row *out);

/* {"account":"acc_…","amount":"…","n":N,"salt":"…"}: an account's part of an allocation, and its running number. */
struct line_row {
    struct id account;
    char amount[MONEY_TEXT_SIZE];
    uint64_t n;
    uint8_t salt[SALT_SIZE];
};
void list_add_line(struct frontier *tree, struct buf *leaf, const struct line_row *row);
/* Only what list_add_line() writes; the amount is a decimal text, of which currency the allocation says. */
bool line_row_read(const char *leaf, size_t len, struct line_row *out);

/*
 * A line of which only the leaf's hash is left: {"leaf":"<64 hex>"}. It stands in the list for the line that was
 * erased, so that the root and the paths of the others hold; it is no leaf itself.
 */
bool erased_line_read(const char *text, size_t len, struct hash *leaf);

/*
 * {"fields":["buyer",…],"index":N,"rows":N,"salt":"…"}: an entry that lost private fields, sorted by name, or so many
 * rows of the list that it commits to, or both; by the entry's index.
 */
struct erased_row {
    uint64_t index, rows;
    size_t n_fields;
    char fields[ENTRY_FIELDS_MAX][ERASED_NAME_MAX + 1];
    uint8_t salt[SALT_SIZE];
};
void list_add_erased(struct frontier *tree, struct buf *leaf, const struct erased_row *row);
/* Only what list_add_erased() writes. */
bool erased_row_read(const char *leaf, size_t len, struct erased_row *out);

/*
 * {"account":"acc_…","balance":"…","n":N,"salt":"…"}: a creator's account in a snapshot, whose SHA-256 is the leaf's
 * commitment in a sum tree (ledger/tree/sumtree.h). Leaves are sorted by the account's salted id, which is the SHA-256
 * of {"account":"acc_…","as_of":N}: nobody can choose it, so that two neighbors show that an account isn't there.
 */
struct held_row {
    struct id account;
    char balance[MONEY_TEXT_SIZE];
    uint64_t n;                            /* the account's last running number */
    uint8_t salt[SALT_SIZE];
};
struct hash held_id(const char *account, uint64_t as_of);
struct hash held_commitment(struct buf *leaf, const struct held_row *row);
/* Only what held_commitment() writes; the balance is a decimal text, of which currency the tree says. */
bool held_row_read(const char *leaf, size_t len, struct held_row *out);

/*
 * A leaf of a snapshot whose account was erased: {"commitment":"<64 hex>","id":"<64 hex>","sum":"…"}, what its node is
 * made of, so that the root and the paths of the others hold. Whose it was, and how many lines it had, it doesn't say.
 */
struct erased_held {
    struct hash commitment, id;
    char sum[MONEY_TEXT_SIZE];
};
bool erased_held_read(const char *text, size_t len, struct erased_held *out);

/* First 20 bytes of SHA-256(root || details_root) in hex: the version's commit id. */
#define COMMIT_ID_SIZE 41
void version_commit_id(const struct hash *root, const struct hash *details_root, char out[COMMIT_ID_SIZE]);

/*
 * Whether an item may have this path: UTF-8, 1 to ITEM_PATH_MAX bytes, segments between single slashes, none empty,
 * "." or "..", no NUL. So a buyer who writes it below a folder stays below it. Spaces, quotes, controls are allowed.
 */
bool item_path_valid(const char *path, size_t len);
