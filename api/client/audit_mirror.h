/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "ledger/audit/audit.h"

/*
 * A copy of a log that any web server can serve and that `audit --dir` checks: checkpoint, tile/…, as tlog-tiles has
 * them, in a folder.
 *
 * It stands between an audit and its source: what the audit reads is kept, each file written aside, synced and renamed,
 * and what is kept already is not asked for again, so that an interrupted copy goes on. The checkpoint comes last, and
 * only if the audit found the tree to be the one it signs. What the log has, wrong entries included, the copy has.
 */
struct mirror {
    int folder;                   /* -1: not open */
    const char *path;
    struct audit_source source;   /* what it copies */
    struct bytes note;            /* the checkpoint that the source gave; with the caller's scope */
    struct scope *kept;
    bool anew;                    /* what is kept already is not believed */
    atomic_bool begun;            /* bundles were asked for: the checkpoint extends what was seen before */
    atomic_ullong kept_files;     /* handed out from the folder, in this run */
    atomic_ullong written;
};

err  mirror_open(struct scope *s, const char *path, struct mirror *out);
void mirror_close(struct mirror *m);
/* The checkpoint that it has, and the size that it says; none yet: empty and 0. */
err  mirror_seen(struct scope *s, const struct mirror *m, struct bytes *note, uint64_t *size);
struct audit_source mirror_source(struct mirror *m);
/* After an audit to `size`: partial tiles at the edge that the log serves as full ones only, then its checkpoint. */
err  mirror_finish(struct scope *s, struct mirror *m, uint64_t size);
