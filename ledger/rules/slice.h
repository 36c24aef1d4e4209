/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/rules/filter.h"

/*
 * Slices: deterministic subsets of a version. The request
 *
 *   {"filter":{"op":"=","args":[{"property":"language"},"en"]},"distinct":"sha256",
 *    "sample":{"count":10000,"seed":"7"},"order":"path"}
 *
 * has four members, all optional; {} is the whole version. They apply in this order:
 *
 *   filter    keeps the items that match (filter.h);
 *   distinct  "sha256": of items with the same bytes keeps the one whose path is smallest;
 *   sample    keeps the `count` items with the smallest SHA-256(seed as UTF-8 || the 32 raw bytes of the item's
 *             SHA-256), ties by path; all of them if there are not more;
 *   order     "path", the only one and the default.
 *
 * So whoever has the version's list and its details gets the same items. The
 * slice's root is a version's: list_add_item() (ledger/entry/lists.h) over the
 * chosen items in order of their paths' bytes; {} has the version's own root.
 */
struct slice {
    struct filter *filter;        /* NULL: every item */
    bool distinct;                /* by sha256 */
    int64_t count;                /* of the sample; 0: no sample */
    const char *seed;             /* NUL-terminated; NULL without a sample */
    size_t seed_len;
};

/* `at`: JSON pointer to the request in what was sent. ERR_INVALID. Everything in `out` lives in the scope. */
err slice_read(struct scope *s, const json_t *request, const char *at, struct slice *out);
/* Canonical JSON of what was read, defaults left out: "{}" is the whole version. ERR_INVALID beyond SLICE_BYTES_MAX. */
err slice_canon(struct scope *s, const struct slice *slice, struct bytes *out);
bool slice_whole(const struct slice *slice);

/* What a sample ranks an item by. */
struct hash slice_score(const struct slice *slice, const struct hash *sha256);

/*
 * Picks a slice from a version's items, given one by one in order of their
 * paths' bytes and numbered from 0 (asserted). Memory: 36 bytes, doubled, for an
 * item that matches the filter; nothing else of an item is kept.
 *
 *   struct slice_pick p = SLICE_PICK(&scope, &slice);
 *   slice_pick_add(&p, &item, &sha256);  …
 *   slice_pick_end(&p, &numbers, &n);
 */
struct slice_candidate { struct hash key; uint32_t n; };
struct slice_pick {
    struct scope *s;
    const struct slice *slice;
    struct slice_candidate *kept;
    size_t n_kept, cap;
    uint32_t next;                /* number of the next item */
    char *last;                   /* path of the one before, ITEM_PATH_MAX bytes; NULL: none yet */
    size_t last_len;
};
#define SLICE_PICK(scope_, slice_) ((struct slice_pick){ .s = (scope_), .slice = (slice_) })
/* True if the item passed the filter. */
bool slice_pick_add(struct slice_pick *p, const struct filter_item *item, const struct hash *sha256);
/* Numbers of the chosen items, ascending: in order of their paths. In the scope. */
void slice_pick_end(struct slice_pick *p, uint32_t **numbers, size_t *n);
