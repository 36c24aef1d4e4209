/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/folder.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "ledger/tree/frontier.h"

/*
 * Pulling a license's items into a folder.
 *
 * Beside the items, in .counterfoil/: manifest.jsonl (a line each item:
 * entry, n, path, sha256, size, left_out), license.json, log.vkey, receipts/N.json and
 * receipts/N.tlog-proof, parts/ (unfinished downloads), fetched (of a run that was broken off), lock.
 */
#define PULL_THREADS_MAX 32
#define PULL_FAILURES_SHOWN 5
#define PULL_LEFT_OUT_SHOWN 1          /* of each kind: `clear` says more */

enum item_fate { ITEM_FAILED, ITEM_HELD, ITEM_FETCHED, ITEM_LEFT_OUT };

struct pull_item {
    int64_t n, size;
    const char *path;
    struct hash sha256;
    /* results */
    enum item_fate fate;
    const char *left_out;         /* why no clearance covers it, a problem's slug; NULL: it is not left out */
    uint64_t fetched;             /* bytes that came over the network */
    int64_t entry;                /* index of its access; -1: not known */
};

struct pull {
    int folder;
    const char *license;          /* its id, escaped for a path */
    bool receipts;
    struct note_key log_key;
    int fetched_fd;               /* notes of what was fetched (manifest.h) */
    unsigned threads;
    struct market markets[PULL_THREADS_MAX];      /* one a thread */
    struct progress progress;
    atomic_size_t held, fetched, failed, excluded, withdrawn;
    atomic_llong bytes_fetched;
};

/*
 * Sees that the item lies in its place with its own bytes: verified there, or fetched (from where a part was cut
 * off), verified and only then moved into place. What concerns this item alone is said, counted and gives ERR_OK;
 * what would fail every other item as well is an error. An item that its clearance leaves out, or that a withdrawal
 * has taken out since, is no failure.
 */
err pull_one(struct scope *s, struct pull *p, struct pull_item *item, unsigned thread);
/* The receipt of an entry, checked: the one in the folder, or else the market's, which is kept. */
err pull_receipt(struct scope *s, struct pull *p, struct market *m, uint64_t index, struct receipt *out);
