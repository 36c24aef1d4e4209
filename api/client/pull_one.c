/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/manifest.h"
#include "api/client/pull.h"
#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "schema/base/limits.h"

#define REHASH_BYTES (1 << 20)
#define HOPELESS 100               /* so many failures and not one success: the rest need not be asked for */

struct download {                  /* one item's part file while it grows */
    struct pull *p;
    const struct pull_item *item;
    int fd;
    int64_t at;                    /* bytes in the file, all of them in the hash */
    struct sha256 hash;
    bool begun;                    /* of the answer in flight, a byte was taken */
    uint64_t fetched;
};

static bool about_one_item(err e)
{
    return e == ERR_CONTENT_UNVERIFIED || e == ERR_CONTENT_CORRUPT || e == ERR_NOT_FOUND || e == ERR_CORRUPT ||
           e == ERR_GONE || e == ERR_INVALID || e == ERR_RANGE || e == ERR_TOO_LARGE;
}

static err start_anew(struct scope *s, struct download *d)
{
    d->at = 0;
    sha256_init(&d->hash);
    return ftruncate(d->fd, 0) == 0 ? ERR_OK : fail(s, ERR_IO, "the part file: %s", strerror(errno));
}

/* Hashes what an earlier run left; a part that is longer than the item is none of its. */
static err take_up(struct scope *s, struct download *d)
{
    unsigned char *bytes;
    struct stat st;
    ssize_t n = 0;

    if (fstat(d->fd, &st) != 0)
        return fail(s, ERR_IO, "the part file: %s", strerror(errno));
    if (st.st_size > d->item->size)
        return start_anew(s, d);
    bytes = malloc(REHASH_BYTES);
    if (!bytes)
        abort();
    d->at = 0;
    sha256_init(&d->hash);
    while (d->at < st.st_size && (n = pread(d->fd, bytes, REHASH_BYTES, d->at)) > 0) {
        sha256_add(&d->hash, bytes, (size_t)n);
        d->at += n;
    }
    free(bytes);
    return n < 0 ? fail(s, ERR_IO, "the part file: %s", strerror(errno)) : ERR_OK;
}

/* The first byte of an answer: does it go on where the part ends? */
static err begin(struct scope *s, struct download *d, const struct fetch_answer *a)
{
    const char *range = fetch_header(a, "Content-Range");
    const char *dash = range ? strchr(range, '-') : NULL;
    uint64_t from;

    d->begun = true;
    if (a->status == 200)
        return d->at ? start_anew(s, d) : ERR_OK;
    if (a->status != 206 || !dash || strncmp(range, "bytes ", 6) != 0 ||
        !decimal_read(range + 6, (size_t)(dash - range) - 6, INT64_MAX, &from) || (int64_t)from != d->at)
        return fail(s, ERR_CORRUPT, "the server sent another range than the one asked for");
    return ERR_OK;
}

static err take(struct scope *s, void *arg, const struct fetch_answer *a, const void *bytes, size_t len)
{
    struct download *d = arg;
    const char *p = bytes;
    size_t left = len;

    if (!d->begun)
        TRY(begin(s, d, a));
    if (d->at + (int64_t)len > d->item->size)
        return fail(s, ERR_CORRUPT, "the server sent more bytes than the item has");
    while (left > 0) {
        ssize_t n = pwrite(d->fd, p, left, d->at + (int64_t)(len - left));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(s, ERR_IO, "writing the part file: %s", strerror(errno));
        p += n;
        left -= (size_t)n;
    }
    sha256_add(&d->hash, bytes, len);
    d->at += (int64_t)len;
    d->fetched += len;
    progress_add(&d->p->progress, 0, len);
    return ERR_OK;
}

