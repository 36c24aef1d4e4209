/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"

/*
 * Content behind hashes in a local directory.
 *
 *   DIR/content/ab/abcd…         whole content, named by its SHA-256
 *   DIR/partial/<owner>-<hash>   an upload under way, of one party
 *
 * This room moves bytes and makes them durable; whether they are what their
 * name says is the caller's to check before blob_part_keep(). Content is never
 * changed in place: a repeated upload replaces the file by rename, readers
 * keep what they have open. Thread-safe; several processes may share DIR.
 */
struct blobs { char dir[3072]; };

/* DIR must exist; the folders in it are made. ERR_CONFIG. */
err blobs_open(struct scope *s, const char *dir, struct blobs *out);

/* Opens content for reading; ERR_NOT_FOUND. The caller closes fd. */
err blob_open(struct scope *s, const struct blobs *b, const struct hash *sha256, int *fd, int64_t *size);

/* An upload under way; locked while open, so that two writers never mix. */
struct blob_part { int fd; int64_t size; char path[4096]; };

/* Bytes of the owner's unfinished upload, 0 if there is none. `owner`: an id. */
err blob_part_size(struct scope *s, const struct blobs *b, const char *owner, const struct hash *sha256, int64_t *size);
/* Opens or makes it; `size` says where it stands, `anew` empties it. ERR_CONFLICT: another request writes it. */
err blob_part_open(struct scope *s, const struct blobs *b, const char *owner, const struct hash *sha256, bool anew,
                   struct blob_part *out);
err blob_part_add(struct scope *s, struct blob_part *p, const void *bytes, size_t len);
/* Reads it from its start: for hashing what came in several pieces. */
err blob_part_read(struct scope *s, struct blob_part *p, int64_t from, void *bytes, size_t cap, size_t *n);
/* Durable under its hash when this returns: file and folders are synced. Closes. */
err blob_part_keep(struct scope *s, const struct blobs *b, struct blob_part *p, const struct hash *sha256);
void blob_part_drop(struct blob_part *p);        /* removes and closes; nothing is kept */
void blob_part_close(struct blob_part *p);       /* leaves it for a later request */
/* Removes unfinished uploads untouched since before_ms (wall clock). */
err blobs_sweep(struct scope *s, const struct blobs *b, int64_t before_ms, size_t *removed);
