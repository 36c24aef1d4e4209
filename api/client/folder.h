/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"

/*
 * A folder of files as a dataset sees it, and writing below a folder without
 * ever leaving it.
 *
 * Reading: regular files in all depths, and symbolic links to regular files
 * inside the folder; never a step out of it, whatever a link says. What cannot
 * be an item is named to `skipped` with the reason. Writing: every segment of
 * a path is opened without following links, beneath the folder's descriptor.
 */
#define FOLDER_OWN ".counterfoil"        /* in a pulled folder: manifest, license, receipts; no item may begin so */

struct file {
    const char *path;             /* relative to the folder */
    int64_t size;
    struct hash sha256;
    int64_t line;                 /* where its line of a sidecar begins; -1: it has none */
};
struct files { size_t n, cap; struct file *v; };

/* All files, sorted by the bytes of their paths; hashes are not yet computed. Free with files_free(). */
err  files_list(struct scope *s, int folder, struct files *out,
                void (*skipped)(void *arg, const char *path, const char *why), void *arg);
void files_free(struct files *f);
/* Opens one for reading, beneath the folder. */
err  file_open(struct scope *s, int folder, const char *path, int *fd);
/* SHA-256 of the whole file, and its size. `each` (may be NULL) is told of bytes as they are read. */
err  file_hash(struct scope *s, int fd, struct hash *sha256, int64_t *size, void (*each)(void *arg, size_t bytes),
               void *arg);

err  folder_open(struct scope *s, const char *path, bool make, int *fd);
/*
 * Opens (and makes, if wanted) the folder that holds the last segment of `path`; *name borrows from it. The caller
 * closes.
 */
err  folder_of(struct scope *s, int folder, const char *path, bool make, int *fd, const char **name);
/* A small file below the folder, whole: written aside, synced, renamed. */
err  folder_write(struct scope *s, int folder, const char *path, const void *bytes, size_t len);
err  folder_read(struct scope *s, int folder, const char *path, size_t max, struct bytes *out);    /* ERR_NOT_FOUND */
/* A file that the user names and that isn't there yet, whole and synced. ERR_CONFIG: it can't be made. */
err  file_write(struct scope *s, const char *path, const void *bytes, size_t len);
/* Any file that the user names, whole; the bytes are followed by a NUL. */
err  file_read(struct scope *s, const char *path, size_t max, struct bytes *out);
