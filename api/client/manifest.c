/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/json/canon.h"

#define MANIFEST_NEW FOLDER_OWN "/manifest.jsonl.new"
#define FETCHED      FOLDER_OWN "/fetched"

err manifest_line(struct scope *s, const char *line, size_t len, struct pull_item *item)
{
    const json_t *entry;
    json_t *row = NULL;
    const char *path, *why;
    err e;

    *item = (struct pull_item){ .entry = -1 };
    TRY(json_read(s, line, len, &row));
    e = json_count(s, row, "n", &item->n);
    if (e == ERR_OK)
        e = json_count(s, row, "size", &item->size);
    if (e == ERR_OK)
        e = json_hash(s, row, "sha256", &item->sha256);
    if (e == ERR_OK)
        e = json_text(s, row, "path", &path);
    if (e == ERR_OK)
        item->path = scope_strdup(s, path);
    entry = json_object_get(row, "entry");
    if (json_is_integer(entry))
        item->entry = json_integer_value(entry);
    why = json_string_value(json_object_get(row, "left_out"));
    if (why)
        item->left_out = scope_strdup(s, why);
    json_decref(row);
    return e;
}

/* The next line of the old manifest; a broken one ends it: what it knew is then simply not known. */
static void old_next(struct manifest *m)
{
    struct pull_item item;
    struct scope s;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = m->old ? getline(&line, &cap, m->old) : -1;

    m->old_n = INT64_MAX;
    scope_init(&s, 0);
    if (n > 1 && manifest_line(&s, line, (size_t)n - 1, &item) == ERR_OK) {
        m->old_n = item.n;
        m->old_entry = item.entry;
        m->old_sha256 = item.sha256;
    }
    scope_free(&s);
    free(line);
}

/* ---- what was fetched and is in no manifest yet */

err fetched_open(struct scope *s, int folder, int *fd)
{
    const char *name;
    int at;

    TRY(folder_of(s, folder, FETCHED, true, &at, &name));
    *fd = openat(at, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
    close(at);
    return *fd >= 0 ? ERR_OK : fail(s, ERR_IO, "%s: %s", FETCHED, strerror(errno));
}

err fetched_note(struct scope *s, int fd, const struct pull_item *item)
{
    const char *line = scope_printf(s, "%lld %lld %s\n", (long long)item->n, (long long)item->entry,
                                    hash_hex(s, &item->sha256));

    return write(fd, line, strlen(line)) == (ssize_t)strlen(line) ? ERR_OK
         : fail(s, ERR_IO, "%s: %s", FETCHED, strerror(errno));
}

/* "n entry sha256\n". A broken line, the last of a run that was killed, is nothing. */
static bool fetched_line(const char *line, struct fetched *out)
{
    size_t n = strcspn(line, " "), entry = line[n] ? strcspn(line + n + 1, " ") : 0;
    const char *hex = line + n + 1 + entry + 1;
    uint64_t at, index;

    if (!line[n] || !line[n + 1 + entry] || strlen(hex) != HASH_SIZE * 2 + 1 || hex[HASH_SIZE * 2] != '\n' ||
        !decimal_read(line, n, INT64_MAX, &at) || !decimal_read(line + n + 1, entry, INT64_MAX, &index) ||
        !hex_read(hex, HASH_SIZE * 2, out->sha256.b, HASH_SIZE))
        return false;
    out->n = (int64_t)at;
    out->entry = (int64_t)index;
    return true;
}

static int by_n_latest_first(const void *a, const void *b)
{
    const struct fetched *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->entry > y->entry ? -1 : x->entry < y->entry;
}

static void fetched_load(struct manifest *m)
{
    struct fetched row;
    struct scope s;
    char *line = NULL;
    size_t cap = 0, room = 0;
    FILE *in;
    int fd;

    scope_init(&s, 0);
    in = file_open(&s, m->folder, FETCHED, &fd) == ERR_OK ? fdopen(fd, "r") : NULL;
    scope_forgive(&s);
    while (in && getline(&line, &cap, in) > 0) {
        if (!fetched_line(line, &row))
            continue;
        if (m->n_fetched == room) {
            room = room ? room * 2 : 256;
            m->fetched = reallocarray(m->fetched, room, sizeof row);
            if (!m->fetched)
                abort();
        }
        m->fetched[m->n_fetched++] = row;
    }
    free(line);
    if (in)
        fclose(in);
    scope_free(&s);
    if (m->n_fetched)
        qsort(m->fetched, m->n_fetched, sizeof row, by_n_latest_first);
}

/* The latest fetch of item n with these bytes, or -1. */
static int64_t fetched_entry(const struct manifest *m, int64_t n, const struct hash *sha256)
{
    size_t low = 0, high = m->n_fetched;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->fetched[middle].n < n)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->n_fetched && m->fetched[low].n == n; low++)
        if (hash_equal(&m->fetched[low].sha256, sha256))
            return m->fetched[low].entry;
    return -1;
}

