/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/blob/blob.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static err os_failed(struct scope *s, const char *what, const char *path)
{
    return fail(s, ERR_IO, "%s %s: %s", what, path, strerror(errno));
}

static err folder_sync(struct scope *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    if (fd < 0)
        return os_failed(s, "open", path);
    rc = fsync(fd);
    close(fd);
    return rc == 0 ? ERR_OK : os_failed(s, "fsync", path);
}

static err folder_make(struct scope *s, const char *path)
{
    return mkdir(path, 0750) == 0 || errno == EEXIST ? ERR_OK : os_failed(s, "mkdir", path);
}

/* All made at start, so that keeping a content syncs one folder and never races for making it. */
static err folders_make(struct scope *s, const char *dir)
{
    const char *content = scope_printf(s, "%s/content", dir);

    TRY(folder_make(s, content));
    TRY(folder_make(s, scope_printf(s, "%s/partial", dir)));
    for (unsigned i = 0; i < 256; i++)
        TRY(folder_make(s, scope_printf(s, "%s/%02x", content, i)));
    TRY(folder_sync(s, content));
    return folder_sync(s, dir);
}

err blobs_open(struct scope *s, const char *dir, struct blobs *out)
{
    struct stat st;

    if (strlen(dir) >= sizeof out->dir)
        return fail(s, ERR_CONFIG, "the content folder's path is too long");
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return fail(s, ERR_CONFIG, "%s is not a folder: make it, or name another one", dir);
    snprintf(out->dir, sizeof out->dir, "%s", dir);
    TRY(folders_make(s, dir));
    if (access(scope_printf(s, "%s/partial", dir), W_OK) != 0)
        return fail(s, ERR_CONFIG, "%s/partial cannot be written", dir);
    return ERR_OK;
}

static const char *content_path(struct scope *s, const struct blobs *b, const char *hex)
{
    return scope_printf(s, "%s/content/%.2s/%s", b->dir, hex, hex);
}

err blob_open(struct scope *s, const struct blobs *b, const struct hash *sha256, int *fd, int64_t *size)
{
    const char *path = content_path(s, b, hash_hex(s, sha256));
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return errno == ENOENT ? fail(s, ERR_NOT_FOUND, "no content under this hash") : os_failed(s, "open", path);
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(*fd);
        return fail(s, ERR_IO, "%s is not a regular file", path);
    }
    *size = st.st_size;
    return ERR_OK;
}

static void part_path(const struct blobs *b, const char *owner, const struct hash *sha256, char *out, size_t cap)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    assert(!strchr(owner, '/') && owner[0] != '.');
    hex_write(sha256->b, HASH_SIZE, hex);
    snprintf(out, cap, "%s/partial/%s-%s", b->dir, owner, hex);
}

err blob_part_size(struct scope *s, const struct blobs *b, const char *owner, const struct hash *sha256, int64_t *size)
{
    char path[4096];
    struct stat st;

    part_path(b, owner, sha256, path, sizeof path);
    *size = 0;
    if (stat(path, &st) == 0)
        *size = st.st_size;
    else if (errno != ENOENT)
        return os_failed(s, "stat", path);
    return ERR_OK;
}

err blob_part_open(struct scope *s, const struct blobs *b, const char *owner, const struct hash *sha256, bool anew,
                   struct blob_part *out)
{
    struct stat here, there;

    part_path(b, owner, sha256, out->path, sizeof out->path);
    out->fd = open(out->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (out->fd < 0)
        return os_failed(s, "open", out->path);
    /* The lock may be had on a file that its last writer has just renamed or removed: the name must still mean it. */
    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0 || fstat(out->fd, &here) != 0 || stat(out->path, &there) != 0 ||
        here.st_ino != there.st_ino) {
        blob_part_close(out);
        return fail(s, ERR_CONFLICT, "another request is uploading this content; try again when it has ended");
    }
    if (anew && ftruncate(out->fd, 0) != 0) {
        err e = os_failed(s, "truncate", out->path);
        blob_part_close(out);
        return e;
    }
    out->size = anew ? 0 : here.st_size;
    return ERR_OK;
}

err blob_part_add(struct scope *s, struct blob_part *p, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = pwrite(p->fd, at, len, p->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return os_failed(s, "write", p->path);
        p->size += n;
        at += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

err blob_part_read(struct scope *s, struct blob_part *p, int64_t from, void *bytes, size_t cap, size_t *n)
{
    ssize_t got;

    do
        got = pread(p->fd, bytes, cap, from);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return os_failed(s, "read", p->path);
    *n = (size_t)got;
    return ERR_OK;
}

static err keep(struct scope *s, const struct blobs *b, struct blob_part *p, const struct hash *sha256)
{
    const char *hex = hash_hex(s, sha256);
    const char *folder = scope_printf(s, "%s/content/%.2s", b->dir, hex), *path = content_path(s, b, hex);

    if (fsync(p->fd) != 0)
        return os_failed(s, "fsync", p->path);
    if (rename(p->path, path) != 0)
        return os_failed(s, "rename", path);
    return folder_sync(s, folder);
}

err blob_part_keep(struct scope *s, const struct blobs *b, struct blob_part *p, const struct hash *sha256)
{
    err e = keep(s, b, p, sha256);

    blob_part_close(p);
    return e;
}

void blob_part_drop(struct blob_part *p)
{
    unlink(p->path);
    blob_part_close(p);
}

void blob_part_close(struct blob_part *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

err blobs_sweep(struct scope *s, const struct blobs *b, int64_t before_ms, size_t *removed)
{
    const char *path = scope_printf(s, "%s/partial", b->dir);
    DIR *d = opendir(path);
    const struct dirent *e;
    struct stat st;

    *removed = 0;
    if (!d)
        return os_failed(s, "opendir", path);
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime < before_ms / 1000 && unlinkat(dirfd(d), e->d_name, 0) == 0)
            (*removed)++;
    closedir(d);
    return ERR_OK;
}