/* One request for what is missing; the index of the access comes with the headers. */
static err ask(struct scope *s, struct download *d, struct market *m, struct fetch_answer *a, int64_t *entry)
{
    const char *path = scope_printf(s, "/v1/licenses/%s/items/%s", d->p->license, fetch_escape_path(s, d->item->path));
    const char *headers[2], *index;
    struct fetch_request rq = { .method = FETCH_GET, .headers = headers, .answer_max = d->item->size, .take = take,
                                .arg = d };
    uint64_t n;
    err e;

    d->begun = false;
    if (d->at > 0) {
        headers[rq.n_headers++] = scope_printf(s, "Range: bytes=%lld-", (long long)d->at);
        headers[rq.n_headers++] = scope_printf(s, "If-Range: \"%s\"", hash_hex(s, &d->item->sha256));
    }
    e = market_run(s, m, path, &rq, false, a);
    index = fetch_header(a, "Counterfoil-Entry");
    if (index && decimal_read(index, strlen(index), INT64_MAX, &n))
        *entry = (int64_t)n;
    else if (e == ERR_OK)
        return fail(s, ERR_CORRUPT, "delivered without naming the entry that records it");
    return e;
}

/* Asks until the whole item is in the part file; each pause longer than the last, bytes that came count as progress. */
static err download(struct scope *s, struct download *d, struct market *m, int64_t *entry)
{
    int attempt = 0;

    for (;;) {
        struct fetch_answer a;
        int64_t before = d->at;
        err e = ask(s, d, m, &a, entry);
        if (e == ERR_OK && d->at == d->item->size)
            return ERR_OK;
        if (e == ERR_OK)
            e = fail(s, ERR_UNREACHABLE, "the answer ended early");
        if (d->at > before)
            attempt = 0;
        if (!market_may_pass(e) || attempt == MARKET_REPEATS_MAX)
            return e;
        scope_forgive(s);
        market_pause(attempt++, &a);
    }
}

