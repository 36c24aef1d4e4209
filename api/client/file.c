/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: hashing, and small ones read and written in one piece. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "ledger/keys/sha256.h"

#define READ_BYTES (1 << 20)

err file_hash(struct scope *s, int fd, struct hash *sha256, int64_t *size, void (*each)(void *arg, size_t bytes),
              void *arg)
{
    unsigned char *bytes = malloc(READ_BYTES);
    struct sha256 c;
    ssize_t n = 0;

    if (!bytes)
        abort();
    sha256_init(&c);
    *size = 0;
    for (;;) {
        n = pread(fd, bytes, READ_BYTES, *size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        sha256_add(&c, bytes, (size_t)n);
        *size += n;
        if (each)
            each(arg, (size_t)n);
    }
    free(bytes);
    if (n < 0)
        return fail(s, ERR_IO, "reading: %s", strerror(errno));
    *sha256 = sha256_end(&c);
    return ERR_OK;
}

static err write_all(struct scope *s, int fd, const void *bytes, size_t len)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(s, ERR_IO, "writing: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

err folder_write(struct scope *s, int folder, const char *path, const void *bytes, size_t len)
{
    const char *name, *aside;
    int at, fd;
    err e;

    TRY(folder_of(s, folder, path, true, &at, &name));
    aside = scope_printf(s, ".%.200s.%ld.new", name, (long)gettid());   /* threads may write the same file */
    fd = openat(at, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        close(at);
        return fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    }
    e = write_all(s, fd, bytes, len);
    if (e == ERR_OK && (fdatasync(fd) != 0 || renameat(at, aside, at, name) != 0))
        e = fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    if (e != ERR_OK)
        unlinkat(at, aside, 0);
    close(fd);
    close(at);
    return e;
}

err file_write(struct scope *s, const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    err e;

    if (fd < 0)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    e = write_all(s, fd, bytes, len);
    if (e == ERR_OK && fsync(fd) != 0)
        e = fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    close(fd);
    return e;
}

/* Of a file whose size is known: an audit of a folder reads hundreds of thousands. */
static err read_sized(struct scope *s, int fd, const char *path, size_t size, struct bytes *out)
{
    unsigned char *p = scope_room(s, size + 1);
    size_t len = 0;
    ssize_t n;

    while (len < size && (n = read(fd, p + len, size - len)) != 0) {
        if (n < 0 && errno != EINTR)
            return fail(s, ERR_IO, "%s: %s", path, strerror(errno));
        len += n < 0 ? 0 : (size_t)n;
    }
    p[len] = '\0';
    *out = (struct bytes){ p, len };
    return ERR_OK;
}

static err read_to_end(struct scope *s, int fd, const char *path, size_t max, struct bytes *out)
{
    struct buf b = BUF(s);
    char *chunk = malloc(READ_BYTES);
    ssize_t n = 1;

    if (!chunk)
        abort();
    buf_add(&b, "", 0);
    while (b.len <= max && (n = read(fd, chunk, READ_BYTES)) > 0)
        buf_add(&b, chunk, (size_t)n);
    free(chunk);
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return n < 0 ? fail(s, ERR_IO, "%s: %s", path, strerror(errno)) : ERR_OK;
}

static err read_open(struct scope *s, int fd, const char *path, size_t max, struct bytes *out)
{
    struct stat st;
    bool sized = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    err e = ERR_OK;

    *out = (struct bytes){ 0 };
    if (!sized)
        e = read_to_end(s, fd, path, max, out);
    else if ((uint64_t)st.st_size <= max)
        e = read_sized(s, fd, path, (size_t)st.st_size, out);
    close(fd);
    if (e == ERR_OK && (out->len > max || (sized && (uint64_t)st.st_size > max)))
        return fail(s, ERR_TOO_LARGE, "%s is longer than %zu bytes", path, max);
    return e;
}

err folder_read(struct scope *s, int folder, const char *path, size_t max, struct bytes *out)
{
    int fd;

    TRY(file_open(s, folder, path, &fd));
    return read_open(s, fd, path, max, out);
}

err file_read(struct scope *s, const char *path, size_t max, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(s, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    return read_open(s, fd, path, max, out);
}
