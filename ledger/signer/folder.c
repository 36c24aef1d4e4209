/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

err dir_file_make(struct scope *s, int dir, const char *name, const void *bytes, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good;

    if (fd < 0)
        return fail(s, ERR_IO, "cannot make %s: %s", name, strerror(errno));
    good = write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    close(fd);
    if (!good)
        return fail(s, ERR_IO, "cannot write %s: %s", name, strerror(errno));
    return ERR_OK;
}

err dir_file_read(struct scope *s, int dir, const char *path, size_t max, struct bytes *out)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    uint8_t *bytes = scope_alloc(s, max + 1, 1);
    size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return fail(s, ERR_CONFIG, "cannot open %s: %s", path, strerror(errno));
    while (len <= max && ((n = read(fd, bytes + len, max + 1 - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    close(fd);
    if (n < 0 || len > max)
        return fail(s, ERR_CONFIG, "cannot read %s: %s", path, n < 0 ? strerror(errno) : "it is too long");
    *out = (struct bytes){ .p = bytes, .len = len };
    return ERR_OK;
}

err dir_is_empty(struct scope *s, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int others = 0;

    if (!d)
        return fail(s, ERR_IO, "cannot list %s: %s", dir, strerror(errno));
    while ((entry = readdir(d)))
        others += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(d);
    if (others)
        return fail(s, ERR_CONFLICT, "%s is not empty: init makes a log once and overwrites nothing", dir);
    return ERR_OK;
}

err dir_open(struct scope *s, const char *dir, int *out)
{
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return fail(s, ERR_CONFIG, "cannot open %s: %s", dir, strerror(errno));
    if (fstat(fd, &st) != 0 || (st.st_mode & 022) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "others can write to %s: chmod 700 it", dir);
    }
    *out = fd;
    return ERR_OK;
}

err dir_lock(struct scope *s, const char *dir, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return fail(s, ERR_CONFLICT, "another signer holds %s", dir);
    return fail(s, ERR_IO, "cannot lock %s: %s", dir, strerror(errno));
}

err dir_sync(struct scope *s, const char *dir, int fd)
{
    int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = above >= 0 && fsync(fd) == 0 && fsync(above) == 0;

    if (above >= 0)
        close(above);
    return good ? ERR_OK : fail(s, ERR_IO, "cannot sync %s: %s", dir, strerror(errno));
}

err dir_make(struct scope *s, const char *dir, int *out)
{
    err e;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(s, ERR_CONFIG, "cannot make %s: %s", dir, strerror(errno));
    TRY(dir_open(s, dir, out));
    e = dir_lock(s, dir, *out);
    if (e == ERR_OK)
        e = dir_is_empty(s, dir);
    if (e != ERR_OK)
        close(*out);
    return e;
}
