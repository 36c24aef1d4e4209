/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/publish.h"
#include "api/client/say.h"
#include "schema/base/limits.h"
#include "schema/base/parallel.h"

#define UPLOADS_AT_ONCE 8
#define UPLOAD_PART_BYTES (INT64_C(64) << 20)     /* longer contents go in parts, and go on where they were cut off */

struct uploading {
    int folder;
    const struct file **contents;       /* one file for each different content */
    struct market markets[UPLOADS_AT_ONCE];
    struct progress progress;
    atomic_size_t sent;
    atomic_llong bytes_sent;
};

static int by_hash(const void *a, const void *b)
{
    const struct file *x = *(const struct file *const *)a, *y = *(const struct file *const *)b;

    return memcmp(x->sha256.b, y->sha256.b, HASH_SIZE);
}

/* One file for each different hash. */
static size_t distinct(const struct files *files, const struct file **out)
{
    size_t n = 0;

    for (size_t i = 0; i < files->n; i++)
        out[i] = &files->v[i];
    if (files->n)
        qsort(out, files->n, sizeof *out, by_hash);
    for (size_t i = 0; i < files->n; i++)
        if (n == 0 || !hash_equal(&out[n - 1]->sha256, &out[i]->sha256))
            out[n++] = out[i];
    return n;
}

/*
 * Whether the market has it from us. Where an upload was cut off, its answer says how far it came; only long
 * contents go on from there, short ones are sent anew.
 */
static err held(struct scope *s, struct market *m, const char *path, bool *all, int64_t *have)
{
    struct fetch_request rq = { .method = FETCH_HEAD };
    struct fetch_answer a = { 0 };
    const char *offset;
    uint64_t n = 0;
    err e = market_run(s, m, path, &rq, true, &a);

    *all = e == ERR_OK;
    *have = 0;
    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    offset = fetch_header(&a, "Upload-Offset");
    if (offset && decimal_read(offset, strlen(offset), CONTENT_BYTES_MAX, &n))
        *have = (int64_t)n;
    return ERR_OK;
}

static err send_part(struct scope *s, struct market *m, const char *path, int fd, int64_t from, int64_t to,
                     int64_t size, struct fetch_answer *a)
{
    const char *headers[2] = { "Content-Type: application/octet-stream" };
    struct fetch_request rq = { .method = FETCH_PUT, .headers = headers, .n_headers = 1, .from_file = true,
                                .file_fd = fd, .file_offset = from, .file_length = to - from,
                                .answer_max = JSON_BODY_MAX };

    if (from > 0 || to < size)
        headers[rq.n_headers++] = scope_printf(s, "Content-Range: bytes %lld-%lld/%lld", (long long)from,
                                               (long long)to - 1, (long long)size);
    return market_run(s, m, path, &rq, false, a);
}

static bool in_parts(const struct file *f)
{
    return f->size > UPLOAD_PART_BYTES;
}

/* Part after part; after a failure the market is asked how far it came, since a part may have arrived in part. */
static err send_parts(struct scope *s, struct market *m, const struct file *f, const char *path, int fd, int64_t from)
{
    int attempt = 0;

    for (;;) {
        int64_t to = f->size - from > UPLOAD_PART_BYTES ? from + UPLOAD_PART_BYTES : f->size;
        struct fetch_answer a;
        bool all;
        err e = send_part(s, m, path, fd, from, to, f->size, &a);
        if (e == ERR_OK && to == f->size)
            return ERR_OK;
        if (e == ERR_OK) {
            from = to;
            attempt = 0;
            continue;
        }
        if ((e != ERR_CONFLICT && !market_may_pass(e)) || attempt == MARKET_REPEATS_MAX)
            return e;
        scope_forgive(s);
        market_pause(attempt++, &a);
        TRY(held(s, m, path, &all, &from));
        if (all)
            return ERR_OK;
        if (!in_parts(f) || from >= f->size)
            from = 0;
    }
}

static err send_content(struct scope *s, struct uploading *u, struct market *m, const struct file *f, const char *path,
                        int64_t have)
{
    err e;
    int fd;

    TRY(file_open(s, u->folder, f->path, &fd));
    e = send_parts(s, m, f, path, fd, in_parts(f) && have < f->size ? have : 0);
    close(fd);
    progress_add(&u->progress, 0, (uint64_t)f->size);
    if (e == ERR_OK) {
        atomic_fetch_add(&u->sent, 1);
        atomic_fetch_add(&u->bytes_sent, f->size);
    }
    return e;
}

static err upload_one(struct scope *s, void *arg, size_t thing, unsigned thread)
{
    struct uploading *u = arg;
    const struct file *f = u->contents[thing];
    const char *path = scope_printf(s, "/v1/content/%s", hash_hex(s, &f->sha256));
    int64_t have;
    bool all;
    err e;

    TRY(held(s, &u->markets[thread], path, &all, &have));
    if (all) {
        progress_add(&u->progress, 1, (uint64_t)f->size);
        return ERR_OK;
    }
    e = send_content(s, u, &u->markets[thread], f, path, have);
    progress_add(&u->progress, 1, 0);
    if (e == ERR_INVALID || e == ERR_CONFLICT) {       /* the bytes are not what we hashed */
        char *why = scope_strdup(s, s->why.detail);
        scope_forgive(s);
        return fail(s, e, "%s: %s (did it change while it was published?)", f->path, why);
    }
    return e;
}

err publish_upload(struct scope *s, struct market *m, int folder, const struct files *files, struct uploaded *out)
{
    struct uploading u = { .folder = folder, .contents = malloc((files->n + 1) * sizeof(struct file *)) };
    uint64_t bytes = 0;
    unsigned opened = 0;
    err e = ERR_OK;

    if (!u.contents)
        abort();
    out->contents = distinct(files, u.contents);
    for (size_t i = 0; i < out->contents; i++)
        bytes += (uint64_t)u.contents[i]->size;
    for (; e == ERR_OK && opened < UPLOADS_AT_ONCE; opened += e == ERR_OK)
        e = market_clone(s, m, &u.markets[opened]);
    progress_start(&u.progress, "uploading", out->contents, bytes);
    if (e == ERR_OK)
        e = parallel_run(s, UPLOADS_AT_ONCE, out->contents, upload_one, &u);
    progress_end(&u.progress);
    while (opened > 0)
        market_close(&u.markets[--opened]);
    out->sent = u.sent;
    out->bytes_sent = u.bytes_sent;
    free(u.contents);
    return e;
}
