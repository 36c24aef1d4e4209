/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "api/client/pull.h"

/*
 * The manifest of a pulled folder: .counterfoil/manifest.jsonl, one line an
 * item in the order of the license's list:
 *   {"entry":12,"n":0,"path":"a.txt","sha256":"…","size":5}
 * (`entry` is absent where it is not known. An item that no clearance covers has "left_out", the market's word for
 * why, so that the list is whole and its root is the licensed one.) A new one is written beside the
 * old one, which is read along, so that the accesses of earlier runs stay known.
 *
 * What a run fetches it notes at once in .counterfoil/fetched, a line "n entry
 * sha256" each, so that a run that is killed leaves no delivery without its
 * entry. The file goes when a manifest holds all of it.
 */
#define MANIFEST_PATH FOLDER_OWN "/manifest.jsonl"

struct fetched { int64_t n, entry; struct hash sha256; };

struct manifest {
    int folder;
    FILE *old, *new;
    int64_t old_n;                /* of the line read last; INT64_MAX: no more */
    int64_t old_entry;
    struct hash old_sha256;
    struct fetched *fetched;      /* by earlier runs that were broken off; sorted by n, the latest first */
    size_t n_fetched;
};

/* For notes of what is fetched: opened to append. Any thread may note. */
err fetched_open(struct scope *s, int folder, int *fd);
err fetched_note(struct scope *s, int fd, const struct pull_item *item);

err manifest_open(struct scope *s, int folder, struct manifest *out);
/*
 * The access that an earlier run noted for item n with these bytes; items are asked for in order. *entry stays if
 * there is none.
 */
err manifest_entry_of(struct scope *s, struct manifest *m, int64_t n, const struct hash *sha256, int64_t *entry);
err manifest_add(struct scope *s, struct manifest *m, const struct pull_item *item);
/*
 * `whole`: the list was gone through to its end; otherwise the rest of the old manifest is kept. Gives `before`, or
 * its own error.
 */
err manifest_close(struct scope *s, struct manifest *m, bool whole, err before);

/* Reads one line; for verifying a folder. `item` lives in the scope. */
err manifest_line(struct scope *s, const char *line, size_t len, struct pull_item *item);