/* ---- the manifest */

static err open_new(struct scope *s, struct manifest *m)
{
    const char *name;
    int at, fd;

    TRY(folder_of(s, m->folder, MANIFEST_NEW, true, &at, &name));
    fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    close(at);
    m->new = fd >= 0 ? fdopen(fd, "w") : NULL;
    return m->new ? ERR_OK : fail(s, ERR_IO, "%s: %s", MANIFEST_NEW, strerror(errno));
}

err manifest_open(struct scope *s, int folder, struct manifest *out)
{
    int fd;

    *out = (struct manifest){ .folder = folder };
    if (file_open(s, folder, MANIFEST_PATH, &fd) == ERR_OK)
        out->old = fdopen(fd, "r");
    else
        scope_forgive(s);
    old_next(out);
    fetched_load(out);
    return open_new(s, out);
}

err manifest_entry_of(struct scope *s, struct manifest *m, int64_t n, const struct hash *sha256, int64_t *entry)
{
    int64_t noted = fetched_entry(m, n, sha256);

    (void)s;
    while (m->old_n < n)
        old_next(m);
    if (m->old_n == n && hash_equal(&m->old_sha256, sha256))
        *entry = m->old_entry;
    if (noted >= 0)
        *entry = noted;
    return ERR_OK;
}

err manifest_add(struct scope *s, struct manifest *m, const struct pull_item *item)
{
    struct buf line = BUF(s);

    buf_str(&line, "{");
    if (item->entry >= 0)
        buf_printf(&line, "\"entry\":%lld,", (long long)item->entry);
    if (item->left_out)
        buf_printf(&line, "\"left_out\":\"%s\",", item->left_out);
    buf_printf(&line, "\"n\":%lld,\"path\":", (long long)item->n);
    canon_string(&line, item->path, strlen(item->path));
    buf_printf(&line, ",\"sha256\":\"%s\",\"size\":%lld}\n", hash_hex(s, &item->sha256), (long long)item->size);
    return fwrite(line.p, 1, line.len, m->new) == line.len ? ERR_OK
         : fail(s, ERR_IO, "%s: %s", MANIFEST_NEW, strerror(errno));
}

/* Broken off: the lines of the old manifest after the last one that was looked at are still true. */
static void keep_rest(struct manifest *m)
{
    char bytes[8192];
    size_t n;

    while (m->old && (n = fread(bytes, 1, sizeof bytes, m->old)) > 0)
        fwrite(bytes, 1, n, m->new);
}

err manifest_close(struct scope *s, struct manifest *m, bool whole, err before)
{
    const char *name;
    bool good;
    int at;

    if (!whole)
        keep_rest(m);
    if (m->old)
        fclose(m->old);
    free(m->fetched);
    good = fflush(m->new) == 0 && fdatasync(fileno(m->new)) == 0;
    good = fclose(m->new) == 0 && good;
    if (before == ERR_OK && !good)
        return fail(s, ERR_IO, "%s: %s", MANIFEST_NEW, strerror(errno));
    if (!good || folder_of(s, m->folder, FOLDER_OWN "/manifest.jsonl", false, &at, &name) != ERR_OK)
        return before;
    if (renameat(m->folder, MANIFEST_NEW, m->folder, MANIFEST_PATH) != 0 && before == ERR_OK)
        before = fail(s, ERR_IO, "%s: %s", MANIFEST_PATH, strerror(errno));
    else if (whole)
        unlinkat(m->folder, FETCHED, 0);
    close(at);
    return before;
}
