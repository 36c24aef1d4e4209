/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ledger/entry/lists.h"
#include "schema/base/limits.h"

#define FOLDER_DEPTH_MAX 512

struct walk {
    struct scope *s;
    int root;
    struct files *files;
    void (*skipped)(void *arg, const char *path, const char *why);
    void *arg;
    unsigned depth;
};

static int open_beneath(int folder, const char *path, uint64_t flags)
{
    struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

static void add_file(struct files *f, const char *path, int64_t size)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 256;
        f->v = realloc(f->v, f->cap * sizeof *f->v);
        if (!f->v)
            abort();
    }
    f->v[f->n++] = (struct file){ .path = path, .size = size, .line = -1 };
}

void files_free(struct files *f)
{
    free(f->v);
    *f = (struct files){ 0 };
}

static err list_folder(struct walk *w, int fd, const char *prefix);

static err list_below(struct walk *w, const char *path)
{
    int fd = open_beneath(w->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    err e;

    if (fd < 0)
        return fail(w->s, ERR_IO, "%s: %s", path, strerror(errno));
    if (++w->depth > FOLDER_DEPTH_MAX) {
        close(fd);
        return fail(w->s, ERR_TOO_LARGE, "%s: folders in folders more than %d deep", path, FOLDER_DEPTH_MAX);
    }
    e = list_folder(w, fd, path);
    w->depth--;
    return e;
}

/* A link counts as the file it leads to, if that lies in the folder. */
static err list_link(struct walk *w, const char *path)
{
    struct stat st;
    int fd = open_beneath(w->root, path, O_PATH);

    if (fd < 0) {
        w->skipped(w->arg, path, errno == EXDEV ? "a link that leads out of the folder" : "a link that leads nowhere");
        return ERR_OK;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        add_file(w->files, path, st.st_size);
    else
        w->skipped(w->arg, path, "a link, but not to a file");
    close(fd);
    return ERR_OK;
}

static err list_one(struct walk *w, int fd, const char *name, const char *path)
{
    struct stat st;

    if (!item_path_valid(path, strlen(path))) {
        w->skipped(w->arg, path, utf8_valid(path, strlen(path)) ? "its path is too long" : "its name is not UTF-8");
        return ERR_OK;
    }
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(w->s, ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return list_link(w, path);
    if (S_ISDIR(st.st_mode))
        return list_below(w, path);
    if (S_ISREG(st.st_mode))
        add_file(w->files, path, st.st_size);
    else
        w->skipped(w->arg, path, "neither a file nor a folder");
    return ERR_OK;
}

static err list_folder(struct walk *w, int fd, const char *prefix)
{
    DIR *dir = fdopendir(fd);
    struct dirent *d;
    err e = ERR_OK;

    if (!dir) {
        close(fd);
        return fail(w->s, ERR_IO, "%s: %s", *prefix ? prefix : ".", strerror(errno));
    }
    while (e == ERR_OK && (errno = 0, d = readdir(dir))) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (!*prefix && strcmp(d->d_name, FOLDER_OWN) == 0) {
            w->skipped(w->arg, FOLDER_OWN, "our own notes about a pulled folder");
            continue;
        }
        e = list_one(w, dirfd(dir), d->d_name, scope_printf(w->s, "%s%s%s", prefix, *prefix ? "/" : "", d->d_name));
    }
    if (e == ERR_OK && errno)
        e = fail(w->s, ERR_IO, "%s: %s", *prefix ? prefix : ".", strerror(errno));
    closedir(dir);
    return e;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

err files_list(struct scope *s, int folder, struct files *out,
               void (*skipped)(void *arg, const char *path, const char *why), void *arg)
{
    struct walk w = { .s = s, .root = folder, .files = out, .skipped = skipped, .arg = arg };
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *out = (struct files){ 0 };
    if (fd < 0)
        return fail(s, ERR_IO, "the folder cannot be read: %s", strerror(errno));
    TRY(list_folder(&w, fd, ""));
    if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_path);
    return ERR_OK;
}

err file_open(struct scope *s, int folder, const char *path, int *fd)
{
    struct stat st;

    *fd = open_beneath(folder, path, O_RDONLY | O_NONBLOCK);
    if (*fd < 0)
        return fail(s, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
        return ERR_OK;
    close(*fd);
    return fail(s, ERR_IO, "%s is not a file", path);
}

err folder_open(struct scope *s, const char *path, bool make, int *fd)
{
    if (make && mkdir(path, 0777) != 0 && errno != EEXIST)
        return fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? ERR_OK : fail(s, ERR_IO, "%s: %s", path, strerror(errno));
}

err folder_of(struct scope *s, int folder, const char *path, bool make, int *fd, const char **name)
{
    int at = fcntl(folder, F_DUPFD_CLOEXEC, 3), below;
    const char *slash;

    if (!item_path_valid(path, strlen(path))) {
        close(at);
        return fail(s, ERR_INVALID, "not a path below a folder");
    }
    for (; at >= 0 && (slash = strchr(path, '/')); path = slash + 1, at = below) {
        char *segment = scope_strndup(s, path, (size_t)(slash - path));
        if (make && mkdirat(at, segment, 0777) != 0 && errno != EEXIST)
            below = -1;
        else
            below = openat(at, segment, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0) {
            bool other = errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG;      /* this path's own fault */
            err e = fail(s, errno == ENOENT ? ERR_NOT_FOUND : other ? ERR_INVALID : ERR_IO, "folder %s: %s", segment,
                         strerror(errno));
            close(at);
            return e;
        }
        close(at);
    }
    if (at < 0)
        return fail(s, ERR_IO, "no descriptor left: %s", strerror(errno));
    *fd = at;
    *name = path;
    return ERR_OK;
}
