/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static size_t skips;

static void skipped(void *arg, const char *path, const char *why)
{
    (void)arg, (void)path, (void)why;
    skips++;
}

static void put(int folder, const char *path, const char *text)
{
    int fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

static void test_listing(struct scope *s, int folder)
{
    static const char *const want[] = { "a-link", "a.txt", "dir.txt", "dir/b \n\xc3\xa4", "empty" };
    struct files files;
    struct hash h;
    int64_t size;
    bool same = true;
    int fd;

    put(folder, "a.txt", "a");
    put(folder, "dir.txt", "");
    put(folder, "empty", "");
    put(folder, "bad\xff", "x");
    mkdirat(folder, "dir", 0777);
    mkdirat(folder, ".counterfoil", 0777);
    put(folder, ".counterfoil/note", "x");
    put(folder, "dir/b \n\xc3\xa4", "b");
    ok(symlinkat("a.txt", folder, "a-link") == 0 && symlinkat("/etc/hostname", folder, "out") == 0 &&
       symlinkat("dir", folder, "dir-link") == 0 && symlinkat("nowhere", folder, "dangling") == 0 &&
       symlinkat("..", folder, "up") == 0 && mkfifoat(folder, "pipe", 0666) == 0, "a folder of odd things");
    ok(files_list(s, folder, &files, skipped, NULL) == ERR_OK && files.n == ARRAY_LEN(want), "its files");
    for (size_t i = 0; i < files.n && i < ARRAY_LEN(want); i++)
        same = same && strcmp(files.v[i].path, want[i]) == 0;
    ok(same, "by their paths' bytes, the link inside followed");
    is_int((int64_t)skips, 7, "everything else was named");
    files_free(&files);
    ok(file_open(s, folder, "a-link", &fd) == ERR_OK && file_hash(s, fd, &h, &size, NULL, NULL) == ERR_OK &&
       size == 1, "hashed");
    is_hex(h.b, HASH_SIZE, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "SHA-256 of \"a\"");
    close(fd);
    ok(file_open(s, folder, "out", &fd) != ERR_OK, "a link out of the folder is not opened");
    scope_forgive(s);
    ok(file_open(s, folder, "pipe", &fd) == ERR_IO, "a pipe neither, without waiting");
    scope_forgive(s);
}

static void test_writing(struct scope *s, int folder)
{
    static const char *const bad[] = { "", "/etc/x", "../x", "a/../../x", "a//b", "./x", "x/", "dir-link/x", "up/x",
                                       "out/x" };
    struct bytes got;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ok(folder_write(s, folder, bad[i], "x", 1) != ERR_OK, "not written: '%s'", bad[i]);
        scope_forgive(s);
    }
    ok(folder_write(s, folder, "new/deep/file", "one", 3) == ERR_OK &&
       folder_write(s, folder, "new/deep/file", "two", 3) == ERR_OK, "written, and written over");
    ok(folder_read(s, folder, "new/deep/file", 3, &got) == ERR_OK && got.len == 3 && memcmp(got.p, "two", 3) == 0,
       "read back");
    ok(folder_read(s, folder, "new/deep/file", 2, &got) == ERR_TOO_LARGE, "never more than asked for");
    scope_forgive(s);
    ok(folder_read(s, folder, "new/none", 2, &got) == ERR_NOT_FOUND, "what isn't there");
    scope_forgive(s);
    ok(folder_write(s, folder, "a-link", "z", 1) == ERR_OK && folder_read(s, folder, "a.txt", 9, &got) == ERR_OK &&
       got.p[0] == 'a', "a link in the way is replaced, not followed");
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st, (void)kind, (void)f;
    return remove(path);
}

int main(void)
{
    char dir[] = "/tmp/counterfoil-folder-XXXXXX";
    struct scope s;
    int folder;

    scope_init(&s, 0);
    if (!mkdtemp(dir) || folder_open(&s, dir, false, &folder) != ERR_OK)
        abort();
    test_listing(&s, folder);
    test_writing(&s, folder);
    close(folder);
    nftw(dir, drop, 16, FTW_DEPTH | FTW_PHYS);
    scope_free(&s);
    return done_testing();
}
