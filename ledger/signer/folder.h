/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/base/scope.h"

/* Files of the signer's folder: made once, never overwritten, durable when a function returns. */
err dir_file_make(struct scope *s, int dir, const char *name, const void *bytes, size_t len);      /* 0600, synced */
/* A whole file of at most `max` bytes; `dir` AT_FDCWD: any path. */
err dir_file_read(struct scope *s, int dir, const char *path, size_t max, struct bytes *out);

err dir_open(struct scope *s, const char *dir, int *out);      /* refused if others can write to it */
err dir_lock(struct scope *s, const char *dir, int fd);        /* ERR_CONFLICT: another process holds it */
err dir_is_empty(struct scope *s, const char *dir);
err dir_sync(struct scope *s, const char *dir, int fd);        /* its files' names, and its own in the one above */
/* Makes a folder, or takes an empty one, and locks it. */
err dir_make(struct scope *s, const char *dir, int *out);