static err open_part(struct scope *s, struct pull *p, const struct pull_item *item, int *folder, const char **name,
                     int *fd)
{
    char hex[HEX_SIZE(HASH_SIZE)];

    hex_write(item->sha256.b, HASH_SIZE, hex);
    TRY(folder_of(s, p->folder, scope_printf(s, FOLDER_OWN "/parts/%lld-%.16s", (long long)item->n, hex), true,
                  folder, name));
    *fd = openat(*folder, *name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (*fd >= 0)
        return ERR_OK;
    close(*folder);
    return fail(s, ERR_IO, "the part file: %s", strerror(errno));
}

/* Fetches into the part file; a part that turns out wrong is thrown away, once quietly, since it may be an old one. */
static err fetch_part(struct scope *s, struct download *d, struct market *m, int64_t *entry)
{
    struct hash got;

    TRY(take_up(s, d));
    for (int attempt = 0;; attempt++) {
        bool resumed = d->at > 0;
        if (d->at < d->item->size || (d->item->size == 0 && *entry < 0))
            TRY(download(s, d, m, entry));
        got = sha256_end(&d->hash);
        if (hash_equal(&got, &d->item->sha256))
            return ERR_OK;
        TRY(start_anew(s, d));
        if (!resumed || attempt > 0)
            return fail(s, ERR_CORRUPT, "the bytes delivered are not the ones the license names");
    }
}

static err fetch_item(struct scope *s, struct pull *p, struct pull_item *item, struct market *m)
{
    struct download d = { .p = p, .item = item };
    int parts, at, rc;
    const char *part, *name;
    err e;

    TRY(open_part(s, p, item, &parts, &part, &d.fd));
    e = fetch_part(s, &d, m, &item->entry);
    close(d.fd);
    item->fetched = d.fetched;
    if (e == ERR_OK)
        e = folder_of(s, p->folder, item->path, true, &at, &name);
    if (e == ERR_OK) {
        rc = renameat(parts, part, at, name);
        if (rc != 0)
            e = fail(s, ERR_INVALID, "cannot be put in its place: %s", strerror(errno));
        close(at);
    }
    close(parts);
    return e;
}

/* Whether the file in the item's place has the item's bytes. */
static bool lies_there(struct scope *s, struct pull *p, const struct pull_item *item)
{
    struct hash got;
    const char *name;
    struct stat st;
    int64_t size;
    int at, fd;
    bool same;

    if (folder_of(s, p->folder, item->path, false, &at, &name) != ERR_OK) {
        scope_forgive(s);
        return false;
    }
    fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(at);
    if (fd < 0)
        return false;
    same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == item->size &&
           file_hash(s, fd, &got, &size, NULL, NULL) == ERR_OK && hash_equal(&got, &item->sha256);
    scope_forgive(s);
    close(fd);
    return same;
}

/*
 * The receipt of the item's delivery. What lay there already may have been fetched under an earlier license: then
 * this one's log has nothing on it.
 */
static err keep_access(struct scope *s, struct pull *p, struct pull_item *item, struct market *m)
{
    const struct delivered d = { p->license, (uint64_t)item->entry, item->n, item->size, item->sha256 };
    struct receipt r;
    err e;

    TRY(pull_receipt(s, p, m, d.index, &r));
    e = receipt_of_access(s, &r, &d);
    if (e != ERR_CORRUPT || item->fate != ITEM_HELD)
        return e;
    scope_forgive(s);
    item->entry = -1;
    return ERR_OK;
}

static err settle(struct scope *s, struct pull *p, struct pull_item *item, struct market *m)
{
    if (!item_path_valid(item->path, strlen(item->path)) ||
        (strncmp(item->path, FOLDER_OWN, strlen(FOLDER_OWN)) == 0 && strchr("/", item->path[strlen(FOLDER_OWN)])))
        return fail(s, ERR_INVALID, "an item of this path is not written");
    if (lies_there(s, p, item)) {
        item->fate = ITEM_HELD;
        progress_add(&p->progress, 0, (uint64_t)item->size);
    } else {
        TRY(fetch_item(s, p, item, m));
        TRY(fetched_note(s, p->fetched_fd, item));
        item->fate = ITEM_FETCHED;
    }
    return p->receipts && item->entry >= 0 ? keep_access(s, p, item, m) : ERR_OK;
}

/* The first few are said; after many and not one success the rest need not be asked for. */
static err failure(struct scope *s, struct pull *p, const struct pull_item *item, err e, size_t times, size_t shown)
{
    if (times >= HOPELESS && p->held + p->fetched == 0)
        return e;
    if (times <= shown)
        complain("%s: %s", printable(s, item->path), printable(s, s->why.detail));
    scope_forgive(s);
    return ERR_OK;
}

/* What the market rightly keeps back; a part that an earlier run began stays where it is. */
static err leave_out(struct scope *s, struct pull *p, struct pull_item *item, err e)
{
    item->fate = ITEM_LEFT_OUT;
    item->left_out = err_slug(e);
    item->entry = -1;
    return failure(s, p, item, e, atomic_fetch_add(e == ERR_ITEM_EXCLUDED ? &p->excluded : &p->withdrawn, 1) + 1,
                   PULL_LEFT_OUT_SHOWN);
}

err pull_one(struct scope *s, struct pull *p, struct pull_item *item, unsigned thread)
{
    err e = settle(s, p, item, &p->markets[thread]);

    progress_add(&p->progress, 1, 0);
    atomic_fetch_add(&p->bytes_fetched, (long long)item->fetched);
    if (e == ERR_OK) {
        atomic_fetch_add(item->fate == ITEM_HELD ? &p->held : &p->fetched, 1);
        return ERR_OK;
    }
    if (e == ERR_ITEM_EXCLUDED || e == ERR_CONSENT_WITHDRAWN)
        return leave_out(s, p, item, e);
    item->fate = ITEM_FAILED;
    if (!about_one_item(e))
        return e;
    return failure(s, p, item, e, atomic_fetch_add(&p->failed, 1) + 1, PULL_FAILURES_SHOWN);
}
